//! What is said of repositories beside their text: conditions on it, what it adds to a score, and that
//! the newest word counts without any document written again.

use crate::common::{build, doc, info_of, key, options, search, search_with};
use ax_engine::{
    BuiltSegment, GroupBy, Origin, RankingParameters, SearchOptions, Segment, Snapshot, Stop,
    SymbolQuery, merge,
};
use ax_model::{RepositoryFacts, RepositoryInfo};
use ax_query::Limits;
use std::{path::Path, sync::Arc};

const TEXT: &str = "fn needle() {}\n";
const NONE: RepositoryFacts =
    RepositoryFacts { archived: false, fork: false, public: false, rank: 0 };

fn said(folder: &Path, id: &str, all: &[(&str, RepositoryFacts)]) -> BuiltSegment {
    build(folder, id, |builder| {
        for (repo, facts) in all {
            // a copy, as it stands in the shards that are not a repository's home
            let info = RepositoryInfo { facts: *facts, is_copy: true, ..info_of(repo) };
            builder.repository(&info);
        }
    })
}

fn files(folder: &Path, id: &str, repos: &[&str]) -> BuiltSegment {
    build(folder, id, |builder| {
        for repo in repos {
            builder.put(&key(repo, "x.rs"), vec![doc(TEXT, &["main"])]).unwrap();
        }
    })
}

fn open(built: &BuiltSegment) -> Arc<Segment> {
    Segment::open(&built.path).unwrap()
}

fn repos(snapshot: &Snapshot, query: &str) -> Vec<String> {
    let found = search(snapshot, query);
    let mut names: Vec<String> =
        found.files.iter().map(|file| file.key.repo.as_str().to_owned()).collect();
    names.sort();
    let count = SearchOptions { count_only: true, limit: usize::MAX, ..Default::default() };
    assert_eq!(search_with(snapshot, query, &count).num_files, names.len() as u64, "{query}");
    let group = SearchOptions { group_by: Some(GroupBy::Repo), ..Default::default() };
    let groups = search_with(snapshot, query, &group).groups;
    assert_eq!(groups.into_iter().map(|group| group.name).collect::<Vec<_>>(), names, "{query}");
    names
}

fn definitions(snapshot: &Snapshot, text: &str) -> Vec<String> {
    let query = ax_query::parse(text, &Limits::default()).unwrap();
    let query = SymbolQuery::of(&query).unwrap();
    let found = snapshot.symbols(&query, &Origin::default(), 10, &Stop::never()).unwrap();
    found.symbols.into_iter().map(|symbol| symbol.repo).collect()
}

#[test]
fn the_newest_word_counts_and_no_document_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (archived, fork) =
        (RepositoryFacts { archived: true, ..NONE }, RepositoryFacts { fork: true, ..NONE });
    let first = files(folder, "s0", &["a", "b", "c"]);
    let second = said(folder, "s1", &[("a", archived), ("b", fork)]);
    let third = said(folder, "s2", &[("a", RepositoryFacts { public: true, ..NONE })]);
    let before = Snapshot::new(vec![open(&first)]).unwrap();
    assert_eq!(repos(&before, "needle archived:no fork:no"), ["a", "b", "c"]);
    assert_eq!(repos(&before, "needle (archived:only or fork:only or public:yes)"), [""; 0]);
    let both = before.with_newer(open(&second)).unwrap();
    let merged = merge(&both, 0..2, options(folder, "m"), &folder.join("m.seg")).unwrap();
    let merged = Snapshot::new(vec![open(&merged)]).unwrap();
    for snapshot in [&both, &merged] {
        assert_eq!(repos(snapshot, "needle archived:only"), ["a"]);
        assert_eq!(repos(snapshot, "needle archived:no"), ["b", "c"]);
        assert_eq!(repos(snapshot, "needle archived:yes"), ["a", "b", "c"]);
        assert_eq!(repos(snapshot, "needle -archived:only -fork:only"), ["c"]);
        assert_eq!(repos(snapshot, "fork:only"), ["b"], "alone it lists files");
        assert_eq!(repos(snapshot, "needle (fork:only or repo:c)"), ["b", "c"]);
        assert_eq!(definitions(snapshot, "sym:needle fork:no archived:no"), ["c"]);
        let now = snapshot.with_newer(open(&third)).unwrap();
        assert_eq!(repos(&now, "needle archived:only"), [""; 0]);
        assert_eq!(repos(&now, "needle visibility:public"), ["a"]);
        assert_eq!(definitions(&now, "sym:needle public:yes"), ["a"]);
        assert_eq!(now.stats().live_docs, 3);
    }
    let gone = build(folder, "s3", |builder| {
        builder.delete_repository(&key("b", "x").repo);
        builder.put(&key("b", "x.rs"), vec![doc(TEXT, &["main"])]).unwrap();
    });
    let anew = both.with_newer(open(&gone)).unwrap();
    assert_eq!(repos(&anew, "needle fork:only"), [""; 0], "a deletion takes its facts along");
}

