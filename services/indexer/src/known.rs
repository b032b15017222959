//! Segments on this machine from which a build may copy definitions: those of the manifest that lie in the
//! worker's folder, or with a query node beside it. None is fetched for that: parsing is quicker than a
//! far store as often as not, and waits for nobody.

use crate::{build::text_bytes, fold::Planned};
use ax_engine::KnownSegment;
use ax_model::{Manifest, SegmentEntry, SegmentId};
use ax_store::Neighbours;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Below this much text a batch is parsed as it is: opening a segment that a merge has made just now
/// would take longer.
const WORTH_LOOKING_BYTES: u64 = 256 << 10;

/// Whether a batch is large enough for looking what is known of its texts.
pub(crate) fn is_worth_looking(ops: &[Planned]) -> bool {
    ops.iter().map(|planned| text_bytes(&planned.op)).sum::<u64>() >= WORTH_LOOKING_BYTES
}

/// What was opened so far, kept from batch to batch.
pub(crate) struct Known {
    folder: PathBuf,
    neighbours: Neighbours,
    opened: HashMap<SegmentId, Opened>,
}

struct Opened {
    path: PathBuf,
    /// None of a segment that has nothing to copy, or is damaged.
    segment: Option<Arc<KnownSegment>>,
}

impl Known {
    /// Looks in `folder`, then with `neighbours`.
    pub fn new(folder: PathBuf, neighbours: Neighbours) -> Self {
        Self { folder, neighbours, opened: HashMap::new() }
    }

    /// The segments of `manifest` that can be had, oldest first; those being built anew come after those
    /// that are served. Blocks: what is new is opened.
    pub fn of(&mut self, manifest: &Manifest) -> Vec<Arc<KnownSegment>> {
        let mut before = std::mem::take(&mut self.opened);
        for entry in manifest.all_segments() {
            // a file that is gone would keep its room on the disk for as long as it is mapped
            let opened = before.remove(&entry.id).filter(|opened| opened.path.exists());
            let opened = opened.or_else(|| {
                let path = self.find(manifest, entry)?;
                let segment = open(&path);
                Some(Opened { path, segment })
            });
            self.opened.extend(opened.map(|opened| (entry.id.clone(), opened)));
        }
        let opened = manifest.all_segments().filter_map(|entry| self.opened.get(&entry.id));
        opened.filter_map(|opened| opened.segment.clone()).collect()
    }

    /// Lets go of what `manifest` does not name any more, and of files that are gone.
    pub fn let_go(&mut self, manifest: &Manifest) {
        self.opened.retain(|id, opened| {
            manifest.all_segments().any(|entry| entry.id == *id) && opened.path.exists()
        });
    }

    fn find(&self, manifest: &Manifest, entry: &SegmentEntry) -> Option<PathBuf> {
        let own = self.folder.join(format!("{}.seg", entry.id));
        if own.is_file() {
            return Some(own);
        }
        self.neighbours.find(manifest.generation, manifest.shard, entry)
    }
}

/// A file that cannot be read is parsed instead: it is checked, and mended, by those who serve it.
fn open(path: &Path) -> Option<Arc<KnownSegment>> {
    KnownSegment::open(path).unwrap_or_else(|error| {
        tracing::warn!(?path, %error, "a local segment cannot be read; its texts are parsed");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        build::{BuildPlan, build},
        isolate::tests::put,
        scratch::tests::manifest,
    };
    use ax_engine::BuiltSegment;
    use ax_model::{BlobId, ContentHash, Epoch, OffsetRange};
    use ax_store::{Store, StoreConfig, local_folder};
    use std::time::Duration;

    /// A file of 300 KB with definitions; the same number gives the same text, under the same blob id.
    fn file(path: &str, number: usize) -> Planned {
        let text: String =
            (0..3000).map(|i| format!("fn name_{number}_{i}() {{ {:>80} }}\n", i)).collect();
        let mut planned = put(path, &text);
        let crate::fold::Op::Put { versions, .. } = &mut planned.op else { unreachable!() };
        versions[0].blob = BlobId(ContentHash::of(text.as_bytes()).0.to_vec());
        planned
    }

    async fn built(
        folder: &Path,
        ops: Vec<Planned>,
        known: Vec<Arc<KnownSegment>>,
    ) -> BuiltSegment {
        let url = format!("file://{}", folder.join("store").display());
        let store = Store::open(&StoreConfig::new(url)).unwrap();
        let of = manifest(Vec::new());
        let plan = BuildPlan {
            shard: of.shard,
            generation: of.generation,
            epoch: Epoch(1),
            range: OffsetRange::default(),
            symbols: true,
            symbols_within: Duration::MAX,
            folder: folder.to_owned(),
            known,
        };
        let mut built = build(&store, &plan, ops, 1 << 30).await.unwrap();
        assert_eq!((built.segments.len(), built.poison.len()), (1, 0));
        built.segments.remove(0)
    }

    #[tokio::test]
    async fn a_batch_copies_what_local_segments_know() {
        let (folder, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (one, two) = (file("one.rs", 1), file("two.rs", 2));
        assert!(is_worth_looking(std::slice::from_ref(&one)) && !is_worth_looking(&[put("x", "")]));
        let first = built(folder.path(), vec![one], Vec::new()).await;
        let second = built(folder.path(), vec![two], Vec::new()).await;
        let of = manifest(vec![first.entry.clone(), second.entry.clone()]);
        let neighbours = Neighbours::new([beside.path().to_owned()]);
        let mut known = Known::new(folder.path().to_owned(), neighbours);
        let renamed = || vec![file("1.rs", 1), file("2.rs", 2)];
        let both = built(folder.path(), renamed(), known.of(&of)).await;
        assert_eq!((both.extraction.parsed.num, both.extraction.reused.num), (0, 2));

        // One is gone, and one lies with a neighbour now.
        let theirs = local_folder(beside.path(), of.generation, of.shard);
        std::fs::create_dir_all(&theirs).unwrap();
        std::fs::rename(&first.path, theirs.join(first.path.file_name().unwrap())).unwrap();
        std::fs::remove_file(&second.path).unwrap();
        let there = known.of(&of);
        assert_eq!((there.len(), known.opened.len()), (1, 1), "nothing keeps a file that is gone");
        let both = built(folder.path(), renamed(), there).await;
        assert_eq!((both.extraction.parsed.num, both.extraction.reused.num), (1, 1));
        known.let_go(&manifest(vec![second.entry]));
        assert!(known.opened.is_empty(), "nor a segment that is not named any more");
    }
}
