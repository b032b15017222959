//! What ingest needs from the rest of the cluster, as two small traits.
//!
//! [`Records`] is the coordination store as ingest sees it, [`BlobSink`] the object store. Real ones are
//! in [`crate::cluster`]; [`crate::memory`] has both in memory, for tests and measurements.

use crate::IngestError;
use async_trait::async_trait;
use ax_model::{RepoName, SaidFacts, StoredBlob};
use ax_proto::cluster::{IngestCheckpoint, IngestProgress, Registration};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Takes the texts that are too large for the change stream.
#[async_trait]
pub trait BlobSink: Send + Sync + 'static {
    /// Stores `bytes` under their hash; once it returns, they last as long as the change does.
    async fn put(&self, bytes: Bytes) -> Result<StoredBlob, IngestError>;
}

/// A checkpoint and the revision at which it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCheckpoint {
    /// The checkpoint.
    pub value: IngestCheckpoint,
    /// Its revision.
    pub revision: u64,
}

/// A claim on a repository: while it is held, no other ingest process works on it. It only avoids
/// double work; [`Records::save`] is what keeps two from losing each other's changes.
pub trait Claim: Send + Sync {
    /// True once the claim must be taken for lost.
    fn is_lost(&self) -> bool;
}

/// What ingest reads and writes in the coordination store.
#[async_trait]
pub trait Records: Send + Sync + 'static {
    /// Every registered repository, by name.
    async fn registrations(&self) -> Result<BTreeMap<String, Registration>, IngestError>;

    /// Returns after registrations may have changed since the last call. Cancel-safe.
    async fn changed(&self);

    /// Keeps with a registration what its code host says of the repository, if it is news.
    async fn hear(&self, name: &str, said: SaidFacts) -> Result<(), IngestError>;

    /// Deletes a registration that asks for its removal, with its progress; one that was renewed meanwhile stays.
    async fn forget(&self, name: &RepoName) -> Result<(), IngestError>;

    /// Claims a repository for this process; `None` when another one holds it.
    async fn claim(&self, name: &RepoName) -> Result<Option<Box<dyn Claim>>, IngestError>;

    /// The checkpoint of a repository.
    async fn load(&self, name: &RepoName) -> Result<Option<StoredCheckpoint>, IngestError>;

    /// Names of all repositories that have a checkpoint.
    async fn checkpointed(&self) -> Result<Vec<String>, IngestError>;

    /// Writes a checkpoint over the one of revision `expected` (`None`: there is none), and returns
    /// its revision; [`IngestError::Superseded`] when another stands there.
    async fn save(
        &self,
        checkpoint: IngestCheckpoint,
        expected: Option<u64>,
    ) -> Result<u64, IngestError>;

    /// Deletes a checkpoint and its progress, if the revision is as expected.
    async fn drop_checkpoint(&self, name: &RepoName, expected: u64) -> Result<(), IngestError>;

    /// Shows how an import goes.
    async fn show(&self, progress: IngestProgress) -> Result<(), IngestError>;
}
