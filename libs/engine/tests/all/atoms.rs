//! Random formulas over every kind of condition: the engine finds exactly the files for which a plain
//! reading of the formula holds, in the order asked for.

use crate::common::{build, doc, info_of, key, lines as lines_of, search, search_with, skipped};
use ax_engine::{FileHit, GroupBy, SearchOptions, Segment, Snapshot};
use ax_model::{RepositoryFacts, RepositoryInfo, SkipReason};
use ax_query::{Atom, Expr, Limits, Pattern, Query, Sort};
use ax_syntax::{Budget, Kind};
use proptest::{collection::vec, prelude::*, sample::select};
use regex_automata::meta::Regex;
use std::collections::BTreeMap;

/// A file of the corpus. Without text it is one that is left out, and has 7 bytes.
#[derive(Debug, Clone)]
struct File {
    repo: &'static str,
    path: String,
    text: Option<Vec<u8>>,
    branch: &'static str,
    committed_at_ms: i64,
}

const LINES: &[&str] = &[
    "fn foo() {}\n",
    "struct Foo;\n",
    "impl Foo { fn bar(&self) {} }\n",
    "def foo():\n    pass\n",
    "class Bar:\n    def baz(self):\n        pass\n",
    "int bar(void) { return 0; }\n",
    "enum baz { A, B };\n",
    "foo bar baz\n",
    "\n",
    "x\r\n",
    "caf\u{e9} \u{212a}",
];

fn file() -> impl Strategy<Value = File> {
    let path =
        ("(src/|lib/foo/|)", "(foo|bar|baz|x)", select(vec!["rs", "py", "c", "txt", "none"]));
    let text = prop_oneof![
        9 => vec(select(LINES), 0..6).prop_map(|lines| Some(lines.concat().into_bytes())),
        1 => Just(None),
    ];
    let (repo, branch) =
        (select(vec!["acme/foo", "acme/bar", "tool"]), select(vec!["main", "dev"]));
    (repo, path, text, branch, -2i64..3).prop_map(|(repo, path, text, branch, committed_at_ms)| {
        File {
            repo,
            path: format!("{}{}.{}", path.0, path.1, path.2),
            text,
            branch,
            committed_at_ms,
        }
    })
}

/// What is said of the repositories.
fn facts_of(repo: &str) -> RepositoryFacts {
    let (archived, fork) = (repo == "acme/bar", repo == "acme/foo");
    RepositoryFacts { archived, fork, public: fork, rank: 0 }
}

/// The branch that HEAD of a repository names; none where nothing is known of it.
fn default_of(repo: &str) -> &'static str {
    match repo {
        "acme/foo" => "main",
        "acme/bar" => "dev",
        _ => "",
    }
}

/// Distinct files, in two segments.
fn corpus() -> impl Strategy<Value = Vec<File>> {
    vec(file(), 1..14).prop_map(|files| {
        let by_key = files.into_iter().map(|file| ((file.repo, file.path.clone()), file));
        by_key.collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

fn snapshot_of(folder: &std::path::Path, files: &[File]) -> Snapshot {
    let (first, second) = files.split_at(files.len() / 2);
    let open = |id: &str, files: &[File]| {
        let built = build(folder, id, |builder| {
            for file in files {
                let mut doc = match &file.text {
                    Some(text) => doc(text.clone(), &[file.branch]),
                    None => skipped(SkipReason::Binary),
                };
                doc.version.branches = vec![file.branch.to_owned()];
                doc.committed_at_ms = file.committed_at_ms;
                builder.put(&key(file.repo, &file.path), vec![doc]).unwrap();
            }
            for repo in ["acme/foo", "acme/bar"].into_iter().filter(|_| id == "b") {
                let (facts, default_branch) = (facts_of(repo), default_of(repo).to_owned());
                builder.repository(&RepositoryInfo { facts, default_branch, ..info_of(repo) });
            }
        });
        Segment::open(&built.path).unwrap()
    };
    Snapshot::new(vec![open("a", first), open("b", second)]).unwrap()
}

fn atom() -> impl Strategy<Value = String> {
    let word = || {
        select(vec!["foo", "Foo", "bar", "baz", "a", "K", "/ba[rz]/", "/^fn/", "/x*/", "/o\\n/"])
    };
    prop_oneof![
        3 => word().prop_map(str::to_owned),
        1 => word().prop_map(|word| format!("content:{word}")),
        2 => word().prop_map(|word| format!("sym:{word}")),
        2 => (word(), select(vec!["function", "method", "struct,class", "enum", "variant,function"]))
            .prop_map(|(word, kinds)| format!("(sym:{word} symkind:{kinds})")),
        2 => ("(>|<=|)", 0u32..60).prop_map(|(sign, size)| format!("size:{sign}{size}")),
        1 => (0u32..40, 0u32..40).prop_map(|(from, len)| format!("size:{from}..{}", from + len)),
        1 => select(vec!["lang:rust", "lang:py", "lang:.c", "lang:text"]).prop_map(str::to_owned),
        1 => select(vec!["file:*.rs", "file:foo", "path:lib/**", "f:\"x.\"", "f:/^[bs]/"]).prop_map(str::to_owned),
        1 => select(vec!["repo:acme/*", "r:foo", "repo:^tool$"]).prop_map(str::to_owned),
        1 => "(archived|fork|public):(no|only)",
        1 => select(vec!["visibility:private", "visibility:public"]).prop_map(str::to_owned),
        1 => select(vec!["branch:main", "rev:d*", "b:x", "b:HEAD"]).prop_map(str::to_owned),
    ]
}

fn formula() -> impl Strategy<Value = String> {
    let tree = atom().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            3 => vec(inner.clone(), 2..4).prop_map(|all| all.join(" ")),
            2 => vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" or "))),
            2 => inner.prop_map(|one| format!("-({one})")),
        ]
    });
    let setting = select(vec!["", " case:no", " case:yes", " type:symbol", " select:content"]);
    (tree, setting).prop_map(|(tree, setting)| format!("({tree}){setting}"))
}

