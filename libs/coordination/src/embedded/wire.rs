//! What the embedded store keeps on disk, as protobuf messages: commands, log entries, snapshots.
//!
//! Written by derive, not from `proto/`, since no other process ever reads them. `wire/tests.rs` holds
//! the bytes of each; a field's number and meaning never change.
//!
//! ```text
//! log entry  := StoredEntry { data: Command | nothing }
//! snapshot   := StoredSnapshot { data: StateImage }
//! ```

use super::LogError;
use bytes::Bytes;
use prost::Message;
use raft::eraftpb::{ConfState, Entry, HardState, Snapshot};

/// A change of the state, as the log carries it. Holds all that it depends on; the time is not part of
/// it, so every replica does the same with it.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Command {
    /// What to do; a command without it is refused.
    #[prost(oneof = "Op", tags = "1, 2, 3")]
    pub(super) op: Option<Op>,
}

/// The kinds of command.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Op {
    /// Sets or deletes one key.
    #[prost(message, tag = "1")]
    Write(WriteCommand),
    /// Makes a lease.
    #[prost(message, tag = "2")]
    Grant(GrantCommand),
    /// Ends a lease: asked for by its holder, or by the leader whose clock says so.
    #[prost(message, tag = "3")]
    Revoke(RevokeCommand),
}

/// One write.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WriteCommand {
    /// The key.
    #[prost(string, tag = "1")]
    pub(super) key: String,
    /// The new value; absent to delete.
    #[prost(message, optional, tag = "2")]
    pub(super) put: Option<PutCommand>,
    /// Revision that the key must have been modified at; zero: it must not exist; absent: anything.
    #[prost(uint64, optional, tag = "3")]
    pub(super) expect: Option<u64>,
    /// Another key that must stand.
    #[prost(message, optional, tag = "4")]
    pub(super) guard: Option<GuardCommand>,
}

/// A value to set.
#[derive(Clone, PartialEq, Message)]
pub(super) struct PutCommand {
    /// The value.
    #[prost(bytes = "bytes", tag = "1")]
    pub(super) value: Bytes,
    /// Lease to tie the key to; zero for none.
    #[prost(int64, tag = "2")]
    pub(super) lease: i64,
}

/// A key that must stand as it was created.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GuardCommand {
    /// The key.
    #[prost(string, tag = "1")]
    pub(super) key: String,
    /// Revision at which it must have been created.
    #[prost(uint64, tag = "2")]
    pub(super) created: u64,
}

/// A new lease.
#[derive(Clone, PartialEq, Message)]
pub(super) struct GrantCommand {
    /// How long it lives without a renewal, in milliseconds.
    #[prost(uint64, tag = "1")]
    pub(super) ttl_ms: u64,
}

/// The end of a lease.
#[derive(Clone, PartialEq, Message)]
pub(super) struct RevokeCommand {
    /// The lease.
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
}

/// The whole state at one moment. The event history is left out: see [`super::history`].
#[derive(Clone, PartialEq, Message)]
pub(super) struct StateImage {
    /// Revision of the last change.
    #[prost(uint64, tag = "1")]
    pub(super) revision: u64,
    /// The last lease id given away.
    #[prost(int64, tag = "2")]
    pub(super) last_lease: i64,
    /// Keys in order.
    #[prost(message, repeated, tag = "3")]
    pub(super) keys: Vec<KeyImage>,
    /// Leases in order.
    #[prost(message, repeated, tag = "4")]
    pub(super) leases: Vec<LeaseImage>,
}

/// A key.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KeyImage {
    /// The key.
    #[prost(string, tag = "1")]
    pub(super) key: String,
    /// Its value.
    #[prost(bytes = "bytes", tag = "2")]
    pub(super) value: Bytes,
    /// Revision at which it came to be.
    #[prost(uint64, tag = "3")]
    pub(super) created: u64,
    /// Revision of its last change.
    #[prost(uint64, tag = "4")]
    pub(super) modified: u64,
    /// Lease that it is tied to; zero for none.
    #[prost(int64, tag = "5")]
    pub(super) lease: i64,
}

