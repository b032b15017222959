//! An owner that stood still while its shards went to another. When it wakes it must publish nothing:
//! the manifest chain refuses it, and it says so (I4, I5).

mod support;

use anyhow::{Context as _, ensure};
use ax_e2e::{Cluster, cluster::Settings, probe::Probe};
use ax_harness::{Fault, eventually};
use serde_json::Value;
use std::time::Duration;
use support::{EVERGREEN, EVERGREEN_FILES, Rehearsal, SETTLED_WITHIN};

/// The process that stands still; the one whose way to etcd can be cut.
const SLEEPER: &str = "indexer-1";
const MOVED_WITHIN: Duration = Duration::from_secs(60);
/// Restarts of etcd's connection and a lease, with room to spare.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_wakes_up_late_is_fenced() {
    let mut rehearsal = Rehearsal::start("fencing", Settings::default()).await.unwrap();
    wakes_up_uninformed(&mut rehearsal).await.unwrap();
    wakes_up(&mut rehearsal).await.unwrap();
    a_query_node_that_stands_still_is_passed_by(&mut rehearsal).await.unwrap();
    rehearsal.no_alarms().unwrap();
}

/// The worst case: it cannot even learn that its shards were given away, so that only the store can
/// stop it. It reads the pushes as the new owner did, builds its segments, and fails to publish.
async fn wakes_up_uninformed(rehearsal: &mut Rehearsal) -> anyhow::Result<()> {
    let lost = settle_on_shards(rehearsal).await?;
    rehearsal.cluster.pause(SLEEPER)?;
    rehearsal.cluster.etcd_of_one().set(Fault::Blackhole);
    moved(&rehearsal.cluster, &lost).await?;
    let marker = rehearsal.push_marker().await?;
    marker.wait(&rehearsal.front, SETTLED_WITHIN).await?;
    let owned = heads(&rehearsal.cluster, &lost).await?;
    rehearsal.cluster.resume(SLEEPER)?;
    for (shard, _) in &lost {
        says_fenced(rehearsal, *shard).await?; // each of them got some of the push
    }
    unchanged(&rehearsal.cluster, &lost, &owned).await?;
    rehearsal.settle().await?;
    rehearsal.cluster.etcd_of_one().set(Fault::None);
    rehearsal.settle().await?;
    rehearsal.probe.check()
}

/// The common case: it wakes and may hear of the new owner before or after it tries to publish.
async fn wakes_up(rehearsal: &mut Rehearsal) -> anyhow::Result<()> {
    let lost = settle_on_shards(rehearsal).await?;
    rehearsal.cluster.pause(SLEEPER)?;
    moved(&rehearsal.cluster, &lost).await?;
    rehearsal.churn_for(60).await?;
    rehearsal.cluster.resume(SLEEPER)?;
    rehearsal.churn_for(60).await?;
    rehearsal.settle().await?;
    rehearsal.probe.check()
}

/// The other node asks it for its share of the shards, hears nothing, and asks a replica in time.
/// (What the balancer sent to the node itself waits with it, so that it is not looked at here.)
async fn a_query_node_that_stands_still_is_passed_by(
    rehearsal: &mut Rehearsal,
) -> anyhow::Result<()> {
    let probe = Probe::start(&rehearsal.cluster.api("query-1")?, EVERGREEN, EVERGREEN_FILES);
    probe.answers_more(10).await?;
    rehearsal.cluster.pause("query-2")?;
    probe.answers_more(100).await?;
    rehearsal.cluster.resume("query-2")?;
    probe.check()?;
    drop(probe);
    rehearsal.settle().await
}

/// Waits until the sleeper owns shards, and returns them with its member id.
async fn settle_on_shards(rehearsal: &Rehearsal) -> anyhow::Result<Vec<(u32, String)>> {
    let front = &rehearsal.front;
    eventually(MOVED_WITHIN, "the sleeper owns shards", async || {
        let shards = owners(&front.status().await?)?;
        let ours: Vec<_> =
            shards.into_iter().filter(|(_, owner)| owner.starts_with(SLEEPER)).collect();
        ensure!(!ours.is_empty(), "it owns none");
        Ok(ours)
    })
    .await
}

/// Waits until each of these shards was assigned to, and published by, another member.
async fn moved(cluster: &Cluster, lost: &[(u32, String)]) -> anyhow::Result<()> {
    let front = cluster.front()?;
    eventually(MOVED_WITHIN, "the shards are another's", async || {
        let now = owners(&front.status().await?)?;
        for (shard, was) in lost {
            let owner = now.iter().find(|(other, _)| other == shard).context("a shard is gone")?;
            ensure!(owner.1 != *was && !owner.1.is_empty(), "shard {shard} is still {was}'s");
            let head = cluster.shard(*shard)?.head().await?.context("it was published before")?;
            ensure!(head.manifest.writer != *was, "shard {shard} is not taken over yet");
        }
        Ok(())
    })
    .await
}

fn owners(status: &Value) -> anyhow::Result<Vec<(u32, String)>> {
    let shards = status["shards"].as_array().context("shards is a list")?;
    let owner = |row: &Value| {
        let shard = u32::try_from(row["shard"].as_u64().context("a shard has a number")?)?;
        Ok((shard, row["indexer"].as_str().unwrap_or_default().to_owned()))
    };
    shards.iter().map(owner).collect()
}

/// The newest epoch of each shard.
async fn heads(cluster: &Cluster, shards: &[(u32, String)]) -> anyhow::Result<Vec<u64>> {
    let mut epochs = Vec::new();
    for (shard, _) in shards {
        let head = cluster.shard(*shard)?.head().await?.context("it was published")?;
        epochs.push(head.manifest.epoch.0);
    }
    Ok(epochs)
}

/// Waits until the sleeper logs that it was fenced off `shard`.
async fn says_fenced(rehearsal: &mut Rehearsal, shard: u32) -> anyhow::Result<()> {
    let sleeper = rehearsal.cluster.process(SLEEPER)?;
    let log = sleeper.log_path().to_owned();
    let said = format!("shard={shard} ");
    sleeper
        .wait_for(
            &format!("says that it is fenced off shard {shard}"),
            NOTICED_WITHIN,
            async || {
                let log = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
                let mut lines =
                    log.lines().filter(|line| line.contains("fenced: this writer halts"));
                ensure!(lines.any(|line| line.contains(&said)), "not yet");
                Ok(())
            },
        )
        .await
}

/// No link at or after the take-over's epoch is the sleeper's.
async fn unchanged(
    cluster: &Cluster,
    lost: &[(u32, String)],
    epochs: &[u64],
) -> anyhow::Result<()> {
    for ((shard, was), epoch) in lost.iter().zip(epochs) {
        for link in cluster.shard(*shard)?.history().await? {
            let late = link.manifest.epoch.0 >= *epoch && link.manifest.writer == *was;
            ensure!(!late, "{was} published version {} of shard {shard}", link.version());
        }
    }
    Ok(())
}
