//! Random texts and random patterns: the engine finds exactly the lines that brute force finds.

use crate::common::{lines, search, search_with, snapshot_of};
use ax_engine::SearchOptions;
use ax_query::{Atom, Expr, Limits, Query};
use proptest::{collection::vec, prelude::*};
use regex_automata::meta::Regex;

/// Texts that patterns over a small alphabet are likely to match, with all kinds of line ends.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => "[abAB_1 .]{1,6}".prop_map(String::into_bytes),
        3 => Just(b"\n".to_vec()),
        1 => Just(b"\r\n".to_vec()),
        1 => prop_oneof![Just("\u{212a}"), Just("k"), Just("K"), Just("ſ"), Just("sS"), Just("éÉ"), Just("İi")]
            .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop_oneof![Just(vec![0xff]), Just(vec![0]), Just(vec![0xc3])],
        1 => "(foo|Foo|bar_|baz)".prop_map(String::into_bytes),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Regular expressions of all the kinds that the planner distinguishes.
fn regex() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => "[abAB]{1,4}",
        2 => prop_oneof![Just("foo"), Just("bar_"), Just("(?i)fOO"), Just("baz|foo")].prop_map(String::from),
        1 => prop_oneof![Just("k"), Just("s"), Just("é"), Just("[a-k]"), Just("[^a]"), Just(".")].prop_map(String::from),
        1 => prop_oneof![Just(r"\b"), Just("^"), Just("$"), Just(r"\w+"), Just(r"\s"), Just(r"\d")].prop_map(String::from),
        1 => prop_oneof![Just(r"\n"), Just(r"(?s:.)"), Just(r"\r"), Just("")].prop_map(String::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            4 => vec(inner.clone(), 2..4).prop_map(|parts| parts.concat()),
            2 => vec(inner.clone(), 2..3).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            2 => (inner.clone(), prop_oneof![Just("*"), Just("+"), Just("?"), Just("{2}"), Just("{0,3}")])
                .prop_map(|(part, times)| format!("(?:{part}){times}")),
            1 => inner.prop_map(|part| format!("({part})")),
        ]
    })
}

fn literal() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abAB_1]{1,6}",
        Just("foo".to_owned()),
        Just("k".to_owned()),
        Just("s".to_owned()),
        Just("é".to_owned()),
    ]
}

/// The matched lines of a text by brute force: every line alone, or the whole text if a match may
/// hold a line feed. What follows the last line feed is a line only if it is not empty.
fn brute_force(regex: &Regex, multi_line: bool, text: &[u8]) -> Vec<usize> {
    let mut starts = vec![0];
    starts.extend(text.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1));
    starts.retain(|start| *start < text.len());
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    let all = starts.iter().zip(&ends).enumerate();
    if !multi_line {
        let line = |end: &usize| if text[end - 1] == b'\n' { end - 1 } else { *end };
        return all
            .filter(|(_, (start, end))| regex.is_match(&text[**start..line(end)]))
            .map(|(number, _)| number + 1)
            .collect();
    }
    let spans: Vec<(usize, usize)> = regex.find_iter(text).map(|m| (m.start(), m.end())).collect();
    let touches = |start: usize, end: usize| {
        spans.iter().any(|(from, to)| {
            *from < end && *to > start || from == to && *from >= start && *from < end
        }) || (end == text.len() && text[end - 1] != b'\n' && spans.contains(&(end, end)))
    };
    all.filter(|(_, (start, end))| touches(**start, **end)).map(|(number, _)| number + 1).collect()
}

fn compile(query: &Query) -> Option<(Regex, bool)> {
    let Expr::Atom(Atom::Text { pattern, .. }) = &query.expr else {
        return None;
    };
    let config = Regex::config().utf8_empty(false);
    let regex = Regex::builder().configure(config).build_from_hir(pattern.hir()).ok()?;
    Some((regex, pattern.multi_line()))
}

fn agrees(texts: &[Vec<u8>], query: &str) -> Result<(), TestCaseError> {
    let Ok(parsed) = ax_query::parse(query, &Limits::default()) else {
        return Ok(());
    };
    let Some((regex, multi_line)) = compile(&parsed) else {
        return Ok(());
    };
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..texts.len()).map(|i| format!("f{i}")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().zip(texts).map(|(name, text)| (name.as_str(), text.as_slice())).collect();
    let all = snapshot_of(folder.path(), &files);
    let found = search(&all, query);
    let mut expected = Vec::new();
    for (name, text) in &files {
        for number in brute_force(&regex, multi_line, text) {
            expected.push(format!("{name}:{number}"));
        }
    }
    expected.sort();
    let mut shown: Vec<String> = lines(&found)
        .iter()
        .map(|line| line.splitn(3, ':').take(2).collect::<Vec<_>>().join(":"))
        .collect();
    shown.sort();
    prop_assert_eq!(&shown, &expected, "{} over {:?}", query, texts);
    let options = SearchOptions { limit: usize::MAX, count_only: true, ..Default::default() };
    prop_assert_eq!(search_with(&all, query, &options).num_lines, expected.len() as u64);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn regexes_find_what_brute_force_finds(texts in vec(text(), 1..5), regex in regex(), case in "(yes|no|auto)") {
        let regex = regex.replace('/', r"\/");
        agrees(&texts, &format!("case:{case} content:/{regex}/"))?;
    }

    #[test]
    fn literals_find_what_brute_force_finds(texts in vec(text(), 1..5), literal in literal(), case in "(yes|no|auto)") {
        agrees(&texts, &format!("case:{case} content:\"{literal}\""))?;
    }

    #[test]
    fn ranges_are_on_character_bounds(text in text(), regex in regex()) {
        let folder = tempfile::tempdir().unwrap();
        let all = snapshot_of(folder.path(), &[("f", &text)]);
        let query = format!("content:/{regex}/");
        if ax_query::parse(&query, &Limits::default()).is_ok() {
            let options = SearchOptions { max_line_bytes: 9, context_lines: 1, ..Default::default() };
            for line in search_with(&all, &query, &options).files.iter().flat_map(|file| &file.lines) {
                for (start, end) in &line.ranges {
                    prop_assert!(line.text.get(*start as usize..*end as usize).is_some(), "{line:?}");
                }
            }
        }
    }
}

#[test]
fn large_texts_of_many_blocks_agree() {
    let line = |i: usize| format!("{} {}\n", "ab".repeat(i % 40), i);
    let text: String = (0..4_000).map(line).collect();
    for query in ["content:/ab 3\\d+$/", "content:\"abab 39\"", "content:/9\\nab/", "content:/^ 1/"]
    {
        agrees(&[text.clone().into_bytes(), b"abab 39".to_vec()], query).unwrap();
    }
}
