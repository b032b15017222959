//! The index as it must be by the change stream, and as it is by the segments.

use crate::{Documents, documents::Key};
use anyhow::{Context as _, ensure};
use ax_changes::{ChangeLog, LogReader, ReadLimits, Record, codec};
use ax_engine::{Segment, Snapshot};
use ax_model::{Change, ChangeBody, FileVersion, Generation, RepositoryInfo, Router, ShardId};
use ax_store::Store;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

const READ: ReadLimits =
    ReadLimits { max_records: 10_000, max_bytes: 16 << 20, max_wait: Duration::from_secs(2) };

/// Reads the whole stream and folds it: the last change of each key counts. Records that do not
/// decode or stand in the wrong partition are passed over, as the indexers do.
pub async fn stream(log: &dyn ChangeLog) -> anyhow::Result<Documents> {
    let mut all = Documents::default();
    for shard in (0..log.partitions()).map(ShardId) {
        let of_shard = partition(log, shard).await?;
        all.merge(of_shard).with_context(|| format!("by shard {shard} of the stream"))?;
    }
    Ok(all)
}

async fn partition(log: &dyn ChangeLog, shard: ShardId) -> anyhow::Result<Documents> {
    let bounds = log.bounds(shard).await?;
    let mut reader = log.read(shard, bounds.start, "").await?;
    let mut fold = Fold::default();
    while reader.position() < bounds.end {
        for record in read(reader.as_mut()).await? {
            if let Ok(change) = codec::decode(&record)
                && belongs(log.partitions(), shard, &change)
            {
                fold.apply(change);
            }
        }
    }
    Ok(fold.documents())
}

/// Whether some spread of its repository puts the change where it stands.
fn belongs(shards: u32, shard: ShardId, change: &Change) -> bool {
    let router = Router::new(shards);
    matches!(&change.body, ChangeBody::DeleteRepository)
        || matches!(&change.body, ChangeBody::Repository(info) if info.is_copy)
        || (1..=shards).any(|spread| router.shard_of(&change.key, spread) == shard)
}

async fn read(reader: &mut dyn LogReader) -> anyhow::Result<Vec<Record>> {
    let from = reader.position();
    let batch = reader.next(READ).await?;
    ensure!(batch.next > from, "nothing came after {from} within {:?}", READ.max_wait);
    Ok(batch.records)
}

/// What one partition says so far.
#[derive(Default)]
struct Fold {
    files: BTreeMap<Key, Vec<FileVersion>>,
    facts: BTreeMap<String, RepositoryInfo>,
}

impl Fold {
    fn apply(&mut self, change: Change) {
        let repo = change.key.repo.to_string();
        let key = Key { repo: repo.clone(), path: change.key.path };
        match change.body {
            ChangeBody::Put(versions) => drop(self.files.insert(key, versions)),
            ChangeBody::Delete => drop(self.files.remove(&key)),
            ChangeBody::DeleteRepository => {
                self.files.retain(|key, _| key.repo != repo);
                self.facts.remove(&repo);
            }
            ChangeBody::Repository(info) => drop(self.facts.insert(repo, info)),
        }
    }

    fn documents(self) -> Documents {
        let Self { files, facts } = self;
        let versions = |(key, versions): (Key, Vec<FileVersion>)| {
            let facts = facts.get(&key.repo);
            let shown = |v: FileVersion| (v.blob.to_string(), branches_now(v, facts));
            (key, versions.into_iter().map(shown).collect())
        };
        Documents { files: files.into_iter().map(versions).collect() }
    }
}

/// The branches that show a version, by what the facts of its repository say of additions since.
fn branches_now(version: FileVersion, facts: Option<&RepositoryInfo>) -> BTreeSet<String> {
    match facts.and_then(|info| info.branches_of(&version.branches, version.as_of)) {
        Some(shown) => shown.into_iter().map(str::to_owned).collect(),
        None => version.branches.into_iter().collect(),
    }
}

/// Reads the segments of each shard's newest manifest and lists their live documents. `cache` keeps
/// the segments for the next call. Each shard's chain is checked from its oldest link kept: ranges
/// contiguous per stream and rebuild, epochs never back, one writer per epoch (I3, I4).
pub async fn index(
    store: &Store,
    generation: Generation,
    shards: u32,
    cache: &Path,
) -> anyhow::Result<Documents> {
    let mut all = Documents::default();
    for shard in (0..shards).map(ShardId) {
        let of_shard = shard_documents(store, generation, shard, cache).await;
        let of_shard = of_shard.with_context(|| format!("shard {shard}"))?;
        all.merge(of_shard).with_context(|| format!("by the index of shard {shard}"))?;
    }
    Ok(all)
}

async fn shard_documents(
    store: &Store,
    generation: Generation,
    shard: ShardId,
    cache: &Path,
) -> anyhow::Result<Documents> {
    let store = store.shard(generation, shard);
    let links = store.history().await.context("the chain of manifests")?;
    let Some(head) = links.last() else { return Ok(Documents::default()) };
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    for entry in &head.manifest.segments {
        let file = cache.join(format!("{}.seg", entry.id));
        if !file.exists() {
            store.fetch_segment(entry, &file).await?;
        }
        segments.push(Segment::open(&file)?);
    }
    let mut documents = Documents::default();
    for document in Snapshot::new(segments)?.documents() {
        let document = document?;
        if !document.key.is_repo() {
            let key = Key { repo: document.key.repo.to_string(), path: document.key.path };
            documents.add(key, document.blob.to_string(), document.branches)?;
        }
    }
    Ok(documents)
}
