//! Ingest: repositories to changes. The main type is [`IngestService`], which follows the registered
//! repositories and keeps the change stream at what their branches show; [`sync_once`] makes one such
//! step. Git is read by `gix` straight from the object database, plain directories by scanning; what
//! a file's text is, [`content`] decides, and every text left out travels with its reason. Indexing
//! the changes, and the cluster's records, are left to others: see [`ports`].

pub mod attributes;
mod branches;
mod checkpoint;
pub mod cluster;
mod config;
pub mod content;
mod emit;
mod error;
mod heard;
pub mod memory;
pub mod plan;
pub mod ports;
mod progress;
mod registration;
mod scheduler;
mod service;
pub mod snapshot;
pub mod source;
mod sync;
pub mod webhook;

pub use config::{IngestConfig, WebhookSecrets};
pub use error::IngestError;
pub use progress::{Phase, Progress};
pub use registration::check_registration;
pub use service::{IngestHandle, IngestService};
pub use source::Access;
pub use sync::{Control, Deps, Outcome, SyncReport, Worker, sync_once};
