//! A real indexer over an embedded stream, an embedded coordination store and a directory: what it
//! publishes is what the stream says, whoever interferes.

use anyhow::{Context, Result};
use ax_changes::{
    ChangeLog, NewRecord, codec,
    embedded::{EmbeddedConfig as LogConfig, EmbeddedLog},
};
use ax_cluster::{Assignment, Cluster, Member, Published, Role};
use ax_coordination::{
    Expect,
    embedded::{EmbeddedConfig as RaftConfig, EmbeddedStore},
};
use ax_engine::{Segment, Snapshot};
use ax_indexer::{Indexer, IndexerConfig, IndexerDeps};
use ax_model::{
    BlobId, Change, ChangeBody, Content, DocKey, Epoch, FileKind, FileVersion, Generation, Offset,
    RepoName, ShardId,
};
use ax_store::{ShardStore, Store, StoreConfig};
use bytes::Bytes;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
const SHARD: ShardId = ShardId(0);

struct World {
    cluster: Cluster,
    log: Arc<EmbeddedLog>,
    store: Store,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let raft = EmbeddedStore::open(RaftConfig::new(folder.path().join("raft"))).await?;
        let log = EmbeddedLog::open(LogConfig::new(folder.path().join("log"), 1)).await?;
        let url = format!("file://{}", folder.path().join("store").display());
        let store = Store::open(&StoreConfig::new(url))?;
        Ok(Self { cluster: Cluster::new(Arc::new(raft)), log: Arc::new(log), store, folder })
    }

    fn shard(&self) -> ShardStore {
        self.store.shard(Generation(1), SHARD)
    }

    fn start(&self, id: &str) -> CancellationToken {
        let deps = IndexerDeps {
            cluster: self.cluster.clone(),
            log: self.log.clone(),
            store: self.store.clone(),
            generation: Generation(1),
        };
        let member = Member { id: id.to_owned(), role: Role::Indexer.into(), ..Default::default() };
        let config = IndexerConfig::new(self.folder.path().join(id));
        let stop = CancellationToken::new();
        tokio::spawn(Indexer::new(deps, config, member).run(stop.clone()));
        stop
    }

    async fn assign(&self, indexer: &str, epoch: u64) -> Result<()> {
        let assignment = Assignment { shard: 0, indexer: indexer.into(), epoch, term: 1 };
        self.cluster.put(&assignment, Expect::Any, None).await?;
        Ok(())
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Offset> {
        let appended = self.log.append(records).await?;
        Ok(Offset(appended.last().context("nothing was appended")?.offset.0 + 1))
    }

    /// Paths of the index once it has applied everything before `position`.
    async fn paths_at(&self, position: Offset) -> Result<BTreeSet<String>> {
        let shard = self.shard();
        let link = ax_harness::eventually(PATIENCE, "the position", async || {
            let link = shard.head().await?.context("no manifest yet")?;
            anyhow::ensure!(link.manifest.position() >= position, "{}", link.manifest.applied);
            Ok(link)
        })
        .await?;
        let mut segments = Vec::new();
        for entry in &link.manifest.segments {
            let path = self.folder.path().join(format!("{}.check", entry.id));
            shard.fetch_segment(entry, &path).await?;
            segments.push(Segment::open(&path)?);
        }
        let snapshot = Snapshot::new(segments)?;
        snapshot.documents().map(|doc| Ok(doc?.key.path)).collect()
    }

    async fn until_hint(
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

fn put(path: &str, text: &str) -> NewRecord {
    let version = FileVersion {
        blob: BlobId(vec![7; 20]),
        branches: vec!["main".into()],
        content: Content::Inline(Bytes::copy_from_slice(text.as_bytes())),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
    };
    record(path, ChangeBody::Put(vec![version]))
}

fn delete(path: &str) -> NewRecord {
    record(path, ChangeBody::Delete)
}

fn record(path: &str, body: ChangeBody) -> NewRecord {
    let repo = RepoName::new("r").expect("a valid name");
    let key = DocKey::new(repo, path).expect("a valid path");
    codec::encode(&Change { key, body, committed_at_ms: 1, emitted_at_ms: 1 }, SHARD, None)
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_what_the_stream_says() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let stop = world.start("a");
    let at = world.append(vec![put("x", "one"), put("y", "two")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["x", "y"]));
    let at = world.append(vec![delete("x"), put("z", "three")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["y", "z"]));
    stop.cancel();
    // Another process goes on where the first one stopped.
    world.assign("b", 2).await?;
    let _stop = world.start("b");
    let at = world.append(vec![put("x", "again"), delete("y")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["x", "z"]));
    let chain = world.shard().history().await?;
    for pair in chain.windows(2) {
        let (before, after) = (&pair[0].manifest, &pair[1].manifest);
        assert!(before.applied.is_followed_by(&after.applied), "I3: {before:?} {after:?}");
        assert!(before.epoch <= after.epoch, "I4: {before:?} {after:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_batches_are_merged_and_nothing_changes() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let mut at = Offset(0);
    for i in 0..20 {
        at = world
            .append(vec![put(&format!("f{i}"), "text"), delete(&format!("f{}", i / 2))])
            .await?;
        world.paths_at(at).await?;
    }
    let want: BTreeSet<String> = (10..20).map(|i| format!("f{i}")).collect();
    assert_eq!(world.paths_at(at).await?, want);
    ax_harness::eventually(PATIENCE, "merging", async || {
        let segments = world.shard().head().await?.context("a head")?.manifest.segments.len();
        anyhow::ensure!(segments < 12, "{segments} segments");
        Ok(())
    })
    .await?;
    assert_eq!(world.paths_at(at).await?, want);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poisonous_record_is_set_aside_and_the_shard_goes_on() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let mut broken = put("bad", "x");
    broken.value = Some(Bytes::from_static(b"\xff\xff\xff"));
    let at = world.append(vec![put("x", "one"), broken, put("y", "two")]).await?;
    assert_eq!(world.paths_at(at).await?, set(&["x", "y"]));
    let (offsets, total) = world.shard().quarantined_offsets(10).await?;
    assert_eq!((offsets, total), (vec![Offset(1)], 1));
    let aside = world.shard().quarantined(Offset(1)).await?.context("it is set aside")?;
    assert_eq!(aside.code, "AX-C004");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_was_overtaken_is_fenced_and_says_so() -> Result<()> {
    let world = World::new().await?;
    world.assign("a", 1).await?;
    let _stop = world.start("a");
    let at = world.append(vec![put("x", "one")]).await?;
    world.paths_at(at).await?;
    world.shard().take_over(Epoch(5), "somebody else", 0).await?;
    world.append(vec![put("y", "two")]).await?;
    let hint = world.until_hint("the fence", |hint| hint.failure.starts_with("AX-S006")).await?;
    assert_eq!(hint.epoch, 5, "the coordinator learns of the newer epoch");
    let head = world.shard().head().await?.context("a head")?;
    assert_eq!(head.manifest.writer, "somebody else");
    assert_eq!(head.manifest.position(), at, "nothing was published after the fence");
    // With a larger epoch it may go on, and nothing was lost.
    world.assign("a", 6).await?;
    assert_eq!(world.paths_at(Offset(at.0 + 1)).await?, set(&["x", "y"]));
    Ok(())
}
