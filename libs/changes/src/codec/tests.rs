use super::*;
use ax_model::{
    BlobId, BranchHead, BranchHistory, BranchOrigin, Code, Content, FileKind, FileVersion, Offset,
    RepoName, RepositoryFacts, RepositoryInfo, SkipReason, StoredBlob,
};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::sample::select;

const CONTEXT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn stored(record: NewRecord) -> Record {
    let NewRecord { key, value, headers, .. } = record;
    Record { offset: Offset(7), key, value, headers, timestamp_ms: 99 }
}

fn raw(key: &[u8], value: Option<Vec<u8>>) -> Record {
    Record {
        offset: Offset(0),
        key: Bytes::copy_from_slice(key),
        value: value.map(Bytes::from),
        headers: Vec::new(),
        timestamp_ms: 99,
    }
}

fn contents() -> impl Strategy<Value = Content> {
    prop_oneof![
        "\\PC{0,64}".prop_map(|text| Content::Inline(text.into_bytes().into())),
        (any::<[u8; 32]>(), any::<u64>())
            .prop_map(|(hash, num_bytes)| Content::Stored(StoredBlob { hash, num_bytes })),
        select(SkipReason::ALL.to_vec()).prop_map(Content::Skipped),
    ]
}

prop_compose! {
    fn versions()(
        blob in prop_oneof![vec(any::<u8>(), 20), vec(any::<u8>(), 32)],
        branches in btree_set("[a-z/]{1,8}", 0..4),
        content in contents(),
        kind in select(vec![
            FileKind::Regular, FileKind::Executable, FileKind::Symlink, FileKind::Submodule,
        ]),
        num_bytes in any::<u64>(),
        encoding in "[a-z0-9-]{0,8}",
        flags in any::<(bool, bool)>(),
        as_of in any::<u32>(),
    ) -> FileVersion {
        FileVersion {
            blob: BlobId(blob), branches: branches.into_iter().collect(), content, kind,
            num_bytes, encoding, generated: flags.0, vendored: flags.1, as_of,
        }
    }
}

prop_compose! {
    fn repositories()(
        texts in vec("\\PC{0,12}", 3),
        heads in vec(("[a-z]{1,6}", "[0-9a-f]{0,40}"), 0..4),
        numbers in any::<(u64, u64, u64, u32)>(),
        times in any::<(i64, i64)>(),
        origins in vec((any::<u32>(), "[a-z]{1,6}", proptest::option::of("[a-z]{1,6}")), 0..4),
        (number, is_copy) in any::<(u32, bool)>(),
        (archived, fork, public, rank) in any::<(bool, bool, bool, u32)>(),
    ) -> RepositoryInfo {
        let origin = |(number, branch, from)| BranchOrigin { number, branch, from };
        let origins = origins.into_iter().map(origin).collect();
        RepositoryInfo {
            name: RepoName::new("replaced").unwrap(),
            source: texts[0].clone(),
            default_branch: texts[1].clone(),
            branches: heads.into_iter().map(|(name, commit)| BranchHead { name, commit }).collect(),
            branches_left_out: vec![texts[2].clone()],
            num_files: numbers.0, num_bytes: numbers.1, num_skipped: numbers.2, spread: numbers.3,
            committed_at_ms: times.0, indexed_at_ms: times.1,
            history: BranchHistory { number, origins },
            facts: RepositoryFacts { archived, fork, public, rank }, is_copy,
        }
    }
}

fn bodies() -> impl Strategy<Value = ChangeBody> {
    prop_oneof![
        4 => vec(versions(), 1..4).prop_map(ChangeBody::Put),
        2 => Just(ChangeBody::Delete),
        1 => Just(ChangeBody::DeleteRepository),
        1 => repositories().prop_map(ChangeBody::Repository),
    ]
}

prop_compose! {
    fn changes()(
        name in "[a-z]{1,4}(/[.]?[a-z]{1,4}){0,2}", path in "[a-zA-Zé/.]{1,16}", body in bodies(),
        committed_at_ms in any::<i64>(), emitted_at_ms in any::<i64>(),
    ) -> Change {
        let repo = RepoName::new(name).unwrap();
        let (key, body) = match body {
            ChangeBody::Repository(info) => {
                let info = RepositoryInfo { name: repo.clone(), ..info };
                (DocKey::of_repo(repo), ChangeBody::Repository(info))
            }
            ChangeBody::DeleteRepository => (DocKey::of_repo(repo), ChangeBody::DeleteRepository),
            body => (DocKey::new(repo, path).unwrap(), body),
        };
        Change { key, body, committed_at_ms, emitted_at_ms }
    }
}

proptest! {
    #[test]
    fn a_change_survives_the_stream(change in changes()) {
        let record = encode(&change, ShardId(3), Some(CONTEXT));
        prop_assert_eq!(record.partition, ShardId(3));
        prop_assert_eq!(record.value.is_none(), matches!(change.body, ChangeBody::Delete));
        let record = stored(record);
        prop_assert_eq!(traceparent(&record.headers), Some(CONTEXT));
        prop_assert_eq!(decode(&record), Ok(change));
    }

    #[test]
    fn any_bytes_give_a_change_or_an_error(
        key in vec(any::<u8>(), 0..40), value in proptest::option::of(vec(any::<u8>(), 0..200)),
    ) {
        let _ = decode(&raw(&key, value.clone()));
        let _ = decode(&raw(b"repo\0path", value));
    }

    #[test]
    fn a_damaged_change_never_panics(
        change in changes(), at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>(),
    ) {
        let record = encode(&change, ShardId(0), None);
        if let Some(mut bytes) = record.value.map(|value| value.to_vec()) {
            let at = at.index(bytes.len());
            if cut { bytes.truncate(at) } else { bytes[at] ^= with }
            let _ = decode(&raw(&record.key, Some(bytes)));
        }
    }
}

