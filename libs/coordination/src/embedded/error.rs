//! What can go wrong with the log.

use crate::CoordinationError;
use std::{io, path::Path};

/// The log cannot be opened, read, written or understood. The store stops at the first of them: what
/// it has not made durable it must not act upon.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error("another process uses the folder")]
    Locked,
    #[error("the log lacks {0}")]
    Missing(&'static str),
    #[error("not supported: {0}")]
    Unsupported(&'static str),
    #[error("the log cannot be decoded: {0}")]
    Decode(#[from] prost::DecodeError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("log file: {0}")]
    File(Box<redb::Error>),
    #[error("raft: {0}")]
    Raft(#[from] raft::Error),
}

impl LogError {
    pub(super) fn into_coordination(self, dir: &Path) -> CoordinationError {
        match self {
            Self::Locked => CoordinationError::DataLocked(dir.to_owned()),
            error => CoordinationError::Broken(format!("{}: {error}", dir.display())),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {$(
        impl From<redb::$error> for LogError {
            fn from(error: redb::$error) -> Self {
                Self::File(Box::new(error.into()))
            }
        }
    )*};
}

from_redb!(DatabaseError StorageError TableError TransactionError CommitError);
