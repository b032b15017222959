//! A real indexer over a stream, an embedded coordination store and an object store.

use anyhow::{Context, Result};
use ax_changes::{
    ChangeLog, NewRecord, codec,
    embedded::{EmbeddedConfig as LogConfig, EmbeddedLog},
};
use ax_cluster::{Assignment, Cluster, Member, Published, RebuildRequest, Role};
use ax_coordination::{
    Expect,
    embedded::{EmbeddedConfig as RaftConfig, EmbeddedStore},
};
use ax_engine::{LiveDoc, MergePolicy, Segment, Snapshot};
use ax_indexer::{Indexer, IndexerConfig, IndexerDeps};
use ax_model::{
    BlobId, Change, ChangeBody, Content, DocKey, FileKind, FileVersion, Generation, Manifest,
    Offset, RebuildNumber, RepoName, ShardId,
};
use ax_store::{Link, Patience, ShardStore, Store, StoreConfig, faults::FaultStore};
use bytes::Bytes;
use object_store::memory::InMemory;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub const PATIENCE: Duration = Duration::from_secs(60);
pub const SHARD: ShardId = ShardId(0);

pub struct World {
    pub cluster: Cluster,
    pub log: Arc<dyn ChangeLog>,
    pub store: Store,
    /// The same objects without faults, for looking.
    pub sound: Store,
    /// Most records in one batch.
    pub max_batch_records: usize,
    /// When segments are merged and weeded.
    pub merge: MergePolicy,
    /// Parsing that takes longer is left for later.
    pub symbols_within: Duration,
    /// Who holds its permit parses what was left.
    pub parsing: Arc<Semaphore>,
    pub folder: tempfile::TempDir,
    /// Folders that live as long.
    pub keep: Vec<tempfile::TempDir>,
}

/// An indexer process.
pub struct Running {
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Running {
    /// Tells it to stop, and waits until it has.
    pub async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.ended.await?)
    }
}

