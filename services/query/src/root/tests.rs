//! The root over invented leaves: no engine, no network.

use super::*;
use crate::answers::Reader;
use crate::{placement::PlacementRules, wire::LeafError};
use async_trait::async_trait;
use ax_proto::search::{
    FileMatch, FileRequest, FileResponse, LeafRequest, LeafSummary, ListRequest, ListResponse,
    NavigateRequest, NavigateResponse, SearchOptions, ShardAnswer, search_event::Event,
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How an invented node behaves.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Well,
    /// Well, with so many files that no buffer takes them all.
    Rich,
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
            Mood::Well => Ok(some_files(1, request.shard, &peer.id)),
            Mood::Rich => Ok(some_files(RICH, request.shard, &peer.id)),
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

    async fn navigate(
        &self,
        peer: &Peer,
        request: NavigateRequest,
        _: Instant,
    ) -> Result<NavigateResponse, LeafError> {
        match self.mood_of(peer) {
            Mood::Well => Ok(a_definition(request.shard, &peer.id)),
            mood => {
                let fault = Fault::new(Code::ShardUnavailable, format!("node {}", peer.id));
                Err(LeafError { fault, unreachable: mood == Mood::Dead })
            }
        }
    }
}

/// Each shard defines one name, in the reverse order of their numbers.
fn a_definition(shard: u32, node: &str) -> NavigateResponse {
    let symbol = ax_proto::search::Symbol {
        name: "n".into(),
        path: format!("{:02}.rs", SHARDS - shard),
        r#match: "exact".into(),
        ..Default::default()
    };
    let answer = ShardAnswer { shard, position: 10, node: node.into(), ..Default::default() };
    NavigateResponse { answer: Some(answer), symbols: vec![symbol], ..Default::default() }
}

/// Files per shard of one who is rich.
const RICH: usize = 500;

fn some_files(count: usize, shard: u32, node: &str) -> ShardReply {
    let path = format!("file-{shard}");
    let file = FileMatch { path, score: f64::from(shard), ..Default::default() };
    let answer = ShardAnswer { shard, position: 10, node: node.into(), ..Default::default() };
    let summary =
        LeafSummary { answer: Some(answer), num_files: count as u64, ..Default::default() };
    ShardReply { files: vec![file; count], summary }
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
        query_log: QueryLog::default(),
        generation: Generation(1),
        shards: SHARDS,
        limits: RequestLimits { max_requests: 2, max_queued: 1, ..Default::default() },
        hedge: HedgeRule::fixed(Duration::from_millis(50)),
        peers: Arc::new(peers),
        local: leaves.clone(),
        remote: leaves,
    })
}

/// A stream of every file.
async fn all_of(root: &Root, reader: Reader) -> EventStream {
    let options = SearchOptions { all: true, ..Default::default() };
    root.search_stream(asking(options), reader).await.unwrap()
}

/// Waits until `holds`, letting others work.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waited).await.expect(what);
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
    let options = SearchOptions { timeout_ms: 500, ..Default::default() };
    let fault = root.search(asking(options)).await.unwrap_err();
    assert_eq!(fault.code, Code::QueryDeadline);
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
        let options = SearchOptions { all, ..Default::default() };
        let stream = root.search_stream(asking(options), Reader::default()).await.unwrap();
        let events: Vec<_> = stream.map(|event| event.unwrap().event.unwrap()).collect().await;
        assert_eq!(events.len(), SHARDS as usize + 1);
        assert!(matches!(events.last(), Some(Event::Summary(summary)) if summary.num_files == 6));
    }
}

#[tokio::test]
async fn a_reader_who_takes_nothing_holds_up_no_shard_and_no_request() {
    let root = root(&["a"], &[("a", Mood::Rich)]);
    let mut unread = Vec::new();
    for n in 1..=5 {
        unread.push(all_of(&root, Reader::default()).await); // more than are worked on at once
        let everything = n * RICH * SHARDS as usize;
        let file = prost::Message::encoded_len(&some_files(1, 0, "a").files[0]);
        until("every shard's answer is here", || root.answers().used() >= everything * file).await;
    }
    let summary = root.search(asking(SearchOptions::default())).await.unwrap().summary.unwrap();
    assert!(!summary.partial);
    for stream in unread {
        let events: Vec<_> = stream.map(|event| event.unwrap().event.unwrap()).collect().await;
        assert_eq!(events.len(), RICH * SHARDS as usize + 1);
        assert!(matches!(events.last(), Some(Event::Summary(summary)) if !summary.partial));
    }
    assert_eq!(root.answers().used(), 0);
}