fn put(edit: impl FnOnce(&mut proto::FileVersion)) -> proto::Change {
    let mut version = proto::FileVersion {
        blob: vec![1; 20].into(),
        content: Some(proto::file_version::Content::Inline("text".into())),
        ..Default::default()
    };
    edit(&mut version);
    proto::Change {
        repo: "repo".into(),
        path: "path".into(),
        body: Some(proto::change::Body::Put(proto::Versions { versions: vec![version] })),
        ..Default::default()
    }
}

#[track_caller]
fn refuses(key: &[u8], message: proto::Change, field: &str) {
    let error = decode(&raw(key, Some(message.encode_to_vec()))).unwrap_err();
    assert_eq!(error.code(), Code::ChangeMalformed);
    assert!(error.to_string().contains(field), "{error} should name {field}");
}

#[test]
fn each_malformed_field_is_named() {
    use proto::change::Body;
    use proto::file_version::Content as Wire;
    let key = b"repo\0path";
    refuses(key, put(|v| v.blob = vec![1; 19].into()), "put.versions.blob");
    refuses(key, put(|v| v.content = None), "put.versions.content");
    refuses(key, put(|v| v.kind = 9), "put.versions.kind");
    let not_text = Wire::Inline(vec![0xff].into());
    refuses(key, put(|v| v.content = Some(not_text)), "put.versions.inline");
    refuses(key, put(|v| v.content = Some(Wire::Skipped(0))), "put.versions.skipped");
    let stub = proto::StoredBlob { hash: vec![0; 31].into(), num_bytes: 1 };
    refuses(key, put(|v| v.content = Some(Wire::Stored(stub))), "put.versions.stored.hash");
    let empty = Body::Put(proto::Versions::default());
    refuses(key, proto::Change { body: Some(empty), ..put(|_| {}) }, "put.versions");
    refuses(key, proto::Change { body: None, ..put(|_| {}) }, "body");
    refuses(b"repo\0other", put(|_| {}), "repo:other");
    refuses(b"repo\0", proto::Change { path: String::new(), ..put(|_| {}) }, "path");
    let whole = Body::DeleteRepository(proto::RepositoryDeletion {});
    refuses(key, proto::Change { body: Some(whole), ..put(|_| {}) }, "path");
    refuses(b"no separator", put(|_| {}), "key");
}

#[test]
fn a_deletion_written_as_a_value_is_understood() {
    let body = Some(proto::change::Body::Delete(proto::Deletion {}));
    let message = proto::Change { body, committed_at_ms: 5, ..put(|_| {}) };
    let change = decode(&raw(b"repo\0path", Some(message.encode_to_vec()))).unwrap();
    assert_eq!((change.body, change.committed_at_ms), (ChangeBody::Delete, 5));
}

#[test]
fn a_bare_tombstone_takes_the_time_of_its_append() {
    let change = decode(&raw(b"repo\0path", None)).unwrap();
    assert_eq!(change.body, ChangeBody::Delete);
    assert_eq!((change.committed_at_ms, change.emitted_at_ms), (99, 99));
    assert!(decode(&raw(b"repo\0", None)).is_err(), "a repository is not deleted by a tombstone");
}

#[test]
fn branches_are_put_in_order() {
    let message = put(|v| v.branches = vec!["b".into(), "a".into(), "b".into()]);
    let change = decode(&raw(b"repo\0path", Some(message.encode_to_vec()))).unwrap();
    let ChangeBody::Put(versions) = change.body else { panic!("a put stays a put") };
    assert_eq!(versions[0].branches, ["a", "b"]);
}

/// The bytes of one change as they were first written: topics outlive releases.
#[test]
fn the_first_format_is_still_read() {
    let message = put(|v| {
        v.branches = vec!["main".into()];
        v.num_bytes = 4;
    });
    let bytes = hex::encode(message.encode_to_vec());
    assert_eq!(bytes, GOLDEN_PUT);
    let change = decode(&raw(b"repo\0path", Some(hex::decode(GOLDEN_PUT).unwrap()))).unwrap();
    assert!(matches!(change.body, ChangeBody::Put(versions) if versions[0].num_bytes == 4));
}

const GOLDEN_PUT: &str = "0a047265706f1204706174681a260a240a140101010101010101010101010101010101010101\
                          12046d61696e1a04746578743804";

#[test]
fn a_repositorys_deletion_is_not_replaced_by_its_facts() {
    let key = DocKey::of_repo(RepoName::new("r").unwrap());
    let change = |body| Change { key: key.clone(), body, committed_at_ms: 1, emitted_at_ms: 2 };
    let deletion = encode(&change(ChangeBody::DeleteRepository), ShardId(0), None);
    assert_eq!(&deletion.key[..], b"r\0\0");
    let record = Record {
        offset: ax_model::Offset(0),
        key: deletion.key,
        value: deletion.value,
        headers: deletion.headers,
        timestamp_ms: 0,
    };
    assert_eq!(decode(&record), Ok(change(ChangeBody::DeleteRepository)));
}
