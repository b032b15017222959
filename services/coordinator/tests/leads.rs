//! A real coordinator over an embedded coordination store: who gets which shard, when and after whom.

use ax_cluster::{Assignment, Cluster, Member, Membership, Published, Role};
use ax_coordination::{Expect, embedded::EmbeddedConfig, embedded::EmbeddedStore};
use ax_coordinator::{Coordinator, CoordinatorConfig};
use ax_model::Generation;
use ax_store::{Store, StoreConfig};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

const TTL: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);

struct World {
    cluster: Cluster,
    store: Store,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let raft = EmbeddedStore::open(EmbeddedConfig::new(folder.path().join("raft"))).await?;
        let url = format!("file://{}", folder.path().join("store").display());
        let store = Store::open(&StoreConfig::new(url))?;
        Ok(Self { cluster: Cluster::new(Arc::new(raft)), store, _folder: folder })
    }

    fn coordinator(&self, id: &str) -> CancellationToken {
        let config = CoordinatorConfig {
            shards: 4,
            generation: Generation(1),
            lease_ttl: TTL,
            collect_every: Duration::from_secs(60),
            keep: Duration::from_secs(60),
            orphan_grace: Duration::from_secs(3600),
        };
        let member = member(id, Role::Coordinator);
        let coordinator =
            Coordinator::new(self.cluster.clone(), self.store.clone(), config, member);
        let stop = CancellationToken::new();
        tokio::spawn(coordinator.run(stop.clone()));
        stop
    }

    async fn indexer(&self, id: &str) -> anyhow::Result<Membership> {
        Ok(Membership::join(&self.cluster, member(id, Role::Indexer), TTL).await?)
    }

    /// Waits until the assignments are as `wanted` says.
    async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&BTreeMap<String, Assignment>) -> bool,
    ) -> BTreeMap<String, Assignment> {
        let mut table = self.cluster.table::<Assignment>();
        let reached = tokio::time::timeout(PATIENCE, async {
            loop {
                let rows = table.loaded().await;
                if wanted(&rows) {
                    return (*rows).clone();
                }
                table.changed().await;
            }
        });
        match reached.await {
            Ok(rows) => rows,
            Err(_) => panic!("{what} did not come; now: {:?}", table.rows()),
        }
    }
}

fn member(id: &str, role: Role) -> Member {
    Member { id: id.to_owned(), role: role.into(), weight: 1, ..Default::default() }
}

fn shares(rows: &BTreeMap<String, Assignment>) -> BTreeMap<&str, usize> {
    rows.values().fold(BTreeMap::new(), |mut shares, row| {
        *shares.entry(row.indexer.as_str()).or_default() += 1;
        shares
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_follow_the_living() -> anyhow::Result<()> {
    let world = World::new().await?;
    let _coordinator = world.coordinator("c");
    let a = world.indexer("a").await?;
    world.until("all to a", |rows| shares(rows) == BTreeMap::from([("a", 4)])).await;
    let _b = world.indexer("b").await?;
    world.until("half each", |rows| shares(rows) == BTreeMap::from([("a", 2), ("b", 2)])).await;
    drop(a);
    let rows = world.until("all to b", |rows| shares(rows) == BTreeMap::from([("b", 4)])).await;
    let epochs: Vec<_> = rows.values().map(|row| row.epoch).collect();
    assert_eq!(epochs.iter().sum::<u64>(), 2 + 2 + 2 + 2, "one change of hands each: {epochs:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_coordinator_takes_over_with_a_larger_term() -> anyhow::Result<()> {
    let world = World::new().await?;
    let first = world.coordinator("c1");
    let _a = world.indexer("a").await?;
    let rows = world.until("an assignment", |rows| rows.len() == 4).await;
    let term = rows["00000"].term;
    let _second = world.coordinator("c2");
    first.cancel();
    world.until("a larger term", |rows| rows.values().all(|row| row.term > term)).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_ahead_of_its_assignment_gets_a_larger_epoch() -> anyhow::Result<()> {
    let world = World::new().await?;
    let _coordinator = world.coordinator("c");
    let _a = world.indexer("a").await?;
    world.until("an assignment", |rows| rows.len() == 4).await;
    let fenced =
        Published { shard: 1, epoch: 9, failure: "AX-S006: x".into(), ..Default::default() };
    world.cluster.put(&fenced, Expect::Any, None).await?;
    world.until("epoch 10", |rows| rows["00001"].epoch == 10 && rows["00000"].epoch == 1).await;
    Ok(())
}