/// Whether the formula holds, read plainly.
fn holds(expr: &Expr, file: &File) -> bool {
    match expr {
        Expr::And(members) => members.iter().all(|member| holds(member, file)),
        Expr::Or(members) => members.iter().any(|member| holds(member, file)),
        Expr::Not(inner) => !holds(inner, file),
        Expr::Atom(atom) => atom_holds(atom, file),
    }
}

fn atom_holds(atom: &Atom, file: &File) -> bool {
    let text = file.text.as_deref().unwrap_or_default();
    let language = ax_syntax::detect(&file.path, text);
    match atom {
        Atom::Text { pattern, field } => {
            let in_path = || find(pattern).find_iter(&file.path).any(|found| !found.is_empty());
            let in_text = match pattern.multi_line() {
                true => !text.is_empty() && find(pattern).is_match(text),
                false => lines(text).any(|line| find(pattern).is_match(line)),
            };
            in_text || (*field == ax_query::Field::Either && in_path())
        }
        Atom::Repo(matcher) => matcher.is_match(file.repo.as_bytes()),
        Atom::File(matcher) => matcher.is_match(file.path.as_bytes()),
        Atom::Branch(matcher) if matcher.is_head() => {
            ["", file.branch].contains(&default_of(file.repo)) // one version each where it is not known
        }
        Atom::Branch(matcher) => matcher.is_match(file.branch.as_bytes()),
        Atom::Lang(filter) => {
            ax_syntax::find_language(&filter.name).map(|l| l.name) == language.map(|l| l.name)
        }
        Atom::Sym { pattern, kinds } => {
            let Some(language) = language.filter(|_| file.text.is_some()) else { return false };
            let found = ax_syntax::outline(language, text, &Budget::default());
            let is_kind = |kind: Kind| {
                kinds.iter().all(|filter| filter.names.iter().any(|name| name == kind.as_str()))
            };
            found.ok().flatten().unwrap_or_default().definitions.iter().any(|definition| {
                is_kind(definition.kind) && find(pattern).is_match(&definition.name)
            })
        }
        Atom::Size(range) => range.holds(num_bytes(file)),
        Atom::Fact(filter) => filter.holds(&facts_of(file.repo)),
    }
}

fn num_bytes(file: &File) -> u64 {
    file.text.as_ref().map_or(7, |text| text.len() as u64)
}

fn find(pattern: &Pattern) -> Regex {
    let config = Regex::config().utf8_empty(false);
    Regex::builder().configure(config).build_from_hir(pattern.hir()).unwrap()
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|b| *b == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

fn name(file: &FileHit) -> (String, String) {
    (file.key.repo.as_str().to_owned(), file.key.path.clone())
}

fn parsed(query: &str) -> Query {
    ax_query::parse(query, &Limits::default()).unwrap()
}

/// A key by which an answer in this order never goes down.
fn order_key(sort: Sort, file: &FileHit) -> (i64, (String, String)) {
    let nothing = (String::new(), String::new());
    match sort {
        Sort::Relevance => (0, nothing),
        Sort::Recency => (-file.committed_at_ms, nothing),
        Sort::Size => (-(file.num_bytes as i64), nothing),
        Sort::Path => (0, name(file)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, ..ProptestConfig::default() })]

    #[test]
    fn formulas_find_what_a_plain_reading_finds(files in corpus(), query in formula()) {
        let folder = tempfile::tempdir().unwrap();
        let all = snapshot_of(folder.path(), &files);
        let expr = parsed(&query).expr;
        let expected: Vec<&File> = files.iter().filter(|file| holds(&expr, file)).collect();
        let names: Vec<_> =
            expected.iter().map(|file| (file.repo.to_owned(), file.path.clone())).collect();
        let unbounded = SearchOptions { limit: usize::MAX, ..Default::default() };
        for sort in [Sort::Path, Sort::Recency, Sort::Size, Sort::Relevance] {
            let whole = search_with(&all, &query, &SearchOptions { sort, ..unbounded.clone() });
            let mut found: Vec<_> = whole.files.iter().map(name).collect();
            let keys = whole.files.iter().map(|file| order_key(sort, file));
            prop_assert!(keys.is_sorted(), "{sort:?} {query}");
            found.sort();
            prop_assert_eq!(&found, &names, "{} over {:?}", query, files);
            for limit in [1, 3] {
                let options = SearchOptions { limit, sort, ..Default::default() };
                let some = search_with(&all, &query, &options);
                let first = &whole.files[..limit.min(whole.files.len())];
                prop_assert_eq!(&some.files, first, "{:?} {}", sort, query);
                prop_assert_eq!(some.more, whole.files.len() > limit);
            }
        }
        for by in [GroupBy::Repo, GroupBy::Language] {
            let options = SearchOptions { group_by: Some(by), limit: 1, ..Default::default() };
            let outcome = search_with(&all, &query, &options);
            prop_assert!(outcome.files.is_empty() && !outcome.more);
            prop_assert_eq!(outcome.num_files, names.len() as u64);
            let counted: Vec<_> =
                outcome.groups.iter().map(|group| (group.name.clone(), group.num_files)).collect();
            prop_assert_eq!(counted, counts(by, &expected), "{:?} {}", by, query);
        }
    }
}

