//! The trait that both back ends fulfil; `tests/contract/` says what it promises.

use ax_model::Code;
use bytes::Bytes;
use std::{path::PathBuf, time::Duration};

/// Longest value that a store takes, in bytes. etcd refuses requests over 1.5 MiB by default.
pub const MAX_VALUE_BYTES: usize = 1 << 20;

/// Longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 4 << 10;

/// A moment of the whole store: grows by at least one with every change to any key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A lease: the keys tied to it vanish when it is not renewed in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseId(pub i64);

/// A key and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Key, `/`-separated text.
    pub key: String,
    /// Value.
    pub value: Bytes,
    /// Revision at which the key came to be; a fencing number that only grows over re-creations.
    pub created: Revision,
    /// Revision of the last change.
    pub modified: Revision,
    /// Lease that it is tied to.
    pub lease: Option<LeaseId>,
}

/// Keys under a prefix, in key order, as of one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The keys.
    pub entries: Vec<Entry>,
    /// The revision read; a watch from the next one misses nothing.
    pub revision: Revision,
}

/// What a key must be for a compare-and-set to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// Anything, or nothing.
    Any,
    /// The key does not exist.
    Absent,
    /// The key was last modified at this revision. Revisions of keys start above zero, so
    /// `At(Revision(0))` means [`Expect::Absent`].
    At(Revision),
}

/// A key that must stand as it was created, or the write does not happen: what makes a leader's
/// write void once the leadership has changed hands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The key that is looked at.
    pub key: String,
    /// Revision at which it must have been created.
    pub created: Revision,
}

/// What a write does to its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteOp {
    /// Sets the value, and ties the key to the lease, or to none.
    Put {
        /// The value.
        value: Bytes,
        /// The lease.
        lease: Option<LeaseId>,
    },
    /// Removes the key.
    Delete,
}

/// One atomic write, with all that it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// The key.
    pub key: String,
    /// What to do to it.
    pub op: WriteOp,
    /// What the key must be.
    pub expect: Expect,
    /// What another key must be. Looked at before `expect`.
    pub guard: Option<Guard>,
}

impl Write {
    /// Refuses a key or value over the limits, which are the same on every back end.
    pub fn check_size(&self) -> Result<(), CoordinationError> {
        check(self.key.len(), MAX_KEY_BYTES)?;
        match &self.op {
            WriteOp::Put { value, .. } => check(value.len(), MAX_VALUE_BYTES),
            WriteOp::Delete => Ok(()),
        }
    }
}

fn check(num_bytes: usize, max_bytes: usize) -> Result<(), CoordinationError> {
    if num_bytes > max_bytes {
        return Err(CoordinationError::TooLarge { num_bytes, max_bytes });
    }
    Ok(())
}

/// How a compare-and-set ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CasOutcome {
    /// Done, at this revision.
    Done(Revision),
    /// Not done: this is what stands there.
    Conflict(Option<Entry>),
}

/// A change seen by a watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The key has this value now.
    Put(Entry),
    /// The key is gone: deleted, or its lease ended.
    Deleted {
        /// The key.
        key: String,
        /// When.
        revision: Revision,
    },
}

impl Event {
    /// The key that changed.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(entry) => &entry.key,
            Self::Deleted { key, .. } => key,
        }
    }

    /// When it changed.
    pub fn revision(&self) -> Revision {
        match self {
            Self::Put(entry) => entry.modified,
            Self::Deleted { revision, .. } => *revision,
        }
    }
}

