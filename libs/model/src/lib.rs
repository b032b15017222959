//! The nouns of the system, as plain values: repository, path, document key, shard, epoch, offset,
//! change and manifest. The main types are [`Change`] and [`Manifest`]. Nothing here does IO, reads
//! a clock or draws a random number; bytes on the wire and on disk are left to `ax-proto` and to the
//! crates that own each format.

mod branches;
mod change;
mod error;
mod facts;
mod key;
mod manifest;
mod position;
mod repository;
mod route;
mod source;

pub use branches::{BranchHistory, BranchOrigin};
pub use change::{
    BlobId, Change, ChangeBody, Content, FileKind, FileVersion, SkipReason, StoredBlob,
};
pub use error::{Code, Fault};
pub use facts::{RepositoryFacts, SaidFacts};
pub use key::{DocKey, InvalidKey, RepoName};
pub use manifest::{ContentHash, Manifest, Rebuild, SegmentEntry, SegmentId, Stored, percent};
pub use position::{
    Epoch, Generation, InvalidToken, ManifestVersion, Offset, OffsetRange, RebuildNumber, ShardId,
    VersionToken,
};
pub use repository::{BranchHead, RepositoryInfo};
pub use route::Router;
pub use source::without_secrets;
