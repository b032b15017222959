//! The rules of a shard's chain of manifests, without IO: what may follow a link, and what the
//! outcome of a conditional creation means.
//!
//! A link may follow another when
//!
//! - a. it is of the same shard and generation, and its version is the next;
//! - b. it holds the hash of the other's stored bytes;
//! - c. its epoch is not smaller, and one epoch has one writer (invariant I4);
//! - d. what it applied starts where the other ended (invariant I3), in the same change stream;
//! - e. it names no segment twice, none that reaches past its position, and each segment that it
//!   adds was uploaded in its own epoch (the collector may have removed any earlier upload);
//! - f. a rebuild begins, advances and takes the served segments' place as [`rebuild`] says; only
//!   that place-taking is free of rule d.

use crate::{layout::epoch_of_segment, manifest};
use ax_model::{
    ContentHash, Epoch, Generation, Manifest, ManifestVersion, Offset, OffsetRange, Rebuild,
    RebuildNumber, SegmentEntry, SegmentId, ShardId,
};
use bytes::Bytes;
use std::collections::BTreeSet;

pub mod rebuild;

/// A manifest together with the hash of its stored bytes, which its successor must name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The manifest.
    pub manifest: Manifest,
    /// BLAKE3 of its bytes as stored.
    pub hash: ContentHash,
}

impl Link {
    /// The link that `manifest` becomes, and the bytes to store.
    pub(crate) fn seal(manifest: Manifest) -> (Self, Bytes) {
        let bytes = manifest::encode(&manifest);
        (Self { hash: ContentHash::of(&bytes), manifest }, bytes)
    }

    /// Its place in the chain.
    pub fn version(&self) -> ManifestVersion {
        self.manifest.version
    }

    /// A manifest that follows this one with the same content and applies nothing: what the caller
    /// changes before it publishes.
    pub fn next(&self, now_ms: i64) -> Manifest {
        fence(self, self.manifest.epoch, &self.manifest.writer, now_ms)
    }
}

/// Why a manifest may not follow a link. The letters are those of the module's rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// Rule a: another shard or generation.
    #[error("it belongs to another shard or generation")]
    Place,
    /// Rule a: not the next version.
    #[error("its version should be {expected}, is {found}")]
    Version {
        /// The next version.
        expected: ManifestVersion,
        /// The version found.
        found: ManifestVersion,
    },
    /// Rule b.
    #[error("it names another previous link")]
    Previous,
    /// Rule c: the epoch went back, or is zero.
    #[error("its epoch {found} comes after epoch {previous}")]
    Epoch {
        /// Epoch of the previous link.
        previous: Epoch,
        /// Epoch found.
        found: Epoch,
    },
    /// Rule c: a second writer in one epoch.
    #[error("epoch {epoch} already belongs to `{owner}`")]
    Writer {
        /// The epoch.
        epoch: Epoch,
        /// Who owns it.
        owner: String,
    },
    /// Rule d: a gap or an overlap.
    #[error("it applies {found} after {previous}")]
    Applied {
        /// What the previous link applied.
        previous: OffsetRange,
        /// What this one applied.
        found: OffsetRange,
    },
    /// Rule d: positions of another change stream.
    #[error("its positions belong to another change stream")]
    Log,
    /// Rule e.
    #[error("its segment `{0}` is named twice, reaches too far, or was uploaded in another epoch")]
    Segment(SegmentId),
    /// Rule f.
    #[error("its rebuild does not follow: {0}")]
    Rebuild(&'static str),
}

/// Checks that `next` may follow `previous`.
pub fn check(previous: &Link, next: &Manifest) -> Result<(), BrokenChain> {
    let Link { manifest: before, hash } = previous;
    if (before.shard, before.generation) != (next.shard, next.generation) {
        return Err(BrokenChain::Place);
    }
    check_version(ManifestVersion(before.version.0.saturating_add(1)), next)?;
    check_tenure(before, next)?;
    if next.previous != *hash {
        return Err(BrokenChain::Previous);
    }
    rebuild::check(before, next)?;
    check_segments(&before.all_segments().map(|s| &s.id).collect(), next)
}

/// Checks that `manifest` may be a shard's first.
pub fn check_first(manifest: &Manifest) -> Result<(), BrokenChain> {
    check_version(ManifestVersion(1), manifest)?;
    if manifest.epoch == Epoch(0) {
        return Err(BrokenChain::Epoch { previous: Epoch(0), found: Epoch(0) });
    }
    if manifest.previous != ContentHash::default() {
        return Err(BrokenChain::Previous);
    }
    check_segments(&BTreeSet::new(), manifest)
}

/// Checks each link of `links` against the one before it; oldest first.
pub fn check_all(links: &[Link]) -> Result<(), BrokenChain> {
    links.windows(2).try_for_each(|pair| check(&pair[0], &pair[1].manifest))
}

fn check_version(expected: ManifestVersion, next: &Manifest) -> Result<(), BrokenChain> {
    match next.version == expected {
        true => Ok(()),
        false => Err(BrokenChain::Version { expected, found: next.version }),
    }
}

