//! Random histories over many segments, with and without merges, equal a simple model.

use crate::common::{build, doc, key, lines, options, search};
use ax_engine::{BuiltSegment, Doc, LiveDoc, Segment, SegmentBuilder, Snapshot, merge};
use ax_model::{BranchHead, BranchHistory, RepositoryInfo};
use proptest::{collection::vec, prelude::*};
use std::{collections::BTreeMap, ops::Range, path::Path};

/// A change, over few keys so that they meet.
#[derive(Debug, Clone)]
enum Op {
    Put { repo: u8, path: u8, texts: Vec<u8> },
    Delete { repo: u8, path: u8 },
    DeleteRepository { repo: u8 },
    Repository { repo: u8, commit: u8 },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0u8..3, 0u8..6, vec(0u8..4, 0..3))
            .prop_map(|(repo, path, texts)| Op::Put { repo, path, texts }),
        2 => (0u8..3, 0u8..6).prop_map(|(repo, path)| Op::Delete { repo, path }),
        1 => (0u8..3).prop_map(|repo| Op::DeleteRepository { repo }),
        1 => (0u8..3, 0u8..9).prop_map(|(repo, commit)| Op::Repository { repo, commit }),
    ]
}

fn repo(number: u8) -> String {
    ["a", "a/b", "ab"][number as usize].to_owned()
}

fn text(number: u8) -> String {
    format!("needle number{number}\n")
}

fn branch(number: usize) -> &'static str {
    ["dev", "main"][number]
}

fn info(number: u8, commit: u8) -> RepositoryInfo {
    RepositoryInfo {
        name: key(&repo(number), "x").repo,
        source: "here".into(),
        default_branch: "main".into(),
        branches: ["main", "dev"]
            .map(|name| BranchHead { name: name.into(), commit: commit.to_string() })
            .into(),
        branches_left_out: Vec::new(),
        num_files: 1,
        num_bytes: 2,
        num_skipped: 3,
        spread: 1,
        committed_at_ms: 4,
        indexed_at_ms: 5,
        history: Default::default(),
        facts: Default::default(),
        is_copy: false,
    }
}

/// What the stream's fold holds.
#[derive(Debug, Default, Clone)]
struct Model {
    files: BTreeMap<(String, String), Vec<u8>>,
    repositories: BTreeMap<String, RepositoryInfo>,
}

impl Model {
    fn apply(&mut self, op: &Op) {
        match op {
            Op::Put { repo: r, path, texts } => {
                let key = (repo(*r), format!("p{path}"));
                self.files.remove(&key);
                if !texts.is_empty() {
                    self.files.insert(key, texts.clone());
                }
            }
            Op::Delete { repo: r, path } => {
                self.files.remove(&(repo(*r), format!("p{path}")));
            }
            Op::DeleteRepository { repo: r } => {
                self.files.retain(|(name, _), _| *name != repo(*r));
                self.repositories.remove(&repo(*r));
            }
            Op::Repository { repo: r, commit } => {
                self.repositories.insert(repo(*r), info(*r, *commit));
            }
        }
    }

    fn documents(&self) -> Vec<LiveDoc> {
        let mut docs = Vec::new();
        for ((repo, path), texts) in &self.files {
            for (i, number) in texts.iter().enumerate() {
                let doc = doc(text(*number), &[branch(i)]);
                docs.push(LiveDoc {
                    key: key(repo, path),
                    blob: doc.version.blob,
                    branches: doc.version.branches,
                    skip: None,
                });
            }
        }
        docs.sort();
        docs
    }
}

fn feed(builder: &mut SegmentBuilder, op: &Op) {
    match op {
        Op::Put { repo: r, path, texts } => {
            let docs = texts.iter().enumerate();
            let docs = docs.map(|(i, number)| doc(text(*number), &[branch(i)])).collect();
            builder.put(&key(&repo(*r), &format!("p{path}")), docs).unwrap();
        }
        Op::Delete { repo: r, path } => {
            builder.delete(&key(&repo(*r), &format!("p{path}"))).unwrap();
        }
        Op::DeleteRepository { repo: r } => {
            builder.delete_repository(&key(&repo(*r), "x").repo);
        }
        Op::Repository { repo: r, commit } => builder.repository(&info(*r, *commit)),
    }
}

