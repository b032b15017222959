//! What comes first, signal by signal, and that an explanation adds up to it.

use crate::common::{search_with, snapshot_of};
use ax_engine::{RankingParameters, SearchOptions, SearchOutcome, Snapshot};
use std::sync::Arc;

/// Options with only these parameters other than 0, besides the shape of BM25F.
fn only(weights: &[(&str, f32)]) -> SearchOptions {
    let mut ranking = RankingParameters::default();
    for parameter in RankingParameters::ALL.iter().filter(|parameter| parameter.is_weight) {
        ranking.set(parameter.name, 0.0).unwrap();
    }
    weights.iter().for_each(|(name, weight)| ranking.set(name, *weight).unwrap());
    SearchOptions { ranking: Arc::new(ranking), explain: true, ..SearchOptions::default() }
}

fn paths(outcome: &SearchOutcome) -> Vec<&str> {
    outcome.files.iter().map(|file| file.key.path.as_str()).collect()
}

/// Asserts the order of the files found, and that each score is the sum of its signals.
#[track_caller]
fn check(snapshot: &Snapshot, query: &str, options: &SearchOptions, expected: &[&str]) {
    let outcome = search_with(snapshot, query, options);
    assert_eq!(paths(&outcome), expected, "{query}: {outcome:#?}");
    for file in &outcome.files {
        let sum: f32 = file.signals.iter().map(|signal| signal.value).sum();
        assert!((f64::from(sum) - file.score).abs() < 1e-4, "{query}: {file:#?}");
    }
}

fn corpus(folder: &std::path::Path) -> Snapshot {
    snapshot_of(
        folder,
        &[
            ("a/uses.c", b"void f(void)\n{\n\tspin_lock(&l); spin_lock(&m); spin_lock(&n);\n}\n"),
            ("b/locks.c", b"/* of locks */\nint spin_lock(int *l)\n{\n\treturn *l;\n}\n"),
            ("c/spin_lock.c", b"/* see spin_lock */\n"),
            ("d/raw.c", b"int raw_spin_lock(int *l)\n{\n\treturn *l;\n}\n"),
            ("e/far.txt", &[b"alpha\n".as_slice(), &b"-\n".repeat(900), b"omega\n"].concat()),
            ("f/near.txt", b"the alpha and omega\n"),
            ("g/tests/near.txt", b"the alpha and omega\n"),
        ],
    )
}

#[test]
fn each_signal_orders() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    let by_key = ["a/uses.c", "b/locks.c", "c/spin_lock.c", "d/raw.c"];
    check(all, "spin_lock", &only(&[]), &by_key);
    let defined_first = ["b/locks.c", "d/raw.c", "a/uses.c", "c/spin_lock.c"];
    check(all, "spin_lock", &only(&[("definition", 1.0)]), &defined_first);
    check(all, "lock spin", &only(&[("definition", 1.0)]), &defined_first);
    let named_first = ["c/spin_lock.c", "a/uses.c", "b/locks.c", "d/raw.c"];
    check(all, "spin_lock", &only(&[("file_name", 1.0)]), &named_first);
    let words = only(&[("words", 1.0), ("text", 1.0)]);
    check(all, "spin_lock file:[abd]/", &words, &["a/uses.c", "b/locks.c", "d/raw.c"]);
    let near = ["f/near.txt", "g/tests/near.txt", "e/far.txt"];
    check(all, "alpha omega", &only(&[("nearness", 1.0)]), &near);
    let untested = ["e/far.txt", "f/near.txt", "g/tests/near.txt"];
    check(all, "alpha omega", &only(&[("test_loss", 1.0)]), &untested);
}

#[test]
fn all_signals_together_put_the_definition_first() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    let options = SearchOptions { explain: true, ..SearchOptions::default() };
    let outcome = search_with(all, "spin_lock", &options);
    assert_eq!(paths(&outcome)[0], "b/locks.c", "{outcome:#?}");
    check(all, "alpha omega", &options, &["f/near.txt", "g/tests/near.txt", "e/far.txt"]);
}

