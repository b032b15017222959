//! Definitions by name, names at places, and references, over real segments.

use crate::common::{build, doc, key, options, search, snapshot_of};
use ax_engine::{
    FoundSymbols, NameClass, Origin, Place, PlaceQuery, ReferenceQuery, References, Segment,
    Snapshot, Stop, Symbol, SymbolQuery, merge,
};
use ax_query::{Atom, Limits};
use proptest::{collection::vec, prelude::*};

fn like(snapshot: &Snapshot, query: &str, limit: usize) -> FoundSymbols {
    let query = ax_query::parse(query, &Limits::default()).unwrap();
    let query = SymbolQuery::of(&query).unwrap();
    snapshot.symbols(&query, &Origin::default(), limit, &Stop::never()).unwrap()
}

fn names(found: &FoundSymbols) -> Vec<&str> {
    found.symbols.iter().map(|symbol| symbol.name.as_str()).collect()
}

fn place(snapshot: &Snapshot, path: &str, line: u64, column: u32) -> Option<Place> {
    let key = key("r", path);
    snapshot.place(&PlaceQuery { key: &key, branch: None, blob: None, line, column }).unwrap()
}

fn references(snapshot: &Snapshot, name: &str, origin: &Origin, limit: usize) -> References {
    let query = ReferenceQuery { name, language: None, limit, max_per_file: 100 };
    snapshot.references(&query, origin, &Stop::never()).unwrap()
}

/// `path:line:column` of each, with `=` behind a definition and `~` behind what syntax did not look at.
fn told(found: &References) -> Vec<String> {
    let files = found.files.iter().flat_map(|file| {
        file.occurrences.iter().map(move |one| {
            let definition = if one.is_definition { "=" } else { "" };
            let text = if file.by_syntax { "" } else { "~" };
            format!("{}:{}:{}{definition}{text}", file.path, one.line, one.column)
        })
    });
    files.collect()
}

const LOCKS: &[u8] = b"
fn lock() {}
fn lockdep() {}
fn spin_lock_irq() {}
fn spinLockIrq() {}
fn Lock() {}
fn block() {}
fn unlock() {}
struct Other { lock: u8 }
";

#[test]
fn a_name_is_found_in_four_forms() {
    let folder = tempfile::tempdir().unwrap();
    let snapshot = snapshot_of(folder.path(), &[("a.rs", LOCKS)]);
    let found = like(&snapshot, "sym:lock", 50);
    let all =
        ["lock", "lock", "Lock", "lockdep", "spinLockIrq", "spin_lock_irq", "block", "unlock"];
    assert_eq!(names(&found), all);
    let classes: Vec<_> = found.symbols.iter().map(|symbol| symbol.class).collect();
    use NameClass::{Exact, Prefix, Subword, Within};
    assert_eq!(classes, [Exact, Exact, Exact, Prefix, Subword, Subword, Within, Within]);
    let kinds: Vec<_> = found.symbols[..2].iter().map(|symbol| symbol.kind.as_str()).collect();
    assert_eq!(kinds, ["function", "field"]);
    let check = |query: &str, expected: &[&str]| {
        assert_eq!(names(&like(&snapshot, query, 50)), expected, "{query}");
    };
    check("sym:^lock$ case:yes", &["lock", "lock"]);
    check("sym:^lock", &["lock", "lock", "Lock", "lockdep"]);
    check("sym:Lock", &["Lock", "spinLockIrq"]);
    check("sym:/^spin_.*/", &["spin_lock_irq"]);
    check("sym:lock symkind:field", &["lock"]);
    check("sym:lock lang:python", &[]);
    check("sym:^lock$ file:a.rs repo:r lang:rust", &["lock", "lock", "Lock"]);
    check("sym:lock repo:other", &[]);
}

#[test]
fn two_letters_are_found_wherever_they_stand_and_in_every_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let text = "fn kx() {}\nfn akx() {}\nfn bkxb() {}\nfn c\u{212a}x() {}\nfn dKXd() {}\nfn k() {}\nfn xk() {}\n";
    let snapshot = snapshot_of(folder.path(), &[("a.rs", text.as_bytes())]);
    let expected = ["kx", "dKXd", "c\u{212a}x", "akx", "bkxb"];
    assert_eq!(names(&like(&snapshot, "sym:kx", 50)), expected);
    assert_eq!(names(&like(&snapshot, "sym:/(kx|xk)/", 50)).len(), expected.len() + 1);
    assert_eq!(names(&like(&snapshot, "sym:qz", 50)), [""; 0]);
}

