//! The trait that both back ends fulfil; `tests/contract.rs` says what it promises.

use bytes::Bytes;
use std::time::Duration;

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
    /// The key was last modified at this revision.
    At(Revision),
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

/// Why coordination could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CoordinationError {
    /// The store cannot be reached or has no quorum. Whether a write happened is not known.
    #[error("the coordination store is unavailable: {0}")]
    Unavailable(String),
    /// The lease does not exist any more.
    #[error("lease {0:?} is gone")]
    LeaseGone(LeaseId),
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
    /// The store's own disk or data is broken.
    #[error("the coordination store is broken: {0}")]
    Broken(String),
}

impl CoordinationError {
    /// True when the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Changes of keys under a prefix: every one, in revision order, none twice.
#[async_trait::async_trait]
pub trait Watch: Send {
    /// The next changes, at least one. A back end that reconnects resumes after the last revision
    /// seen, or fails with [`CoordinationError::Compacted`]. Cancel-safe.
    async fn next(&mut self) -> Result<Vec<Event>, CoordinationError>;
}

/// A strongly consistent key-value store. Reads are linearizable; a write that returned is durable.
#[async_trait::async_trait]
pub trait Coordination: Send + Sync + 'static {
    /// One key.
    async fn get(&self, key: &str) -> Result<Option<Entry>, CoordinationError>;

    /// All keys that start with `prefix`.
    async fn list(&self, prefix: &str) -> Result<Listing, CoordinationError>;

    /// Writes `value` if the key is as expected, tied to `lease` when one is given.
    async fn put(
        &self,
        key: &str,
        value: Bytes,
        expect: Expect,
        lease: Option<LeaseId>,
    ) -> Result<CasOutcome, CoordinationError>;

    /// Deletes the key if it is as expected. Deleting an absent key under [`Expect::Any`] is done.
    async fn delete(&self, key: &str, expect: Expect) -> Result<CasOutcome, CoordinationError>;

    /// A new lease of `ttl`, rounded up to what the store can keep (etcd: whole seconds, 2 s least).
    async fn grant(&self, ttl: Duration) -> Result<LeaseId, CoordinationError>;

    /// Renews a lease, and returns the time that it has left. [`CoordinationError::LeaseGone`] when
    /// it ended before.
    async fn renew(&self, lease: LeaseId) -> Result<Duration, CoordinationError>;

    /// Ends a lease and deletes its keys. An absent lease is not an error.
    async fn revoke(&self, lease: LeaseId) -> Result<(), CoordinationError>;

    /// Changes under `prefix` from revision `from`, inclusive.
    async fn watch(
        &self,
        prefix: &str,
        from: Revision,
    ) -> Result<Box<dyn Watch>, CoordinationError>;
}
