//! A shard's segments and its chain of manifests in an object store: a directory or S3. The main
//! types are [`Store`], which knows the place, and [`ShardStore`], which publishes, reads and
//! collects one shard. What one writer may do after another has taken over is decided here
//! ([`chain`]), by conditional creation and epochs; who should write, when, and what a segment
//! holds is left to others.

mod blobs;
pub mod chain;
mod collect;
pub mod collector;
mod config;
mod error;
pub mod faults;
mod layout;
mod local;
pub mod manifest;
mod nearby;
mod objects;
mod packing;
mod probe;
mod quarantine;
mod segments;
mod shard;
mod store;

pub use chain::{Link, rebuild::RebuildStart};
pub use collect::{CollectReport, Collector};
pub use collector::{CollectPolicy, Pins};
pub use config::{Secret, StoreConfig};
pub use error::StoreError;
pub use layout::{epoch_of_segment, segment_id};
pub use nearby::{Neighbours, has_bytes_of, local_folder};
pub use objects::Patience;
pub use packing::Compression;
pub use quarantine::Quarantined;
pub use shard::ShardStore;
pub use store::Store;