#[test]
fn files_are_found_by_the_same_forms() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 3] =
        [("a.rs", b"fn lock() {}"), ("b.rs", b"fn lockdep() {}"), ("c.rs", b"fn block() {}")];
    let snapshot = snapshot_of(folder.path(), &files);
    for (query, expected) in [
        ("sym:^lock$", &["a.rs"][..]),
        ("sym:^lock", &["a.rs", "b.rs"]),
        ("sym:lock$", &["a.rs", "c.rs"]),
        ("sym:lock", &["a.rs", "b.rs", "c.rs"]),
    ] {
        let mut paths: Vec<_> =
            search(&snapshot, query).files.iter().map(|file| file.key.path.clone()).collect();
        paths.sort();
        assert_eq!(paths, expected, "{query}");
    }
}

#[test]
fn filters_on_paths_leave_what_a_plain_reading_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let folders = ["drivers/net", "drivers/usb", "lib", "net"];
    let path = |n: usize| format!("{}/f{n}.{}", folders[n % 4], ["c", "rs", "py"][n % 3]);
    let text = |n: usize| match n % 3 {
        0 => format!("int init(void) {{ return {n}; }}\n"),
        1 => "fn init() {}\nfn init_all() {}\n".to_owned(),
        _ => "def init():\n    pass\n".to_owned(),
    };
    let files: Vec<_> = (0..240).map(|n| (path(n), text(n).into_bytes())).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_slice())).collect();
    let snapshot = snapshot_of(folder.path(), &files);
    for filters in [
        "file:drivers/net",
        "file:drivers/net file:rs$",
        r"file:\.c$",
        "file:*.py",
        "file:f[0-9]+7",
        "file:net/ file:1 lang:rust",
        "file:.",
        "file:nowhere",
    ] {
        let query = ax_query::parse(filters, &Limits::default()).unwrap();
        let atoms = query.atoms();
        let holds = |path: &str| {
            atoms.iter().all(|(atom, _)| match atom {
                Atom::File(matcher) => matcher.is_match(path.as_bytes()),
                _ => path.ends_with(".rs"),
            })
        };
        let mut expected: Vec<_> =
            files.iter().map(|(path, _)| *path).filter(|path| holds(path)).collect();
        for name in ["^init$", "init"] {
            let found = like(&snapshot, &format!("sym:{name} {filters}"), 10_000);
            let mut paths: Vec<_> = found.symbols.iter().map(|one| one.path.as_str()).collect();
            paths.sort_unstable();
            paths.dedup();
            expected.sort_unstable();
            assert_eq!(paths, expected, "{name} {filters}");
        }
    }
}

/// More runs of names than one thread looks through at once.
#[test]
fn of_ten_thousand_names_all_that_answer_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let name = |n: usize| match n % 5 {
        0 => format!("kernel_probe{n}"),
        1 => format!("x{n}_Probe"),
        2 => format!("\u{212a}ernel{n}"),
        3 => format!("a_very_long_name_that_many_share_{n}"),
        _ => format!("z{n}"),
    };
    let all: Vec<String> = (0..12_000).map(name).collect();
    let text: String = all.iter().map(|name| format!("fn {name}() {{}}\n")).collect();
    let snapshot = snapshot_of(folder.path(), &[("a.rs", text.as_bytes())]);
    for (query, regex) in [
        ("sym:probe", "(?i)probe"),
        ("sym:/[a-z]+_probe/", "(?i)[a-z]+_probe"),
        ("sym:/[0-9]_probe$/", "(?i)[0-9]_probe$"),
        ("sym:kernel", "(?i)kernel"),
        ("sym:k", "(?i)k"),
        ("sym:/many.*8$/", "(?i)many.*8$"),
        ("sym:name_that", "(?i)name_that"),
        ("sym:x1", "(?i)x1"),
    ] {
        let regex = regex::Regex::new(regex).unwrap();
        let mut expected: Vec<&str> = all.iter().map(String::as_str).collect();
        expected.retain(|name| regex.is_match(name));
        assert!(expected.len() > 9, "{query}");
        let found = like(&snapshot, query, 20_000);
        let mut found: Vec<&str> = names(&found);
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found.len(), expected.len(), "{query}");
        assert_eq!(found, expected, "{query}");
    }
}

