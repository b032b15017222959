//! Coordination: a small, strongly consistent key-value store with compare-and-set, leases and
//! watches. The main type is [`Coordination`]; etcd ([`etcd`]) and an embedded Raft store
//! ([`embedded`]) fulfil it. [`election`] builds leadership and fencing terms on top. What a shard
//! is, this crate does not know.

pub mod election;
pub mod embedded;
pub mod etcd;
mod lease;
mod store;

pub use lease::LeaseKeeper;
pub use store::{
    CasOutcome, Coordination, CoordinationError, Entry, Event, Expect, Guard, LeaseId, Listing,
    MAX_KEY_BYTES, MAX_VALUE_BYTES, Revision, Watch, Write, WriteOp,
};
