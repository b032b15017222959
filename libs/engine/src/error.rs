//! What can go wrong in a segment.

use ax_model::Code;
use std::{io, path::PathBuf};

/// An error of this crate. Nothing here is retried by the crate itself.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A segment's bytes are not what its format says. The segment must be fetched again.
    #[error("segment is corrupt: {part}: {what}")]
    Corrupt {
        /// The section or structure concerned.
        part: String,
        /// What was expected, or found.
        what: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A regular expression of the query needs more memory than is allowed.
    #[error("regular expression is too large: {0}")]
    RegexTooLarge(String),
    /// What the query finds in names of definitions takes more memory than is allowed.
    #[error("the query matches too many definitions: {0} bytes of their places; the most is {1}")]
    TooManyDefinitions(usize, usize),
    /// A regular expression of the query is not valid.
    #[error("regular expression is not valid: {0}")]
    RegexInvalid(String),
    /// A document that no segment can hold, as one with an empty path.
    #[error("cannot be indexed: {0}")]
    Unindexable(String),
    /// The segment has reached a limit of its format; finish it and start another.
    #[error("segment is full: {0}")]
    SegmentFull(&'static str),
    /// A fault of ours, or of the inverted index's library.
    #[error("inverted index: {0}")]
    Index(String),
}

impl EngineError {
    /// Builds [`EngineError::Corrupt`].
    pub(crate) fn corrupt(part: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Corrupt { part: part.into(), what: what.into() }
    }

    /// Builds [`EngineError::Io`]; made for `map_err`.
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    /// Of an expression that does not compile.
    pub(crate) fn refused(error: &regex_automata::meta::BuildError) -> Self {
        match error.size_limit() {
            Some(limit) => Self::RegexTooLarge(format!("needs more than {limit} bytes")),
            None => Self::RegexInvalid(error.to_string()),
        }
    }

    /// True when the same call may succeed later without any change by the caller.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.kind(), io::ErrorKind::Interrupted | io::ErrorKind::StorageFull)
            }
            _ => false,
        }
    }

    /// The stable code to report.
    pub fn code(&self) -> Code {
        match self {
            Self::Corrupt { .. } => Code::SegmentCorrupt,
            Self::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Code::StoreFull
            }
            Self::RegexTooLarge(_) | Self::TooManyDefinitions(..) => Code::QueryTooLarge,
            Self::RegexInvalid(_) => Code::QueryRegex,
            Self::Unindexable(_) => Code::ChangeMalformed,
            Self::Io { .. } | Self::SegmentFull(_) | Self::Index(_) => Code::Internal,
        }
    }
}

impl From<tantivy::TantivyError> for EngineError {
    fn from(error: tantivy::TantivyError) -> Self {
        Self::Index(error.to_string())
    }
}