#[test]
fn a_definition_says_where_it_stands_and_ends() {
    let folder = tempfile::tempdir().unwrap();
    let text = "// é\nimpl Store {\n    /* é */ pub fn save(&self) {\n        1\n    }\n}\n";
    let snapshot = snapshot_of(folder.path(), &[("src/a.rs", text.as_bytes())]);
    let found = like(&snapshot, "sym:save", 9);
    let [symbol] = found.symbols.as_slice() else { panic!("{found:?}") };
    let Symbol { line, column, end_line, kind, container, signature, language, .. } = symbol;
    assert_eq!((*line, *column, *end_line), (3, 20, 5));
    assert_eq!((kind.as_str(), container.as_deref()), ("method", Some("Store")));
    assert_eq!((signature.as_str(), language.as_str()), ("/* é */ pub fn save(&self) {", "Rust"));
    assert_eq!((symbol.repo.as_str(), symbol.path.as_str()), ("r", "src/a.rs"));
    assert_eq!(symbol.branches, ["main"]);
}

#[test]
fn limits_say_that_there_is_more() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (0..40).map(|i| format!("fn name_{i:02}() {{}}\n")).collect();
    let snapshot = snapshot_of(folder.path(), &[("a.rs", text.as_bytes())]);
    let found = like(&snapshot, "sym:name", 3);
    assert_eq!((names(&found), found.more), (vec!["name_00", "name_01", "name_02"], true));
    let found = like(&snapshot, "sym:name", 40);
    assert_eq!((found.symbols.len(), found.more), (40, false));
}

#[test]
fn a_place_knows_its_name_its_scopes_and_its_imports() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "use crate::net::sock;\nimpl Store {\n    fn save(&self) { sock(\u{1f41f}, 7) }\n}\n";
    let snapshot = snapshot_of(folder.path(), &[("a.rs", text.as_bytes())]);
    let at = place(&snapshot, "a.rs", 3, 23).unwrap();
    assert_eq!((at.name.as_str(), at.column, at.end_column), ("sock", 22, 26));
    assert_eq!(at.origin.scopes, ["Store", "save"]);
    assert_eq!(at.origin.imports, ["crate/net/sock"]);
    assert_eq!((at.origin.repo.as_str(), at.origin.language.as_str()), ("r", "Rust"));
    assert_eq!(place(&snapshot, "a.rs", 3, 26).unwrap().name, "sock", "behind it");
    for (line, column) in [(3, 28), (3, 30), (3, 99), (9, 1), (1, 0), (0, 1)] {
        assert_eq!(place(&snapshot, "a.rs", line, column).unwrap().name, "", "{line}:{column}");
    }
    assert_eq!(place(&snapshot, "b.rs", 1, 1), None);
}

#[test]
fn a_place_in_a_long_file_is_found_through_its_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let text: String = (1..=5_000).map(|i| format!("fn name_{i}() {{}}\n")).collect();
    let snapshot = snapshot_of(folder.path(), &[("a.rs", text.as_bytes())]);
    for line in [1, 2, 700, 4_999, 5_000] {
        let at = place(&snapshot, "a.rs", line, 5).unwrap();
        assert_eq!(at.name, format!("name_{line}"));
        let found = references(&snapshot, &at.name, &at.origin, 9);
        assert_eq!(told(&found), [format!("a.rs:{line}:4=")]);
    }
    assert_eq!(place(&snapshot, "a.rs", 5_001, 1).unwrap().name, "");
}

