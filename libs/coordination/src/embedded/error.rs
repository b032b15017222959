//! What can go wrong with the log.

use crate::CoordinationError;
use raft::StorageError;
use std::{
    io::{self, ErrorKind},
    path::Path,
};

/// The log cannot be opened, read, written or understood. Whoever meets one drops the node: what it
/// has not made durable it must not act upon.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogError {
    #[error("another process uses the folder")]
    Locked,
    #[error("the log was removed or replaced while in use")]
    Replaced,
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
    /// True when opening the log again may mend it: the disk failed, and not what is on it.
    pub(super) fn is_of_disk(&self) -> bool {
        match self {
            Self::Locked => true, // by a child of ours that has not begun its own program yet
            _ => self.io().is_some() || self.is_aftermath(),
        }
    }

    /// True when there is no room.
    pub(super) fn is_full(&self) -> bool {
        let full = |error: &io::Error| {
            let kind = error.kind();
            let kinds = [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge];
            kinds.contains(&kind)
        };
        self.io().is_some_and(full)
    }

    /// How a failure to open the store looks from outside.
    pub(super) fn into_coordination(self, dir: &Path) -> CoordinationError {
        let dir_shown = dir.display();
        match self {
            Self::Locked => CoordinationError::DataLocked(dir.to_owned()),
            error if error.is_full() => {
                CoordinationError::Unavailable(format!("{dir_shown}: {error}; make room"))
            }
            error => CoordinationError::Broken(format!("{dir_shown}: {error}")),
        }
    }

    /// What the system said, however deep it is wrapped.
    fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Io(error) => Some(error),
            Self::File(error) => match &**error {
                redb::Error::Io(error) => Some(error),
                _ => None,
            },
            Self::Raft(raft::Error::Store(StorageError::Other(error))) => {
                error.downcast_ref::<Self>().and_then(Self::io)
            }
            _ => None,
        }
    }

    /// A call on a file that an earlier call found failing.
    fn is_aftermath(&self) -> bool {
        match self {
            Self::File(error) => {
                matches!(**error, redb::Error::PreviousIo | redb::Error::DatabaseClosed)
            }
            Self::Raft(raft::Error::Store(StorageError::Other(error))) => {
                error.downcast_ref::<Self>().is_some_and(Self::is_aftermath)
            }
            _ => false,
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
