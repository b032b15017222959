//! The change stream: an append-only log of partitions, keyed and compacted. The main type is
//! [`ChangeLog`]; Kafka ([`kafka`]) is its back end for clusters, an embedded durable log
//! ([`embedded`]) for one machine. [`codec`] turns [`ax_model::Change`] into record bytes and back.
//! What an index is, this crate does not know.

pub mod codec;
pub mod embedded;
pub mod kafka;
mod log;

pub use log::{
    Appended, Batch, Bounds, ChangeLog, Header, LogError, LogReader, NewRecord, ReadLimits, Record,
};
