//! Aligned tables.

/// Which side a column's text stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Lines of a table, header first, columns as wide as their widest cell, two spaces apart.
pub fn lines(header: &[(&str, Align)], rows: &[Vec<String>]) -> Vec<String> {
    let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(i, (name, _))| {
            rows.iter().map(|row| width(&cell(row, i))).fold(width(name), usize::max)
        })
        .collect();
    let names: Vec<String> = header.iter().map(|(name, _)| (*name).to_owned()).collect();
    std::iter::once(&names)
        .chain(rows)
        .map(|row| {
            let cells = header.iter().enumerate().map(|(i, (_, align))| {
                let text = cell(row, i);
                let pad = " ".repeat(widths[i] - width(&text));
                if *align == Align::Right { pad + &text } else { text + &pad }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// A size for people: `1.2 GB`, in powers of 1,000.
pub fn size(num_bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = num_bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{num_bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A span of time for people: `3 s`, `12 min`, `4 h`, `9 d`.
pub fn age(milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align() {
        let rows =
            [vec!["a".to_owned(), "1".to_owned()], vec!["bcd".to_owned(), "12345".to_owned()]];
        let got = lines(&[("name", Align::Left), ("n", Align::Right)], &rows);
        assert_eq!(got, ["name      n", "a         1", "bcd   12345"]);
    }

    #[test]
    fn figures_for_people() {
        assert_eq!(
            [size(999), size(1_200_000), size(2_000_000_000)],
            ["999 B", "1.2 MB", "2.0 GB"]
        );
        assert_eq!([age(-5), age(119_000), age(7_200_000)], ["0 s", "119 s", "2 h"]);
    }
}
