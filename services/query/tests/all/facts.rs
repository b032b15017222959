//! What is said of repositories, asked for over HTTP: in every kind of answer, and with answers that are
//! kept.

use crate::support::*;
use ax_model::{RepositoryFacts, RepositoryInfo};
use ax_query_node::QueryNode;
use serde_json::{Value, json};

const TEXT: &str = "fn needle() {}\n";

/// What a shard is told of a repository.
fn told(name: &str, facts: RepositoryFacts, is_copy: bool) -> RepositoryInfo {
    RepositoryInfo { facts, is_copy, ..repository(name) }
}

fn archived() -> RepositoryFacts {
    RepositoryFacts { archived: true, rank: 42, ..Default::default() }
}

/// Two repositories over two shards; `old` is archived.
async fn corpus() -> (Corpus, QueryNode) {
    let corpus = Corpus::new();
    for (shard, is_copy) in [(0, false), (1, true)] {
        let path = format!("{shard}.rs");
        corpus.write(shard, &[("old", path.as_str(), TEXT), ("new", path.as_str(), TEXT)]).await;
        let fill = |builder: &mut ax_engine::SegmentBuilder| {
            builder.repository(&told("old", archived(), is_copy));
        };
        corpus.write_with(shard, 1, fill).await;
    }
    let node = corpus.node().await;
    (corpus, node)
}

async fn ask(node: &QueryNode, path: &str) -> Value {
    let got = get(node, &format!("/api/v1/{path}")).await;
    assert!(got.status.is_success(), "{path}: {}", got.text);
    got.json()
}

async fn count(node: &QueryNode, query: &str) -> u64 {
    let answer = ask(node, &format!("search?q={query}&count=true")).await;
    answer["summary"]["num_files"].as_u64().unwrap()
}

#[tokio::test]
async fn facts_restrict_every_kind_of_answer() {
    let (_corpus, node) = corpus().await;
    assert_eq!(count(&node, "needle").await, 4, "nothing is left out by default");
    assert_eq!(count(&node, "needle+archived:yes").await, 4);
    assert_eq!(count(&node, "needle+archived:no").await, 2);
    assert_eq!(count(&node, "needle+-archived:only").await, 2);
    assert_eq!(count(&node, "public:yes").await, 0);
    let found = ask(&node, "search?q=needle+archived:only").await;
    assert_eq!(files_of(&found), ["old:0.rs", "old:1.rs"]);
    let streamed = get(&node, "/api/v1/search/stream?q=needle+archived:no&all").await.text;
    assert_eq!((streamed.matches("\"new\"").count(), streamed.matches("\"old\"").count()), (2, 0));
    let groups = ask(&node, "search?q=archived:only+select:repo").await;
    assert_eq!(groups["summary"]["groups"][0]["name"], "old");
    let explained = ask(&node, "search?q=needle+archived:no&explain").await;
    let steps = &explained["summary"]["explanation"][0]["segments"][0]["steps"];
    assert_eq!((&steps[0]["condition"], &steps[0]["docs"]), (&json!("archived:no"), &json!(1)));
    let symbols = ask(&node, "symbols?q=needle+archived:no").await;
    let repos: Vec<&str> =
        symbols["symbols"].as_array().unwrap().iter().map(|one| text(&one["repo"])).collect();
    assert_eq!(repos, ["new", "new"]);
}

#[tokio::test]
async fn what_is_archived_comes_later_and_the_explanation_says_why() {
    let (_corpus, node) = corpus().await;
    let found = ask(&node, "search?q=needle&explain").await;
    assert_eq!(files_of(&found), ["new:0.rs", "new:1.rs", "old:0.rs", "old:1.rs"]);
    let signals = found["files"][3]["signals"].as_array().unwrap();
    let value = |name: &str| {
        let signal = signals.iter().find(|signal| signal["name"] == name).unwrap();
        signal["value"].as_f64().unwrap()
    };
    assert!(value("aside_loss") < 0.0 && value("repository") > 0.0, "{signals:?}");
    assert!((0.29..0.301).contains(&value("recency")), "it was written just now: {signals:?}");
    let sum: f64 = signals.iter().map(|signal| signal["value"].as_f64().unwrap()).sum();
    assert!((sum - found["files"][3]["score"].as_f64().unwrap()).abs() < 1e-3, "{signals:?}");
}

#[tokio::test]
async fn a_changed_fact_counts_at_once_though_answers_are_kept() {
    let (corpus, node) = corpus().await;
    for _ in 0..2 {
        assert_eq!(count(&node, "needle+archived:only").await, 2);
    }
    let none = RepositoryFacts::default();
    corpus.write_with(1, 1, |builder| builder.repository(&told("old", none, true))).await;
    let answer = ask(&node, "search?q=needle+archived:only&wait_for=g1.1:4").await;
    assert_eq!(files_of(&answer), ["old:0.rs"], "the other shard was not told yet");
    corpus.write_with(0, 1, |builder| builder.repository(&told("old", none, false))).await;
    let answer = ask(&node, "search?q=needle+archived:only&wait_for=g1.0:4").await;
    assert_eq!(answer["files"], json!([]));
}

#[tokio::test]
async fn repositories_are_shown_with_what_is_said_of_them() {
    let (_corpus, node) = corpus().await;
    let listed = ask(&node, "repos").await;
    let old = &listed["repositories"][0];
    let facts = ["name", "archived", "fork", "public", "rank"].map(|name| old[name].clone());
    assert_eq!(facts, [json!("old"), json!(true), json!(false), json!(false), json!(42)]);
    let page = get(&node, "/").await.text;
    assert!(page.contains("indexed, archived"), "{page}");
}
