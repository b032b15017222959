//! What a query finds in a small corpus, case by case.

use crate::common::{build, doc, key, lines, search, search_with, skipped, snapshot_of};
use ax_engine::{SearchOptions, Snapshot, Stop};
use ax_query::Limits;
use std::time::Instant;

const C_FILE: &[u8] = b"int kmalloc(int size)\n{\n\treturn KMALLOC_MAX + size;\n}\n";

fn corpus(folder: &std::path::Path) -> Snapshot {
    snapshot_of(
        folder,
        &[
            ("mm/slab.c", C_FILE),
            ("docs/readme.md", b"Kmalloc and friends\nno final newline"),
            ("src/lib.rs", b"pub struct Slab;\n\npub fn parse_http() {}\n"),
            ("empty.txt", b""),
            ("crlf.txt", b"one\r\ntwo\r\n\r\nthree"),
            ("nul.bin", b"a\0b kmalloc\0\nc"),
            ("latin1.txt", b"caf\xe9 one\n\xff\xfe kelvin\n"),
            ("unicode.txt", "Straße ſtern İstanbul\n300 \u{212a} kelvin\n".as_bytes()),
        ],
    )
}

#[track_caller]
fn check(snapshot: &Snapshot, query: &str, expected: &[&str]) {
    assert_eq!(lines(&search(snapshot, query)), expected, "{query}");
}

#[test]
fn literals_and_case() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    check(
        all,
        "case:yes kmalloc",
        &["mm/slab.c:1:int kmalloc(int size)", "nul.bin:1:a\0b kmalloc\0"],
    );
    check(all, "kmalloc file:md", &["docs/readme.md:1:Kmalloc and friends"]);
    check(all, "KMALLOC", &["mm/slab.c:3:\treturn KMALLOC_MAX + size;"]);
    check(all, "\"no final newline\"", &["docs/readme.md:2:no final newline"]);
    check(all, "nowhere_at_all", &[]);
    check(all, "\"l\"", &lines(&search(all, "/l/")).iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn unicode_folds_beyond_ascii() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    let kelvin = "unicode.txt:2:300 \u{212a} kelvin";
    check(all, "case:no \"300 k k\"", &[kelvin]);
    check(all, "case:no stern file:unicode", &["unicode.txt:1:Straße ſtern İstanbul"]);
    check(all, "case:no STERN file:unicode", &["unicode.txt:1:Straße ſtern İstanbul"]);
    check(all, "kelvin", &["latin1.txt:2:\u{fffd}\u{fffd} kelvin", kelvin]);
}

#[test]
fn regexes_anchors_and_lines() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    check(all, r"/^\treturn.*;$/", &["mm/slab.c:3:\treturn KMALLOC_MAX + size;"]);
    check(all, r"/^$/", &["src/lib.rs:2:"]);
    check(all, r"/o\r$/", &["crlf.txt:2:two\r"]);
    check(all, r"/two$/", &[]);
    check(all, r"/^three$/", &["crlf.txt:4:three"]);
    check(
        all,
        r"/\bsize\b/",
        &["mm/slab.c:1:int kmalloc(int size)", "mm/slab.c:3:\treturn KMALLOC_MAX + size;"],
    );
    check(all, r"/Slab;\s+pub/", &[]);
    check(
        all,
        r"/Slab;\n\npub/",
        &["src/lib.rs:1:pub struct Slab;", "src/lib.rs:2:", "src/lib.rs:3:pub fn parse_http() {}"],
    );
    check(all, r"/(?s)int kmalloc.*\{/", &["mm/slab.c:1:int kmalloc(int size)", "mm/slab.c:2:{"]);
    check(all, r"/caf(?-u:\xe9)/", &["latin1.txt:1:caf\u{fffd} one"]);
}

#[test]
fn an_empty_match_makes_a_line_match_and_the_end_is_no_line() {
    let folder = tempfile::tempdir().unwrap();
    let all = &snapshot_of(folder.path(), &[("a", b"x\n\ny\n"), ("empty", b"")]);
    check(all, "/z*/", &["a:1:x", "a:2:", "a:3:y"]);
    check(all, "/$/", &["a:1:x", "a:2:", "a:3:y"]);
    assert_eq!(search(all, "/z*/").num_lines, 3);
}

