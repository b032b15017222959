//! Ingest on the real parts of one machine: the embedded log, the embedded coordination store, an
//! object store in a directory.

use crate::support::{Fold, Repo, World, eventually};
use ax_changes::embedded::{EmbeddedConfig as LogConfig, EmbeddedLog};
use ax_changes::{ChangeLog, ReadLimits};
use ax_cluster::{Cluster, IngestCheckpoint};
use ax_coordination::{
    Expect,
    embedded::{EmbeddedConfig, EmbeddedStore},
};
use ax_ingest::{
    Deps, IngestError, IngestService, cluster::ClusterRecords, memory::MemoryBlobs, ports::Records,
    sync_once,
};
use ax_model::{Offset, RepoName, ShardId};
use ax_proto::cluster::Registration;
use std::{path::Path, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const TTL: Duration = Duration::from_secs(2);

async fn cluster(dir: &Path) -> Cluster {
    let store = EmbeddedStore::open(EmbeddedConfig::new(dir.join("coordination"))).await.unwrap();
    Cluster::new(Arc::new(store))
}

async fn open_log(dir: &Path, name: &str) -> Arc<EmbeddedLog> {
    Arc::new(EmbeddedLog::open(LogConfig::new(dir.join(name), 4)).await.unwrap())
}

/// Everything that the log holds now, in the order of each shard.
async fn fold(log: &Arc<EmbeddedLog>, blobs: &MemoryBlobs) -> Fold {
    let limits = ReadLimits { max_records: 100, max_bytes: 1 << 20, max_wait: Duration::ZERO };
    let mut records = Vec::new();
    for shard in (0..4).map(ShardId) {
        let end = log.bounds(shard).await.unwrap().end;
        let mut reader = log.read(shard, Offset(0), "").await.unwrap();
        while reader.position() < end {
            let batch = reader.next(limits).await.unwrap();
            records.extend(batch.records.into_iter().map(|record| (shard, record)));
        }
    }
    Fold::of(&records, blobs)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_on_embedded_parts() {
    let repo = Repo::new();
    repo.write("a", "1").write("d/b", "2").commit("one");
    let world = World::new(repo.path());
    let cluster = cluster(world.dir.path()).await;
    let log = open_log(world.dir.path(), "changes").await;
    let records = ClusterRecords::new(cluster.clone(), "here", TTL);
    let deps = Deps { log: log.clone(), records: Arc::new(records), ..world.deps.clone() };
    let mut config = world.config.clone();
    config.local_poll = Duration::from_millis(50);
    let (service, handle) = IngestService::new(deps, config);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(service.run(shutdown.clone()));
    cluster.put(&world.registration, Expect::Absent, None).await.unwrap();
    for round in ["first", "second"] {
        eventually(round, async || {
            fold(&log, &world.blobs).await.shown(&world.name()) == repo.shown()
        })
        .await;
        repo.write("a", round).commit(round);
    }
    let removed = Registration { removed: true, ..world.registration.clone() };
    cluster.put(&removed, Expect::Any, None).await.unwrap();
    eventually("the removal", async || cluster.list::<Registration>().await.unwrap().is_empty())
        .await;
    assert!(fold(&log, &world.blobs).await.versions(&world.name()).is_empty());
    assert!(cluster.list::<IngestCheckpoint>().await.unwrap().is_empty());
    drop(handle);
    shutdown.cancel();
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_created_again_is_filled_again() {
    let repo = Repo::new();
    repo.write("a", "1").write("d/b", "2").commit("one");
    let mut world = World::new(repo.path());
    for name in ["old stream", "new stream"] {
        let log = open_log(world.dir.path(), name).await;
        world.deps.log = log.clone();
        let report = sync_once(&world.deps, &world.config, &world.registration).await.unwrap();
        assert_eq!(report.files_emitted, 2);
        assert_eq!(fold(&log, &world.blobs).await.shown(&world.name()), repo.shown());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_in_the_coordination_store() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = cluster(dir.path()).await;
    let here = ClusterRecords::new(cluster.clone(), "here", TTL);
    let there = ClusterRecords::new(cluster.clone(), "there", TTL);
    let name = RepoName::new("acme/api").unwrap();

    let claim = here.claim(&name).await.unwrap().expect("it is free");
    assert!(there.claim(&name).await.unwrap().is_none(), "it is taken");
    drop(claim);
    eventually("the claim is free", async || there.claim(&name).await.unwrap().is_some()).await;

    let checkpoint = IngestCheckpoint { name: name.to_string(), ..Default::default() };
    let first = here.save(checkpoint.clone(), None).await.unwrap();
    let again = there.save(checkpoint.clone(), None).await;
    assert!(matches!(again, Err(IngestError::Superseded)));
    let second = there.save(checkpoint.clone(), Some(first)).await.unwrap();
    assert!(matches!(here.save(checkpoint, Some(first)).await, Err(IngestError::Superseded)));
    assert_eq!(here.load(&name).await.unwrap().unwrap().revision, second);
    assert_eq!(here.checkpointed().await.unwrap(), ["acme/api"]);
    assert!(here.drop_checkpoint(&name, first).await.is_err());
    here.drop_checkpoint(&name, second).await.unwrap();
    assert!(here.load(&name).await.unwrap().is_none());

    let kept = Registration { name: name.to_string(), ..Default::default() };
    cluster.put(&kept, Expect::Any, None).await.unwrap();
    here.changed().await;
    here.forget(&name).await.unwrap();
    assert_eq!(cluster.list::<Registration>().await.unwrap().len(), 1, "its removal is not asked");
}
