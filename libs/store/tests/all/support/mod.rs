//! A writer as the indexer is one, small enough to be stopped at any step.

use ax_model::{
    ContentHash, Epoch, Generation, Manifest, Offset, OffsetRange, SegmentEntry, ShardId, Stored,
};
use ax_store::{Link, ShardStore, Store, StoreError, segment_id};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use uuid::Uuid;

pub const SHARD: ShardId = ShardId(3);

/// A fresh handle of the test's shard, which knows nothing yet, as in a new process.
pub fn shard(store: &Store) -> ShardStore {
    store.shard(Generation(1), SHARD)
}

/// A file of `num_bytes` that differs by `seed`, and the entry that describes it.
pub fn segment_file(
    dir: &Path,
    epoch: Epoch,
    seed: u64,
    num_bytes: usize,
    range: OffsetRange,
) -> (PathBuf, SegmentEntry) {
    let mut bytes = vec![0; num_bytes];
    let mut stream = blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof();
    stream.fill(&mut bytes);
    let id = segment_id(epoch, Uuid::new_v4());
    let path = dir.join(format!("{id}.seg"));
    std::fs::write(&path, &bytes).unwrap();
    let entry = SegmentEntry {
        id,
        num_bytes: num_bytes as u64,
        checksum: ContentHash::of(&bytes),
        stored: Stored::Raw,
        num_docs: 1,
        text_bytes: num_bytes as u64,
        num_tombstones: 0,
        num_unparsed: 0,
        unparsed_bytes: 0,
        range,
        weeded_to: range.to,
    };
    (path, entry)
}

/// A manifest after `head` that applies `count` more positions and adds `segments`.
pub fn after(head: &Link, count: u64, segments: Vec<SegmentEntry>) -> Manifest {
    let mut next = head.next(1_000);
    let from = next.position();
    next.applied = OffsetRange { from, to: Offset(from.0 + count) };
    next.log_id = "log".into();
    next.segments.extend(segments);
    next
}

/// An owner of the test's shard.
#[derive(Debug)]
pub struct Writer {
    pub shard: ShardStore,
    pub epoch: Epoch,
    pub head: Arc<Link>,
    scratch: TempDir,
}

impl Writer {
    pub async fn take_over(store: &Store, epoch: u64, name: &str) -> Result<Self, StoreError> {
        let shard = shard(store);
        let epoch = Epoch(epoch);
        let head = shard.take_over(epoch, name, 1_000).await?;
        Ok(Self { shard, epoch, head, scratch: tempfile::tempdir().unwrap() })
    }

    /// Uploads a segment of `num_bytes` and publishes it with `count` positions.
    pub async fn step(&mut self, count: u64, num_bytes: usize) -> Result<Arc<Link>, StoreError> {
        let entry = self.upload(count, num_bytes).await?;
        self.publish(count, vec![entry]).await
    }

    pub async fn upload(&self, count: u64, num_bytes: usize) -> Result<SegmentEntry, StoreError> {
        let from = self.head.manifest.position();
        let range = OffsetRange { from, to: Offset(from.0 + count) };
        let (path, entry) = segment_file(self.scratch.path(), self.epoch, from.0, num_bytes, range);
        self.shard.put_segment(&path, &entry).await
    }

    pub async fn publish(
        &mut self,
        count: u64,
        segments: Vec<SegmentEntry>,
    ) -> Result<Arc<Link>, StoreError> {
        let next = after(&self.head, count, segments);
        self.head = self.shard.publish(&self.head, next).await?;
        Ok(self.head.clone())
    }

    /// What an owner does after a failure that may pass: it looks where its chain stands.
    pub async fn reload(&mut self) -> Result<(), StoreError> {
        self.head = self.shard.head().await?.expect("it was taken over");
        Ok(())
    }
}

/// Checks the whole chain kept and fetches every segment that it names.
pub async fn check_chain(store: &Store) -> Vec<Link> {
    let shard = shard(store);
    let links = shard.history().await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    if let Some(newest) = links.last() {
        assert_eq!(shard.head().await.unwrap().as_deref(), Some(newest));
        for entry in &newest.manifest.segments {
            shard.fetch_segment(entry, &dir.path().join("segment")).await.unwrap();
        }
    }
    links
}
