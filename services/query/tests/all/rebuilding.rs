//! A shard that is rebuilt: what it serves stays as it was, and answers say so, until one link puts
//! what was rebuilt in its place.

use crate::support::*;
use ax_model::{Offset, OffsetRange};
use serde_json::Value;

async fn answer(node: &ax_query_node::QueryNode, options: &str) -> Value {
    get(node, &format!("/api/v1/search?q=needle{options}")).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shard_being_rebuilt_answers_as_of_before_and_says_so() {
    let corpus = Corpus::new();
    corpus.write(0, &[("r", "old.txt", "needle\n")]).await;
    corpus.write(1, &[("r", "other.txt", "needle\n")]).await;
    let node = corpus.node().await;
    assert_eq!(answer(&node, "").await["summary"]["partial"], false);

    let shard = corpus.shard(0);
    let begun = begin_rebuild(&shard).await;
    eventually("the rebuild is seen", || async {
        answer(&node, "").await["summary"]["partial"] == true
    })
    .await;
    let stale = answer(&node, "").await;
    let mut files = files_of(&stale);
    files.sort();
    assert_eq!(files, ["r:old.txt", "r:other.txt"]);
    let missing = stale["summary"]["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1, "{stale}");
    assert_eq!((&missing[0]["shard"], text(&missing[0]["code"])), (&0.into(), "AX-S008"));
    // A position of the new stream is not reached by one of the old stream.
    let waited = answer(&node, "&wait_for=g1.0:1&timeout=100ms").await;
    assert_eq!(text(&waited["code"]), "AX-A007", "{waited}");

    let mut next = begun.next(now_ms());
    next.rebuild.as_mut().unwrap().applied = OffsetRange::new(Offset(0), Offset(4)).unwrap();
    let built = shard.publish(&begun, next).await.unwrap();
    shard.publish(&built, built.flip(now_ms()).unwrap()).await.unwrap();
    eventually("what was rebuilt is served", || async {
        answer(&node, "").await["summary"]["partial"] == false
    })
    .await;
    let fresh = answer(&node, "&wait_for=g1.0:4").await;
    assert_eq!(files_of(&fresh), ["r:other.txt"]);
}
