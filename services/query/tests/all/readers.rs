//! Clients that ask and do not read: they hold up nobody.

use crate::support::*;
use ax_proto::search::LeafRequest;
use ax_query_node::{
    QueryNode,
    leaf::{Admission, Leaf},
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// Far more than the buffers between two processes take.
const LINES: usize = 4_000;
const NEVER: Duration = Duration::from_secs(3600);

/// A node whose answer to `hay` has eight megabytes in each of two shards.
async fn large(change: impl FnOnce(&mut ax_query_node::RequestLimits)) -> (Corpus, QueryNode) {
    let corpus = Corpus::new();
    let text = format!("hay {}\n", "x".repeat(2_000)).repeat(LINES);
    corpus.write(0, &[("r", "a.txt", &text), ("r", "b.txt", "needle\n")]).await;
    corpus.write(1, &[("r", "c.txt", &text)]).await;
    let mut config = corpus.config("solo");
    config.http = Some("127.0.0.1:0".parse().unwrap());
    change(&mut config.limits);
    let node = corpus.start(config).await;
    (corpus, node)
}

/// A client that asked, whose system takes as little as it can for it.
async fn asked(address: SocketAddr, path: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// What a client that reads gets.
async fn read(address: SocketAddr, path: &str) -> String {
    let mut text = Vec::new();
    let _ = asked(address, path).await.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

const ALL: &str = "/api/v1/search?q=hay&all&lines=10000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_takes_nothing_is_cut_off() {
    let (_corpus, node) = large(|limits| limits.reader_timeout = Duration::from_millis(200)).await;
    let mut idle = asked(node.http_addr().unwrap(), ALL).await;
    idle.peek(&mut [0; 12]).await.unwrap(); // it has begun
    eventually("its answer is given up", || async { node.root().answers().used() == 0 }).await;
    let mut got = Vec::new();
    let _ = idle.read_to_end(&mut got).await;
    assert!(got.len() < LINES * 2_000 * 2, "{} bytes", got.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_takes_make_room_for_those_that_are_taken() {
    let (_corpus, node) = large(|limits| {
        limits.reader_timeout = NEVER;
        limits.held_answer_bytes = 80 << 20; // two and a half: found, and written as JSON
        limits.max_answer_bytes = 40 << 20;
    })
    .await;
    let address = node.http_addr().unwrap();
    let mut idle = Vec::new();
    for _ in 0..8 {
        idle.push(asked(address, ALL).await);
    }
    eventually("their answers are held", || async { node.root().answers().used() > 32 << 20 })
        .await;
    eventually("another gets its answer", || async {
        assert!(node.root().answers().used() <= 80 << 20);
        let got = read(address, ALL).await;
        got.starts_with("HTTP/1.1 200") && got.len() > LINES * 2_000 * 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_nobody_reads_hold_no_place() {
    let (_corpus, node) = large(|limits| {
        limits.reader_timeout = NEVER;
        (limits.max_requests, limits.max_queued) = (2, 0);
    })
    .await;
    let address = node.http_addr().unwrap();
    let mut idle = Vec::new();
    for _ in 0..6 {
        let mut stream = asked(address, "/api/v1/search/stream?q=hay&all&lines=10000").await;
        let mut begun = [0; 12];
        stream.read_exact(&mut begun).await.unwrap();
        assert_eq!(&begun, b"HTTP/1.1 200");
        idle.push(stream);
        eventually("another request is worked on", || async {
            read(address, "/api/v1/search?q=needle").await.contains("\"num_files\":1,")
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_that_nobody_waits_for_right_now_ends_its_turn() {
    let (_corpus, node) = large(|_| {}).await;
    let admission = Admission::new(1, 8, metrics::Gauge::noop());
    let leaf = Leaf::new(node.shards().clone(), admission, "solo");
    let request = LeafRequest { query: "hay".into(), ..Default::default() };
    let mut paused = Box::pin(leaf.search_shard(request.clone()));
    assert!(futures::poll!(&mut paused).is_pending(), "the engine works on it");
    let other = tokio::time::timeout(Duration::from_secs(8), leaf.search_shard(request)).await;
    assert!(other.expect("the other has its turn").is_ok());
    assert!(paused.await.is_ok());
}
