//! The indexer: reads the changes of the shards it is given, builds segments and publishes manifests.
//! The main types are [`Indexer`], the shell that follows the assignments, and the pure
//! [`fold::fold`], which turns a batch of records into what a segment holds. A worker keeps nothing:
//! taking a shard over is one manifest read and a seek. Deciding who indexes what is left to the
//! coordinator; how a segment looks to `ax-engine`; how a manifest is made safe to `ax-store`.

mod build;
mod choice;
mod error;
pub mod fold;
mod intake;
mod isolate;
mod known;
mod lag;
mod merger;
mod merging;
pub mod rebuild;
mod report;
mod scratch;
mod service;
mod setbacks;
mod settle;
mod trace;
mod weeding;
mod worker;

pub use error::IndexerError;
pub use service::{Indexer, IndexerConfig, IndexerDeps};
