//! Why a shard's worker stopped.

use ax_changes::LogError;
use ax_cluster::ClusterError;
use ax_engine::EngineError;
use ax_store::StoreError;

/// A failure of indexing.
#[derive(Debug, thiserror::Error)]
pub enum IndexerError {
    /// The change stream failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The object store failed, or another writer has the shard.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A segment could not be built or read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Coordination failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A build was stopped by its own panic.
    #[error("building a segment panicked: {0}")]
    Panicked(String),
    /// Scratch space cannot be used.
    #[error("scratch space: {0}")]
    Scratch(#[from] std::io::Error),
}

impl IndexerError {
    /// The stable code.
    pub fn code(&self) -> ax_model::Code {
        use ax_model::Code;
        match self {
            Self::Log(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Cluster(error) => error.code(),
            Self::Panicked(_) => Code::Internal,
            Self::Scratch(_) => Code::StoreFull,
        }
    }

    /// True when another writer has taken the shard over: the worker halts for good.
    pub fn is_fenced(&self) -> bool {
        self.code() == ax_model::Code::Fenced
    }
}
