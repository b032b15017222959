//! The bytes of each message on disk. A failure here means that old logs would be read wrongly.

use super::*;
use std::fmt::Debug;

/// Writes and reads back.
fn check<M: Message + Default + PartialEq + Debug>(message: &M, golden: &str) {
    let bytes = message.encode_to_vec();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, golden);
    assert_eq!(&M::decode(bytes.as_slice()).unwrap(), message);
}

#[test]
fn commands() {
    let put = PutCommand { value: Bytes::from_static(b"v"), lease: 3 };
    let guard = GuardCommand { key: "lead".into(), created: 300 };
    let write =
        WriteCommand { key: "k".into(), put: Some(put), expect: Some(0), guard: Some(guard) };
    check(
        &Command { op: Some(Op::Write(write)) },
        "0a170a016b12050a01761003180022090a046c65616410ac02",
    );
    let delete = WriteCommand { key: "k".into(), put: None, expect: Some(5), guard: None };
    check(&Command { op: Some(Op::Write(delete)) }, "0a050a016b1805");
    check(&Command { op: Some(Op::Grant(GrantCommand { ttl_ms: 2_000 })) }, "120308d00f");
    check(&Command { op: Some(Op::Revoke(RevokeCommand { id: 7 })) }, "1a020807");
}

#[test]
fn snapshots() {
    let key = KeyImage {
        key: "k".into(),
        value: Bytes::from_static(b"v"),
        created: 1,
        modified: 2,
        lease: 3,
    };
    let lease = LeaseImage { id: 3, ttl_ms: 500 };
    let image = StateImage { revision: 2, last_lease: 3, keys: vec![key], leases: vec![lease] };
    check(&image, "080210031a0c0a016b1201761801200228032205080310f403");
    let snapshot =
        StoredSnapshot { index: 9, term: 4, voters: vec![1, 2], learners: vec![3], data: vec![7] };
    check(&snapshot, "080910041a0201022201032a0107");
}

#[test]
fn log_entries_and_hard_state() {
    let entry = StoredEntry { term: 4, index: 9, kind: 0, data: vec![1, 2] };
    check(&entry, "0804100922020102");
    check(&StoredHardState { term: 4, vote: 1, commit: 9 }, "080410011809");
}

#[test]
fn what_raft_speaks_comes_back_whole() {
    let entry = StoredEntry { term: 4, index: 9, kind: 1, data: vec![1] };
    assert_eq!(StoredEntry::encode_from(&entry.clone().into_entry()), entry.encode_to_vec());
    let state = StoredHardState { term: 4, vote: 1, commit: 9 };
    assert_eq!(
        StoredHardState::encode_from(&state.clone().into_hard_state()),
        state.encode_to_vec()
    );
    let snapshot =
        StoredSnapshot { index: 9, term: 4, voters: vec![1, 2], learners: vec![3], data: vec![7] };
    assert_eq!(StoredSnapshot::from_snapshot(&snapshot.to_snapshot()).unwrap(), snapshot);
}
