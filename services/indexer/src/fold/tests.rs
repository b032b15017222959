use super::*;
use ax_changes::NewRecord;
use ax_model::{BlobId, Content, FileKind};
use bytes::Bytes;

const SHARD: ShardId = ShardId(0);

fn repo(name: &str) -> RepoName {
    RepoName::new(name).unwrap()
}

fn key(repo_name: &str, path: &str) -> DocKey {
    DocKey::new(repo(repo_name), path).unwrap()
}

fn version(text: &str) -> FileVersion {
    FileVersion {
        blob: BlobId(vec![1; 20]),
        branches: vec!["main".to_owned()],
        content: Content::Inline(Bytes::copy_from_slice(text.as_bytes())),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    }
}

fn info(name: &str) -> RepositoryInfo {
    RepositoryInfo {
        name: repo(name),
        source: "/src".to_owned(),
        default_branch: "main".to_owned(),
        branches: Vec::new(),
        branches_left_out: Vec::new(),
        num_files: 0,
        num_bytes: 0,
        num_skipped: 0,
        spread: 1,
        committed_at_ms: 0,
        indexed_at_ms: 0,
        history: Default::default(),
        facts: Default::default(),
        is_copy: false,
    }
}

fn put(path: &str, text: &str) -> Change {
    let body = ChangeBody::Put(vec![version(text)]);
    Change { key: key("r", path), body, committed_at_ms: 5, emitted_at_ms: 9 }
}

fn change(key: DocKey, body: ChangeBody) -> Change {
    Change { key, body, committed_at_ms: 1, emitted_at_ms: 7 }
}

fn record(offset: u64, change: &Change) -> Record {
    let NewRecord { key, value, headers, .. } = codec::encode(change, SHARD, Some("00-ab-cd-01"));
    Record { offset: Offset(offset), key, value, headers, timestamp_ms: 0 }
}

fn folded(changes: &[Change]) -> Folded {
    let records: Vec<_> = changes.iter().zip(10..).map(|(c, at)| record(at, c)).collect();
    let next = Offset(10 + changes.len() as u64);
    fold(SHARD, Router::new(1), Offset(10), &[Batch { records, next }])
}

fn ops(folded: &Folded) -> Vec<Op> {
    folded.ops.iter().map(|planned| planned.op.clone()).collect()
}

fn op(path: &str, text: &str) -> Op {
    Op::Put { key: key("r", path), versions: vec![version(text)], committed_at_ms: 5 }
}

#[test]
fn the_last_change_of_a_key_wins() {
    let folded = folded(&[put("a", "1"), put("b", "2"), put("a", "3")]);
    assert_eq!(ops(&folded), [op("b", "2"), op("a", "3")]);
    assert_eq!(folded.range, OffsetRange { from: Offset(10), to: Offset(13) });
    assert_eq!((folded.committed_at_ms, folded.emitted_at_ms, folded.num_records), (5, 9, 3));
    assert_eq!(folded.causes.contexts(), ["00-ab-cd-01"]);
}

#[test]
fn a_deletion_replaces_what_came_before_it_and_a_put_replaces_the_deletion() {
    let delete = change(key("r", "a"), ChangeBody::Delete);
    assert_eq!(ops(&folded(&[put("a", "1"), delete.clone()])), [Op::Delete(key("r", "a"))]);
    assert_eq!(ops(&folded(&[delete, put("a", "1")])), [op("a", "1")]);
}

#[test]
fn a_repositorys_deletion_drops_what_came_before_and_nothing_after() {
    let gone = change(DocKey::of_repo(repo("r")), ChangeBody::DeleteRepository);
    let other = change(key("s", "x"), ChangeBody::Delete);
    let folded = folded(&[put("a", "1"), other, gone, put("b", "2")]);
    let want = [Op::Delete(key("s", "x")), Op::DeleteRepository(repo("r")), op("b", "2")];
    assert_eq!(ops(&folded), want);
}

#[test]
fn what_does_not_decode_is_set_aside_and_the_rest_goes_on() {
    let broken = Record {
        offset: Offset(10),
        key: Bytes::from_static(b"no separator"),
        value: Some(Bytes::from_static(b"\xff\xff")),
        headers: Vec::new(),
        timestamp_ms: 0,
    };
    let records = vec![broken.clone(), record(11, &put("a", "1"))];
    let batch = Batch { records, next: Offset(12) };
    let folded = fold(SHARD, Router::new(1), Offset(10), &[batch]);
    assert_eq!(ops(&folded), [op("a", "1")]);
    assert_eq!(folded.poison.len(), 1);
    assert_eq!(folded.poison[0].code, Code::ChangeMalformed);
    assert_eq!(folded.poison[0].record, broken);
}

#[test]
fn a_key_of_another_shard_is_set_aside() {
    // A repository's own key is at its home shard under every spread.
    let router = Router::new(4);
    let home = router.home_of_repo(&repo("r"));
    let elsewhere = router.all().find(|shard| *shard != home).unwrap();
    let facts = change(DocKey::of_repo(repo("r")), ChangeBody::Repository(info("r")));
    let batch = Batch { records: vec![record(0, &facts)], next: Offset(1) };
    let folded = fold(elsewhere, router, Offset(0), &[batch]);
    assert_eq!(folded.poison[0].code, Code::ChangeMisrouted);
    let copy = ChangeBody::Repository(RepositoryInfo { is_copy: true, ..info("r") });
    let copy = change(DocKey::of_repo(repo("r")), copy);
    let batch = Batch { records: vec![record(0, &copy)], next: Offset(1) };
    let folded = fold(elsewhere, router, Offset(0), &[batch]);
    assert_eq!((folded.ops.len(), folded.poison.len()), (1, 0), "a copy may stand anywhere");
}

#[test]
fn a_gap_at_the_end_is_consumed() {
    let batch = Batch { records: vec![record(10, &put("a", "1"))], next: Offset(20) };
    let folded = fold(SHARD, Router::new(1), Offset(10), &[batch]);
    assert_eq!(folded.range.to, Offset(20));
    assert!(fold(SHARD, Router::new(1), Offset(20), &[]).range.is_empty());
}