/// A lease.
#[derive(Clone, PartialEq, Message)]
pub(super) struct LeaseImage {
    /// Its id.
    #[prost(int64, tag = "1")]
    pub(super) id: i64,
    /// How long it lives without a renewal, in milliseconds.
    #[prost(uint64, tag = "2")]
    pub(super) ttl_ms: u64,
}

/// An entry of the Raft log. Our own message rather than the `raft` crate's, so that an update of
/// that crate cannot change what lies on disk.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StoredEntry {
    /// Term of the leader that wrote it.
    #[prost(uint64, tag = "1")]
    pub(super) term: u64,
    /// Its place in the log.
    #[prost(uint64, tag = "2")]
    pub(super) index: u64,
    /// Zero for a command; the others are Raft's own: 1 and 2, changes of the voters.
    #[prost(int32, tag = "3")]
    pub(super) kind: i32,
    /// The command; empty in the entry by which a leader begins its term.
    #[prost(bytes = "vec", tag = "4")]
    pub(super) data: Vec<u8>,
}

/// What a voter must never forget.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StoredHardState {
    /// Its term.
    #[prost(uint64, tag = "1")]
    pub(super) term: u64,
    /// Whom it voted for in that term; zero for nobody.
    #[prost(uint64, tag = "2")]
    pub(super) vote: u64,
    /// Up to where the log is known to be committed; it may be further by now.
    #[prost(uint64, tag = "3")]
    pub(super) commit: u64,
}

/// The state that stands for all log entries up to `index`.
#[derive(Clone, PartialEq, Message)]
pub(super) struct StoredSnapshot {
    /// Last entry it contains.
    #[prost(uint64, tag = "1")]
    pub(super) index: u64,
    /// Term of that entry.
    #[prost(uint64, tag = "2")]
    pub(super) term: u64,
    /// The voters then.
    #[prost(uint64, repeated, tag = "3")]
    pub(super) voters: Vec<u64>,
    /// The learners then.
    #[prost(uint64, repeated, tag = "4")]
    pub(super) learners: Vec<u64>,
    /// A [`StateImage`].
    #[prost(bytes = "vec", tag = "5")]
    pub(super) data: Vec<u8>,
}

impl StoredEntry {
    pub(super) fn encode_from(entry: &Entry) -> Vec<u8> {
        let (term, index, kind) = (entry.term, entry.index, entry.entry_type);
        Self { term, index, kind, data: entry.data.clone() }.encode_to_vec()
    }

    pub(super) fn into_entry(self) -> Entry {
        let mut entry = Entry::default();
        (entry.term, entry.index, entry.entry_type) = (self.term, self.index, self.kind);
        entry.data = self.data;
        entry
    }
}

impl StoredHardState {
    pub(super) fn encode_from(state: &HardState) -> Vec<u8> {
        Self { term: state.term, vote: state.vote, commit: state.commit }.encode_to_vec()
    }

    pub(super) fn into_hard_state(self) -> HardState {
        let mut state = HardState::default();
        (state.term, state.vote, state.commit) = (self.term, self.vote, self.commit);
        state
    }
}

impl StoredSnapshot {
    /// Fails on a snapshot taken in the middle of a change of voters, which we never make.
    pub(super) fn from_snapshot(snapshot: &Snapshot) -> Result<Self, LogError> {
        let meta = snapshot.get_metadata();
        let conf = meta.get_conf_state();
        if !conf.voters_outgoing.is_empty() {
            return Err(LogError::Unsupported("a snapshot in the middle of a change of voters"));
        }
        Ok(Self {
            index: meta.index,
            term: meta.term,
            voters: conf.voters.clone(),
            learners: conf.learners.clone(),
            data: snapshot.data.clone(),
        })
    }

    pub(super) fn conf_state(&self) -> ConfState {
        ConfState::from((self.voters.iter().copied(), self.learners.iter().copied()))
    }

    pub(super) fn to_snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot { data: self.data.clone(), ..Snapshot::default() };
        let meta = snapshot.mut_metadata();
        (meta.index, meta.term) = (self.index, self.term);
        meta.set_conf_state(self.conf_state());
        snapshot
    }
}

#[cfg(test)]
mod tests;
