//! Changes to the cluster that a user asks of a query node.

use async_trait::async_trait;
use ax_cluster::Registration;
use ax_model::{Fault, Offset, RepoName, ShardId, VersionToken};

/// A repository to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRepository {
    /// URL or path.
    pub source: String,
    /// Name wanted; `None` derives one from the source.
    pub name: Option<RepoName>,
    /// Branch patterns, as globs; empty for all.
    pub branches: Vec<String>,
}

/// What a query node passes on to whoever can do it. Searching never needs it.
#[async_trait]
pub trait Admin: Send + Sync + 'static {
    /// Registers a repository. Registering the same again changes nothing;
    /// `AX-R005` when the name stands for another source.
    async fn register(&self, wanted: NewRepository) -> Result<Registration, Fault>;

    /// Asks for a repository's removal; `AX-A002` when there is none of that name.
    async fn remove(&self, name: &RepoName) -> Result<Registration, Fault>;

    /// Appends a quarantined change to the stream again and takes it out of quarantine. The token
    /// names its new position.
    async fn replay(&self, shard: ShardId, offset: Offset) -> Result<VersionToken, Fault>;
}
