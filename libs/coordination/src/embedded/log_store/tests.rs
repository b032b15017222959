use super::*;
use crate::embedded::log_file::FILE_NAME;
use std::fs;
use tempfile::TempDir;

fn open(dir: &TempDir, voter: u64, first_state: Vec<u8>) -> Result<LogStore, LogError> {
    LogStore::open(&mut LogFile::new(dir.path()), voter, first_state)
}

fn entry(index: u64, term: u64) -> Entry {
    StoredEntry { term, index, kind: 0, data: vec![index as u8; 100] }.into_entry()
}

fn hard_state(term: u64, commit: u64) -> HardState {
    StoredHardState { term, vote: 1, commit }.into_hard_state()
}

/// A log with entries 2 to 6, of term 2.
fn filled() -> (TempDir, LogStore) {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir, 1, vec![]).unwrap();
    let entries: Vec<_> = (2..=6).map(|index| entry(index, 2)).collect();
    store.append(&entries, Some(&hard_state(2, 4))).unwrap();
    (dir, store)
}

fn reopened(dir: &TempDir, store: LogStore) -> LogStore {
    drop(store);
    open(dir, 1, vec![]).unwrap()
}

fn indexes(store: &LogStore, low: u64, high: u64, max_bytes: Option<u64>) -> Vec<u64> {
    let entries = store.entries(low, high, max_bytes, GetEntriesContext::empty(false)).unwrap();
    entries.iter().map(|entry| entry.index).collect()
}

fn is<T>(outcome: raft::Result<T>, expected: StorageError) -> bool {
    matches!(outcome, Err(raft::Error::Store(error)) if error == expected)
}

#[test]
fn a_new_log_begins_with_a_snapshot_of_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir, 7, vec![5]).unwrap();
    assert_eq!(store.snapshot_data(), (1, &[5][..]));
    assert_eq!((store.first_index().unwrap(), store.last_index().unwrap()), (2, 1));
    assert_eq!(store.initial_state().unwrap().conf_state.voters, [7]);
}

#[test]
fn entries_and_hard_state_outlive_the_process() {
    let (dir, store) = filled();
    let store = reopened(&dir, store);
    assert_eq!(indexes(&store, 2, 7, None), [2, 3, 4, 5, 6]);
    assert_eq!(store.term(6).unwrap(), 2);
    assert_eq!(store.initial_state().unwrap().hard_state, hard_state(2, 4));
}

#[test]
fn entries_are_bounded_in_bytes_but_never_none() {
    let (_dir, store) = filled();
    assert_eq!(indexes(&store, 2, 7, Some(250)), [2, 3]);
    assert_eq!(indexes(&store, 3, 7, Some(0)), [3]);
}

#[test]
fn a_new_leader_overwrites_what_was_never_committed() {
    let (dir, mut store) = filled();
    store.append(&[entry(4, 3)], None).unwrap();
    let store = reopened(&dir, store);
    assert_eq!(indexes(&store, 2, 5, None), [2, 3, 4]);
    assert_eq!((store.last_index().unwrap(), store.term(4).unwrap()), (4, 3));
}

#[test]
fn a_snapshot_replaces_the_entries_before_it() {
    let (dir, mut store) = filled();
    store.compact(4, vec![9], hard_state(2, 5)).unwrap();
    let store = reopened(&dir, store);
    assert_eq!(store.snapshot_data(), (4, &[9][..]));
    assert_eq!((store.first_index().unwrap(), store.last_index().unwrap()), (5, 6));
    assert_eq!(store.term(4).unwrap(), 2);
    assert!(is(store.term(3), StorageError::Compacted));
    assert!(is(store.term(7), StorageError::Unavailable));
    assert!(is(store.snapshot(5, 2), StorageError::SnapshotTemporarilyUnavailable));
    assert_eq!(store.snapshot(4, 2).unwrap().get_metadata().index, 4);
}

#[test]
fn a_snapshot_from_the_leader_replaces_everything() {
    let (dir, mut store) = filled();
    let sent =
        StoredSnapshot { index: 50, term: 8, voters: vec![1, 2], learners: vec![3], data: vec![1] };
    store.install(&sent.to_snapshot(), hard_state(8, 50)).unwrap();
    let store = reopened(&dir, store);
    assert_eq!((store.first_index().unwrap(), store.last_index().unwrap()), (51, 50));
    let state = store.initial_state().unwrap();
    assert_eq!((state.conf_state.voters, state.conf_state.learners), (vec![1, 2], vec![3]));
}

#[test]
fn a_log_in_use_is_refused() {
    let (dir, _store) = filled();
    assert!(matches!(open(&dir, 1, vec![]), Err(LogError::Locked)));
}

#[test]
fn a_log_of_another_version_is_refused() {
    let (dir, store) = filled();
    let transaction = store.db.begin_write().unwrap();
    set_meta(&transaction, FORMAT, &[2]).unwrap();
    transaction.commit().unwrap();
    drop(store);
    assert!(matches!(open(&dir, 1, vec![]), Err(LogError::Unsupported(_))));
}

#[test]
fn a_file_that_is_no_log_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE_NAME), vec![7; 8_192]).unwrap();
    assert!(matches!(open(&dir, 1, vec![]), Err(LogError::File(_))));
}
