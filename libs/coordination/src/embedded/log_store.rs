//! The Raft log, hard state and snapshot in one redb file.
//!
//! ```text
//! coordination.redb
//!   table log:   index (u64)  -> StoredEntry      entries after the snapshot, without a gap
//!   table meta:  "format"     -> one byte, 1
//!                "hard_state" -> StoredHardState
//!                "snapshot"   -> StoredSnapshot
//! ```
//!
//! Each change is one transaction, on disk (fsync) before the call returns; a crash leaves the one
//! before it. It commits in two phases: the pages are on disk before the header that names them is
//! written. So a log that is opened again after a failed flush names nothing that the kernel may have
//! dropped, and the next commit makes the header itself durable. With one phase the pages of a failed
//! flush would look whole in the kernel's cache and be gone after a power failure.
//!
//! The first voter begins with a snapshot of nothing at index 1, so that a voter added later,
//! whose log is empty, has to be sent a snapshot, and with it the list of voters.

use super::{
    LogError,
    log_file::LogFile,
    wire::{StoredEntry, StoredHardState, StoredSnapshot},
};
use prost::Message;
use raft::{
    GetEntriesContext, RaftState, Storage, StorageError,
    eraftpb::{ConfState, Entry, HardState, Snapshot},
};
use redb::{
    Database, ReadableDatabase, ReadableTable, Table, TableDefinition, TableHandle,
    WriteTransaction,
};

const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

const FORMAT: &str = "format";
const HARD_STATE: &str = "hard_state";
const SNAPSHOT: &str = "snapshot";

/// The only version of the layout so far.
const FORMAT_VERSION: u8 = 1;

/// A durable log.
#[derive(Debug)]
pub(super) struct LogStore {
    db: Database,
    hard_state: HardState,
    snapshot: StoredSnapshot,
    /// Index of the last entry, or of the snapshot when there is none.
    last_index: u64,
}

impl LogStore {
    /// Opens the log in `file`, or makes one with `voter` as the only voter.
    pub(super) fn open(
        file: &mut LogFile,
        voter: u64,
        first_state: Vec<u8>,
    ) -> Result<Self, LogError> {
        let may_be_new = !file.was_open();
        let db = file.open()?;
        let is_new = !db.begin_read()?.list_tables()?.any(|table| table.name() == META.name());
        if is_new && !may_be_new {
            return Err(LogError::Replaced);
        }
        if is_new {
            initialise(&db, voter, first_state)?;
        }
        Self::load(db)
    }

    fn load(db: Database) -> Result<Self, LogError> {
        let transaction = db.begin_read()?;
        let meta = transaction.open_table(META)?;
        let version = meta.get(FORMAT)?.map(|bytes| bytes.value().to_vec());
        if version.as_deref() != Some(&[FORMAT_VERSION]) {
            return Err(LogError::Unsupported("the log was written by another version"));
        }
        let hard_state = meta.get(HARD_STATE)?.ok_or(LogError::Missing(HARD_STATE))?;
        let hard_state = StoredHardState::decode(hard_state.value())?.into_hard_state();
        let snapshot = meta.get(SNAPSHOT)?.ok_or(LogError::Missing(SNAPSHOT))?;
        let snapshot = StoredSnapshot::decode(snapshot.value())?;
        let log = transaction.open_table(LOG)?;
        let last = log.last()?.map(|(index, _)| index.value());
        let last_index = last.unwrap_or(snapshot.index);
        drop((log, meta));
        drop(transaction);
        Ok(Self { db, hard_state, snapshot, last_index })
    }

    /// Index and data of the snapshot.
    pub(super) fn snapshot_data(&self) -> (u64, &[u8]) {
        (self.snapshot.index, &self.snapshot.data)
    }

