//! Merging a shard's segments beside its indexing, and looking for the definitions of documents that were
//! published without: side by side, never in the same segment. Either reads, writes and uploads on its own; only
//! the worker publishes, so a shard keeps one writer. A crash before that leaves an orphan, and the work is done
//! again.

use crate::{IndexerError, known::Known, scratch::Scratch};
use ax_engine::{BuildOptions, BuiltSegment, KnownSegment, Segment, Snapshot};
use ax_model::{Manifest, Offset, SegmentEntry, SegmentId};
use ax_store::{Neighbours, ShardStore, has_bytes_of};
use parking_lot::Mutex;
use std::{io, ops::Range, path::PathBuf, sync::Arc};
use tokio::sync::OwnedSemaphorePermit;

/// A merge that is done and uploaded, to be published.
pub(crate) struct Merged {
    /// The segments that it replaces, adjacent and in order.
    pub parts: Vec<SegmentId>,
    /// What replaces them, in order.
    pub entries: Vec<SegmentEntry>,
}

/// Where a merge finds its segments.
#[derive(Clone)]
pub(crate) struct Sources {
    pub store: ShardStore,
    pub folder: PathBuf,
    neighbours: Neighbours,
    known: Arc<Mutex<Known>>,
}

/// Segments to be written as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// Which; it may be one.
    pub range: Range<usize>,
    /// Whether its unparsed documents are parsed.
    pub parse: bool,
}

/// Puts `merged` in the place of its parts, wherever in `manifest` they stand now: what was being
/// rebuilt when the merge began may be served since. False when they stand nowhere any more.
pub(crate) fn put_in_place(manifest: &mut Manifest, merged: &Merged) -> bool {
    let building = manifest.rebuild.iter_mut().map(|rebuild| &mut rebuild.segments);
    for segments in std::iter::once(&mut manifest.segments).chain(building) {
        if let Some(replaced) = replace(segments, merged) {
            *segments = replaced;
            return true;
        }
    }
    false
}

/// Puts `merged` in the place of its parts; `None` when they do not stand there any more.
fn replace(segments: &[SegmentEntry], merged: &Merged) -> Option<Vec<SegmentEntry>> {
    let first = segments.iter().position(|entry| Some(&entry.id) == merged.parts.first())?;
    let end = first + merged.parts.len();
    let there = segments.get(first..end)?.iter().map(|entry| &entry.id);
    if !there.eq(&merged.parts) {
        return None;
    }
    let mut replaced = segments.to_vec();
    replaced.splice(first..end, merged.entries.iter().cloned());
    Some(replaced)
}

pub(crate) fn ids(entries: &[SegmentEntry]) -> Vec<SegmentId> {
    entries.iter().map(|entry| entry.id.clone()).collect()
}

/// Writes the segments of a job as one. The turn, if it is ours, is held until then.
pub(crate) async fn merge(
    sources: Sources,
    manifest: Manifest,
    job: Job,
    turn: Option<OwnedSemaphorePermit>,
) -> Result<Merged, IndexerError> {
    let Job { range, parse } = job;
    // The segment before the range tells the engine that there is an older one, whose documents the
    // deletions in the range still have to reach.
    let first = range.start.saturating_sub(1);
    let entries = manifest.growing();
    let mut segments = Vec::with_capacity(range.len() + 1);
    for entry in &entries[first..range.end] {
        segments.push(sources.open(entry).await?);
    }
    let parts = ids(&entries[range.clone()]);
    let weeded_to = weeded_together(&entries[range.clone()]);
    let job = Job { range: range.start - first..range.end - first, parse };
    let entry = sources.rewrite(segments, job, turn, &manifest).await?;
    let weeded_to = weeded_to.max(entry.range.to);
    Ok(Merged { parts, entries: vec![SegmentEntry { weeded_to, ..entry }] })
}

/// How far a merge of `parts` is weeded. Within its range it is, whatever its parts were.
fn weeded_together(parts: &[SegmentEntry]) -> Offset {
    parts.iter().map(|part| part.weeded_to).min().unwrap_or(Offset(0))
}

impl Sources {
    /// Those of the shard of `store`, with local files in `scratch` and beside it.
    pub fn new(store: ShardStore, scratch: &Scratch, neighbours: Neighbours) -> Self {
        let (folder, known) = (scratch.folder().to_owned(), scratch.known());
        Self { store, folder, neighbours, known }
    }