impl World {
    /// On an embedded stream in a file, and a directory.
    pub async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let url = format!("file://{}", folder.path().join("store").display());
        let store = Store::open(&StoreConfig::new(url))?;
        let log = open_log(&folder, Duration::from_secs(3600)).await?;
        Self::of(folder, log, store.clone(), store).await
    }

    /// On these parts.
    pub async fn of(
        folder: tempfile::TempDir,
        log: Arc<dyn ChangeLog>,
        store: Store,
        sound: Store,
    ) -> Result<Self> {
        let raft = EmbeddedStore::open(RaftConfig::new(folder.path().join("raft"))).await?;
        let cluster = Cluster::new(Arc::new(raft));
        Ok(Self {
            cluster,
            log,
            store,
            sound,
            max_batch_records: 50_000,
            merge: MergePolicy::default(),
            symbols_within: Duration::from_secs(1),
            parsing: Arc::new(Semaphore::new(1)),
            folder,
            keep: Vec::new(),
        })
    }

    pub fn shard(&self) -> ShardStore {
        self.sound.shard(Generation(1), SHARD)
    }

    /// Starts an indexer process. It ends when told to, or with the test.
    pub fn start(&self, id: &str) -> Running {
        let deps = IndexerDeps {
            cluster: self.cluster.clone(),
            log: self.log.clone(),
            store: self.store.clone(),
            generation: Generation(1),
        };
        let member = Member { id: id.to_owned(), role: Role::Indexer.into(), ..Default::default() };
        let config = IndexerConfig {
            max_batch_records: self.max_batch_records,
            merge: self.merge.clone(),
            symbols_within: self.symbols_within,
            parsing: Arc::clone(&self.parsing),
            ..IndexerConfig::new(self.folder.path().join(id))
        };
        let stop = CancellationToken::new();
        let run = Indexer::new(deps, config, member).run(stop.clone());
        let ended = tokio::spawn(async move {
            run.await.expect("an indexer ends without an error");
        });
        Running { stop, ended }
    }

    /// The owner ends, if it did not die; what the store lost or held back comes to rest; another one follows.
    pub async fn succeed(&self, old: Running, faults: &FaultStore, epoch: u64) -> Result<Running> {
        old.stop().await?;
        faults.heal();
        faults.deliver().await;
        let owner = format!("owner-{epoch}");
        self.assign(&owner, epoch).await?;
        Ok(self.start(&owner))
    }

    pub async fn assign(&self, indexer: &str, epoch: u64) -> Result<()> {
        let assignment = Assignment { shard: 0, indexer: indexer.into(), epoch, term: 1 };
        self.cluster.put(&assignment, Expect::Any, None).await?;
        Ok(())
    }

    /// Asks for a rebuild, as an operator does.
    pub async fn wish(&self, number: u64) -> Result<()> {
        let wish = RebuildRequest { shard: 0, number, at_ms: 1 };
        self.cluster.put(&wish, Expect::Any, None).await?;
        Ok(())
    }

    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Offset> {
        let appended = self.log.append(records).await?;
        Ok(Offset(appended.last().context("nothing was appended")?.offset.0 + 1))
    }

    /// Paths of the index once it has applied everything before `position`.
    pub async fn paths_at(&self, position: Offset) -> Result<BTreeSet<String>> {
        let link = self
            .until_head("the position", |manifest| {
                anyhow::ensure!(manifest.position() >= position, "{}", manifest.applied);
                Ok(())
            })
            .await?;
        self.paths_of(&link).await
    }

    /// Paths of the index once it is rebuilt, and read to `position` again.
    pub async fn paths_rebuilt(&self, number: u64, position: Offset) -> Result<BTreeSet<String>> {
        let link = self
            .until_head("the rebuild", |manifest| {
                let done = manifest.rebuilt == RebuildNumber(number);
                anyhow::ensure!(done && manifest.rebuild.is_none(), "{:?}", manifest.rebuild);
                anyhow::ensure!(manifest.position() >= position, "{}", manifest.applied);
                Ok(())
            })
            .await?;
        self.paths_of(&link).await
    }

    /// The newest link, once its manifest is as `wanted`.
    pub async fn until_head(
        &self,
        what: &str,
        wanted: impl Fn(&Manifest) -> Result<()>,
    ) -> Result<Arc<Link>> {
        let shard = self.shard();
        ax_harness::eventually(PATIENCE, what, async || {
            let link = shard.head().await?.context("no manifest yet")?;
            wanted(&link.manifest)?;
            Ok(link)
        })
        .await
    }

    /// Paths that a manifest serves.
    pub async fn paths_of(&self, link: &Link) -> Result<BTreeSet<String>> {
        let docs = self.docs_of(link).await?;
        Ok(docs.into_iter().map(|doc| doc.key.path).collect())
    }

    /// Documents that a manifest serves, ordered.
    pub async fn docs_of(&self, link: &Link) -> Result<Vec<LiveDoc>> {
        let snapshot = self.snapshot_of(link).await?;
        let mut docs = snapshot.documents().collect::<Result<Vec<_>, _>>()?;
        docs.sort();
        Ok(docs)
    }

    /// Names that are defined in what a manifest serves.
    pub async fn names_of(&self, link: &Link) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        self.snapshot_of(link).await?.each_definition(|found| {
            names.insert(found.name.to_owned());
        })?;
        Ok(names)
    }

    /// What a manifest serves.
    pub async fn snapshot_of(&self, link: &Link) -> Result<Snapshot> {
        let mut segments = Vec::new();
        for entry in &link.manifest.segments {
            let path = self.folder.path().join(format!("{}.check", entry.id));
            self.shard().fetch_segment(entry, &path).await?;
            segments.push(Segment::open(&path)?);
        }
        Ok(Snapshot::new(segments)?)
    }

    pub async fn until_hint(
        &self,
        what: &str,
        wanted: impl Fn(&Published) -> bool,
    ) -> Result<Published> {
        ax_harness::eventually(PATIENCE, what, async || {
            let hint = self.cluster.get::<Published>("00000").await?.context("no hint yet")?.value;
            anyhow::ensure!(wanted(&hint), "{hint:?}");
            Ok(hint)
        })
        .await
    }
}

pub fn put(path: &str, text: &str) -> NewRecord {
    put_content(path, Content::Inline(Bytes::copy_from_slice(text.as_bytes())))
}

pub fn put_content(path: &str, content: Content) -> NewRecord {
    let version = FileVersion {
        blob: BlobId(vec![7; 20]),
        branches: vec!["main".into()],
        content,
        kind: FileKind::Regular,
        num_bytes: 0,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    };
    record(path, ChangeBody::Put(vec![version]))
}

pub fn delete(path: &str) -> NewRecord {
    record(path, ChangeBody::Delete)
}

pub fn record(path: &str, body: ChangeBody) -> NewRecord {
    let repo = RepoName::new("r").expect("a valid name");
    let key = DocKey::new(repo, path).expect("a valid path");
    codec::encode(&Change { key, body, committed_at_ms: 1, emitted_at_ms: 1 }, SHARD, None)
}

pub fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

/// An embedded stream of one partition in `folder`.
pub async fn open_log(
    folder: &tempfile::TempDir,
    tombstone_retention: Duration,
) -> Result<Arc<EmbeddedLog>> {
    let config = LogConfig::new(folder.path().join("log"), 1);
    Ok(Arc::new(EmbeddedLog::open(LogConfig { tombstone_retention, ..config }).await?))
}

/// A world whose store fails when told to.
pub async fn faulty_world() -> Result<(World, FaultStore)> {
    let inner = Arc::new(InMemory::new());
    let faults = FaultStore::new(inner.clone());
    let store = Store::over(Arc::new(faults.clone()), Patience::without_waits(3));
    let sound = Store::over(inner, Patience::without_waits(3));
    let folder = tempfile::tempdir()?;
    let log = open_log(&folder, Duration::from_secs(3600)).await?;
    Ok((World::of(folder, log, store, sound).await?, faults))
}