#[test]
fn formulas_over_files() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    check(
        all,
        "kmalloc size",
        &["mm/slab.c:1:int kmalloc(int size)", "mm/slab.c:3:\treturn KMALLOC_MAX + size;"],
    );
    check(all, "kelvin -300", &["latin1.txt:2:\u{fffd}\u{fffd} kelvin"]);
    check(all, "friends or three", &["crlf.txt:4:three", "docs/readme.md:1:Kmalloc and friends"]);
    check(all, "(friends nowhere) or three", &["crlf.txt:4:three"]);
    check(all, "file:txt -kelvin -one", &["empty.txt"]);
    check(all, "repo:^r$ lang:rust", &["src/lib.rs"]);
    check(all, "repo:other kmalloc", &[]);
    check(all, "branch:main three", &["crlf.txt:4:three"]);
    check(all, "branch:dev three", &[]);
    check(all, "lang:c file:slab", &["mm/slab.c"]);
}

#[test]
fn paths_match_too() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    let found = search(all, "slab file:mm");
    assert_eq!(found.files[0].path_ranges, [(0, 2), (3, 7)]);
    assert!(found.files[0].lines.is_empty());
    check(all, "content:slab file:mm", &[]);
}

#[test]
fn symbols_are_found_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    check(all, "sym:parse", &["src/lib.rs:3:pub fn parse_http() {}"]);
    check(all, "sym:/^Slab$/", &["src/lib.rs:1:pub struct Slab;"]);
    check(all, "sym:nothing", &[]);
    check(all, "sym:kmalloc lang:c", &["mm/slab.c:1:int kmalloc(int size)"]);
    check(all, "lang:rust -sym:parse", &[]);
}

#[test]
fn ranges_are_leftmost_and_do_not_overlap() {
    let folder = tempfile::tempdir().unwrap();
    let all = &snapshot_of(folder.path(), &[("a", b"aaaaa foo foobar\n")]);
    let ranges = |query: &str| search(all, query).files[0].lines[0].ranges.clone();
    assert_eq!(ranges("aa"), [(0, 2), (2, 4)]);
    assert_eq!(ranges("/foo|foobar/"), [(6, 9), (10, 13)]);
    assert_eq!(ranges("foo or foobar"), [(6, 9), (10, 16)]);
}

#[test]
fn context_surrounds_and_is_not_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let all = &snapshot_of(folder.path(), &[("a", b"1\n2\nhit\n4\nhit\n6\n7\n8\n")]);
    let options = SearchOptions { context_lines: 2, ..SearchOptions::default() };
    let found = search_with(all, "hit", &options);
    let numbers: Vec<u64> = found.files[0].lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(found.num_lines, 2);
}

#[test]
fn a_long_line_is_cut_around_its_match() {
    let folder = tempfile::tempdir().unwrap();
    let text = [b"x".repeat(100_000), b" needle ".to_vec(), b"y".repeat(100_000)].concat();
    let all = &snapshot_of(folder.path(), &[("a", &text)]);
    let options = SearchOptions { max_line_bytes: 100, ..SearchOptions::default() };
    let line = &search_with(all, "needle", &options).files[0].lines[0];
    let (start, end) = line.ranges[0];
    assert_eq!(&line.text[start as usize..end as usize], "needle");
    assert!(line.cut && line.text.len() <= 100);
}

#[test]
fn numbers_hold_across_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (1..=30_000).map(|i| format!("line number {i}\n")).collect();
    let all = &snapshot_of(folder.path(), &[("a", text.as_bytes())]);
    for i in [1, 1_000, 1_234, 15_000, 29_999, 30_000] {
        check(all, &format!("/number {i}$/"), &[&format!("a:{i}:line number {i}")]);
    }
    assert_eq!(search(all, "line").num_lines, 30_000);
    assert_eq!(search(all, r"/number 17$\nline/").num_lines, 2);
    // the blocks in which all of its trigrams stand, among them those of other numbers
    let rare = search(all, "29999");
    assert!((1..text.len() as u64 / 4).contains(&rare.num_bytes_verified));
    assert!(search(all, "line").num_bytes_verified >= text.len() as u64);
}