/// Repositories in the order of their files' scores, which are the sums of their signals.
fn ranked(snapshot: &Snapshot, weights: &[(&str, f32)], today: u32) -> Vec<(String, f64)> {
    let mut ranking = RankingParameters::default();
    for parameter in RankingParameters::ALL.iter().filter(|parameter| parameter.is_weight) {
        ranking.set(parameter.name, 0.0).unwrap();
    }
    weights.iter().for_each(|(name, weight)| ranking.set(name, *weight).unwrap());
    let ranking = Arc::new(ranking);
    let options = SearchOptions { ranking, today, explain: true, ..Default::default() };
    let found = search_with(snapshot, "needle", &options);
    for file in &found.files {
        let sum: f32 = file.signals.iter().map(|signal| signal.value).sum();
        assert!((f64::from(sum) - file.score).abs() < 1e-4, "{file:#?}");
    }
    found.files.iter().map(|file| (file.key.repo.to_string(), file.score)).collect()
}

#[test]
fn a_repository_weighs_by_its_rank_and_stands_aside_when_archived_or_a_fork() {
    let folder = tempfile::tempdir().unwrap();
    let of = |rank| RepositoryFacts { rank, ..NONE };
    let all = [
        ("a", RepositoryFacts { archived: true, ..of(0) }),
        ("b", RepositoryFacts { fork: true, ..of(0) }),
        ("d", of(100)),
        ("e", of(1_000_000)),
    ];
    let built = files(folder.path(), "s0", &["a", "b", "c", "d", "e"]);
    let facts = said(folder.path(), "s1", &all);
    let snapshot = Snapshot::new(vec![open(&built), open(&facts)]).unwrap();
    let names = |weights: &[(&str, f32)]| -> Vec<String> {
        ranked(&snapshot, weights, 0).into_iter().map(|(repo, _)| repo).collect()
    };
    assert_eq!(names(&[]), ["a", "b", "c", "d", "e"], "equals in order of name");
    assert_eq!(names(&[("repository", 1.0)]), ["e", "d", "a", "b", "c"]);
    assert_eq!(names(&[("aside_loss", 1.0)]), ["c", "d", "e", "a", "b"]);
    let scores = ranked(&snapshot, &[("repository", 2.0)], 0);
    assert_eq!((scores[0].1, scores[4].1), (2.0, 0.0), "from 0 to its weight");
}

#[test]
fn young_files_come_first_and_only_when_the_day_is_known() {
    const DAY_MS: i64 = 24 * 60 * 60 * 1_000;
    let folder = tempfile::tempdir().unwrap();
    let today = 20_000;
    let built = build(folder.path(), "s", |builder| {
        for (repo, day) in [("a", 0), ("b", today - 364), ("c", today), ("d", today + 9)] {
            let mut doc = doc(TEXT, &["main"]);
            doc.committed_at_ms = i64::from(day) * DAY_MS;
            builder.put(&key(repo, "x.rs"), vec![doc]).unwrap();
        }
    });
    let snapshot = Snapshot::new(vec![open(&built)]).unwrap();
    let found = ranked(&snapshot, &[("recency", 1.0)], today);
    let expected = [("c", 1.0), ("d", 1.0), ("b", 0.25), ("a", 0.0)];
    assert_eq!(found, expected.map(|(repo, score)| (repo.to_owned(), score)));
    let unknown = ranked(&snapshot, &[("recency", 1.0)], 0);
    assert!(unknown.iter().all(|(_, score)| *score == 0.0), "{unknown:?}");
}