#[test]
fn one_version_of_a_file_is_chosen_by_branch_or_blob() {
    let folder = tempfile::tempdir().unwrap();
    let built = build(folder.path(), "s", |builder| {
        let versions = vec![doc("fn one() {}", &["main"]), doc("fn two() {}", &["dev"])];
        builder.put(&key("r", "a.rs"), versions).unwrap();
    });
    let snapshot = Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    let key = key("r", "a.rs");
    let at = |branch, blob| {
        let query = PlaceQuery { key: &key, branch, blob, line: 1, column: 4 };
        snapshot.place(&query).unwrap()
    };
    assert_eq!(at(Some("main"), None).unwrap().name, "one");
    let two = at(Some("dev"), None).unwrap();
    assert_eq!((two.name.as_str(), two.origin.branch.as_str()), ("two", "dev"));
    assert_eq!(at(None, Some(&two.blob)).unwrap().name, "two");
    assert_eq!((at(Some("gone"), None), at(None, Some("ff"))), (None, None));
}

#[test]
fn definitions_come_nearest_first() {
    let folder = tempfile::tempdir().unwrap();
    let built = build(folder.path(), "s", |builder| {
        for (repo, path, text) in [
            ("r", "src/a.rs", "use crate::far::deep;\nfn load() {}\nfn main() { load() }\n"),
            ("r", "src/far/deep.rs", "fn load() {}\n"),
            ("r", "src/b.rs", "struct B { load: u8 }\nfn load() {}\n"),
            ("r", "src/tests/b.rs", "fn load() {}\n"),
            ("r", "src/a.py", "def load(): pass\n"),
            ("s", "src/a.rs", "fn load() {}\n"),
        ] {
            builder.put(&key(repo, path), vec![doc(text, &["main"])]).unwrap();
        }
    });
    let snapshot = Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    let at = place(&snapshot, "src/a.rs", 3, 14).unwrap();
    let query = SymbolQuery::exact(&at.name);
    let found = snapshot.symbols(&query, &at.origin, 50, &Stop::never()).unwrap();
    let told = |s: &Symbol| format!("{}/{}:{} {}", s.repo, s.path, s.line, s.kind);
    let expected = [
        "r/src/a.rs:2 function",
        "r/src/far/deep.rs:1 function",
        "r/src/b.rs:2 function",
        "r/src/b.rs:1 field",
        "r/src/tests/b.rs:1 function",
        "s/src/a.rs:1 function",
        "r/src/a.py:1 function",
    ];
    assert_eq!(found.symbols.iter().map(told).collect::<Vec<_>>(), expected);
    let python = SymbolQuery::exact("load").in_language("py");
    let found = snapshot.symbols(&python, &at.origin, 9, &Stop::never()).unwrap();
    assert_eq!(found.symbols.iter().map(told).collect::<Vec<_>>(), expected[6..]);
}

#[test]
fn a_definition_is_the_nearest_one_to_its_own_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = "fn id() {}\nimpl A {\n    fn id() {}\n}\nimpl B {\n    fn id() {}\n}\n";
    let snapshot = snapshot_of(folder.path(), &[("a.rs", text.as_bytes())]);
    let nearest = |line, column| {
        let at = place(&snapshot, "a.rs", line, column).unwrap();
        let query = SymbolQuery::exact(&at.name);
        let found = snapshot.symbols(&query, &at.origin, 9, &Stop::never()).unwrap();
        (at.name, found.symbols.first().map(|symbol| symbol.line))
    };
    for (line, column) in [(1, 4), (3, 8), (6, 8)] {
        assert_eq!(nearest(line, column), ("id".to_owned(), Some(line)));
    }
}

#[test]
fn references_on_one_line_have_their_own_columns() {
    let folder = tempfile::tempdir().unwrap();
    let text = "  x = é; x += x\n\ny = x\n";
    let snapshot = snapshot_of(folder.path(), &[("a.txt", text.as_bytes())]);
    let found = references(&snapshot, "x", &Origin::default(), 9);
    let expected = ["a.txt:1:3~", "a.txt:1:10~", "a.txt:1:15~", "a.txt:3:5~"];
    assert_eq!(told(&found), expected);
    let shown =
        |i: usize| (&*found.files[0].occurrences[i].text, found.files[0].occurrences[i].end_column);
    assert_eq!((shown(2), shown(3)), (("x = é; x += x", 16), ("y = x", 6)));
}

