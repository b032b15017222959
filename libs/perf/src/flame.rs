//! Samples of stacks, and their picture: a flame graph (B. Gregg, 2011), as one SVG without scripts.
//!
//! Drawn here, since the crate that everybody draws them with has a licence that this project does not
//! take (CDDL).

mod svg;

pub use svg::{Measure, svg};

use std::collections::BTreeMap;

/// Stacks, outermost function first, joined by `;`, each with how often it was seen.
pub type Folded = BTreeMap<String, u64>;

/// Folds the output of `perf script -F comm,ip,sym`: a line with the thread's name, then a line per frame,
/// innermost first, then an empty line.
pub fn fold_perf_script(text: &str) -> Folded {
    let mut folded = Folded::new();
    for block in text.split("\n\n") {
        let mut lines = block.lines().filter(|line| !line.trim().is_empty());
        let Some(thread) = lines.next().filter(|line| !line.starts_with(char::is_whitespace))
        else {
            continue;
        };
        let mut frames: Vec<String> = lines.filter_map(frame).collect();
        frames.push(thread.trim().trim_end_matches(':').to_owned());
        frames.reverse();
        *folded.entry(frames.join(";")).or_default() += 1;
    }
    folded
}

/// The function of a line as in `  55d0 alloc::vec::push+0x12`; what has no name stays unknown.
fn frame(line: &str) -> Option<String> {
    let (_, symbol) = line.trim().split_once(' ')?;
    let symbol = symbol.rsplit_once("+0x").map_or(symbol, |(name, _)| name).trim();
    let readable = format!("{:#}", rustc_demangle::demangle(symbol));
    Some(readable.replace(';', ","))
}

/// The text form: a stack, a space, its count; one per line.
pub fn write(folded: &Folded) -> String {
    folded.iter().map(|(stack, count)| format!("{stack} {count}\n")).collect()
}

/// Reads the text form; lines that are not of it are left out.
pub fn read(text: &str) -> Folded {
    let mut folded = Folded::new();
    for line in text.lines() {
        if let Some((stack, count)) = line.rsplit_once(' ')
            && let Ok(count) = count.parse::<u64>()
        {
            *folded.entry(stack.to_owned()).or_default() += count;
        }
    }
    folded
}

/// Functions by the share of samples in which they run themselves, most first.
pub fn hottest(folded: &Folded, most: usize) -> Vec<(String, f64)> {
    let total = folded.values().sum::<u64>().max(1) as f64;
    let mut own: BTreeMap<&str, u64> = BTreeMap::new();
    for (stack, count) in folded {
        *own.entry(stack.rsplit(';').next().unwrap_or_default()).or_default() += count;
    }
    let mut own: Vec<_> = own.into_iter().collect();
    own.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
    own.into_iter()
        .take(most)
        .map(|(name, count)| (name.to_owned(), count as f64 / total))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "tokio-rt-worker \n\t    55d0 memchr::find+0x12 (inlined)\n\t    55e0 ax::search\n\t    1 main\n\n\
                          tokio-rt-worker \n\t    55d0 memchr::find\n\t    55e0 ax::search\n\t    1 main\n\n\
                          ax:\n\t  77 _ZN5alloc3vec8from_vec17h0123456789abcdefE\n\t  0 [unknown]\n\n\n";

    #[test]
    fn stacks_are_folded_from_the_outside() {
        let folded = fold_perf_script(SCRIPT);
        let text = write(&folded);
        assert!(text.contains("tokio-rt-worker;main;ax::search;memchr::find"), "{text}");
        assert!(text.contains("ax;[unknown];alloc::vec::from_vec 1"), "{text}");
        assert_eq!(read(&text), folded);
        assert_eq!(folded.values().sum::<u64>(), 3);
        let folded = fold_perf_script(&SCRIPT.replace("+0x12 (inlined)", ""));
        let hottest = hottest(&folded, 1);
        assert_eq!(hottest[0].0, "memchr::find");
        assert!((hottest[0].1 - 2.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_picture_has_every_wide_frame_and_nothing_foreign() {
        let mut folded = Folded::new();
        folded.insert("main;a<b>;wide".into(), 900);
        folded.insert("main;narrow".into(), 100);
        let picture = svg("t & c", &folded, Measure::Time);
        for part in ["wide", "narrow", "a&lt;b&gt;", "t &amp; c", "90.0 %", "prefers-color-scheme"]
        {
            assert!(picture.contains(part), "{part}");
        }
        assert!(!picture.contains("<script") && !picture.contains("href"));
        assert!(svg("none", &Folded::new(), Measure::Memory).contains(">nothing<"));
    }
}
