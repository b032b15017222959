//! What every match of an expression holds, as far as a quick look at bytes can tell: bytes outside of ASCII, or a
//! long run of some class, as in `[0-9a-f]{40}`. Trigrams know nothing of either, and the automaton takes ten times
//! as long as the look.

use regex_syntax::hir::{Class, Hir, HirKind};

/// A shorter run stands nearly everywhere.
const SHORTEST: u32 = 8;
/// A class of more of ASCII stands nearly everywhere.
const MOST_ASCII: usize = 64;

/// What every match holds.
#[derive(Debug)]
pub(super) struct Needed {
    /// A byte over 127.
    non_ascii: bool,
    run: Option<Run>,
}

/// So many bytes of a set, side by side.
#[derive(Debug)]
struct Run {
    set: [bool; 256],
    len: usize,
}

impl Needed {
    /// `None` when nothing is known to be needed.
    pub(super) fn of(hir: &Hir) -> Option<Self> {
        let (non_ascii, run) = (needs_non_ascii(hir), longest_run(hir));
        (non_ascii || run.is_some()).then_some(Self { non_ascii, run })
    }

    /// Whether it is in `text`.
    pub(super) fn is_in(&self, text: &[u8]) -> bool {
        !(self.non_ascii && text.is_ascii()) && self.run.as_ref().is_none_or(|run| run.is_in(text))
    }
}

impl Run {
    fn of(class: &Class, len: u32) -> Option<Self> {
        let mut set = [false; 256];
        let ranges: Vec<(u32, u32)> = match class {
            Class::Unicode(class) => {
                class.ranges().iter().map(|r| (r.start().into(), r.end().into())).collect()
            }
            Class::Bytes(class) => {
                class.ranges().iter().map(|r| (r.start().into(), r.end().into())).collect()
            }
        };
        for (start, end) in ranges {
            (start..=end.min(127)).for_each(|byte| set[byte as usize] = true);
            if end > 127 {
                set[128..].fill(true); // a character is as many of these as it takes
            }
        }
        let num_ascii = set[..128].iter().filter(|is_in| **is_in).count();
        (len >= SHORTEST && num_ascii <= MOST_ASCII).then_some(Self { set, len: len as usize })
    }

    /// Looks at every so manieth byte: a run covers one of them.
    fn is_in(&self, text: &[u8]) -> bool {
        let is_of_it = |at: usize| self.set[usize::from(text[at])];
        let (mut floor, mut probe) = (0, self.len - 1);
        while probe < text.len() {
            if !is_of_it(probe) {
                (floor, probe) = (probe + 1, probe + self.len);
                continue;
            }
            let before = (floor..probe).rev().take_while(|at| is_of_it(*at)).count();
            let wanted = self.len - before;
            let behind = (probe..text.len()).take(wanted).take_while(|at| is_of_it(*at)).count();
            if behind == wanted {
                return true;
            }
            let end = probe + behind; // not of it, or the end of the text
            (floor, probe) = (end + 1, end + self.len);
        }
        false
    }
}

fn needs_non_ascii(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => !literal.0.is_ascii(),
        HirKind::Class(Class::Unicode(class)) => {
            class.ranges().first().is_some_and(|range| !range.start().is_ascii())
        }
        HirKind::Class(Class::Bytes(class)) => {
            class.ranges().first().is_some_and(|range| !range.start().is_ascii())
        }
        HirKind::Repetition(repetition) => repetition.min > 0 && needs_non_ascii(&repetition.sub),
        HirKind::Capture(capture) => needs_non_ascii(&capture.sub),
        HirKind::Concat(members) => members.iter().any(needs_non_ascii),
        HirKind::Alternation(members) => members.iter().all(needs_non_ascii),
    }
}

fn longest_run(hir: &Hir) -> Option<Run> {
    match hir.kind() {
        HirKind::Capture(capture) => longest_run(&capture.sub),
        HirKind::Concat(members) => {
            members.iter().filter_map(longest_run).max_by_key(|run| run.len)
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => match class_of(&repetition.sub) {
            Some(class) => Run::of(class, repetition.min),
            None => longest_run(&repetition.sub),
        },
        _ => None,
    }
}

fn class_of(hir: &Hir) -> Option<&Class> {
    match hir.kind() {
        HirKind::Class(class) => Some(class),
        HirKind::Capture(capture) => class_of(&capture.sub),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use regex::bytes::Regex;

    fn needed(regex: &str) -> Option<Needed> {
        let parser = regex_syntax::ParserBuilder::new().utf8(false).build().parse(regex);
        Needed::of(&parser.unwrap())
    }

    fn check(regex: &str, holds: &[&str], lacks: &[&str]) {
        let needed = needed(regex).unwrap();
        holds.iter().for_each(|text| assert!(needed.is_in(text.as_bytes()), "{regex} {text:?}"));
        lacks.iter().for_each(|text| assert!(!needed.is_in(text.as_bytes()), "{regex} {text:?}"));
    }

    #[test]
    fn runs_and_bytes_outside_of_ascii_are_told() {
        check(r"[^\x00-\x7F]", &["é", "a\u{80}"], &["", "all of ascii\n"]);
        check("(a|[é-ü]+)[à-é]", &["é"], &["a"]);
        check("x[A-Z]{8,}", &["ABCDEFGH", "aABCDEFGH", "-ABCDEFGHI"], &["ABCDEFG-ABCDEFG", "A"]);
        check("(?:([0-9a-f]){8})+z", &["01234567", "zzz01234567"], &["0123456", "0123456z89abcde"]);
        check(r"\d{9}", &["٠١٢٣٤٥٦٧٨"], &["12345678 12345678"]);
    }

    #[test]
    fn what_says_little_is_left_out() {
        for regex in
            ["a", "[A-Z]{7}", ".{80}", "(?:é|a)", "é*", "[A-Z]{0,20}", "(?:[A-Z]{9})?", "^"]
        {
            assert!(needed(regex).is_none(), "{regex}");
        }
    }

    const PARTS: &[&str] = &[
        "[ab]{8}",
        "[ab]{9,}",
        "(?:[ab]{10})+",
        "([ab]){8,12}",
        "[é-ü]",
        r"\d{8}",
        "c",
        "c*",
        "(?:c|é)",
        "(?i)k",
        "(?-u:[\\x80-\\xff])",
        "é?",
        ".",
        "[^a]{8}",
    ];
    const PIECES: &[&str] =
        &["a", "b", "ab", "abababa", "bbbbbbbb", "c", "é", "0123456", "٣", "k", "\u{212a}", " "];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn no_match_is_passed_over(
            parts in vec(prop::sample::select(PARTS), 1..4),
            text in vec(prop::sample::select(PIECES), 0..16),
        ) {
            let (regex, text) = (parts.concat(), text.concat());
            if let Some(needed) = needed(&regex) && Regex::new(&regex).unwrap().is_match(text.as_bytes()) {
                prop_assert!(needed.is_in(text.as_bytes()), "{} {:?}", regex, text);
            }
        }

        #[test]
        fn runs_are_found_as_by_a_plain_reading(text in vec(prop::sample::select(&b"ab "[..]), 0..80)) {
            let run = Run { set: std::array::from_fn(|byte| byte != usize::from(b' ')), len: 8 };
            let plain = text.split(|byte| *byte == b' ').any(|run| run.len() >= 8);
            prop_assert_eq!(run.is_in(&text), plain);
        }
    }
}
