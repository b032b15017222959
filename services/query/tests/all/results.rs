//! Answers that are kept: by one node over a real engine and a store in a folder.

use crate::support::*;
use ax_proto::search::{SearchOptions, SearchRequest};
use ax_query_node::QueryNode;
use serde_json::{Value, json};

async fn two_shards() -> (Corpus, QueryNode) {
    let corpus = Corpus::new();
    corpus.write(0, &[("r", "a.txt", "needle\nmore\n")]).await;
    corpus.write(1, &[("r", "b.txt", "needle needle\n")]).await;
    let node = corpus.node().await;
    (corpus, node)
}

async fn ask(node: &QueryNode, parameters: &str) -> Value {
    get(node, &format!("/api/v1/search?{parameters}")).await.json()
}

/// Which shards' parts were kept from before.
fn cached(answer: &Value) -> Vec<bool> {
    let shards = answer["summary"]["shards"].as_array().unwrap();
    shards.iter().map(|shard| shard["cached"].as_bool().unwrap()).collect()
}

const NONE: [bool; SHARDS as usize] = [false; SHARDS as usize];
const ALL: [bool; SHARDS as usize] = [true; SHARDS as usize];

/// All but what tells one request from another.
fn content(mut answer: Value) -> Value {
    let summary = answer["summary"].as_object_mut().unwrap();
    for own in ["elapsed_us", "request_id"] {
        summary.remove(own).unwrap();
    }
    for shard in summary["shards"].as_array_mut().unwrap() {
        shard.as_object_mut().unwrap().remove("cached").unwrap();
    }
    answer
}

#[tokio::test]
async fn the_same_again_is_the_same_answer_from_the_cache() {
    let (_corpus, node) = two_shards().await;
    let first = ask(&node, "q=needle&context=1").await;
    assert_eq!(cached(&first), NONE);
    assert_eq!(files_of(&first).len(), 2);
    let again = ask(&node, "q=%22needle%22++&context=1&timeout=9s").await;
    assert_eq!(cached(&again), ALL, "another spelling, another deadline");
    assert_eq!(content(again), content(first));
    for other in ["q=needle", "q=needle&context=1&limit=1", "q=needle&count", "q=needle+case:yes"] {
        assert_eq!(cached(&ask(&node, other).await), NONE, "{other}");
    }
    let counted = ask(&node, "q=needle&count").await;
    assert_eq!(cached(&counted), ALL);
    assert_eq!(counted["summary"]["num_files"], 2);
    let nothing = "q=nowhere_at_all";
    assert_eq!(cached(&ask(&node, nothing).await), NONE);
    assert_eq!(cached(&ask(&node, nothing).await), ALL, "nothing found is an answer");
}

#[tokio::test]
async fn a_publication_is_seen_at_once_and_leaves_other_shards_entries() {
    let (corpus, node) = two_shards().await;
    ask(&node, "q=needle").await;
    let before = ask(&node, "q=needle").await;
    assert_eq!(cached(&before), ALL);
    corpus.write(1, &[("r", "new.txt", "needle\n"), ("r", "b.txt", "gone\n")]).await;
    let after = ask(&node, "q=needle&wait_for=g1.1:3").await;
    let mut files = files_of(&after);
    files.sort();
    assert_eq!(files, ["r:a.txt", "r:new.txt"]);
    assert_eq!(cached(&after), [true, false, true, true]);
    for shard in 0..SHARDS as usize {
        let version =
            |answer: &Value| answer["summary"]["shards"][shard]["manifest_version"].clone();
        assert_eq!(version(&after) == version(&before), shard != 1, "shard {shard}");
    }
    assert_eq!(after["summary"]["version"], "g1.0:1,1:3,2:0,3:0");
    let again = ask(&node, "q=needle").await;
    assert_eq!(cached(&again), ALL);
    assert_eq!(content(again), content(after));
}

#[tokio::test]
async fn every_publication_in_a_row_is_seen() {
    let (corpus, node) = two_shards().await;
    for round in 0..6u64 {
        let name = format!("f{round}.txt");
        corpus.write(2, &[("r", &name, "needle\n")]).await;
        let wait = format!("q=needle&wait_for=g1.2:{}", round + 1);
        for _ in 0..2 {
            let answer = ask(&node, &wait).await;
            assert_eq!(answer["summary"]["num_files"], 3 + round, "{answer}");
        }
    }
}