#[track_caller]
fn check(snapshot: &Snapshot, model: &Model) {
    let mut docs: Vec<LiveDoc> = snapshot.documents().map(|doc| doc.unwrap()).collect();
    docs.sort();
    assert_eq!(docs, model.documents());
    let infos: Vec<RepositoryInfo> = model.repositories.values().cloned().collect();
    assert_eq!(snapshot.repositories(), infos);
    assert_eq!(search(snapshot, "needle").num_files, docs.len() as u64);
    for number in 0..4 {
        let query = format!("content:number{number}");
        let with = |texts: &&Vec<u8>| texts.contains(&number);
        let expected: usize = model
            .files
            .values()
            .filter(with)
            .map(|texts| texts.iter().filter(|text| **text == number).count())
            .sum();
        assert_eq!(search(snapshot, &query).num_files, expected as u64, "{query}");
    }
    assert_eq!(snapshot.stats().live_docs, docs.len() as u64);
}

fn merged(folder: &Path, snapshot: &Snapshot, range: Range<usize>, name: &str) -> Snapshot {
    let built = merge(snapshot, range.clone(), options(folder, name), &folder.join(name)).unwrap();
    let mut segments: Vec<_> = snapshot.segments().cloned().collect();
    segments.splice(range, [Segment::open(&built.path).unwrap()]);
    Snapshot::new(segments).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn segments_fold_as_the_stream_does(
        history in vec(vec(op(), 1..8), 1..6),
        merges in vec((0usize..6, 1usize..4, 1usize..6), 0..4),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut snapshot = Snapshot::default();
        for (i, ops) in history.iter().enumerate() {
            let built = build(folder.path(), &format!("s{i}"), |builder| {
                ops.iter().for_each(|op| feed(builder, op));
            });
            ops.iter().for_each(|op| model.apply(op));
            snapshot = snapshot.with_newer(Segment::open(&built.path).unwrap()).unwrap();
            check(&snapshot, &model);
        }
        let segments: Vec<_> = snapshot.segments().cloned().collect();
        check(&Snapshot::new(segments).unwrap(), &model);
        for (i, (start, len, _)) in merges.iter().enumerate() {
            let num = snapshot.segments().len();
            let start = start % num;
            let range = start..(start + len).min(num);
            snapshot = merged(folder.path(), &snapshot, range, &format!("m{i}.seg"));
            check(&snapshot, &model);
        }
        let all = 0..snapshot.segments().len();
        snapshot = merged(folder.path(), &snapshot, all, "all.seg");
        check(&snapshot, &model);
        let entry = snapshot.segments().next().unwrap().entry();
        prop_assert_eq!(entry.num_tombstones, 0);
        prop_assert_eq!(snapshot.stats().dead_docs, 0);
    }

    /// A merge made from an older snapshot still fits a manifest that has grown meanwhile.
    #[test]
    fn a_merge_may_be_published_late(before in vec(vec(op(), 1..6), 3..4), after in vec(op(), 1..6)) {
        let folder = tempfile::tempdir().unwrap();
        let mut model = Model::default();
        let mut snapshot = Snapshot::default();
        for (i, ops) in before.iter().chain([&after]).enumerate() {
            let built = build(folder.path(), &format!("s{i}"), |builder| {
                ops.iter().for_each(|op| feed(builder, op));
            });
            ops.iter().for_each(|op| model.apply(op));
            snapshot = snapshot.with_newer(Segment::open(&built.path).unwrap()).unwrap();
        }
        let segments: Vec<_> = snapshot.segments().cloned().collect();
        let old = Snapshot::new(segments[..3].to_vec()).unwrap();
        for range in [0..2, 1..3, 0..3] {
            let name = format!("m{}-{}", range.start, range.end);
            let merged = merged(folder.path(), &old, range, &name);
            let late = merged.with_newer(segments[3].clone()).unwrap();
            check(&late, &model);
        }
    }
}

