//! A shard's manifest: which segments it is made of, and how far it has read.

use crate::{Epoch, Generation, ManifestVersion, Offset, OffsetRange, ShardId};
use std::fmt;

/// BLAKE3 of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The name of a segment: unique for ever, chosen by its writer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(pub String);

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One segment as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentEntry {
    /// The segment.
    pub id: SegmentId,
    /// Length of its object in bytes.
    pub num_bytes: u64,
    /// BLAKE3 of its object; checked before the segment is used.
    pub checksum: ContentHash,
    /// Documents inside, live or dead.
    pub num_docs: u64,
    /// Bytes of text inside.
    pub text_bytes: u64,
    /// Keys that it deletes without replacing them.
    pub num_tombstones: u64,
    /// The positions whose changes it holds; after a merge, the hull of its parts.
    pub range: OffsetRange,
}

/// One link of a shard's chain. Segments are in the order in which they supersede: newest last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The shard.
    pub shard: ShardId,
    /// Schema and shard count it belongs to.
    pub generation: Generation,
    /// Place in the chain, from 1.
    pub version: ManifestVersion,
    /// Tenure of the writer.
    pub epoch: Epoch,
    /// Who wrote it, for people.
    pub writer: String,
    /// Hash of the previous manifest's bytes; all zero for the first.
    pub previous: ContentHash,
    /// The change stream that the positions belong to; empty before the first change is read.
    pub log_id: String,
    /// What this link applied.
    pub applied: OffsetRange,
    /// Segments, oldest first.
    pub segments: Vec<SegmentEntry>,
    /// Newest `committed_at_ms` among the changes applied so far.
    pub committed_at_ms: i64,
    /// When it was written, in milliseconds since 1970, by the writer's clock.
    pub created_at_ms: i64,
}

impl Manifest {
    /// The position to read on from: everything before it is applied.
    pub fn position(&self) -> Offset {
        self.applied.to
    }
}
