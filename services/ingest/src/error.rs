//! Why a repository could not be read or its changes not be emitted.

use ax_changes::LogError;
use ax_model::{Code, Fault};

/// A failed step of one repository. Nothing is lost by any of them: the checkpoint stands where it
/// stood, and the step is repeated.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The repository was there, or was said to be there, and is not.
    #[error("`{place}` is not there: {reason}")]
    Vanished {
        /// Path or URL, without credentials.
        place: String,
        /// What was seen.
        reason: String,
    },
    /// A commit or tree that a branch needs cannot be read. The last good state stays searchable.
    #[error("the repository has an object that cannot be read: {0}")]
    Corrupt(String),
    /// A remote cannot be reached, or took too long.
    #[error("`{url}` cannot be fetched: {reason}")]
    Unreachable {
        /// URL without credentials.
        url: String,
        /// What the transport said.
        reason: String,
    },
    /// A remote wants to know who we are, or does not let us in.
    #[error("`{url}` refused: {reason}")]
    Refused {
        /// URL without credentials.
        url: String,
        /// What the transport said.
        reason: String,
    },
    /// The path is something else than a repository or a directory.
    #[error("`{0}` is neither a repository nor a directory of files")]
    NotARepository(String),
    /// The registration has a name or a pattern that cannot be.
    #[error("the registration cannot be used: {0}")]
    BadRegistration(String),
    /// The change stream refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The object store refused a large file.
    #[error("the object store did not take a file: {reason}")]
    Blobs {
        /// Code of the store's failure.
        code: Code,
        /// What it said.
        reason: String,
        /// True when the same may succeed later.
        retryable: bool,
    },
    /// Coordination could not be reached or refused.
    #[error("coordination failed: {reason}")]
    Coordination {
        /// Code of the failure.
        code: Code,
        /// What it said.
        reason: String,
    },
    /// Another ingest process wrote this repository's checkpoint in between.
    #[error("another process took this repository over")]
    Superseded,
    /// The step was asked to stop.
    #[error("stopped before the end")]
    Stopped,
    /// The local disk failed: mirror, listing.
    #[error("local storage failed: {0}")]
    Disk(String),
    /// A fault of ours.
    #[error("a fault of ours: {0}")]
    Internal(String),
}

impl IngestError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Vanished { .. } => Code::RepositoryVanished,
            Self::Corrupt(_) => Code::RepositoryCorrupt,
            Self::Unreachable { .. } => Code::RepositoryUnreachable,
            Self::Refused { .. } => Code::RepositoryRefused,
            Self::NotARepository(_) => Code::RepositoryNotGit,
            Self::BadRegistration(_) => Code::BadRequest,
            Self::Log(error) => error.code(),
            Self::Blobs { code, .. } | Self::Coordination { code, .. } => *code,
            Self::Superseded => Code::LeaseLost,
            Self::Disk(_) => Code::StoreFull,
            Self::Stopped => Code::NotReady,
            Self::Internal(_) => Code::Internal,
        }
    }

    /// True when it may pass by itself. The others are repeated too, only more rarely: a person may
    /// mend a repository or a registration at any time.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::Blobs { retryable, .. } => *retryable,
            Self::NotARepository(_) | Self::BadRegistration(_) | Self::Internal(_) => false,
            _ => true,
        }
    }

    /// The error as it crosses a boundary.
    pub fn fault(&self) -> Fault {
        Fault::new(self.code(), self.to_string())
    }
}

/// gix reports a tree of errors; the last ones are what happened, the first what was being done.
pub(crate) fn explain(error: &gix::Error) -> String {
    let mut parts: Vec<String> = error.iter_errors().map(|part| part.to_string()).collect();
    parts.dedup();
    if parts.len() > 5 {
        parts.drain(2..parts.len() - 3);
    }
    parts.join(": ")
}