#[test]
fn references_on_a_line_of_megabytes_take_no_time_each() {
    let folder = tempfile::tempdir().unwrap();
    let text = "e=1;".repeat(1 << 20);
    let snapshot = snapshot_of(folder.path(), &[("bundle.txt", text.as_bytes())]);
    let query = ReferenceQuery { name: "e", language: None, limit: 9, max_per_file: 100_000 };
    let found = snapshot.references(&query, &Origin::default(), &Stop::never()).unwrap();
    let file = &found.files[0];
    assert_eq!((file.num_occurrences, file.occurrences.len()), (1 << 20, 100_000));
    let last = file.occurrences.last().unwrap();
    assert_eq!((last.line, last.column), (1, 4 * 99_999 + 1));
    assert!(!found.timed_out && !found.more);
}

#[test]
fn references_are_whole_words_of_code() {
    let folder = tempfile::tempdir().unwrap();
    let code = "fn load() {}\n// load this\nfn main() { load(\"load\"); reload(); load_all(); }\n";
    let files: [(&str, &[u8]); 4] = [
        ("src/a.rs", code.as_bytes()),
        ("src/b.py", b"# load\nx = load(f'{load} load')\n"),
        ("notes.txt", b"how to load\nloading\n"),
        ("c.rs", b"fn other() {}\n"),
    ];
    let snapshot = snapshot_of(folder.path(), &files);
    let at = place(&snapshot, "src/a.rs", 3, 13).unwrap();
    let expected =
        ["src/a.rs:1:4=", "src/a.rs:3:13", "src/b.py:2:5", "src/b.py:2:13", "notes.txt:1:8~"];
    let found = references(&snapshot, &at.name, &at.origin, 9);
    assert_eq!(told(&found), expected);
    let text = "fn main() { load(\"load\"); reload(); load_all(); }";
    assert_eq!(found.files[0].occurrences[1].text, text);
    assert_eq!((found.more, found.timed_out), (false, false));
    let first = references(&snapshot, "load", &at.origin, 1);
    assert_eq!((told(&first).as_slice(), first.more), (&expected.map(String::from)[..2], true));
    let query = ReferenceQuery { name: "load", language: Some("rs"), limit: 9, max_per_file: 1 };
    let in_rust = snapshot.references(&query, &at.origin, &Stop::never()).unwrap();
    assert_eq!(told(&in_rust), ["src/a.rs:1:4="]);
    assert_eq!(in_rust.files[0].num_occurrences, 2);
    let late = Stop::at(std::time::Instant::now());
    assert!(snapshot.references(&query, &at.origin, &late).unwrap().timed_out);
}

#[test]
fn a_merge_keeps_what_syntax_said() {
    let folder = tempfile::tempdir().unwrap();
    let of = |id: &str, path: &str, text: &str| {
        build(folder.path(), id, |builder| {
            builder.put(&key("r", path), vec![doc(text, &["main"])]).unwrap();
        })
    };
    let one = of("one", "a.rs", "fn load() {\n}\n// load\n");
    let two = of("two", "b.rs", "/* load */ fn b() { load() }");
    let open = |path| Segment::open(path).unwrap();
    let apart = Snapshot::new(vec![open(&one.path), open(&two.path)]).unwrap();
    let dest = folder.path().join("merged.seg");
    let built = merge(&apart, 0..2, options(folder.path(), "merged"), &dest).unwrap();
    let merged = Snapshot::new(vec![open(&built.path)]).unwrap();
    let origin = Origin::default();
    assert_eq!(references(&merged, "load", &origin, 9), references(&apart, "load", &origin, 9));
    assert_eq!(told(&references(&merged, "load", &origin, 9)), ["a.rs:1:4=", "b.rs:1:21"]);
    assert_eq!(like(&merged, "sym:load", 9), like(&apart, "sym:load", 9));
    assert_eq!(like(&merged, "sym:load", 9).symbols[0].end_line, 2);
}

/// It was written before there were marks: what they say is unknown, and said to be.
#[test]
fn the_golden_segment_of_format_1_is_navigated_by_text() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/format1.seg");
    let snapshot = Snapshot::new(vec![Segment::open(&path).unwrap()]).unwrap();
    let found = references(&snapshot, "parse_http", &Origin::default(), 9);
    assert_eq!((found.files.len(), found.files[0].by_syntax), (1, false));
    assert_eq!(found.files[0].num_occurrences, 30);
    assert!(found.files[0].occurrences.iter().all(|one| one.is_definition));
    let symbols = like(&snapshot, "sym:^parse_http$", 50).symbols;
    assert_eq!((symbols.len(), symbols[29].line, symbols[29].end_line), (30, 30, 30));
    assert_eq!(place(&snapshot, "src/lib.rs", 2, 8).unwrap().origin.scopes, [""; 0]);
}

