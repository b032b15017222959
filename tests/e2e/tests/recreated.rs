//! The topic is deleted and created again under a running cluster. Nothing is lost from search by
//! itself: the shards stand still and serve what they had, ingest emits everything into the new stream,
//! and an operator has the shards rebuilt (I1: the index equals the fold of the stream again).

use anyhow::{Context as _, ensure};
use ax_changes::kafka::KafkaLog;
use ax_e2e::{
    Cluster, GitRepo, ax,
    cluster::{QUERY_NODES, Settings},
    fold,
};
use ax_harness::eventually;
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};
use serde_json::Value;
use std::time::Duration;

/// Longer than ingest trusts what it knows of the stream, on a busy machine.
const WITHIN: Duration = Duration::from_secs(180);
const FILES: u64 = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_made_anew_is_indexed_again_when_an_operator_says_so() {
    let cluster = Cluster::start("recreated", Settings::default()).await.unwrap();
    let repo = filled(&cluster).await.unwrap();
    let wanted = repo.documents().await.unwrap();
    cluster.settle(&wanted, &QUERY_NODES, WITHIN).await.unwrap();

    recreate(&cluster).await.unwrap();
    every_shard_stands_still(&cluster).await.unwrap();
    // Everybody still finds what there was.
    let front = cluster.front().unwrap();
    wanted.expect("by the API", &front.documents().await.unwrap()).unwrap();

    // What changes meanwhile goes into the new stream together with everything else.
    repo.remove("src/file0.txt").unwrap();
    repo.write("src/late.txt", "pushed after the topic was made anew\n").unwrap();
    repo.commit("meanwhile").await.unwrap();
    let wanted = repo.documents().await.unwrap();
    eventually(WITHIN, "ingest emits everything again", async || {
        wanted.expect("by the new stream", &fold::stream(cluster.log().await?).await?)
    })
    .await
    .unwrap();
    every_shard_stands_still(&cluster).await.unwrap();

    let asked = ask(front.base(), &["shards", "rebuild", "--all", "--json"]).await.unwrap();
    let asked: Value = serde_json::from_str(&asked).unwrap();
    let shards = asked["shards"].as_array().unwrap();
    assert_eq!(shards.len(), cluster.shards() as usize, "{asked}");
    assert!(shards.iter().all(|shard| shard["number"] == 1 && shard["already"] == false));
    cluster.settle(&wanted, &QUERY_NODES, WITHIN).await.unwrap();
    is_as_ever(&cluster).await.unwrap();

    // By hand on one healthy shard, in words.
    let said = ask(front.base(), &["shards", "rebuild", "1"]).await.unwrap();
    assert!(said.starts_with("shard 1: rebuild 2 is asked for\n"), "{said}");
    eventually(WITHIN, "it is rebuilt", async || {
        let head = cluster.shard(1)?.head().await?.context("it was published")?;
        ensure!(head.manifest.rebuilt.0 == 2, "{:?}", head.manifest.rebuild);
        Ok(())
    })
    .await
    .unwrap();
    cluster.settle(&wanted, &QUERY_NODES, WITHIN).await.unwrap();
    assert_eq!(cluster.logged(" ERROR ").unwrap(), Vec::<String>::new());
}

/// Registers a repository with a file for every shard, and a deletion behind it.
async fn filled(cluster: &Cluster) -> anyhow::Result<GitRepo> {
    let repo = GitRepo::init(cluster.repos().join("steady"), "steady").await?;
    for n in 0..FILES {
        repo.write(&format!("src/file{n}.txt"), format!("number {n}\n"))?;
    }
    repo.commit("all there is").await?;
    let source = repo.path().to_str().context("a test's folder has a plain name")?;
    let front = cluster.front()?;
    front.register(source, repo.name()).await?;
    front.wait_for_count("number", FILES, WITHIN).await?;
    repo.remove("src/file1.txt")?;
    repo.commit("one less").await?;
    Ok(repo)
}

async fn recreate(cluster: &Cluster) -> anyhow::Result<()> {
    let stream = cluster.stream();
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &stream.bootstrap).create()?;
    let deleted = admin.delete_topics(&[stream.topic.as_str()], &AdminOptions::new()).await?;
    ensure!(deleted[0].is_ok(), "{deleted:?}");
    eventually(WITHIN, "the topic is made anew", async || {
        Ok(KafkaLog::connect(stream.clone()).await.map(drop)?)
    })
    .await
}

async fn every_shard_stands_still(cluster: &Cluster) -> anyhow::Result<()> {
    let front = cluster.front()?;
    eventually(WITHIN, "every shard says that the stream is another one", async || {
        for shard in shards(&front.status().await?)? {
            let failure = shard["published"]["failure"].as_str().unwrap_or_default();
            ensure!(failure.starts_with("AX-C001"), "{shard}");
        }
        Ok(())
    })
    .await
}

/// Nothing stands still, and nothing is being rebuilt.
async fn is_as_ever(cluster: &Cluster) -> anyhow::Result<()> {
    let front = cluster.front()?;
    eventually(WITHIN, "every shard goes on", async || {
        for shard in shards(&front.status().await?)? {
            let published = &shard["published"];
            let well = published["failure"] == "" && published["rebuild"] == Value::Null;
            ensure!(well && published["rebuilt"] == 1, "{shard}");
        }
        Ok(())
    })
    .await
}

fn shards(status: &Value) -> anyhow::Result<Vec<Value>> {
    status["shards"].as_array().cloned().context("shards is a list")
}

/// What the client prints.
async fn ask(base: &str, args: &[&str]) -> anyhow::Result<String> {
    let output = ax::client(base, args).await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