fn counts(by: GroupBy, files: &[&File]) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::new();
    for file in files {
        let text = file.text.as_deref().unwrap_or_default();
        let name = match by {
            GroupBy::Repo => file.repo,
            GroupBy::Language => ax_syntax::detect(&file.path, text).map_or("", |l| l.name),
        };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[test]
fn the_first_in_order_are_found_among_more_than_one_round_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let file = |i: u32| File {
        repo: "r",
        path: format!("{:03}", (i * 7) % 300),
        text: Some(format!("common{}\n", "x".repeat(i as usize)).into_bytes()),
        branch: "main",
        committed_at_ms: i64::from((i * 11) % 300),
    };
    let mut files: Vec<File> = (0..300).map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let all = snapshot_of(folder.path(), &files);
    let first = |sort| {
        let options = SearchOptions { limit: 3, sort, ..Default::default() };
        let found = search_with(&all, "common", &options);
        assert!(found.more);
        found.files.iter().map(|f| (f.key.path.clone(), f.committed_at_ms, f.num_bytes)).collect()
    };
    let found: Vec<(String, i64, u64)> = first(Sort::Path);
    assert_eq!(found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), ["000", "001", "002"]);
    let found: Vec<_> = first(Sort::Recency);
    assert_eq!(found.iter().map(|f| f.1).collect::<Vec<_>>(), [299, 298, 297]);
    let found: Vec<_> = first(Sort::Size);
    assert_eq!(found.iter().map(|f| f.2).collect::<Vec<_>>(), [306, 305, 304]);
}

#[test]
fn head_is_the_default_branch_of_each_repository() {
    let folder = tempfile::tempdir().unwrap();
    let files: [(&str, &str, &[&str]); 8] = [
        ("acme/foo", "of-main", &["main"]),
        ("acme/foo", "of-dev", &["dev"]),
        ("acme/foo", "of-both", &["dev", "main"]),
        ("acme/bar", "bar-of-main", &["main"]),
        ("acme/bar", "bar-of-dev", &["dev"]),
        ("detached", "of-detached", &["HEAD"]),
        ("plain", "of-directory", &[]),
        ("unknown", "of-unknown", &["main"]),
    ];
    let built = build(folder.path(), "s", |builder| {
        for (repo, path, branches) in files {
            builder.put(&key(repo, path), vec![doc("needle\n", branches)]).unwrap();
        }
        for (repo, path) in
            [("acme/foo", "two"), ("acme/bar", "bar-two"), ("unknown", "unknown-two")]
        {
            let versions = vec![doc("needle 1\n", &["main"]), doc("needle 2\n", &["dev"])];
            builder.put(&key(repo, path), versions).unwrap();
        }
        for repo in ["acme/foo", "acme/bar", "detached", "plain"] {
            let default_branch = default_of(repo).to_owned();
            builder.repository(&RepositoryInfo { default_branch, ..info_of(repo) });
        }
    });
    let all = Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    let on_head = [
        "bar-of-dev:1:needle",
        "bar-two:1:needle 2",
        "of-both:1:needle",
        "of-detached:1:needle",
        "of-directory:1:needle",
        "of-main:1:needle",
        "of-unknown:1:needle",
        "two:1:needle 1",
        "unknown-two:1:needle 1",
    ];
    for query in ["needle branch:HEAD", "rev:\"HEAD\" needle", "needle -(-b:HEAD)"] {
        assert_eq!(lines_of(&search(&all, query)), on_head, "{query}");
    }
    let not = [
        "bar-of-main:1:needle",
        "bar-two:1:needle 1",
        "of-dev:1:needle",
        "two:1:needle 2",
        "unknown-two:1:needle 2",
    ];
    assert_eq!(lines_of(&search(&all, "needle -branch:HEAD")), not);
    for query in ["needle branch:*HEAD*", "needle branch:/HEAD/"] {
        assert_eq!(lines_of(&search(&all, query)), ["of-detached:1:needle"], "{query}");
    }
}
