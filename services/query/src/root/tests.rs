//! The root over invented leaves: no engine, no network.

use super::*;
use crate::{placement::PlacementRules, wire::LeafError};
use async_trait::async_trait;
use ax_proto::search::{
    FileRequest, FileResponse, LeafRequest, LeafSummary, ListRequest, ListResponse, SearchOptions,
    ShardAnswer,
};
use std::time::Duration;

/// How an invented node behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    Dead,
    Silent,
    Busy,
    Behind,
}

/// Leaves with one file per shard, each at position 10 of its shard.
struct Invented {
    moods: Vec<(&'static str, Mood)>,
}

impl Invented {
    fn mood_of(&self, peer: &Peer) -> Mood {
        self.moods.iter().find(|(id, _)| *id == peer.id).map_or(Mood::Dead, |(_, mood)| *mood)
    }
}

#[async_trait]
impl Leaves for Invented {
    async fn search(
        &self,
        peer: &Peer,
        request: LeafRequest,
        _deadline: Instant,
        _max_bytes: usize,
    ) -> Result<ShardReply, LeafError> {
        let fault = |code: Code| Fault::new(code, format!("node {}", peer.id));
        match self.mood_of(peer) {
            Mood::Well => Ok(one_file(request.shard, &peer.id)),
            Mood::Dead => {
                Err(LeafError { fault: fault(Code::ShardUnavailable), unreachable: true })
            }
            Mood::Silent => std::future::pending().await,
            Mood::Busy => Err(fault(Code::Overloaded).into()),
            Mood::Behind => Err(fault(Code::WaitTimedOut).into()),
        }
    }

    async fn list(&self, _: &Peer, _: ListRequest, _: Instant) -> Result<ListResponse, LeafError> {
        Ok(ListResponse::default())
    }

    async fn file(&self, _: &Peer, _: FileRequest, _: Instant) -> Result<FileResponse, LeafError> {
        Ok(FileResponse::default())
    }
}

fn one_file(shard: u32, node: &str) -> ShardReply {
    let path = format!("file-{shard}");
    let file = FileMatch { path, score: f64::from(shard), ..Default::default() };
    let answer = ShardAnswer { shard, position: 10, node: node.into(), ..Default::default() };
    let summary =
        LeafSummary { answer: Some(answer), num_files: 1, num_lines: 1, ..Default::default() };
    ShardReply { files: vec![file], summary }
}

const SHARDS: u32 = 6;

/// A root on node `me` with the members named, over leaves in these moods.
fn root(members: &[&str], moods: &[(&'static str, Mood)]) -> Root {
    let penalty = Duration::from_secs(60);
    let peers = Peers::new("me", 1, SHARDS, PlacementRules::default(), penalty);
    peers.set_members(
        members
            .iter()
            .map(|id| Peer { id: (*id).into(), grpc: (*id).into(), weight: 1, draining: false })
            .collect(),
    );
    let leaves = Arc::new(Invented { moods: moods.to_vec() });
    Root::new(RootParts {
        generation: Generation(1),
        shards: SHARDS,
        limits: RequestLimits { max_requests: 2, ..Default::default() },
        hedge: HedgeRule::fixed(Duration::from_millis(50)),
        peers: Arc::new(peers),
        local: leaves.clone(),
        remote: leaves,
    })
}

fn asking(options: SearchOptions) -> SearchRequest {
    SearchRequest { query: "needle".into(), options: Some(options), ..Default::default() }
}

#[tokio::test]
async fn the_best_of_all_shards_come_first() {
    let root = root(&["a", "b"], &[("a", Mood::Well), ("b", Mood::Well)]);
    let answer = root.search(asking(SearchOptions { limit: 2, ..Default::default() })).await;
    let answer = answer.unwrap();
    let paths: Vec<_> = answer.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["file-5", "file-4"]);
    let summary = answer.summary.unwrap();
    assert!(summary.more && !summary.partial);
    assert_eq!(summary.num_files, u64::from(SHARDS));
    assert_eq!(summary.version, "g1.0:10,1:10,2:10,3:10,4:10,5:10");
}

#[tokio::test]
async fn one_dead_silent_or_busy_node_costs_nothing_of_the_answer() {
    for mood in [Mood::Dead, Mood::Silent, Mood::Busy] {
        let root = root(&["a", "b"], &[("a", mood), ("b", Mood::Well)]);
        let summary = root.search(asking(SearchOptions::default())).await.unwrap().summary.unwrap();
        assert!(!summary.partial, "{:?}", summary.missing);
        assert!(summary.shards.iter().all(|answer| answer.node == "b"));
    }
}

#[tokio::test]
async fn when_every_member_is_gone_it_answers_alone() {
    let root = root(&["a", "b"], &[("me", Mood::Well)]);
    let summary = root.search(asking(SearchOptions::default())).await.unwrap().summary.unwrap();
    assert!(!summary.partial);
    assert!(summary.shards.iter().all(|answer| answer.node == "me"));
}

#[tokio::test]
async fn silence_everywhere_ends_at_the_deadline() {
    let root = root(&["a", "b"], &[("a", Mood::Silent), ("b", Mood::Silent), ("me", Mood::Silent)]);
    let asked = Instant::now();
    let options = SearchOptions { timeout_ms: 500, ..Default::default() };
    let fault = root.search(asking(options)).await.unwrap_err();
    assert_eq!(fault.code, Code::QueryDeadline);
    assert!(asked.elapsed() <= Duration::from_secs(3), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_position_not_reached_fails_the_whole() {
    let root = root(&["a"], &[("a", Mood::Behind)]);
    let fault = root.search(asking(SearchOptions::default())).await.unwrap_err();
    assert_eq!(fault.code, Code::WaitTimedOut);
}

#[tokio::test]
async fn a_stream_has_every_file_and_one_summary() {
    for all in [false, true] {
        let root = root(&["a"], &[("a", Mood::Well)]);
        let stream =
            root.search_stream(asking(SearchOptions { all, ..Default::default() })).unwrap();
        let events: Vec<_> = stream.map(|event| event.unwrap().event.unwrap()).collect().await;
        assert_eq!(events.len(), SHARDS as usize + 1);
        assert!(matches!(events.last(), Some(Event::Summary(summary)) if summary.num_files == 6));
    }
}

#[tokio::test]
async fn too_many_requests_are_refused() {
    let root = root(&["a"], &[("a", Mood::Silent), ("me", Mood::Silent)]);
    let streams: Vec<_> =
        (0..2).map(|_| root.search_stream(asking(SearchOptions::default())).unwrap()).collect();
    let fault = root.search_stream(asking(SearchOptions::default())).err().unwrap();
    assert_eq!(fault.code, Code::Overloaded);
    drop(streams);
    let freed = async {
        while root.search_stream(asking(SearchOptions::default())).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), freed).await.unwrap();
}
