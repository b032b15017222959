//! The cluster under `kill -9`: with changes flowing and queries asked all the while, each process in
//! turn is killed outright. Afterwards git, the change stream, the segments and both query nodes must
//! agree (I1, I2), every chain of manifests must be whole (I3, I4), and no query may have failed or
//! come back incomplete (I8).

mod support;

use anyhow::ensure;
use ax_e2e::{
    churn::Churn,
    cluster::{QUERY_NODES, Settings},
};
use ax_harness::eventually;
use std::time::{Duration, Instant};
use support::{Drill, Rehearsal, SETTLED_WITHIN};

/// A generous deadline for a file to be searchable again after a kill.
const FRESH_WITHIN: Duration = Duration::from_secs(60);
/// The same once all is well again: a tenth of a second, or some seconds on a busy machine.
const NEXT_WITHIN: Duration = Duration::from_secs(20);

/// Who is killed, and whether a file must become searchable while it is dead: its work is taken over
/// by another, or not needed for that.
const KILLS: [(&str, bool); 9] = [
    ("indexer-1", true),
    ("indexer-2", true),
    ("coordinator", true),
    ("query-1", true),
    ("query-2", true),
    ("ingest", false),
    ("etcd", false),
    ("kafka", false),
    ("s3", false),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_no_query_fails_whoever_dies() {
    // Long enough for each link to be checked after some drill, short enough to be collected.
    let settings = Settings { keep: Duration::from_secs(30), ..Settings::default() };
    let mut rehearsal = Rehearsal::start("cluster", settings).await.unwrap();
    let mut drills = Vec::new();
    for (name, is_replaced) in KILLS {
        drills.push(kill_one(&mut rehearsal, name, is_replaced).await.unwrap());
    }
    drills.push(without_coordination_and_stream(&mut rehearsal).await.unwrap());
    wait_for_sees_an_own_push_across_a_failover(&mut rehearsal).await.unwrap();
    old_manifests_were_collected(&rehearsal).await.unwrap();
    rehearsal.no_alarms().unwrap();
    support::print(&drills, rehearsal.probe.slowest(), rehearsal.probe.answered());
}

/// Kills `name` while changes flow, pushes, and measures until the push is searchable.
async fn kill_one(
    rehearsal: &mut Rehearsal,
    name: &'static str,
    is_replaced: bool,
) -> anyhow::Result<Drill> {
    let churn = Churn::start(rehearsal.take_state()?);
    rehearsal.probe.answers_more(20).await?; // some commits are on their way
    let killed_at = Instant::now();
    rehearsal.cluster.kill9(name)?;
    let marker = rehearsal.push_marker().await?;
    if !is_replaced {
        rehearsal.probe.answers_more(40).await?; // a moment without it
        rehearsal.cluster.restart(name).await?;
    }
    marker.wait(&rehearsal.front, FRESH_WITHIN).await?;
    let fresh_after = killed_at.elapsed();
    if is_replaced {
        rehearsal.cluster.restart(name).await?;
    }
    // And the next push is seen as soon as ever: nobody waits longer because of what was.
    rehearsal.push_marker().await?.wait(&rehearsal.front, NEXT_WITHIN).await?;
    rehearsal.keep_state(churn.stop().await?);
    rehearsal.settle().await?;
    rehearsal.probe.check()?;
    Ok(Drill { name, fresh_after, settled_after: killed_at.elapsed() })
}

/// Coordination, its store and the stream all gone at once: nothing new comes, and every query is
/// still answered completely.
async fn without_coordination_and_stream(rehearsal: &mut Rehearsal) -> anyhow::Result<Drill> {
    const GONE: [&str; 3] = ["coordinator", "etcd", "kafka"];
    let churn = Churn::start(rehearsal.take_state()?);
    rehearsal.probe.answers_more(20).await?;
    let killed_at = Instant::now();
    for name in GONE {
        rehearsal.cluster.kill9(name)?;
    }
    let marker = rehearsal.push_marker().await?;
    rehearsal.probe.answers_more(200).await?; // longer than the leases
    rehearsal.probe.check()?;
    for name in QUERY_NODES {
        let status = rehearsal.cluster.api(name)?.status().await?;
        ensure!(status["node"]["ready"] == true, "{name}: {status}");
    }
    for name in GONE.iter().rev() {
        rehearsal.cluster.restart(name).await?;
    }
    marker.wait(&rehearsal.front, FRESH_WITHIN).await?;
    let fresh_after = killed_at.elapsed();
    rehearsal.push_marker().await?.wait(&rehearsal.front, NEXT_WITHIN).await?;
    rehearsal.keep_state(churn.stop().await?);
    rehearsal.settle().await?;
    rehearsal.probe.check()?;
    let name = "coordinator, etcd, kafka";
    Ok(Drill { name, fresh_after, settled_after: killed_at.elapsed() })
}

/// I6: with the token of a push, a search through any node shows the push, also when the owner of its
/// shards died before it could index it.
async fn wait_for_sees_an_own_push_across_a_failover(
    rehearsal: &mut Rehearsal,
) -> anyhow::Result<()> {
    let front = rehearsal.front.clone();
    let repo = rehearsal.marker_repo().name().to_owned();
    let before = front.version_of(&repo).await?;
    rehearsal.cluster.kill9("indexer-1")?;
    let marker = rehearsal.push_marker().await?;
    let token = eventually(SETTLED_WITHIN, "ingest tells the version of the push", async || {
        let version = front.version_of(&repo).await?;
        ensure!(version != before, "still {before}");
        Ok(version)
    })
    .await?;
    for name in QUERY_NODES {
        let api = rehearsal.cluster.api(name)?;
        let options = [("wait_for", token.as_str()), ("timeout", "30s"), ("all", "true")];
        let answer = api.search(&marker.query, &options).await?;
        let summary = &answer["summary"];
        ensure!(summary["partial"] == false, "{name}: {summary}");
        ensure!(summary["num_files"] == marker.num_files, "{name}, {token}: {summary}");
    }
    rehearsal.cluster.restart("indexer-1").await?;
    rehearsal.settle().await?;
    rehearsal.probe.check()
}

/// The collector worked all the while (I10): what it left was enough for every check above.
async fn old_manifests_were_collected(rehearsal: &Rehearsal) -> anyhow::Result<()> {
    eventually(SETTLED_WITHIN, "old manifests are collected", async || {
        for shard in 0..rehearsal.cluster.shards() {
            let boundary = rehearsal.cluster.shard(shard)?.boundary().await?;
            ensure!(boundary.0 > 1, "nothing of shard {shard} yet");
        }
        Ok(())
    })
    .await?;
    rehearsal.settle().await
}