#[tokio::test]
async fn a_reader_who_takes_nothing_for_too_long_is_cut_off_and_told() {
    let root = root(&["a"], &[("a", Mood::Rich)]);
    let cut = CancellationToken::new();
    let patience = Some(Duration::from_millis(50));
    let stream = all_of(&root, Reader { cut: cut.clone(), patience }).await;
    tokio::time::timeout(Duration::from_secs(10), cut.cancelled()).await.expect("it is cut off");
    let events: Vec<_> = stream.collect().await;
    let last = events.last().unwrap().as_ref().unwrap_err();
    assert_eq!(last.code, Code::Overloaded);
    assert!(events.len() < RICH, "the rest is given up");
    until("nothing is held for it", || root.answers().used() == 0).await;
}

#[tokio::test]
async fn requests_wait_for_a_place_and_only_what_is_beyond_is_refused() {
    let root = root(&["a"], &[("a", Mood::Silent), ("me", Mood::Silent)]);
    let search = || root.search(asking(SearchOptions::default()));
    let mut working = vec![Box::pin(search()), Box::pin(search())];
    for search in &mut working {
        assert!(futures::poll!(search).is_pending());
    }
    let mut waiting = Box::pin(search());
    assert!(futures::poll!(&mut waiting).is_pending(), "it waits");
    assert_eq!(search().await.unwrap_err().code, Code::Overloaded);
    drop(waiting);
    let short = SearchOptions { timeout_ms: 50, ..Default::default() };
    assert_eq!(root.search(asking(short)).await.unwrap_err().code, Code::QueryDeadline);
    working.pop();
    let mut next = Box::pin(search());
    assert!(futures::poll!(&mut next).is_pending());
    assert!(futures::poll!(&mut Box::pin(search())).is_pending(), "the one before took the place");
}

#[tokio::test]
async fn names_of_all_shards_are_merged_in_order() {
    let root = root(&["a"], &[("a", Mood::Well)]);
    let options = NavigateOptions { limit: 4, ..Default::default() };
    let asked = ax_proto::search::SymbolQuestion { name: "n".into(), ..Default::default() };
    let found = root.symbols(asked, &ax_engine::Origin::default(), &options).await.unwrap();
    let paths: Vec<_> = found.found.iter().map(|symbol| symbol.path.as_str()).collect();
    assert_eq!(paths, ["01.rs", "02.rs", "03.rs", "04.rs"]);
    let Summary { more, partial, shards, version, .. } = found.summary;
    assert_eq!((more, partial, shards.len()), (true, false, SHARDS as usize));
    assert!(version.starts_with("g1.0:10,"), "{version}");
}

/// What broke: of two questions for one answer each had the whole time.
#[tokio::test]
async fn the_deadline_of_a_question_counts_from_when_it_was_asked() {
    let root = root(&["a"], &[("a", Mood::Well)]);
    let begun = Instant::now().checked_sub(Duration::from_secs(60));
    let options = NavigateOptions { begun, ..Default::default() };
    let asked = ax_proto::search::SymbolQuestion { name: "n".into(), ..Default::default() };
    match root.symbols(asked, &ax_engine::Origin::default(), &options).await {
        Ok(found) => assert!(found.summary.elapsed_us >= 60_000_000, "{:?}", found.summary),
        Err(late) => assert_eq!(late.code, Code::QueryDeadline),
    }
}

#[tokio::test]
async fn names_without_any_shard_are_an_error() {
    let root = root(&["a"], &[("a", Mood::Dead)]);
    let asked = ax_proto::search::SymbolQuestion { name: "n".into(), ..Default::default() };
    let found = root.symbols(asked, &ax_engine::Origin::default(), &Default::default()).await;
    assert_eq!(found.unwrap_err().code, Code::ShardUnavailable);
    let options = NavigateOptions { limit: 10_001, ..Default::default() };
    let asked = ax_proto::search::SymbolQuestion { name: "n".into(), ..Default::default() };
    let refused = root.symbols(asked, &ax_engine::Origin::default(), &options).await.unwrap_err();
    assert_eq!((refused.code, refused.field.as_str()), (Code::QueryBadValue, "limit"));
}