fn check_tenure(before: &Manifest, next: &Manifest) -> Result<(), BrokenChain> {
    if next.epoch < before.epoch {
        return Err(BrokenChain::Epoch { previous: before.epoch, found: next.epoch });
    }
    if next.epoch == before.epoch && next.writer != before.writer {
        return Err(BrokenChain::Writer { epoch: next.epoch, owner: before.writer.clone() });
    }
    Ok(())
}

fn check_segments(before: &BTreeSet<&SegmentId>, next: &Manifest) -> Result<(), BrokenChain> {
    let mut seen = BTreeSet::new();
    for (entry, position) in placed(next) {
        let fits = entry.range.to <= position && crate::layout::is_segment_id(&entry.id.0);
        let added_late = !before.contains(&entry.id)
            && epoch_of_segment(&entry.id).is_some_and(|epoch| epoch != next.epoch);
        if !fits || added_late || !seen.insert(&entry.id) {
            return Err(BrokenChain::Segment(entry.id.clone()));
        }
    }
    Ok(())
}

/// Each segment with the position of what it is a part of.
fn placed(manifest: &Manifest) -> impl Iterator<Item = (&SegmentEntry, Offset)> {
    let served = manifest.segments.iter().map(|entry| (entry, manifest.position()));
    let building = manifest
        .rebuild
        .iter()
        .flat_map(|rebuild| rebuild.segments.iter().map(|entry| (entry, rebuild.position())));
    served.chain(building)
}

/// The first link of a shard that nobody has written: empty, at position zero.
pub fn first(
    shard: ShardId,
    generation: Generation,
    epoch: Epoch,
    writer: &str,
    now_ms: i64,
) -> Manifest {
    Manifest {
        shard,
        generation,
        version: ManifestVersion(1),
        epoch,
        writer: writer.to_owned(),
        previous: ContentHash::default(),
        log_id: String::new(),
        applied: OffsetRange::default(),
        segments: Vec::new(),
        committed_at_ms: 0,
        created_at_ms: now_ms,
        rebuilt: RebuildNumber(0),
        complete_at_ms: 0,
        rebuild: None,
    }
}

/// The link by which `writer` takes over with `epoch`: the same content, nothing applied.
pub fn fence(previous: &Link, epoch: Epoch, writer: &str, now_ms: i64) -> Manifest {
    let still = |rebuild: Rebuild| Rebuild {
        applied: OffsetRange::empty_at(rebuild.position()),
        ..rebuild
    };
    Manifest {
        version: ManifestVersion(previous.version().0.saturating_add(1)),
        epoch,
        writer: writer.to_owned(),
        previous: previous.hash,
        applied: OffsetRange::empty_at(previous.manifest.position()),
        created_at_ms: now_ms,
        complete_at_ms: complete_at_ms(&previous.manifest),
        rebuild: previous.manifest.rebuild.clone().map(still),
        ..previous.manifest.clone()
    }
}

/// Manifests of before that field was written: what they applied was there when they were written.
fn complete_at_ms(manifest: &Manifest) -> i64 {
    match manifest.complete_at_ms {
        0 if !manifest.log_id.is_empty() => manifest.created_at_ms,
        known => known,
    }
}

/// What a writer does after it tried to create a link and did not hear a plain yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The link is there and it is ours.
    Ours,
    /// Another writer owns the shard.
    Fenced,
    /// The version is taken, but the shard is still ours: read the head and go on from there.
    Moved,
    /// Nothing is there: create it again. The bytes are the same, so that whichever of our attempts
    /// arrives first, late or twice, the link is ours.
    Again,
}

/// Judges a creation that was refused because the name exists, or whose outcome is not known.
/// `found` is what was read back afterwards.
///
/// | read back                             | verdict |
/// |---------------------------------------|---------|
/// | nothing                               | again   |
/// | the same bytes                        | ours    |
/// | a greater epoch                       | fenced  |
/// | our epoch, another writer             | fenced (someone broke I4: give way)                  |
/// | our epoch and writer, other bytes     | moved (an earlier attempt of ours arrived late)      |
/// | a smaller epoch                       | moved (the former owner's last link came before ours)|
///
/// A creation answered with a plain yes needs no reading, and one refused for good (credentials, a
/// full disk) has no outcome to learn.
pub fn judge(ours: &Link, found: Option<&Link>) -> Verdict {
    let Some(found) = found else { return Verdict::Again };
    if found.hash == ours.hash {
        return Verdict::Ours;
    }
    rank(&ours.manifest, &found.manifest)
}

/// Who owns the shard when `found` stands where `ours` should.
fn rank(ours: &Manifest, found: &Manifest) -> Verdict {
    match found.epoch.cmp(&ours.epoch) {
        std::cmp::Ordering::Greater => Verdict::Fenced,
        std::cmp::Ordering::Less => Verdict::Moved,
        std::cmp::Ordering::Equal if found.writer == ours.writer => Verdict::Moved,
        std::cmp::Ordering::Equal => Verdict::Fenced,
    }
}

#[cfg(test)]
mod tests;
