//! Aligned tables.

use super::out::visible;

/// Which side a column's text stands at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Room that a cut column keeps.
const LEAST: usize = 16;

/// Lines of a table, header first, columns as wide as their widest cell, two spaces apart. On a terminal
/// that is too narrow the widest texts are cut, so that each row stays a line; a pipe gets them whole.
pub fn lines(header: &[(&str, Align)], rows: &[Vec<String>]) -> Vec<String> {
    lines_within(header, rows, terminal_width())
}

/// The terminal's columns; `None` for a pipe.
fn terminal_width() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(std::io::stdout())?;
    Some(usize::from(width.0)).filter(|width| *width > 0)
}

fn lines_within(
    header: &[(&str, Align)],
    rows: &[Vec<String>],
    most: Option<usize>,
) -> Vec<String> {
    let cell = |row: &Vec<String>, column: usize| match row.get(column) {
        Some(text) => visible(text).into_owned(),
        None => String::new(),
    };
    let mut widths: Vec<usize> = header
        .iter()
        .enumerate()
        .map(|(i, (name, _))| {
            rows.iter().map(|row| width(&cell(row, i))).fold(width(name), usize::max)
        })
        .collect();
    if let Some(most) = most {
        narrow(&mut widths, header, most);
    }
    let names: Vec<String> = header.iter().map(|(name, _)| (*name).to_owned()).collect();
    std::iter::once(&names)
        .chain(rows)
        .map(|row| {
            let cells = header.iter().enumerate().map(|(i, (_, align))| {
                let text = cut(cell(row, i), widths[i]);
                let pad = " ".repeat(widths[i] - width(&text));
                if *align == Align::Right { pad + &text } else { text + &pad }
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect()
}

/// Takes from the widest column of text, again and again, until all of it fits or all are narrow.
fn narrow(widths: &mut [usize], header: &[(&str, Align)], most: usize) {
    let gaps = 2 * header.len().saturating_sub(1) + 2; // `ax status` indents its tables by two
    loop {
        let over = (widths.iter().sum::<usize>() + gaps).saturating_sub(most);
        let texts = header
            .iter()
            .zip(widths.iter_mut())
            .filter(|((_, align), width)| *align == Align::Left && **width > LEAST);
        let Some((_, widest)) = texts.max_by_key(|(_, width)| **width).filter(|_| over > 0) else {
            return;
        };
        *widest = widest.saturating_sub(over).max(LEAST);
    }
}

fn cut(text: String, most: usize) -> String {
    if width(&text) <= most {
        return text;
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
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
    fn long_texts_are_cut_to_the_terminal() {
        let failure = "failing: AX-R001: ".to_owned() + &"x".repeat(200);
        let rows = [vec!["api".to_owned(), failure.clone(), "12".to_owned()]];
        let header = [("name", Align::Left), ("state", Align::Left), ("files", Align::Right)];
        let got = lines_within(&header, &rows, Some(60));
        assert!(got.iter().all(|line| width(line) <= 60), "{got:#?}");
        assert!(got[1].starts_with("api   failing: AX-R001") && got[1].contains('…'), "{got:#?}");
        assert!(lines_within(&header, &rows, None)[1].contains(&failure), "a pipe gets all of it");
        assert!(lines_within(&header, &rows, Some(5))[1].contains("failing"), "within reason");
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
