//! Several nodes: over gRPC on the loopback, and one node over time.

use crate::support::*;
use ax_model::Offset;
use ax_proto::search::{SearchRequest, search_client::SearchClient, search_event::Event};
use ax_query_node::{QueryConfig, QueryNode, hedge::HedgeRule, peers::Peer, shards::ShardError};
use futures::StreamExt;
use std::time::Duration;

/// A node in a runtime of its own, so that it can be killed without any farewell.
struct Killable {
    runtime: Option<tokio::runtime::Runtime>,
    grpc: String,
    id: String,
}

impl Killable {
    async fn start(corpus: &Corpus, id: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (config, deps) = (over_grpc(corpus, id), corpus.deps());
        let (tell, told) = tokio::sync::oneshot::channel();
        runtime.spawn(async move {
            let node = QueryNode::start(config, deps).await.unwrap();
            tell.send(node.grpc_addr().unwrap()).unwrap();
            std::future::pending::<()>().await;
        });
        let grpc = format!("http://{}", told.await.unwrap());
        Self { runtime: Some(runtime), grpc, id: id.to_owned() }
    }

    fn kill(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    fn peer(&self) -> Peer {
        Peer { id: self.id.clone(), grpc: self.grpc.clone(), weight: 1, draining: false }
    }
}

impl Drop for Killable {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn over_grpc(corpus: &Corpus, id: &str) -> QueryConfig {
    let mut config = corpus.config(id);
    config.grpc = Some("127.0.0.1:0".parse().unwrap());
    config.hedge = HedgeRule::fixed(Duration::from_millis(100));
    config
}

fn asking(query: &str) -> SearchRequest {
    SearchRequest { query: query.into(), ..Default::default() }
}

async fn in_every_shard(corpus: &Corpus) {
    for shard in 0..SHARDS {
        corpus.write(shard, &[("r", &format!("f{shard}.txt"), "needle\n")]).await;
    }
}

/// Nodes that answered, each once.
fn nodes_of(summary: &ax_proto::search::Summary) -> Vec<&str> {
    let mut nodes: Vec<_> = summary.shards.iter().map(|answer| answer.node.as_str()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_node_is_killed_the_answer_is_complete_at_once() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let (mut a, b) = (Killable::start(&corpus, "a").await, Killable::start(&corpus, "b").await);
    let mut config = over_grpc(&corpus, "root");
    // Nobody is asked beside another: the answer is complete since the dead one is noticed.
    config.hedge = HedgeRule::fixed(Duration::from_secs(3600));
    let root = corpus.start(config).await;
    root.peers().set_members(vec![a.peer(), b.peer()]);
    let summary = root.root().search(asking("needle")).await.unwrap().summary.unwrap();
    assert_eq!(nodes_of(&summary), ["a", "b"], "both are asked");
    a.kill();
    for _ in 0..5 {
        let summary = root.root().search(asking("needle")).await.unwrap().summary.unwrap();
        assert!(!summary.partial, "{:?}", summary.missing);
        assert_eq!((summary.num_files, nodes_of(&summary)), (u64::from(SHARDS), vec!["b"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_and_selection_hold_over_several_nodes() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let (a, b) = (Killable::start(&corpus, "a").await, Killable::start(&corpus, "b").await);
    let root = corpus.start(over_grpc(&corpus, "root")).await;
    root.peers().set_members(vec![a.peer(), b.peer()]);
    let address = format!("http://{}", root.grpc_addr().unwrap());
    let mut client = SearchClient::connect(address).await.unwrap();
    let request = asking("needle sort:path count:3 type:file");
    let answer = client.search(request).await.unwrap().into_inner();
    let paths: Vec<&str> = answer.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["f0.txt", "f1.txt", "f2.txt"]);
    assert!(answer.files.iter().all(|file| file.lines.is_empty() && file.committed_at_ms > 0));
    let mut events = client.search_stream(asking("needle sort:path count:all")).await.unwrap();
    let mut paths = Vec::new();
    while let Some(Event::File(file)) = events.get_mut().message().await.unwrap().unwrap().event {
        paths.push(file.path);
    }
    assert_eq!(paths, ["f0.txt", "f1.txt", "f2.txt", "f3.txt"], "also as a stream of all");
    let answer = client.search(asking("needle select:repo")).await.unwrap().into_inner();
    let groups = answer.summary.unwrap().groups;
    let group = (groups[0].name.as_str(), groups[0].num_files, groups[0].num_lines);
    assert_eq!((answer.files.len(), groups.len(), group), (0, 1, ("r", 4, 4)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_says_nothing_is_hedged_then_asked_last() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let _accepting = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(connection) = silent.accept().await {
            held.push(connection);
        }
    });
    let b = Killable::start(&corpus, "b").await;
    let root = corpus.start(over_grpc(&corpus, "root")).await;
    let mute = Peer { id: "mute".into(), grpc: address, weight: 1, draining: false };
    root.peers().set_members(vec![mute.clone(), b.peer()]);
    for _ in 0..12 {
        let summary = root.root().search(asking("needle")).await.unwrap().summary.unwrap();
        assert!(!summary.partial, "{:?}", summary.missing);
        assert_eq!(summary.num_files, u64::from(SHARDS));
    }
    for shard in 0..SHARDS {
        let candidates = root.peers().candidates(ax_model::ShardId(shard));
        assert_ne!(candidates[0], mute, "after so many lost races it is put last");
    }
}

#[tokio::test]
async fn a_shard_that_cannot_be_read_is_named() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let manifests = corpus.dir.path().join("store/g1/s00002/manifests");
    for file in std::fs::read_dir(&manifests).unwrap() {
        std::fs::write(file.unwrap().path(), b"no manifest").unwrap();
    }
    let node = QueryNode::start(corpus.config("solo"), corpus.deps()).await.unwrap();
    let summary = node.root().search(asking("needle")).await.unwrap().summary.unwrap();
    assert!(summary.partial);
    let missing: Vec<_> = summary.missing.iter().map(|m| (m.shard, m.code.as_str())).collect();
    assert_eq!(missing, [(2, "AX-S003")]);
    assert_eq!(summary.num_files, u64::from(SHARDS) - 1);
    assert!(node.readiness().why_not().is_some(), "it never became ready");
    eventually("a failure is remembered, not tried again for each query", || async {
        let view = node.shards().view(ax_model::ShardId(2)).await;
        matches!(view, Err(ShardError::FailedLately(_)))
    })
    .await;
    let page = get(&node, "/?q=needle").await.text;
    assert!(page.contains("This answer is not complete"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_sees_its_own_write() {
    let corpus = Corpus::new();
    corpus.write(0, &[("r", "a.txt", "needle\n")]).await;
    let node = corpus.node().await;
    let mut waiting = asking("needle");
    waiting.wait_for = "g1.0:2".into();
    let root = node.root().clone();
    let search = tokio::spawn(async move { root.search(waiting).await });
    corpus.write(0, &[("r", "b.txt", "needle\n")]).await;
    let answer = search.await.unwrap().unwrap();
    assert_eq!(answer.files.len(), 2);
    assert_eq!(answer.summary.unwrap().version, "g1.0:2,1:0,2:0,3:0");
}

#[tokio::test]
async fn a_position_that_does_not_come_is_an_error_at_the_deadline() {
    let corpus = Corpus::new();
    let node = corpus.node().await;
    let got = get(&node, "/api/v1/search?q=needle&wait_for=g1.0:99&timeout=300ms").await;
    assert_eq!(got.status.as_u16(), 504);
    assert_eq!(got.json()["code"], "AX-A007");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_never_go_back_and_never_mix_versions() {
    let corpus = Corpus::new();
    let node = corpus.node().await;
    let root = node.root().clone();
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let reader = tokio::spawn(async move {
        let (mut last, mut answers) = (0, 0);
        while !*stopped.borrow_and_update() {
            let answer = root.search(asking("version")).await.unwrap();
            let shard = answer.summary.unwrap().shards[0].clone();
            assert!(shard.manifest_version >= last, "{} after {last}", shard.manifest_version);
            last = shard.manifest_version;
            answers += 1;
            // Position n shows exactly the text of the n-th write.
            let lines: Vec<_> = answer.files.iter().map(|file| &file.lines[0].text).collect();
            match shard.position {
                0 => assert!(lines.is_empty()),
                n => assert_eq!(lines, [&format!("version {n}")]),
            }
        }
        answers
    });
    for n in 1..=20 {
        corpus.write(0, &[("r", "same.txt", &format!("version {n}\n"))]).await;
    }
    eventually("the last write is shown", || async {
        let view = node.shards().view(ax_model::ShardId(0)).await.unwrap();
        view.position() == Offset(20)
    })
    .await;
    stop.send(true).unwrap();
    assert!(reader.await.unwrap() > 0);
}

#[tokio::test]
async fn a_damaged_file_in_the_cache_is_fetched_again() {
    let corpus = Corpus::new();
    corpus.write(0, &[("r", "a.txt", "needle in the hay\n")]).await;
    let node = corpus.node().await;
    assert_eq!(get(&node, "/api/v1/search?q=needle").await.json()["summary"]["num_files"], 1);
    node.shutdown().await;
    let dir = corpus.dir.path().join("cache/solo/g1/s0");
    let file = std::fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let right = std::fs::read(&file).unwrap();
    for damage in [&right[..right.len() / 2], &flipped(&right), b""] {
        std::fs::write(&file, damage).unwrap();
        let node = corpus.node().await;
        let answer = get(&node, "/api/v1/search?q=needle").await.json();
        assert_eq!(answer["files"][0]["lines"][0]["text"], "needle in the hay");
        assert_eq!(std::fs::read(&file).unwrap(), right, "it is whole again");
        node.shutdown().await;
    }
}

fn flipped(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}

#[tokio::test]
async fn a_cache_without_room_keeps_what_is_in_use_and_drops_what_is_not() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let mut config = corpus.config("solo");
    config.cache_bytes = 1;
    let node = corpus.start(config).await;
    let answer = get(&node, "/api/v1/search?q=needle").await.json();
    assert_eq!(answer["summary"]["num_files"], SHARDS);
    let files = || {
        let shards = std::fs::read_dir(corpus.dir.path().join("cache/solo/g1")).unwrap();
        shards.map(|dir| std::fs::read_dir(dir.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    assert_eq!(files(), SHARDS as usize);
    for shard in 0..SHARDS {
        node.shards().close_if_idle(ax_model::ShardId(shard), Duration::ZERO);
    }
    eventually("what is no longer used is removed", || async {
        corpus.write(0, &[("r", "new.txt", "needle\n")]).await;
        node.shards().refresh(ax_model::ShardId(0)).await.unwrap();
        files() < 6 + SHARDS as usize
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grpc_clients_get_the_same_answers() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let node = corpus.start(over_grpc(&corpus, "a")).await;
    let address = format!("http://{}", node.grpc_addr().unwrap());
    let mut client = SearchClient::connect(address).await.unwrap();
    let answer = client.search(asking("needle")).await.unwrap().into_inner();
    assert_eq!(answer.files.len(), SHARDS as usize);
    let events = client.search_stream(asking("needle")).await.unwrap().into_inner();
    let events: Vec<_> = events.map(|event| event.unwrap().event.unwrap()).collect().await;
    assert_eq!(events.len(), SHARDS as usize + 1);
    assert!(matches!(events.last(), Some(Event::Summary(_))));
    let status = client.search(asking("(")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    let fault = ax_query_node::wire::from_status(&status).unwrap();
    assert_eq!(fault.code, ax_model::Code::QuerySyntax);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_is_served_and_ends_gracefully() {
    let corpus = Corpus::new();
    in_every_shard(&corpus).await;
    let mut config = corpus.config("solo");
    config.http = Some("127.0.0.1:0".parse().unwrap());
    let node = corpus.start(config).await;
    let address = node.http_addr().unwrap();
    let text =
        raw_http(address, "GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    let long = format!("GET /?q={} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(10 << 20));
    let text = raw_http(address, &long).await;
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    let taken = QueryNode::start(
        QueryConfig { http: Some(address), ..corpus.config("other") },
        corpus.deps(),
    );
    assert_eq!(taken.await.err().unwrap().code(), ax_model::Code::PortTaken);
    node.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

/// Sends bytes and reads what comes until the end. A server that closes early ends it too.
async fn raw_http(address: std::net::SocketAddr, request: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