    /// Writes segments as one, and uploads it. The turn, if it is ours, is held until then.
    pub async fn rewrite(
        &self,
        segments: Vec<Arc<Segment>>,
        job: Job,
        turn: Option<OwnedSemaphorePermit>,
        manifest: &Manifest,
    ) -> Result<SegmentEntry, IndexerError> {
        let (manifest, folder, known) = (manifest.clone(), self.folder.clone(), self.known.clone());
        let work = move || {
            let _turn = turn; // until it is done, also when nobody waits for it any more
            let known = if job.parse { known.lock().of(&manifest) } else { Vec::new() };
            write(segments, job, known, &manifest, folder)
        };
        let built = tokio::task::spawn_blocking(work).await;
        let built = built.map_err(|error| IndexerError::Panicked(error.to_string()))??;
        let entry = self.store.put_segment(&built.path, &built.entry).await?;
        metrics::counter!("ax_indexer_merges_total").increment(1);
        metrics::counter!("ax_indexer_merged_bytes_total").increment(entry.num_bytes);
        Ok(entry)
    }

    /// Opens a segment from the local folder. Its bytes are checked first, whoever brought them: what
    /// a merge copies gets a new checksum, which would make a flipped bit look right for ever (I15).
    pub async fn open(&self, entry: &SegmentEntry) -> Result<Arc<Segment>, IndexerError> {
        let path = self.folder.join(format!("{}.seg", entry.id));
        if !is_intact(path.clone(), entry.clone()).await? {
            self.store.obtain_segment(entry, &path, &self.neighbours).await?;
        }
        let opened = tokio::task::spawn_blocking(move || Segment::open(&path));
        Ok(opened.await.map_err(|error| IndexerError::Panicked(error.to_string()))??)
    }
}

/// True when the file is there with the right bytes; one with others is removed.
async fn is_intact(path: PathBuf, entry: SegmentEntry) -> Result<bool, IndexerError> {
    let checked = tokio::task::spawn_blocking(move || match has_bytes_of(&path, &entry) {
        Ok(true) => Ok(true),
        Ok(false) => {
            metrics::counter!("ax_indexer_scratch_corrupt_total").increment(1);
            tracing::warn!(?path, "a segment to merge is damaged; fetching it again");
            std::fs::remove_file(&path).map(|()| false)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    });
    Ok(checked.await.map_err(|error| IndexerError::Panicked(error.to_string()))??)
}

fn write(
    segments: Vec<Arc<Segment>>,
    job: Job,
    known: Vec<Arc<KnownSegment>>,
    manifest: &Manifest,
    folder: PathBuf,
) -> Result<BuiltSegment, IndexerError> {
    let id = ax_store::segment_id(manifest.epoch, uuid::Uuid::now_v7());
    let dest = folder.join(format!("{id}.seg"));
    let options = BuildOptions {
        shard: manifest.shard,
        generation: manifest.generation,
        id,
        symbols: job.parse, // those that are known are copied
        scratch_dir: folder,
    };
    let snapshot = Snapshot::new(segments)?;
    Ok(ax_engine::merge_knowing(&snapshot, job.range, options, known, &dest)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::{ContentHash, OffsetRange, Stored};

    fn entry(id: &str) -> SegmentEntry {
        SegmentEntry {
            id: SegmentId(id.to_owned()),
            num_bytes: 1,
            checksum: ContentHash::default(),
            stored: Stored::Raw,
            num_docs: 1,
            text_bytes: 1,
            num_tombstones: 0,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: OffsetRange::default(),
            weeded_to: Offset(0),
        }
    }

    fn check(segments: &[&str], parts: &[&str]) -> Option<Vec<String>> {
        let segments: Vec<_> = segments.iter().map(|id| entry(id)).collect();
        let parts = parts.iter().map(|id| SegmentId((*id).to_owned())).collect();
        let replaced = replace(&segments, &Merged { parts, entries: vec![entry("new")] })?;
        Some(replaced.into_iter().map(|entry| entry.id.0).collect())
    }

    #[test]
    fn a_merge_takes_the_place_of_its_parts() {
        assert_eq!(check(&["a", "b", "c", "d"], &["b", "c"]).unwrap(), ["a", "new", "d"]);
    }

    #[test]
    fn a_merge_whose_parts_are_gone_is_dropped() {
        assert_eq!(check(&["a", "x", "c"], &["b", "c"]), None);
        assert_eq!(check(&["a", "b", "x"], &["b", "c"]), None);
        assert_eq!(check(&["a", "b"], &["b", "c"]), None);
    }
}