/// The largest text that is taken by default, to its last line.
#[test]
fn a_text_of_64_megabytes_is_searched_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = b"words that stand in every line of it\n".repeat(1_813_752);
    text.extend_from_slice(b"the last line\n");
    assert!(((64 << 20) - 100..=64 << 20).contains(&text.len()));
    let all = &snapshot_of(folder.path(), &[("large", &text)]);
    check(all, "/last line$/", &["large:1813753:the last line"]);
    let options = SearchOptions { count_only: true, ..SearchOptions::default() };
    assert_eq!(search_with(all, "stand", &options).num_lines, 1_813_752);
}

#[test]
fn a_limit_says_whether_there_is_more() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> =
        (0..300).map(|i| (format!("f{i}"), format!("common {i}\n").into_bytes())).collect();
    let files: Vec<(&str, &[u8])> = files.iter().map(|(p, t)| (p.as_str(), t.as_slice())).collect();
    let all = &snapshot_of(folder.path(), &files);
    for (limit, num, more) in [(1, 1, true), (299, 299, true), (300, 300, false), (301, 300, false)]
    {
        for count_only in [false, true] {
            let options = SearchOptions { limit, count_only, ..SearchOptions::default() };
            let found = search_with(all, "common", &options);
            assert_eq!((found.num_files, found.num_lines, found.more), (num, num, more));
            assert_eq!(found.files.len() as u64, if count_only { 0 } else { num });
        }
    }
    let found = search_with(all, "common", &SearchOptions { limit: 0, ..SearchOptions::default() });
    assert!(found.more && found.files.is_empty());
    let few = SearchOptions { limit: 1, ..SearchOptions::default() };
    assert!(search_with(all, "common", &few).num_candidates < 150, "it ends early");
}

#[test]
fn counting_agrees_with_listing() {
    let folder = tempfile::tempdir().unwrap();
    let all = &corpus(folder.path());
    for query in ["k", "/./", "/e$/", "kmalloc or one", "sym:/./", "/(?s)m.*\\n/"] {
        let listed = search(all, query);
        let options = SearchOptions { limit: usize::MAX, count_only: true, ..Default::default() };
        let counted = search_with(all, query, &options);
        assert_eq!(
            (listed.num_files, listed.num_lines),
            (counted.num_files, counted.num_lines),
            "{query}"
        );
        let lines: u64 = listed.files.iter().map(|file| file.lines.len() as u64).sum();
        assert_eq!(lines, listed.num_lines, "{query}");
    }
}

#[test]
fn lines_per_file_are_bounded_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let all = &snapshot_of(folder.path(), &[("a", &b"hit hit\n".repeat(50))]);
    let options = SearchOptions { max_lines_per_file: 3, ..SearchOptions::default() };
    let file = &search_with(all, "hit", &options).files[0];
    assert_eq!((file.lines.len(), file.num_matched_lines), (3, 50));
    assert_eq!(file.lines[2].ranges, [(0, 3), (4, 7)]);
}

#[test]
fn lines_of_an_answer_are_bounded_and_it_says_whether_there_are_more() {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> =
        (0..300).map(|i| (format!("f{i:03}"), b"other\nhit\nhit\nother\n".to_vec())).collect();
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(path, text)| (path.as_str(), text.as_slice())).collect();
    let all = &snapshot_of(folder.path(), &files);
    let whole = search_with(all, "hit", &SearchOptions { limit: 1000, ..Default::default() });
    for (max_lines, context_lines) in
        [(1, 0), (2, 1), (5, 1), (201, 0), (599, 0), (600, 0), (601, 0)]
    {
        let options =
            SearchOptions { max_lines, context_lines, limit: 1000, ..SearchOptions::default() };
        let found = search_with(all, "hit", &options);
        let is_matched = |line: &&ax_engine::LineHit| !line.ranges.is_empty();
        let shown = found.files.iter().flat_map(|file| &file.lines).filter(is_matched).count();
        assert_eq!((shown, found.more), (max_lines.min(600), max_lines < 600), "{max_lines}");
        let paths = |outcome: &ax_engine::SearchOutcome| -> Vec<String> {
            outcome.files.iter().map(|file| file.key.path.to_string()).collect()
        };
        assert!(paths(&whole).starts_with(&paths(&found)), "the best of all");
    }
}

