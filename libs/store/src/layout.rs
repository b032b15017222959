//! The names of objects. Numbers have twenty digits, so that the order of names is that of numbers.
//!
//! ```text
//! g{generation}/s{shard:05}/manifests/{version:020}.pb    one link of the chain
//! g{generation}/s{shard:05}/boundary/{version:020}        the greatest is the oldest link kept
//! g{generation}/s{shard:05}/segments/{id}.seg             one segment
//! g{generation}/s{shard:05}/quarantine/{offset:020}.pb    one change set aside
//! blobs/{first two digits}/{blake3 in hex}                one blob too large for the stream
//! probe/{random}                                          used and removed at start-up
//! ```

use ax_model::{Epoch, Generation, ManifestVersion, Offset, SegmentId, ShardId, StoredBlob};
use object_store::path::Path;
use uuid::Uuid;

/// Most characters in a segment's name.
const MAX_SEGMENT_ID: usize = 128;

/// A new, unique name for a segment written in `epoch`: `{epoch:016x}-{unique}`.
///
/// The epoch in the name is what lets the collector tell an upload that may still be published from
/// one whose writer was fenced. A grace period alone would not: a writer may be stopped for longer
/// than any period, go on, and publish.
pub fn segment_id(epoch: Epoch, unique: Uuid) -> SegmentId {
    SegmentId(format!("{:016x}-{}", epoch.0, unique.simple()))
}

/// The epoch in a segment's name; `None` for a name that [`segment_id`] did not make.
pub fn epoch_of_segment(id: &SegmentId) -> Option<Epoch> {
    let (epoch, unique) = id.0.split_once('-')?;
    let is_ours = epoch.len() == 16 && Uuid::try_parse(unique).is_ok();
    is_ours.then(|| u64::from_str_radix(epoch, 16).ok().map(Epoch)).flatten()
}

/// True for names that are safe as one part of a path, whatever the back end.
pub(crate) fn is_segment_id(id: &str) -> bool {
    let safe = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !id.is_empty() && id.len() <= MAX_SEGMENT_ID && id.chars().all(safe)
}

/// The names of one shard's objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardLayout {
    pub(crate) generation: Generation,
    pub(crate) shard: ShardId,
}

impl ShardLayout {
    fn folder(&self, name: &str) -> Path {
        Path::from(format!("g{}/s{:05}/{name}", self.generation.0, self.shard.0))
    }

    fn numbered(&self, folder: &str, number: u64, ending: &str) -> Path {
        self.folder(folder).join(format!("{number:020}{ending}"))
    }

    pub(crate) fn manifests(&self) -> Path {
        self.folder("manifests")
    }

    pub(crate) fn manifest(&self, version: ManifestVersion) -> Path {
        self.numbered("manifests", version.0, ".pb")
    }

    pub(crate) fn boundaries(&self) -> Path {
        self.folder("boundary")
    }

    pub(crate) fn boundary(&self, version: ManifestVersion) -> Path {
        self.numbered("boundary", version.0, "")
    }

    pub(crate) fn segments(&self) -> Path {
        self.folder("segments")
    }

    pub(crate) fn segment(&self, id: &SegmentId) -> Path {
        self.folder("segments").join(format!("{id}.seg"))
    }

    pub(crate) fn quarantine(&self) -> Path {
        self.folder("quarantine")
    }

    pub(crate) fn quarantined(&self, offset: Offset) -> Path {
        self.numbered("quarantine", offset.0, ".pb")
    }
}

/// The number that a name ends in; `None` for an object that is not ours.
pub(crate) fn number_of(path: &Path, ending: &str) -> Option<u64> {
    let digits = path.filename()?.strip_suffix(ending)?;
    (digits.len() == 20).then(|| digits.parse().ok()).flatten()
}

/// The segment that a name stands for; `None` for an object that is not ours.
pub(crate) fn segment_of(path: &Path) -> Option<SegmentId> {
    let id = path.filename()?.strip_suffix(".seg")?;
    is_segment_id(id).then(|| SegmentId(id.to_owned()))
}

pub(crate) fn blob(blob: &StoredBlob) -> Path {
    let name = ax_model::ContentHash(blob.hash).to_string();
    Path::from(format!("blobs/{}/{name}", &name[..2]))
}

pub(crate) fn probe(unique: Uuid) -> Path {
    Path::from(format!("probe/{}", unique.simple()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: ShardLayout = ShardLayout { generation: Generation(1), shard: ShardId(7) };

    #[test]
    fn names_are_part_of_the_format() {
        let name = SHARD.manifest(ManifestVersion(42));
        assert_eq!(name.as_ref(), "g1/s00007/manifests/00000000000000000042.pb");
        assert_eq!(number_of(&name, ".pb"), Some(42));
        let name = SHARD.segment(&SegmentId("a-1".into()));
        assert_eq!(name.as_ref(), "g1/s00007/segments/a-1.seg");
        assert_eq!(segment_of(&name), Some(SegmentId("a-1".into())));
        let blob = blob(&StoredBlob { hash: [0xab; 32], num_bytes: 1 });
        assert_eq!(blob.as_ref(), format!("blobs/ab/{}", "ab".repeat(32)));
    }

    #[test]
    fn other_names_are_not_ours() {
        for name in ["x/42.pb", "x/0000000000000000004x.pb", "x/00000000000000000042", ""] {
            assert_eq!(number_of(&Path::from(name), ".pb"), None, "{name}");
        }
        for id in ["", ".", "..", "a/b", "a b", "é", &"x".repeat(129)] {
            assert!(!is_segment_id(id), "{id}");
        }
    }

    #[test]
    fn a_segments_name_tells_its_epoch() {
        let id = segment_id(Epoch(0x1f), Uuid::from_u128(5));
        assert_eq!(id.0, "000000000000001f-00000000000000000000000000000005");
        assert!(is_segment_id(&id.0));
        assert_eq!(epoch_of_segment(&id), Some(Epoch(0x1f)));
        for other in ["a", "1f-x", "000000000000001f-x", "zzzzzzzzzzzzzzzz-0"] {
            assert_eq!(epoch_of_segment(&SegmentId(other.into())), None, "{other}");
        }
    }
}
