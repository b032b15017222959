//! One change of one document key, as it travels through the stream.

use crate::{DocKey, RepositoryInfo};
use bytes::Bytes;
use std::fmt;

/// The identity of a file's content: git's object id (20 or 32 bytes).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlobId(pub Vec<u8>);

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileKind {
    /// An ordinary file.
    #[default]
    Regular,
    /// A file with the executable bit.
    Executable,
    /// A symbolic link.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// Why a file's text is not searchable. Its path still is, and the API lists it with this reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// Not text: NUL bytes near its start and no known encoding.
    Binary,
    /// Over the configured size limit.
    TooLarge,
    /// A symbolic link; its target is searchable at its own path.
    Symlink,
    /// A submodule; register its repository to search it.
    Submodule,
    /// A Git LFS pointer whose content is not in the object database.
    LfsPointer,
    /// Declared as UTF-16 or another encoding, but its bytes are not that.
    Undecodable,
    /// The object is missing or corrupt in the repository.
    Unreadable,
}

impl SkipReason {
    /// Every reason, in the order of its wire number.
    pub const ALL: [Self; 7] = [
        Self::Binary,
        Self::TooLarge,
        Self::Symlink,
        Self::Submodule,
        Self::LfsPointer,
        Self::Undecodable,
        Self::Unreadable,
    ];

    /// The stable name used by the API, in metrics and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::TooLarge => "too-large",
            Self::Symlink => "symlink",
            Self::Submodule => "submodule",
            Self::LfsPointer => "lfs-pointer",
            Self::Undecodable => "undecodable",
            Self::Unreadable => "unreadable",
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A blob too large for the stream, kept in the object store under its hash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct StoredBlob {
    /// BLAKE3 of the bytes; the object's name and its checksum.
    pub hash: [u8; 32],
    /// Length in bytes.
    pub num_bytes: u64,
}

/// Where a version's text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// In the change itself, as UTF-8 (other encodings are converted by ingest).
    Inline(Bytes),
    /// In the object store.
    Stored(StoredBlob),
    /// Nowhere, with the reason.
    Skipped(SkipReason),
}

/// One distinct blob that a path shows, with the branches that show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileVersion {
    /// Git's id of the blob, before any conversion.
    pub blob: BlobId,
    /// Branches that show this blob at this path, sorted.
    pub branches: Vec<String>,
    /// The repository's count of branch additions as of which `branches` speaks; see
    /// [`crate::BranchHistory`].
    pub as_of: u32,
    /// The text, or why there is none.
    pub content: Content,
    /// What the tree entry is.
    pub kind: FileKind,
    /// Size of the blob as git stores it, in bytes.
    pub num_bytes: u64,
    /// The encoding that was converted to UTF-8, as in `utf-16le`; empty when it was UTF-8.
    pub encoding: String,
    /// `linguist-generated` by attribute.
    pub generated: bool,
    /// `linguist-vendored` by attribute.
    pub vendored: bool,
}

/// What happened to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeBody {
    /// These are now all live versions of the path; never empty.
    Put(Vec<FileVersion>),
    /// The path is gone from every branch.
    Delete,
    /// Everything of the repository before this change, in this shard, is gone. The key has no path.
    DeleteRepository,
    /// The repository's own facts. The key has no path.
    Repository(RepositoryInfo),
}

/// One change: the whole live state of one key, so that the last one wins (the topic is compacted).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changed.
    pub key: DocKey,
    /// What it is now.
    pub body: ChangeBody,
    /// When the newest commit involved was made, in milliseconds since 1970; freshness starts here.
    pub committed_at_ms: i64,
    /// When ingest emitted the change, in milliseconds since 1970.
    pub emitted_at_ms: i64,
}