#[test]
fn a_deadline_that_has_passed_ends_the_search_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let all = corpus(folder.path());
    let query = ax_query::parse("kmalloc", &Limits::default()).unwrap();
    let stop = Stop::at(Instant::now());
    let found = all.search(&query, &SearchOptions::default(), &stop).unwrap();
    assert!(found.timed_out);
    assert!(found.files.is_empty());
}

#[test]
fn skipped_files_are_found_by_path_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let built = build(folder.path(), "s", |builder| {
        for path in ["b.png", "a.png", "c.txt"] {
            let reason = ax_model::SkipReason::Binary;
            let doc = if path == "c.txt" { doc("text\n", &["main"]) } else { skipped(reason) };
            builder.put(&key("r", path), vec![doc]).unwrap();
        }
    });
    let segment = ax_engine::Segment::open(&built.path).unwrap();
    let all = Snapshot::new(vec![segment]).unwrap();
    check(&all, "file:png", &["a.png", "b.png"]);
    let repo = key("r", "x").repo;
    let (found, more) = all.skipped(&repo, "", 1).unwrap();
    assert_eq!((found[0].path.as_str(), more), ("a.png", true));
    let (found, more) = all.skipped(&repo, "a.png", 1).unwrap();
    assert_eq!((found[0].path.as_str(), more), ("b.png", false));
    let view = all.file(&key("r", "b.png"), None).unwrap().unwrap();
    assert_eq!(view.text, Err(ax_model::SkipReason::Binary));
    assert!(all.file(&key("r", "nope"), None).unwrap().is_none());
}

#[test]
fn the_definition_and_the_name_of_the_file_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let all = &snapshot_of(
        folder.path(),
        &[
            ("deep/er/still/use.rs", b"// parse_http parse_http\nfn a() { parse_http() }\n"),
            ("tests/other.rs", b"fn t() { parse_http() }\n"),
            ("src/parse.rs", b"pub fn parse_http() {}\n"),
        ],
    );
    let found = search(all, "parse_http");
    let paths: Vec<&str> = found.files.iter().map(|file| file.key.path.as_str()).collect();
    assert_eq!(paths, ["src/parse.rs", "deep/er/still/use.rs", "tests/other.rs"]);
}

#[test]
fn a_regex_that_needs_too_much_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let all = corpus(folder.path());
    let limits =
        Limits { max_regex_states: usize::MAX, max_states: usize::MAX, ..Limits::default() };
    let query = ax_query::parse(r"/(\w{100}){400}/", &limits).unwrap();
    let error = all.search(&query, &SearchOptions::default(), &Stop::never()).unwrap_err();
    assert_eq!(error.code(), ax_model::Code::QueryTooLarge);
}

#[test]
fn an_answer_that_grows_too_large_ends_and_says_that_there_is_more() {
    let folder = tempfile::tempdir().unwrap();
    let text = "needle\n".repeat(1_000);
    let paths: Vec<String> = (0..200).map(|i| format!("{i}.txt")).collect();
    let files: Vec<_> = paths.iter().map(|path| (path.as_str(), text.as_bytes())).collect();
    let all = snapshot_of(folder.path(), &files);
    let query = ax_query::parse("needle", &Limits::default()).unwrap();
    let found = |max_bytes| {
        let options = SearchOptions { limit: usize::MAX, max_bytes, ..SearchOptions::default() };
        all.search(&query, &options, &Stop::never()).unwrap()
    };
    let whole = found(usize::MAX);
    assert_eq!((whole.files.len(), whole.more), (200, false));
    let cut = found(1 << 20);
    assert!(cut.more && !cut.timed_out);
    assert!((1..100).contains(&cut.files.len()), "{}", cut.files.len());
}

#[test]
fn many_definitions_on_one_line_are_found_and_shown_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let line: String = (0..20_000).map(|i| format!("function f{i}(){{}};")).collect();
    let all = snapshot_of(folder.path(), &[("bundle.js", line.as_bytes())]);
    let found = search(&all, "sym:/f.*/");
    assert_eq!((found.num_files, found.num_lines), (1, 1));
    let ranges = &found.files[0].lines[0].ranges;
    assert!((1..=1_000).contains(&ranges.len()), "{}", ranges.len());
}