/// Why coordination could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CoordinationError {
    /// The store cannot be reached, has no quorum, or did not answer in time. **Whether a write
    /// happened is not known**: read before writing again, or write so that a repetition does no
    /// harm.
    #[error("the coordination store is unavailable: {0}")]
    Unavailable(String),
    /// The lease does not exist any more.
    #[error("lease {0:?} is gone")]
    LeaseGone(LeaseId),
    /// The key that guards a write is not the one that the caller created: somebody else leads.
    #[error("the guard key {key} is no longer ours")]
    GuardLost {
        /// The guard key.
        key: String,
    },
    /// A watch asked for revisions that the store has forgotten: list again, then watch from there.
    #[error("revision {asked:?} is compacted; the oldest kept is {oldest:?}")]
    Compacted {
        /// First revision asked for.
        asked: Revision,
        /// Oldest one kept.
        oldest: Revision,
    },
    /// A value or key is over the store's limit.
    #[error("{num_bytes} bytes are over the store's limit of {max_bytes}")]
    TooLarge {
        /// Size given.
        num_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// Another process has the embedded store's folder open.
    #[error("another process uses the data folder {}", .0.display())]
    DataLocked(PathBuf),
    /// The store's own disk or data is broken, or it refuses us altogether.
    #[error("the coordination store is broken: {0}")]
    Broken(String),
}

impl CoordinationError {
    /// True when the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The stable code that crosses a boundary.
    pub fn code(&self) -> Code {
        match self {
            Self::Unavailable(_) => Code::CoordinationUnavailable,
            Self::LeaseGone(_) | Self::GuardLost { .. } => Code::LeaseLost,
            Self::Compacted { .. } => Code::RevisionCompacted,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::DataLocked(_) => Code::DataLocked,
            Self::Broken(_) => Code::CoordinationBroken,
        }
    }
}

/// Changes of keys under a prefix: every one, in revision order, none twice; the changes of one
/// revision come together.
#[async_trait::async_trait]
pub trait Watch: Send {
    /// The next changes, at least one. A back end that reconnects resumes after the last revision
    /// seen, or fails with [`CoordinationError::Compacted`]; it waits for as long as its server is
    /// away, and what cannot be helped by waiting is an error. Cancel-safe.
    async fn next(&mut self) -> Result<Vec<Event>, CoordinationError>;
}

/// A strongly consistent key-value store. Reads are linearizable; a write that returned is durable.
#[async_trait::async_trait]
pub trait Coordination: Send + Sync + 'static {
    /// One key.
    async fn get(&self, key: &str) -> Result<Option<Entry>, CoordinationError>;

    /// All keys that start with `prefix`.
    async fn list(&self, prefix: &str) -> Result<Listing, CoordinationError>;

    /// Does one write if the guard and the key are as expected.
    /// [`CoordinationError::GuardLost`] when the guard is not.
    async fn write(&self, write: Write) -> Result<CasOutcome, CoordinationError>;

    /// Writes `value` if the key is as expected, tied to `lease` when one is given.
    async fn put(
        &self,
        key: &str,
        value: Bytes,
        expect: Expect,
        lease: Option<LeaseId>,
    ) -> Result<CasOutcome, CoordinationError> {
        let op = WriteOp::Put { value, lease };
        self.write(Write { key: key.to_owned(), op, expect, guard: None }).await
    }

    /// Deletes the key if it is as expected. Deleting an absent key under [`Expect::Any`] or
    /// [`Expect::Absent`] is done, and changes no revision.
    async fn delete(&self, key: &str, expect: Expect) -> Result<CasOutcome, CoordinationError> {
        let write = Write { key: key.to_owned(), op: WriteOp::Delete, expect, guard: None };
        self.write(write).await
    }

    /// A new lease of `ttl`, rounded up to what the store can keep (etcd: whole seconds, 2 s least).
    async fn grant(&self, ttl: Duration) -> Result<LeaseId, CoordinationError>;

    /// Renews a lease, and returns the time that it has left. [`CoordinationError::LeaseGone`] when
    /// it ended before.
    async fn renew(&self, lease: LeaseId) -> Result<Duration, CoordinationError>;

    /// Ends a lease and deletes its keys. An absent lease is not an error.
    async fn revoke(&self, lease: LeaseId) -> Result<(), CoordinationError>;

    /// Changes under `prefix` from revision `from`, inclusive; it may lie ahead. When the store has
    /// forgotten `from`, it is [`Watch::next`] that says so.
    async fn watch(
        &self,
        prefix: &str,
        from: Revision,
    ) -> Result<Box<dyn Watch>, CoordinationError>;
}
