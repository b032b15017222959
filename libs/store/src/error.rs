//! Why the store could not do what was asked.

use crate::chain::BrokenChain;
use ax_model::{Code, ContentHash, Epoch, ManifestVersion, ShardId};
use std::{error::Error, io, path::PathBuf};

/// A failure of the store, told apart by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another writer owns the shard. The caller must stop writing it, at once and for good.
    #[error("shard {shard} belongs to `{writer}` with epoch {epoch}, seen at version {version}")]
    Fenced {
        /// The shard.
        shard: ShardId,
        /// Where the other writer was seen.
        version: ManifestVersion,
        /// The other writer's epoch.
        epoch: Epoch,
        /// The other writer.
        writer: String,
    },
    /// The version is taken by an earlier attempt of this writer, or by the former owner's last
    /// link. The caller is not fenced; it reads the head again and goes on from there.
    #[error("shard {shard} already has a version {version}; read its head again")]
    Conflict {
        /// The shard.
        shard: ShardId,
        /// The version that is taken.
        version: ManifestVersion,
    },
    /// The link was collected: its name lies before the oldest version kept.
    #[error("version {version} of shard {shard} was collected; the oldest kept is {boundary}")]
    Collected {
        /// The shard.
        shard: ShardId,
        /// The version asked for.
        version: ManifestVersion,
        /// The oldest version kept.
        boundary: ManifestVersion,
    },
    /// There is no such object.
    #[error("`{path}` is not in the store")]
    NotFound {
        /// Its name.
        path: String,
    },
    /// A manifest, or another framed object, cannot be read or does not follow its chain.
    #[error("`{path}` is corrupt: {reason}")]
    ManifestCorrupt {
        /// Its name.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The bytes of a segment or blob are not those that its checksum names.
    #[error("`{path}` is corrupt: {reason}")]
    SegmentCorrupt {
        /// Its name.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The caller's manifest does not follow the link it was given: a fault of ours.
    #[error("the manifest does not follow its chain: {0}")]
    Chain(#[from] BrokenChain),
    /// The store lets two writers create one name; nothing built on it would be safe.
    #[error("the object store is not safe to use: {reason}")]
    Unsafe {
        /// What was seen.
        reason: String,
    },
    /// No space is left, in the store or on the local disk.
    #[error("no space is left to write `{path}`: {source}")]
    Full {
        /// What was being written.
        path: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store cannot be reached or answered with a failure that may pass. For a write this also
    /// means that its outcome is not known.
    #[error("the object store failed at `{path}`: {source}")]
    Unavailable {
        /// What was being read or written.
        path: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The store refused: credentials, permissions, or an operation that it does not know.
    #[error("the object store refused `{path}`: {source}")]
    Refused {
        /// What was being read or written.
        path: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A local file could not be read or written.
    #[error("the local file {path:?} failed: {source}")]
    Local {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The configuration cannot be used.
    #[error("the store's `{field}` is not usable: {message}")]
    Config {
        /// The field of [`crate::StoreConfig`].
        field: &'static str,
        /// What is wrong, and what is expected.
        message: String,
    },
}

impl StoreError {
    /// True when the same call may succeed later without anyone's help. After a write that failed
    /// this way the caller reads the head again, since the write may have taken effect.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// True when the caller has lost the shard.
    pub fn is_fenced(&self) -> bool {
        matches!(self, Self::Fenced { .. })
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Fenced { .. } => Code::Fenced,
            Self::ManifestCorrupt { .. } => Code::ManifestCorrupt,
            Self::SegmentCorrupt { .. } | Self::NotFound { .. } => Code::SegmentCorrupt,
            Self::Chain(_) => Code::Internal,
            Self::Unsafe { .. } => Code::StoreUnsafe,
            Self::Full { .. } => Code::StoreFull,
            Self::Config { .. } => Code::ConfigBadValue,
            Self::Conflict { .. }
            | Self::Collected { .. }
            | Self::Unavailable { .. }
            | Self::Refused { .. }
            | Self::Local { .. } => Code::StoreUnavailable,
        }
    }

    /// Sorts a failure of the back end.
    pub(crate) fn of(path: &object_store::path::Path, error: object_store::Error) -> Self {
        use object_store::Error as E;
        let path = path.to_string();
        match error {
            E::NotFound { .. } => Self::NotFound { path },
            E::PermissionDenied { .. }
            | E::Unauthenticated { .. }
            | E::NotImplemented { .. }
            | E::NotSupported { .. }
            | E::InvalidPath { .. } => Self::Refused { path, source: error.into() },
            _ if is_full(&error) => Self::Full { path, source: error.into() },
            _ => Self::Unavailable { path, source: error.into() },
        }
    }

    /// Sorts a failure of a local file.
    pub(crate) fn local(path: &std::path::Path, source: io::Error) -> Self {
        match is_full(&source) {
            true => Self::Full { path: path.display().to_string(), source: source.into() },
            false => Self::Local { path: path.to_owned(), source },
        }
    }

    /// A segment or blob whose bytes have another hash.
    pub(crate) fn wrong_hash(path: &str, expected: ContentHash, found: ContentHash) -> Self {
        let reason = format!("expected the checksum {expected}, found {found}");
        Self::SegmentCorrupt { path: path.to_owned(), reason }
    }

    /// A segment or blob whose bytes have another length.
    pub(crate) fn wrong_size(path: &str, expected: u64, found: u64) -> Self {
        let reason = format!("expected {expected} bytes, found {found}");
        Self::SegmentCorrupt { path: path.to_owned(), reason }
    }
}

/// True when some cause says that space ran out. A server's 507 is known by its text only: the back
/// end keeps its status code to itself.
fn is_full(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let full = error.downcast_ref::<io::Error>().is_some_and(|error| {
            use io::ErrorKind::{QuotaExceeded, StorageFull};
            matches!(error.kind(), StorageFull | QuotaExceeded)
        });
        if full || error.to_string().contains("507 Insufficient Storage") {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::path::Path;

    fn generic(source: impl Into<Box<dyn Error + Send + Sync>>) -> object_store::Error {
        object_store::Error::Generic { store: "test", source: source.into() }
    }

    #[test]
    fn a_full_disk_is_told_from_a_failure_that_passes() {
        let path = Path::from("a");
        let full = StoreError::of(&path, generic(io::Error::from_raw_os_error(28)));
        assert_eq!(full.code(), Code::StoreFull);
        let full = StoreError::of(&path, generic("status 507 Insufficient Storage: "));
        assert_eq!(full.code(), Code::StoreFull);
        let passing = StoreError::of(&path, generic(io::Error::from(io::ErrorKind::TimedOut)));
        assert!(passing.is_retryable() && !full.is_retryable());
        let full = StoreError::local("x".as_ref(), io::Error::from_raw_os_error(28));
        assert_eq!(full.code(), Code::StoreFull);
    }
}
