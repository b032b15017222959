//! A shard's manifest: which segments it is made of, and how far it has read.

use crate::{Epoch, Generation, ManifestVersion, Offset, OffsetRange, RebuildNumber, ShardId};
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

/// How the object of a segment holds its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Stored {
    /// As they are. Every segment was, before there was another way.
    #[default]
    Raw,
    /// As frames of zstd, one behind the other.
    Zstd {
        /// Length of the object in bytes.
        num_bytes: u64,
    },
}

/// One segment as its manifest names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentEntry {
    /// The segment.
    pub id: SegmentId,
    /// Its length in bytes, as it lies under the map; what the store holds may be shorter.
    pub num_bytes: u64,
    /// BLAKE3 of these bytes; checked before the segment is used.
    pub checksum: ContentHash,
    /// How its object holds them.
    pub stored: Stored,
    /// Documents inside, live or dead.
    pub num_docs: u64,
    /// Bytes of text inside.
    pub text_bytes: u64,
    /// Keys that it deletes without replacing them.
    pub num_tombstones: u64,
    /// Documents inside that nobody has looked for definitions in yet.
    pub num_unparsed: u64,
    /// Bytes of their text.
    pub unparsed_bytes: u64,
    /// The positions whose changes it holds; after a merge, the hull of its parts.
    pub range: OffsetRange,
    /// The position up to which it was looked at for what later changes replaced or deleted in it; the
    /// end of its range at the least. Only compaction wants to know.
    pub weeded_to: Offset,
}

impl SegmentEntry {
    /// Length of its object in the store.
    pub fn stored_bytes(&self) -> u64 {
        match self.stored {
            Stored::Raw => self.num_bytes,
            Stored::Zstd { num_bytes } => num_bytes,
        }
    }
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
    /// Which rebuild the segments come from; zero for those built first.
    pub rebuilt: RebuildNumber,
    /// A moment, in milliseconds since 1970, at which the stream held every deletion that a reader at
    /// the position still needs; its retention counts from here. Zero: not known.
    pub complete_at_ms: i64,
    /// The rebuild under way, beside the segments that are served.
    pub rebuild: Option<Rebuild>,
}

/// A shard built anew from the start of the stream, as far as it has come. Nobody serves it; one
/// manifest puts its segments in the place of the served ones once the target is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuild {
    /// Which rebuild: greater than every earlier one of the shard.
    pub number: RebuildNumber,
    /// The change stream that its positions belong to.
    pub log_id: String,
    /// What this link applied to it.
    pub applied: OffsetRange,
    /// The end of the stream when it began.
    pub target: Offset,
    /// Segments built so far, oldest first.
    pub segments: Vec<SegmentEntry>,
    /// Newest `committed_at_ms` among the changes applied so far.
    pub committed_at_ms: i64,
    /// As [`Manifest::complete_at_ms`], for its own position.
    pub complete_at_ms: i64,
    /// When it began, in milliseconds since 1970.
    pub began_at_ms: i64,
    /// Why, for people: a stable code and a sentence.
    pub reason: String,
}

impl Rebuild {
    /// The position to read on from.
    pub fn position(&self) -> Offset {
        self.applied.to
    }

    /// How much of the way to the target is done, in whole percent.
    pub fn percent(&self) -> u64 {
        percent(self.position(), self.target)
    }

    /// True once everything is applied that the stream held when it began.
    pub fn is_complete(&self) -> bool {
        self.position() >= self.target
    }
}

/// How much of the way to `target` is done at `position`, in whole percent; all of none is 100.
pub fn percent(position: Offset, target: Offset) -> u64 {
    match target.0 {
        0 => 100,
        target => u64::try_from(u128::from(position.0.min(target)) * 100 / u128::from(target))
            .unwrap_or(100),
    }
}

impl Manifest {
    /// The position to read on from: everything before it is applied to what is served.
    pub fn position(&self) -> Offset {
        self.applied.to
    }

    /// The segments that the next changes are added to: those of the rebuild while there is one.
    pub fn growing(&self) -> &[SegmentEntry] {
        self.rebuild.as_ref().map_or(&self.segments, |rebuild| &rebuild.segments)
    }

    /// The position that the next changes are read from.
    pub fn reading_from(&self) -> Offset {
        self.rebuild.as_ref().map_or(self.position(), Rebuild::position)
    }

    /// The greatest number that a rebuild of the shard ever had; zero when there was none.
    pub fn last_rebuild(&self) -> RebuildNumber {
        let under_way = self.rebuild.as_ref().map_or(RebuildNumber(0), |rebuild| rebuild.number);
        self.rebuilt.max(under_way)
    }

    /// Documents served that nobody has looked for definitions in yet, and the bytes of their text.
    pub fn unparsed(&self) -> (u64, u64) {
        let add = |(num, bytes), entry: &SegmentEntry| {
            (num + entry.num_unparsed, bytes + entry.unparsed_bytes)
        };
        self.segments.iter().fold((0, 0), add)
    }

    /// Every segment that it needs, served or being built.
    pub fn all_segments(&self) -> impl Iterator<Item = &SegmentEntry> {
        let rebuilding = self.rebuild.iter().flat_map(|rebuild| &rebuild.segments);
        self.segments.iter().chain(rebuilding)
    }
}
