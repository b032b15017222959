//! Signals that only the bytes of a match tell, each from 0 to 1. They are known of the documents that
//! were verified, and so they order the best of what the index alone has chosen.

use super::{RankingParameters, Terms};
use crate::{Signal, words::parts_of};

/// Matches of one pattern that are looked at, and patterns.
const MAX_SPANS: usize = 256;
const MAX_PATTERNS: usize = 16;
/// Bytes between matches at which their nearness is a half: about three lines.
const HALF_NEAR: f32 = 128.0;

/// Matches of one pattern in a text, `[start, end)`, ascending.
pub(crate) type Spans<'a> = &'a [(u32, u32)];

/// What the matches of a document's patterns, and its path, add to its score, by parameter.
pub(crate) fn signals(
    parameters: &RankingParameters,
    terms: &Terms,
    path: &[u8],
    patterns: &[Spans<'_>],
) -> [Signal; 2] {
    let signal = |name, weight: f32, strength: &dyn Fn() -> f32| Signal {
        name,
        value: if weight == 0.0 { 0.0 } else { weight * strength() },
    };
    [
        signal("file_name", parameters.file_name, &|| file_name(path, &terms.parts())),
        signal("nearness", parameters.nearness, &|| nearness(patterns)),
    ]
}

/// How much of the file's name, without what follows its first dot, the words are.
fn file_name(path: &[u8], words: &[&str]) -> f32 {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    let stem = name.split(|byte| *byte == b'.').find(|part| !part.is_empty()).unwrap_or(name);
    let (mut num, mut asked) = (0u32, 0u32);
    for part in parts_of(stem) {
        num += 1;
        asked += u32::from(words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(part)));
    }
    if num == 0 { 0.0 } else { asked as f32 / num as f32 }
}

/// 1 when one match of each pattern stands next to the others; 0 for a single pattern.
fn nearness(patterns: &[Spans<'_>]) -> f32 {
    let patterns = &patterns[..patterns.len().min(MAX_PATTERNS)];
    if patterns.len() < 2 || patterns.iter().any(|spans| spans.is_empty()) {
        return 0.0;
    }
    let gap = smallest_gap(patterns);
    HALF_NEAR / (HALF_NEAR + gap as f32)
}

/// The fewest bytes between one match of each pattern that belong to none of them.
fn smallest_gap(patterns: &[Spans<'_>]) -> u32 {
    let mut rest: Vec<Spans<'_>> =
        patterns.iter().map(|spans| &spans[..spans.len().min(MAX_SPANS)]).collect();
    let mut smallest = u32::MAX;
    loop {
        let firsts = rest.iter().map(|spans| spans[0]);
        let end = firsts.clone().map(|(_, end)| end).max().unwrap_or(0);
        let lens = firsts.clone().map(|(start, end)| end - start);
        let inside = lens.fold(0, u32::saturating_add);
        let Some((earliest, (start, _))) = firsts.enumerate().min_by_key(|(_, (start, _))| *start)
        else {
            return smallest;
        };
        smallest = smallest.min((end - start).saturating_sub(inside));
        rest[earliest] = &rest[earliest][1..];
        if rest[earliest].is_empty() {
            return smallest;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_counts_by_the_words_asked_for() {
        for (path, words, expected) in [
            ("net/tcp_timer.c", &["tcp", "timer"][..], 1.0),
            ("net/tcpTimer.test.c", &["timer"], 0.5),
            ("tcp/timer/x.c", &["tcp", "timer"], 0.0),
            (".gitignore", &["gitignore"], 1.0),
            ("", &["a"], 0.0),
        ] {
            assert_eq!(file_name(path.as_bytes(), words), expected, "{path}");
        }
    }

    #[test]
    fn many_long_matches_are_no_overflow() {
        let whole: Spans<'_> = &[(0, 64 << 20)];
        assert_eq!(nearness(&[whole; 100]), 1.0);
    }

    #[test]
    fn nearness_is_that_of_the_nearest_matches() {
        assert_eq!(nearness(&[&[(0, 4)]]), 0.0);
        assert_eq!(nearness(&[&[(0, 4)], &[(4, 8)]]), 1.0);
        assert_eq!(nearness(&[&[(0, 4), (500, 504)], &[(632, 640), (9_000, 9_010)]]), 0.5);
        assert_eq!(smallest_gap(&[&[(0, 9), (50, 59)], &[(20, 25)], &[(26, 30), (61, 63)]]), 12);
    }
}
