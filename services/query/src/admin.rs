//! Changes to the cluster that a user asks of a query node.

use async_trait::async_trait;
use ax_cluster::Registration;
use ax_model::{Fault, Offset, RebuildNumber, RepoName, SaidFacts, ShardId, VersionToken};

/// A repository to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRepository {
    /// URL or path.
    pub source: String,
    /// Name wanted; `None` derives one from the source.
    pub name: Option<RepoName>,
    /// Branch patterns, as globs; empty for all.
    pub branches: Vec<String>,
    /// What is said of it; the rest is left to its code host and its own configuration.
    pub facts: SaidFacts,
}

/// A rebuild that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedRebuild {
    /// Shard.
    pub shard: ShardId,
    /// Which rebuild; it is done once the shard's manifest says that it is `rebuilt` so often.
    pub number: RebuildNumber,
    /// It was asked for, or begun, before.
    pub already: bool,
    /// Positions that the stream spans for the shard now; `None` when it cannot be asked. With none
    /// the shard will be empty.
    pub stream_positions: Option<u64>,
}

/// What a query node passes on to whoever can do it. Searching never needs it.
#[async_trait]
pub trait Admin: Send + Sync + 'static {
    /// Registers a repository. Registering the same again changes nothing but the facts that are said;
    /// `AX-R005` when the name stands for another source.
    async fn register(&self, wanted: NewRepository) -> Result<Registration, Fault>;

    /// Asks for a repository's removal; `AX-A002` when there is none of that name.
    async fn remove(&self, name: &RepoName) -> Result<Registration, Fault>;

    /// Appends a quarantined change to the stream again and takes it out of quarantine. The token
    /// names its new position.
    async fn replay(&self, shard: ShardId, offset: Offset) -> Result<VersionToken, Fault>;

    /// Asks for a rebuild of a shard from the start of the stream. Asking again while it is on its way
    /// changes nothing.
    async fn rebuild(&self, shard: ShardId) -> Result<AskedRebuild, Fault>;
}
