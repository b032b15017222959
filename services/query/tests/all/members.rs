//! Nodes that find one another through coordination, and go on without it.

use crate::support::*;
use ax_cluster::Cluster;
use ax_coordination::embedded::{EmbeddedConfig, EmbeddedStore};
use ax_query_node::{Deps, QueryNode};
use std::sync::Arc;

async fn member(corpus: &Corpus, cluster: &Cluster, id: &str) -> QueryNode {
    let mut config = corpus.config(id);
    config.grpc = Some("127.0.0.1:0".parse().unwrap());
    let deps = Deps { cluster: Some(cluster.clone()), ..corpus.deps() };
    QueryNode::start(config, deps).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_find_one_another_and_go_on_without_coordination() {
    let corpus = Corpus::new();
    for shard in 0..SHARDS {
        corpus.write(shard, &[("r", &format!("f{shard}.txt"), "needle\n")]).await;
    }
    let embedded = EmbeddedConfig::new(corpus.dir.path().join("coordination"));
    let embedded = Arc::new(EmbeddedStore::open(embedded).await.unwrap());
    let cluster = Cluster::new(embedded.clone());
    let a = member(&corpus, &cluster, "a").await;
    let b = member(&corpus, &cluster, "b").await;
    eventually("both see both", || async {
        a.peers().members().len() == 2 && b.peers().members().len() == 2
    })
    .await;
    let status = get(&a, "/api/v1/status").await.json();
    assert_eq!(status["members"].as_array().unwrap().len(), 2);
    eventually("an answer of both", || async {
        let answer = get(&a, "/api/v1/search?q=needle").await.json();
        let shards = answer["summary"]["shards"].as_array().unwrap().clone();
        let by = |id: &str| shards.iter().any(|shard| shard["node"] == id);
        by("a") && by("b")
    })
    .await;
    embedded.close().await;
    for _ in 0..3 {
        let answer = get(&b, "/api/v1/search?q=needle").await.json();
        assert_eq!(answer["summary"]["num_files"], SHARDS);
        assert_eq!(answer["summary"]["partial"], false);
    }
    corpus.write(0, &[("r", "late.txt", "needle\n")]).await;
    eventually("fresh without hints", || async {
        let answer = get(&b, "/api/v1/search?q=needle").await.json();
        answer["summary"]["num_files"] == SHARDS + 1
    })
    .await;
    assert!(a.readiness().why_not().is_none() && b.readiness().why_not().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_drains_gets_nothing_new() {
    let corpus = Corpus::new();
    let embedded = EmbeddedConfig::new(corpus.dir.path().join("coordination"));
    let cluster = Cluster::new(Arc::new(EmbeddedStore::open(embedded).await.unwrap()));
    let a = member(&corpus, &cluster, "a").await;
    let b = member(&corpus, &cluster, "b").await;
    eventually("both see both", || async { a.peers().members().len() == 2 }).await;
    b.start_leaving();
    eventually("only a is left", || async { a.peers().members().len() == 1 }).await;
    assert_eq!(a.peers().members()[0].id, "a");
    assert!(b.readiness().why_not().is_some());
    b.shutdown().await;
}