/// A line of a program, the name in it, and in which column it stands if it is code.
fn line() -> impl Strategy<Value = (String, String, Option<usize>)> {
    ("[ab]{1,2}", 0u8..6).prop_map(|(name, form)| {
        let (text, column) = match form {
            0 => (format!("    {name}();"), Some(5)),
            1 => (format!("    // {name} is here"), None),
            2 => (format!("    f(\"{name} there\");"), None),
            3 => (format!("    /* {name} */ g(1);"), None),
            4 => (format!("    let {name} = 7;"), Some(9)),
            _ => (format!("    x_{name}({name}9, é{name});"), None),
        };
        (text, name, column)
    })
}

/// Names in the order of their worth for `text`, by a plain reading.
fn in_order(names: &[String], text: &str) -> Vec<String> {
    let rank = |name: &String| {
        let (low, other_case) = (name.to_lowercase(), !name.contains(text));
        let at: Vec<usize> = low.match_indices(text).map(|(at, _)| at).collect();
        let class = match () {
            () if low == text => 0,
            () if at.contains(&0) => 1,
            () if at.iter().any(|at| ax_syntax::starts_subword(name, *at)) => 2,
            () => 3,
        };
        (!at.is_empty()).then(|| (class, name.len(), other_case, name.clone()))
    };
    let mut found: Vec<_> = names.iter().filter_map(rank).collect();
    found.sort();
    found.dedup();
    found.into_iter().map(|(.., name)| name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn names_come_in_the_order_of_a_plain_reading(
        names in vec("[abA]{1,2}(_[abA]{1,3}|[abA]{0,3})", 1..120), text in "[ab]{1,3}", limit in 1usize..20,
    ) {
        let lines: Vec<String> = names.iter().map(|name| format!("fn {name}() {{}}\n")).collect();
        let (first, second) = lines.split_at(lines.len() / 2);
        let files = [("a.rs", first.concat()), ("b.rs", second.concat())];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_bytes()));
        let folder = tempfile::tempdir().unwrap();
        let expected = in_order(&names, &text);
        let query = format!("sym:{text}");
        let snapshot = snapshot_of(folder.path(), &files);
        let found = like(&snapshot, &query, 500);
        let mut all: Vec<&str> = found.symbols.iter().map(|s| s.name.as_str()).collect();
        let some = like(&snapshot, &query, limit);
        prop_assert_eq!(&some.symbols[..], &found.symbols[..limit.min(all.len())]);
        prop_assert_eq!(some.more, all.len() > limit);
        all.dedup();
        prop_assert_eq!(all, expected);
        let from_start = like(&snapshot, &format!("sym:^{text}"), 500);
        let num_first = found.symbols.partition_point(|s| s.class <= NameClass::Prefix);
        prop_assert_eq!(self::names(&from_start), self::names(&found)[..num_first].to_vec());
    }

    #[test]
    fn references_equal_a_plain_reading(
        files in vec(vec(line(), 0..60), 1..5),
        wanted in "[ab]{1,2}",
    ) {
        let (mut expected, mut written) = (Vec::new(), Vec::new());
        for (i, lines) in files.iter().enumerate() {
            let path = format!("f{i}.rs");
            for (number, (_, name, column)) in lines.iter().enumerate() {
                if let Some(column) = column.filter(|_| *name == wanted) {
                    expected.push(format!("{path}:{}:{column}", number + 2));
                }
            }
            let lines: Vec<&str> = lines.iter().map(|(text, ..)| text.as_str()).collect();
            written.push((path, format!("fn main() {{\n{}\n}}\n", lines.join("\n"))));
        }
        let folder = tempfile::tempdir().unwrap();
        let written: Vec<(&str, &[u8])> =
            written.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
        let snapshot = snapshot_of(folder.path(), &written);
        prop_assert_eq!(told(&references(&snapshot, &wanted, &Origin::default(), 99)), expected);
    }
}