#[test]
fn a_file_is_shown_by_branch() {
    let folder = tempfile::tempdir().unwrap();
    let file = key("r", "a.txt");
    let built = build(folder.path(), "s", |builder| {
        builder.put(&file, vec![doc("old\n", &["dev"]), doc("new\n", &["main"])]).unwrap();
        builder.repository(&RepositoryInfo { name: file.repo.clone(), ..info(0, 0) });
    });
    let all = Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    let text = |branch| all.file(&file, branch).unwrap().map(|view| view.text.unwrap());
    assert_eq!(text(Some("dev")).unwrap(), b"old\n");
    assert_eq!(text(None).unwrap(), b"new\n");
    assert_eq!(text(Some("none")), None);
}

/// A version written when there had been `as_of` additions of branches.
fn doc_as_of(text: &str, branches: &[&str], as_of: u32) -> Doc {
    let mut doc = doc(text, branches);
    doc.version.as_of = as_of;
    doc
}

#[test]
fn a_branch_that_began_as_a_copy_shows_what_its_origin_did() {
    let folder = tempfile::tempdir().unwrap();
    let at = |path| key("r", path);
    let facts = |names: &[&str], history: BranchHistory| {
        let head = |name: &&str| BranchHead { name: (*name).into(), commit: "c".into() };
        let branches = names.iter().map(head).collect();
        RepositoryInfo { name: at("x").repo, branches, history, is_copy: true, ..info(0, 0) }
    };
    let first = build(folder.path(), "s0", |builder| {
        builder.put(&at("same"), vec![doc_as_of("needle\n", &["main"], 0)]).unwrap();
        builder.put(&at("moved"), vec![doc_as_of("needle\n", &["main"], 0)]).unwrap();
    });
    let heads = ["main", "topic"];
    let copied = BranchHistory::default().with(1, [("topic", Some("main"))], &heads);
    let second = build(folder.path(), "s1", |builder| {
        let versions =
            [doc_as_of("needle 1\n", &["topic"], 1), doc_as_of("needle 2\n", &["main"], 1)];
        builder.put(&at("moved"), versions.to_vec()).unwrap();
        builder.repository(&facts(&heads, copied.clone()));
    });
    let third = build(folder.path(), "s2", |builder| {
        builder.repository(&facts(&["topic"], copied.with(1, [], &["topic"])));
    });
    let open = |built: &BuiltSegment| Segment::open(&built.path).unwrap();
    let shown = |snapshot: &Snapshot, branch: &str| -> Vec<String> {
        lines(&search(snapshot, &format!("needle branch:^{branch}$")))
    };
    let on_main = ["moved:1:needle 2", "same:1:needle"];
    let on_topic = ["moved:1:needle 1", "same:1:needle"];
    let both = Snapshot::new(vec![open(&first), open(&second)]).unwrap();
    for snapshot in [&both, &merged(folder.path(), &both, 0..2, "m.seg")] {
        assert_eq!(shown(snapshot, "main"), on_main);
        assert_eq!(shown(snapshot, "topic"), on_topic);
        assert_eq!(search(snapshot, "needle -branch:topic").num_files, 1);
        let file = snapshot.file(&at("same"), Some("topic")).unwrap().unwrap();
        assert_eq!(file.branches, ["main", "topic"]);
        assert!(snapshot.repositories().is_empty(), "a copy is not listed");
        let gone = snapshot.with_newer(open(&third)).unwrap();
        assert_eq!(shown(&gone, "main"), [""; 0]);
        assert_eq!(shown(&gone, "topic"), on_topic, "main is gone, what it was copied from is not");
    }
}