#[tokio::test]
async fn without_the_cache_nothing_is_read_and_nothing_is_kept() {
    let (_corpus, node) = two_shards().await;
    for _ in 0..2 {
        assert_eq!(cached(&ask(&node, "q=needle&cache=false").await), NONE);
    }
    assert_eq!(cached(&ask(&node, "q=needle").await), NONE, "it was not kept");
    assert_eq!(cached(&ask(&node, "q=needle&cache=0").await), NONE, "it is not read");
    assert_eq!(cached(&ask(&node, "q=needle&cache").await), ALL);
    let refused = get(&node, "/api/v1/search?q=needle&cache=never").await.json();
    assert_eq!((text(&refused["code"]), text(&refused["field"])), ("AX-Q005", "cache"));
    let options = SearchOptions { no_cache: true, ..Default::default() };
    let request =
        SearchRequest { query: "needle".into(), options: Some(options), ..Default::default() };
    let summary = node.root().search(request).await.unwrap().summary.unwrap();
    assert!(summary.shards.iter().all(|shard| !shard.cached));
}

#[tokio::test]
async fn the_stream_takes_from_it_and_adds_to_it() {
    let (_corpus, node) = two_shards().await;
    let stream = || async {
        let got = get(&node, "/api/v1/search/stream?q=needle&all").await.text;
        let data = |line: &str| line.strip_prefix("data: ").map(str::to_owned);
        let events: Vec<String> = got.lines().filter_map(data).collect();
        let summary: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        (events.len(), cached(&json!({ "summary": summary })))
    };
    assert_eq!(stream().await, (3, NONE.to_vec()));
    assert_eq!(stream().await, (3, ALL.to_vec()));
    assert_eq!(cached(&ask(&node, "q=needle&all").await), ALL);
}

#[tokio::test]
async fn a_node_without_a_cache_searches_each_time() {
    let (corpus, _) = two_shards().await;
    let mut config = corpus.config("bare");
    config.results.max_bytes = 0;
    let node = corpus.start(config).await;
    for _ in 0..2 {
        assert_eq!(cached(&ask(&node, "q=needle").await), NONE);
    }
}

/// Three milliseconds are too few for these bytes: the search fails or says that it ended early. Neither may
/// be what the next one is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_ended_at_the_deadline_is_not_kept() {
    let corpus = Corpus::new();
    let line = "some words that a regex has to be run over, one after another 0123456789\n";
    let large = line.repeat((16 << 20) / line.len());
    corpus.write(0, &[("r", "large.txt", &large), ("r", "small.txt", "aqz\n")]).await;
    let node = corpus.node().await;
    let hard = "q=/[a-z]q[a-z]|[0-9]z/";
    for _ in 0..3 {
        let hurried = ask(&node, &format!("{hard}&timeout=3ms")).await;
        let is_whole = hurried["summary"]["partial"] == false;
        assert!(!is_whole, "the machine is too fast for this test: {hurried}");
    }
    let whole = ask(&node, &format!("{hard}&timeout=300s")).await;
    assert_eq!(files_of(&whole), ["r:small.txt"]);
    assert_eq!(whole["summary"]["partial"], false);
    assert!(!cached(&whole)[0]);
    let again = ask(&node, &format!("{hard}&timeout=300s")).await;
    assert!(cached(&again)[0]);
    assert_eq!(content(again)["files"], content(whole)["files"]);
}

#[tokio::test]
async fn what_a_shard_answers_while_it_is_rebuilt_is_not_kept() {
    let (corpus, node) = two_shards().await;
    begin_rebuild(&corpus.shard(0)).await;
    eventually("the rebuild is seen", || async {
        ask(&node, "q=needle").await["summary"]["partial"] == true
    })
    .await;
    for _ in 0..2 {
        let stale = ask(&node, "q=needle").await;
        assert_eq!(cached(&stale), [false, true, true, true]);
        assert_eq!(stale["summary"]["partial"], true, "and it says so each time");
    }
}
