//! Queries of death through a query node: each is answered soon after its deadline, whole, in part or
//! with a code; and whoever asks for something light meanwhile does not wait for them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../../tests/deaths/queries.rs"]
mod queries;
#[path = "all/support/mod.rs"]
mod support;

use ax_proto::search::{SearchOptions, SearchRequest};
use ax_query_node::QueryNode;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use queries::{Death, deaths};
use std::time::{Duration, Instant};
use support::*;

/// What a query is given.
const DEADLINE_MS: u32 = 100;
/// An answer that takes longer hangs. The promise is 100 ms after the deadline; machines differ.
const HANG: Duration = Duration::from_secs(2);
/// Bytes of an address that HTTP accepts.
const MOST_ADDRESS: usize = 60_000;

async fn nasty() -> (Corpus, QueryNode) {
    let corpus = Corpus::new();
    let line = "ab cd=01;éK a.b(_)".repeat(40_000);
    let lines = "a b\nab aab\n\nf0 w0001x = word1;\n".repeat(20_000);
    corpus.write(0, &[("acme/web", "app.min.js", &line), ("acme/web", "f1.txt", &lines)]).await;
    corpus.write(1, &[("acme/api", "src/f2.rs", "fn s1() { needle(); }\n")]).await;
    let aaa = "a".repeat(300_000);
    let small: Vec<(String, String)> =
        (0..300).map(|i| (format!("d{i}/f{i}.c"), format!("word{i} ab a{i}\n"))).collect();
    let mut files: Vec<File<'_>> =
        small.iter().map(|(path, text)| ("acme/small", path.as_str(), text.as_str())).collect();
    files.push(("acme/small", "aaa.txt", &aaa));
    corpus.write(2, &files).await;
    let node = corpus.node().await;
    (corpus, node)
}

/// How a query ended.
#[derive(Debug, Clone, Copy)]
enum End {
    Whole,
    Partial,
    Refused,
}

/// By HTTP, or as gRPC does where the text is too long for an address.
async fn end_of(node: &QueryNode, death: &Death) -> End {
    let query = utf8_percent_encode(&death.query, NON_ALPHANUMERIC).to_string();
    if query.len() < MOST_ADDRESS {
        let uri = format!("/api/v1/search?timeout={DEADLINE_MS}ms&q={query}");
        let got = get(node, &uri).await;
        let answer = got.json();
        return match got.status {
            StatusCode::OK if answer["summary"]["partial"] == true => End::Partial,
            StatusCode::OK => End::Whole,
            _ => {
                assert!(text(&answer["code"]).starts_with("AX-Q"), "{:.60} {answer}", death.query);
                End::Refused
            }
        };
    }
    let options = SearchOptions { timeout_ms: DEADLINE_MS, ..Default::default() };
    let query = death.query.clone();
    let request = SearchRequest { query, options: Some(options), ..Default::default() };
    match node.root().search(request).await {
        Ok(answer) if answer.summary.as_ref().is_some_and(|summary| summary.partial) => {
            End::Partial
        }
        Ok(_) => End::Whole,
        Err(fault) => {
            assert!(fault.code.as_str().starts_with("AX-Q"), "{:.60} {fault}", death.query);
            End::Refused
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_of_death_is_answered() {
    let (_corpus, node) = nasty().await;
    let (mut ends, mut slowest) = ([0; 3], Vec::new());
    for death in deaths() {
        let begun = Instant::now();
        let end = end_of(&node, &death).await;
        ends[end as usize] += 1;
        let start: String = death.query.chars().take(60).collect();
        slowest.push((begun.elapsed(), death.family, start));
    }
    slowest.sort_by(|a, b| b.cmp(a));
    println!("whole, partial, refused: {ends:?}; slowest: {:#?}", &slowest[..9]);
    assert!(slowest[0].0 < HANG, "{:?}", slowest[0]);
    assert!(ends[0] > 100 && ends[1] > 0 && ends[2] > 100, "{ends:?}");
}

/// Twice as many deadly searches as the node lets in at once: without a lane of their own they would hold
/// every permit and every thread until their deadline, half a minute away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn light_queries_pass_deadly_ones() {
    let corpus = Corpus::new();
    let line = "ab cd=01;éK a.b(_)".repeat(400_000);
    corpus.write(0, &[("acme/web", "app.min.js", &line)]).await;
    corpus.write(1, &[("acme/api", "src/f2.rs", "fn s1() { needle(); }\n")]).await;
    let mut config = corpus.config("solo");
    config.max_searches = 4;
    let node = corpus.start(config).await;
    let deadly = async |i: u32| {
        let uri = format!("/api/v1/search?timeout=30s&cache=false&q=%2F[ab].%7B40{i}%7DZ%2F");
        get(&node, &uri).await.status
    };
    let begun = Instant::now();
    let light = async {
        let mut times = Vec::new();
        for _ in 0..20 {
            let asked = Instant::now();
            let got = get(&node, "/api/v1/search?timeout=20s&cache=false&q=needle").await.json();
            assert_eq!(got["summary"]["partial"], false, "{got}");
            times.push(asked.elapsed());
        }
        times.sort();
        times[10]
    };
    let eight = futures::future::join_all((0..8).map(deadly));
    // dropping the deadly ones cancels them
    let (first, passed) = match futures::future::select(Box::pin(eight), Box::pin(light)).await {
        futures::future::Either::Left((statuses, _)) => (Some(statuses), None),
        futures::future::Either::Right((median, _)) => (None, Some(median)),
    };
    println!("light ones: {passed:?}, all within {:?}", begun.elapsed());
    assert!(passed.is_some(), "the deadly ones ended first: {first:?}");
}