    /// Adds entries, in place of any from the first one's index on, and sets the hard state.
    pub(super) fn append(
        &mut self,
        entries: &[Entry],
        hard_state: Option<&HardState>,
    ) -> Result<(), LogError> {
        let transaction = begin(&self.db)?;
        if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
            let mut log = transaction.open_table(LOG)?;
            if first.index <= self.last_index {
                log.retain_in(first.index.., |_, _| false)?;
            }
            insert_all(&mut log, entries)?;
            self.last_index = last.index;
        }
        if let Some(state) = hard_state {
            set_meta(&transaction, HARD_STATE, &StoredHardState::encode_from(state))?;
            self.hard_state = state.clone();
        }
        transaction.commit()?;
        Ok(())
    }

    /// Replaces the entries up to `index`, which are applied, by the state they led to.
    pub(super) fn compact(
        &mut self,
        index: u64,
        data: Vec<u8>,
        hard_state: HardState,
    ) -> Result<(), LogError> {
        let term = self.term(index)?;
        let snapshot = StoredSnapshot { index, term, data, ..self.snapshot.clone() };
        self.replace(snapshot, hard_state, ..=index)
    }

    /// Takes over a snapshot that the leader sent; nothing of the log is left.
    pub(super) fn install(
        &mut self,
        snapshot: &Snapshot,
        hard_state: HardState,
    ) -> Result<(), LogError> {
        let snapshot = StoredSnapshot::from_snapshot(snapshot)?;
        self.last_index = snapshot.index;
        self.replace(snapshot, hard_state, ..)
    }

    /// Sets snapshot and hard state and removes entries, in one transaction: the committed index must
    /// never stand before the snapshot, or Raft refuses to start.
    fn replace(
        &mut self,
        snapshot: StoredSnapshot,
        hard_state: HardState,
        gone: impl std::ops::RangeBounds<u64>,
    ) -> Result<(), LogError> {
        let transaction = begin(&self.db)?;
        set_meta(&transaction, SNAPSHOT, &snapshot.encode_to_vec())?;
        set_meta(&transaction, HARD_STATE, &StoredHardState::encode_from(&hard_state))?;
        let gone = (gone.start_bound().cloned(), gone.end_bound().cloned());
        transaction.open_table(LOG)?.retain_in::<u64, _>(gone, |_, _| false)?;
        transaction.commit()?;
        (self.snapshot, self.hard_state) = (snapshot, hard_state);
        Ok(())
    }

    fn read(&self, low: u64, high: u64, max_bytes: u64) -> Result<Vec<Entry>, LogError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut num_bytes = 0;
        for row in self.db.begin_read()?.open_table(LOG)?.range(low..high)? {
            let (_, bytes) = row?;
            num_bytes += bytes.value().len() as u64;
            if num_bytes > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(StoredEntry::decode(bytes.value())?.into_entry());
        }
        Ok(entries)
    }

    fn conf_state(&self) -> ConfState {
        self.snapshot.conf_state()
    }
}

fn begin(db: &Database) -> Result<WriteTransaction, LogError> {
    let mut transaction = db.begin_write()?;
    transaction.set_two_phase_commit(true);
    Ok(transaction)
}

fn initialise(db: &Database, voter: u64, data: Vec<u8>) -> Result<(), LogError> {
    let snapshot =
        StoredSnapshot { index: 1, term: 1, voters: vec![voter], learners: vec![], data };
    let hard_state = StoredHardState { term: 1, vote: 0, commit: 1 };
    let transaction = begin(db)?;
    transaction.open_table(LOG)?;
    set_meta(&transaction, FORMAT, &[FORMAT_VERSION])?;
    set_meta(&transaction, SNAPSHOT, &snapshot.encode_to_vec())?;
    set_meta(&transaction, HARD_STATE, &hard_state.encode_to_vec())?;
    transaction.commit()?;
    Ok(())
}

fn set_meta(transaction: &WriteTransaction, key: &str, value: &[u8]) -> Result<(), LogError> {
    transaction.open_table(META)?.insert(key, value)?;
    Ok(())
}

fn insert_all(log: &mut Table<'_, u64, &[u8]>, entries: &[Entry]) -> Result<(), LogError> {
    for entry in entries {
        log.insert(entry.index, StoredEntry::encode_from(entry).as_slice())?;
    }
    Ok(())
}

impl Storage for LogStore {
    fn initial_state(&self) -> raft::Result<RaftState> {
        Ok(RaftState::new(self.hard_state.clone(), self.conf_state()))
    }

    fn entries(
        &self,
        low: u64,
        high: u64,
        max_size: impl Into<Option<u64>>,
        _: GetEntriesContext,
    ) -> raft::Result<Vec<Entry>> {
        if low <= self.snapshot.index {
            return Err(StorageError::Compacted.into());
        }
        if high > self.last_index + 1 {
            return Err(StorageError::Unavailable.into());
        }
        let max_bytes = max_size.into().unwrap_or(u64::MAX);
        self.read(low, high, max_bytes).map_err(into_raft)
    }

    fn term(&self, index: u64) -> raft::Result<u64> {
        if index == self.snapshot.index {
            return Ok(self.snapshot.term);
        }
        let context = GetEntriesContext::empty(false);
        let entries = self.entries(index, index.saturating_add(1), None, context)?;
        let missing = || StorageError::Other(Box::new(LogError::Missing("an entry")));
        Ok(entries.first().ok_or_else(missing)?.term)
    }

    fn first_index(&self) -> raft::Result<u64> {
        Ok(self.snapshot.index + 1)
    }

    fn last_index(&self) -> raft::Result<u64> {
        Ok(self.last_index)
    }

    fn snapshot(&self, request_index: u64, _to: u64) -> raft::Result<Snapshot> {
        if request_index > self.snapshot.index {
            // The next one will do; Raft asks again.
            return Err(StorageError::SnapshotTemporarilyUnavailable.into());
        }
        Ok(self.snapshot.to_snapshot())
    }
}

fn into_raft(error: LogError) -> raft::Error {
    StorageError::Other(Box::new(error)).into()
}

#[cfg(test)]
mod tests;
