//! What comes first, signal by signal, and that an explanation adds up to it.

use crate::common::{build, doc, key, search_with, snapshot_of};
use ax_engine::{RankingParameters, SearchOptions, SearchOutcome, Segment, Snapshot};
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

/// Files of one text that differ in their kind alone.
#[test]
fn what_is_a_test_a_copy_generated_or_deep_comes_last() {
    const FILES: [&str; 6] =
        ["a/b/x.txt", "a/tests/x.txt", "a/vendor/x.txt", "b.txt", "c.txt", "d.txt"];
    let [deep, test, vendor, vendored, generated, plain] = FILES;
    let folder = tempfile::tempdir().unwrap();
    let built = build(folder.path(), "s", |builder| {
        for path in FILES {
            let mut doc = doc("needle\n", &["main"]);
            doc.version.vendored = path == vendored;
            doc.version.generated = path == generated;
            builder.put(&key("r", path), vec![doc]).unwrap();
        }
    });
    let all = &Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    check(all, "needle", &only(&[]), &FILES);
    for (loss, expected) in [
        ("test_loss", [deep, vendor, vendored, generated, plain, test]),
        ("vendored_loss", [deep, test, generated, plain, vendor, vendored]),
        ("generated_loss", [deep, test, vendor, vendored, plain, generated]),
        ("depth_loss", [vendored, generated, plain, deep, test, vendor]),
    ] {
        check(all, "needle", &only(&[(loss, 1.0)]), &expected);
    }
}

/// Asserts the files found, in order, each with its score by the fit alone.
#[track_caller]
fn check_fit(snapshot: &Snapshot, query: &str, of_fit: &[(&str, f32)], expected: &[(&str, f64)]) {
    let mut weights = vec![("words", 1.0)];
    weights.extend_from_slice(of_fit);
    let outcome = search_with(snapshot, query, &only(&weights));
    let found = outcome.files.iter().map(|file| (file.key.path.as_str(), file.score));
    let found: Vec<(&str, f64)> = found.collect();
    let alike = |found: &(&str, f64), expected: &(&str, f64)| {
        found.0 == expected.0 && (found.1 - expected.1).abs() < 1e-4
    };
    let is_so = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| alike(found, expected));
    assert!(is_so, "{query} {of_fit:?}: {found:?} instead of {expected:?}");
}

/// 9 words and 1: the lengths are 1.8 and 0.2 of the average, and so `f` is 0.625 and 2.5.
#[test]
fn a_word_counts_less_in_a_longer_text() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [
        ("long.txt", b"needle one two three four five six seven eight\n"),
        ("short.txt", b"needle\n"),
    ];
    let all = &snapshot_of(folder.path(), &files);
    for (of_fit, expected) in [
        (&[("text", 1.0)][..], [("short.txt", 2.5 / 3.7), ("long.txt", 0.625 / 1.825)]),
        (&[("text", 7.0), ("k1", 0.0)], [("long.txt", 1.0), ("short.txt", 1.0)]),
        (&[("text", 1.0), ("k1", 10.0)], [("short.txt", 0.2), ("long.txt", 0.625 / 10.625)]),
        (&[("text", 1.0), ("b", 0.0)], [("long.txt", 1.0 / 2.2), ("short.txt", 1.0 / 2.2)]),
        (&[("text", 1.8), ("b", 1.0)], [("short.txt", 9.0 / 10.2), ("long.txt", 1.0 / 2.2)]),
    ] {
        check_fit(all, "needle", of_fit, &expected);
    }
}

#[test]
fn a_word_counts_in_each_field_by_its_weight() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [
        ("a/uses.c", b"void f(void)\n{\n\tneedle(1);\n}\n"),
        ("b/needle.c", b"int needle(int n)\n{\n\treturn n;\n}\n"),
    ];
    let all = &snapshot_of(folder.path(), &files);
    for (of_fit, uses, defines) in [
        (&[("path", 1.0)][..], 0.0, 1.0 / 2.2),
        (&[("symbol", 1.0)], 0.0, 1.0 / 2.2),
        (&[("text", 1.0), ("path", 2.0), ("b", 0.0)], 1.0 / 2.2, 3.0 / 4.2),
        (&[("text", 1.0), ("symbol", 4.0), ("b", 0.0)], 1.0 / 2.2, 5.0 / 6.2),
    ] {
        let expected = [("b/needle.c", defines), ("a/uses.c", uses)];
        check_fit(all, "needle", of_fit, &expected);
    }
}

/// By the logarithm, 128 times count 8, four times 3, and once 1.
#[test]
fn many_of_one_word_are_worth_less_than_some_of_each_unless_k1_is_large() {
    let folder = tempfile::tempdir().unwrap();
    let one = ["alpha ".repeat(128), "beta\n".to_owned()].concat();
    let each = "alpha beta\n".repeat(4);
    let files = [("one.txt", one.as_bytes()), ("some_of_each.txt", each.as_bytes())];
    let all = &snapshot_of(folder.path(), &files);
    let check = |k1: f64, is_one_first: bool| {
        let mut expected = [
            ("one.txt", (8.0 / (k1 + 8.0) + 1.0 / (k1 + 1.0)) / 2.0),
            ("some_of_each.txt", 3.0 / (k1 + 3.0)),
        ];
        if !is_one_first {
            expected.reverse();
        }
        let of_fit = [("text", 1.0), ("b", 0.0), ("k1", k1 as f32)];
        check_fit(all, "alpha beta", &of_fit, &expected);
    };
    check(0.0, true); // alike, and then by key
    check(1.2, false);
    check(10.0, true);
}

/// Texts of eight words each, which differ in how often the middle part of the query's name stands in them.
#[test]
fn a_part_of_a_name_counts_by_its_weight() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [
        ("a.txt", b"alpha_beta_gamma some_other_here\n"),
        ("b.txt", b"alpha_beta_gamma some_beta_here\n"),
    ];
    let all = &snapshot_of(folder.path(), &files);
    let check = |part: f32, expected: &[(&str, f64)]| {
        check_fit(all, "alpha_beta_gamma", &[("text", 1.0), ("part", part)], expected);
    };
    let (once, twice) = (1.0_f64 / 2.2, 2.0 / 3.2);
    let with_twice = |part: f64| (once + part * (2.0 * once + twice)) / (1.0 + 3.0 * part);
    check(0.0, &[("a.txt", once), ("b.txt", once)]);
    check(0.5, &[("b.txt", with_twice(0.5)), ("a.txt", once)]);
    check(1.0, &[("b.txt", with_twice(1.0)), ("a.txt", once)]);
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