#[test]
fn the_line_of_the_definition_is_shown_beyond_the_first_lines() {
    let folder = tempfile::tempdir().unwrap();
    let call = b"\tfrobnicate(1);\n".repeat(50);
    let text =
        [b"void f(void)\n{\n", &call[..], b"}\nint frobnicate(int n)\n{\n}\n", &call[..]].concat();
    let all = &snapshot_of(folder.path(), &[("x.c", &text)]);
    for (most, expected) in
        [(1, vec![54]), (3, vec![3, 4, 54]), (60, (3..=52).chain([54]).chain(57..=65).collect())]
    {
        let options = SearchOptions { max_lines_per_file: most, ..SearchOptions::default() };
        let outcome = search_with(all, "frobnicate", &options);
        let lines = &outcome.files[0].lines;
        assert_eq!(lines.iter().map(|line| line.number).collect::<Vec<u64>>(), expected);
        let defined = lines.iter().find(|line| line.number == 54).unwrap();
        assert_eq!(defined.ranges, [(4, 14)], "{defined:?}");
        assert_eq!(outcome.files[0].num_matched_lines, 101);
    }
}

#[test]
fn a_score_does_not_depend_on_how_many_lines_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let apart = b"alpha\n-\nomega\n".repeat(150);
    let late = [&b"alpha xomegax\n".repeat(120)[..], b"alpha omega\n"].concat();
    let files: [(&str, &[u8]); 3] =
        [("a.txt", &apart), ("b.txt", &late), ("c.txt", b"alpha omega\n")];
    let all = &snapshot_of(folder.path(), &files);
    let scores = |most: usize| {
        let options = SearchOptions { max_lines_per_file: most, ..SearchOptions::default() };
        let outcome = search_with(all, "alpha omega", &options);
        assert!(outcome.files.iter().all(|file| file.lines.len() <= most), "{outcome:#?}");
        let score = |file: &ax_engine::FileHit| (file.key.path.clone(), file.score);
        outcome.files.iter().map(score).collect::<Vec<_>>()
    };
    let expected = scores(usize::MAX);
    assert_eq!(expected.len(), 3);
    for most in [0, 1, 2, 99, 100, 101, 300] {
        assert_eq!(scores(most), expected, "{most} lines");
    }
}

#[test]
fn an_explanation_says_what_each_step_left_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    for query in [
        "spin_lock",
        "alpha omega lang:text",
        "sym:spin_lock",
        "file:near -file:test",
        "/spin.{1,3}k/ or alpha",
        "size:<40",
        "repo:r",
        "content:/x/ -omega",
        "case:no SPIN_LOCK",
    ] {
        let explained =
            search_with(all, query, &SearchOptions { explain: true, ..Default::default() });
        let mut plain = explained.clone();
        plain.explanation = None;
        plain.files.iter_mut().for_each(|file| file.signals.clear());
        assert_eq!(plain, search_with(all, query, &SearchOptions::default()), "{query}");
        let explanation = explained.explanation.unwrap();
        let [segment] = explanation.segments.as_slice() else { panic!("{explanation:?}") };
        assert_eq!(segment.live_docs, 7);
        let mut left = segment.live_docs;
        assert!(!segment.steps.is_empty(), "{query}");
        for step in &segment.steps {
            assert!(step.docs <= left, "{query}: {step:?}");
            assert!(step.units <= step.estimated_units, "{query}: {step:?}");
            left = step.docs;
        }
        assert!(explained.num_files <= left, "{query}");
    }
    let outcome =
        search_with(all, "spin_lock", &SearchOptions { explain: true, ..Default::default() });
    let pattern = &outcome.explanation.unwrap().patterns[0];
    assert_eq!((pattern.method, pattern.over_lines), ("literal in either case", false));
    assert!(pattern.grams.contains("spi") && pattern.grams.contains("ock"), "{pattern:?}");
}
