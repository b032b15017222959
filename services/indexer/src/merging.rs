//! Merging a shard's segments beside its indexing. The merge reads, writes and uploads on its own;
//! only the worker publishes, so a shard keeps one writer.

use crate::{IndexerConfig, IndexerError, weeding};
use ax_engine::{BuildOptions, BuiltSegment, MergePolicy, Segment, Snapshot};
use ax_model::{Manifest, Offset, SegmentEntry, SegmentId};
use ax_store::{Neighbours, ShardStore, has_bytes_of};
use std::{io, ops::Range, path::PathBuf, sync::Arc};
use tokio::task::JoinHandle;

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
}

/// At most one merge at a time for a shard.
pub(crate) struct Merger {
    sources: Sources,
    policy: MergePolicy,
    running: Option<JoinHandle<Result<Merged, IndexerError>>>,
}

impl Merger {
    /// A merger for the shard of `store`, with local files in `folder`.
    pub fn new(store: ShardStore, folder: PathBuf, config: &IndexerConfig) -> Self {
        let neighbours = config.neighbours.clone();
        let sources = Sources { store, folder, neighbours };
        Self { sources, policy: config.merge.clone(), running: None }
    }

    /// True while a merge reads and writes in the folder.
    pub fn is_running(&self) -> bool {
        self.running.is_some()
    }

    /// Starts the most worthwhile merge of the segments that grow, if there is one and none runs; else
    /// the weeding that is due. While a shard is rebuilt, what it serves is not worth merging any more.
    pub fn consider(&mut self, manifest: &Manifest) {
        if self.running.is_some() {
            return;
        }
        let plans = ax_engine::plan_merges(manifest.growing(), &self.policy);
        if let Some(range) = plans.into_iter().next() {
            let job = merge(self.sources.clone(), manifest.clone(), range);
            self.running = Some(tokio::spawn(job));
            return;
        }
        let due = ax_engine::plan_weeding(manifest.growing(), &self.policy);
        if !due.is_empty() {
            let percent = self.policy.dead_percent;
            let job = weeding::weed(self.sources.clone(), manifest.clone(), due, percent);
            self.running = Some(tokio::spawn(job));
        }
    }

    /// Returns once the running merge is done; never, when none runs. Cancel-safe.
    pub async fn done(&mut self) -> Result<Merged, IndexerError> {
        let Some(running) = self.running.as_mut() else { return std::future::pending().await };
        let done = running.await;
        self.running = None;
        done.map_err(|error| IndexerError::Panicked(error.to_string()))?
    }
}

impl Drop for Merger {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
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

async fn merge(
    sources: Sources,
    manifest: Manifest,
    range: Range<usize>,
) -> Result<Merged, IndexerError> {
    // The segment before the range tells the engine that there is an older one, whose documents the
    // deletions in the range still have to reach.
    let first = range.start.saturating_sub(1);
    let entries = manifest.growing();
    let mut segments = Vec::with_capacity(range.len() + 1);
    for entry in &entries[first..range.end] {
        segments.push(sources.open(entry).await?);
    }
    let parts = entries[range.clone()].iter().map(|entry| entry.id.clone()).collect();
    let within = range.start - first..range.end - first;
    let weeded_to = weeded_together(&entries[range]);
    let entry = sources.rewrite(segments, within, &manifest).await?;
    let weeded_to = weeded_to.max(entry.range.to);
    Ok(Merged { parts, entries: vec![SegmentEntry { weeded_to, ..entry }] })
}

/// How far a merge of `parts` is weeded. Within its range it is, whatever its parts were.
fn weeded_together(parts: &[SegmentEntry]) -> Offset {
    parts.iter().map(|part| part.weeded_to).min().unwrap_or(Offset(0))
}

impl Sources {
    /// Writes the segments at `range` of `segments` as one, and uploads it.
    pub async fn rewrite(
        &self,
        segments: Vec<Arc<Segment>>,
        range: Range<usize>,
        manifest: &Manifest,
    ) -> Result<SegmentEntry, IndexerError> {
        let (manifest, folder) = (manifest.clone(), self.folder.clone());
        let built = tokio::task::spawn_blocking(move || write(segments, range, &manifest, folder));
        let built = built.await.map_err(|error| IndexerError::Panicked(error.to_string()))??;
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
    range: Range<usize>,
    manifest: &Manifest,
    folder: PathBuf,
) -> Result<BuiltSegment, IndexerError> {
    let id = ax_store::segment_id(manifest.epoch, uuid::Uuid::now_v7());
    let dest = folder.join(format!("{id}.seg"));
    let options = BuildOptions {
        shard: manifest.shard,
        generation: manifest.generation,
        id,
        symbols: false, // copied, not parsed again
        scratch_dir: folder,
    };
    let snapshot = Snapshot::new(segments)?;
    Ok(ax_engine::merge(&snapshot, range, options, &dest)?)
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
