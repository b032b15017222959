//! The leaf: searches one shard of this node's own views.

mod admission;
mod convert;
mod explain;
mod navigate;
mod service;

pub use admission::Admission;
pub use service::LeafService;
pub(crate) use service::span_of;

use crate::{
    peers::{Gather, Leaves, Peer, ShardReply},
    queries,
    ranking::{InForce, Ranking},
    results::{Key, Order, ResultCache, Rights, may_keep},
    shards::{ShardView, Shards},
    wire::LeafError,
};
use async_trait::async_trait;
use ax_engine::{EngineError, GroupBy, OnLong, SearchOptions, SkippedDoc, Snapshot, Stop};
use ax_model::{Code, DocKey, Fault, Offset, RepoName, ShardId};
use ax_proto::search::{
    FileRequest, FileResponse, LeafRequest, ListRequest, ListResponse, NavigateRequest,
    NavigateResponse, SearchOptions as Wanted, ShardAnswer,
};
use ax_query::{Select, Shape};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tracing::Instrument;

/// Entries of a listing when the request does not say.
const DEFAULT_LIST: usize = 1_000;
/// About how much memory the files and lines of one answer may take.
const MAX_HELD_BYTES: usize = 256 << 20;
/// A request that does not say how long it may take.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers for single shards, each from one view. Cheap to clone.
#[derive(Clone)]
pub struct Leaf {
    shards: Arc<Shards>,
    admission: Arc<Admission>,
    results: Option<Arc<ResultCache>>,
    ranking: Ranking,
    node_id: Arc<str>,
}

impl Leaf {
    /// A leaf of node `node_id` that keeps no answers.
    pub fn new(shards: Arc<Shards>, admission: Admission, node_id: &str) -> Self {
        let (admission, ranking) = (Arc::new(admission), Ranking::default());
        Self { shards, admission, results: None, ranking, node_id: node_id.into() }
    }

    /// The same, with answers kept in `results`.
    pub fn keeping(self, results: Option<Arc<ResultCache>>) -> Self {
        Self { results, ..self }
    }

    /// The same, with files in the order of `ranking`.
    pub fn ranked_by(self, ranking: Ranking) -> Self {
        Self { ranking, ..self }
    }

    /// Searches one shard. Dropping the future cancels the search.
    pub async fn search_shard(&self, request: LeafRequest) -> Result<ShardReply, Fault> {
        let started = Instant::now();
        let shard = ShardId(request.shard);
        let span = tracing::info_span!("search_shard", %shard, request_id = request.request_id);
        let answer = self.search_in_span(request, started).instrument(span.clone()).await;
        span.in_scope(|| tracing::debug!(elapsed = ?started.elapsed(), "searched a shard"));
        metrics::histogram!("ax_query_leaf_seconds").record(started.elapsed());
        if let Err(fault) = &answer {
            metrics::counter!("ax_query_leaf_errors_total", "code" => fault.code.as_str())
                .increment(1);
        }
        answer
    }

    async fn search_in_span(
        &self,
        request: LeafRequest,
        started: Instant,
    ) -> Result<ShardReply, Fault> {
        let (wanted, today) = (request.options.unwrap_or_default(), request.today);
        let deadline = started + timeout_of(&wanted);
        let query = queries::read(&request.query, deadline).await?;
        let (shard, position) = (ShardId(request.shard), Offset(request.min_position));
        for attempt in 0.. {
            let view = self.shards.view_at(shard, position, deadline).await?;
            let ranking = self.ranking.now();
            let kept = self.results.as_deref().filter(|_| !wanted.no_cache);
            let kept =
                kept.map(|results| (results, key_of(&view, (&ranking, today), &query, &wanted)));
            // What is kept costs no core, and waits for none.
            if let Some(reply) = kept.as_ref().and_then(|(results, key)| results.get(key)) {
                return Ok(self.signed(reply, &view, true));
            }
            let permit = self.admission.enter(deadline).await?;
            let options = engine_options(&wanted, &query.shape, &ranking);
            let (query, options) = (query.clone(), SearchOptions { today, ..options });
            // The permit ends with the engine's work, also when nobody polls this future for a while,
            // and not before it when this future is dropped. A search that takes long gives it back
            // and goes on behind others that do, or a few of them would hold up everybody.
            let permit = Arc::new(Mutex::new(Some(permit)));
            let lent = permit.clone();
            let on_long = OnLong::new(move || drop(lent.lock().take()));
            let work = move |snapshot: &Snapshot, stop: &Stop| {
                let _permit = permit;
                snapshot.search(&query, &options, stop)
            };
            match run(&view, Some(deadline), Some(on_long), work).await? {
                Ok(outcome) => {
                    let reply = convert::reply(outcome, shard);
                    if let Some((results, key)) = kept
                        && may_keep(&reply.summary, &view.answer(&self.node_id))
                    {
                        results.put(key, &reply);
                    }
                    return Ok(self.signed(reply, &view, false));
                }
                Err(error) if is_damage(&error) && attempt == 0 => {
                    tracing::warn!(%shard, %error, "a segment is damaged; opening the shard anew");
                    self.shards.discard(&view);
                }
                Err(error) => return Err(fault_of(&error)),
            }
        }
        unreachable!("the loop above returns")
    }

    /// The reply with its origin.
    fn signed(&self, mut reply: ShardReply, view: &ShardView, cached: bool) -> ShardReply {
        reply.summary.answer = Some(ShardAnswer { cached, ..view.answer(&self.node_id) });
        reply
    }

    async fn list_shard(&self, request: ListRequest) -> Result<ListResponse, Fault> {
        let view = self.shards.view(ShardId(request.shard)).await?;
        let limit = match request.limit as usize {
            0 => DEFAULT_LIST,
            limit => limit,
        };
        let work = move |snapshot: &Snapshot, _: &Stop| match request.skipped {
            true => list_skipped(snapshot, &request, limit),
            false => list_repositories(snapshot, &request, limit),
        };
        let answer = view.answer(&self.node_id);
        let list = run(&view, None, None, work).await?.map_err(|error| fault_of(&error))?;
        Ok(ListResponse { answer: Some(answer), ..list })
    }

    async fn get_file(&self, request: FileRequest) -> Result<FileResponse, Fault> {
        let view = self.shards.view(ShardId(request.shard)).await?;
        let key = RepoName::new(request.repo).and_then(|repo| DocKey::new(repo, request.path));
        let key = key.map_err(|error| Fault::new(Code::BadRequest, error.to_string()))?;
        let work = move |snapshot: &Snapshot, _: &Stop| {
            let branch = Some(request.branch.as_str()).filter(|branch| !branch.is_empty());
            snapshot.file(&key, branch)
        };
        let found = run(&view, None, None, work).await?.map_err(|error| fault_of(&error))?;
        Ok(convert::file(found, view.answer(&self.node_id)))
    }
}

/// This process asked as any other node would be, without the network.
#[async_trait]
impl Leaves for Leaf {
    async fn search(
        &self,
        _me: &Peer,
        request: LeafRequest,
        _deadline: Instant,
        max_bytes: usize,
    ) -> Result<ShardReply, LeafError> {
        let reply = self.search_shard(request).await?;
        let mut gather = Gather::new(max_bytes);
        reply.files.into_iter().for_each(|file| gather.push(file));
        Ok(gather.finish(reply.summary))
    }

    async fn list(
        &self,
        _me: &Peer,
        request: ListRequest,
        _deadline: Instant,
    ) -> Result<ListResponse, LeafError> {
        Ok(self.list_shard(request).await?)
    }

    async fn file(
        &self,
        _me: &Peer,
        request: FileRequest,
        _deadline: Instant,
    ) -> Result<FileResponse, LeafError> {
        Ok(self.get_file(request).await?)
    }

    async fn navigate(
        &self,
        _me: &Peer,
        request: NavigateRequest,
        _deadline: Instant,
    ) -> Result<NavigateResponse, LeafError> {
        Ok(Leaf::navigate(self, request).await?)
    }
}

/// Sets the engine's flag when the caller no longer waits.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs engine work on a thread that may block; a panic there fails this request only.
async fn run<T: Send + 'static>(
    view: &Arc<ShardView>,
    deadline: Option<Instant>,
    on_long: Option<OnLong>,
    work: impl FnOnce(&Snapshot, &Stop) -> Result<T, EngineError> + Send + 'static,
) -> Result<Result<T, EngineError>, Fault> {
    let cancel = CancelOnDrop(Arc::default());
    let stop = Stop { deadline, cancel: Some(cancel.0.clone()), on_long };
    let (view, span) = (view.clone(), tracing::Span::current());
    let task = tokio::task::spawn_blocking(move || span.in_scope(|| work(view.snapshot(), &stop)));
    task.await.map_err(|panic| {
        tracing::error!(%panic, "the engine panicked");
        Fault::new(Code::Internal, Code::Internal.meaning())
    })
}

fn list_repositories(
    snapshot: &Snapshot,
    request: &ListRequest,
    limit: usize,
) -> Result<ListResponse, EngineError> {
    let mut found = snapshot.repositories();
    found.retain(|info| {
        let name = info.name.as_str();
        (request.repo.is_empty() || name == request.repo) && name > request.after.as_str()
    });
    found.sort_by(|a, b| a.name.cmp(&b.name));
    let more = found.len() > limit;
    found.truncate(limit);
    let repositories = found.into_iter().map(convert::repository).collect();
    Ok(ListResponse { repositories, more, ..Default::default() })
}

fn list_skipped(
    snapshot: &Snapshot,
    request: &ListRequest,
    limit: usize,
) -> Result<ListResponse, EngineError> {
    let Ok(repo) = RepoName::new(request.repo.as_str()) else {
        return Ok(ListResponse::default()); // no repository has such a name
    };
    let (mut found, more) = snapshot.skipped(&repo, &request.after, limit)?;
    if more {
        whole_paths(&mut found);
    }
    let skipped = found.into_iter().map(convert::skipped).collect();
    Ok(ListResponse { skipped, more, ..Default::default() })
}

/// Drops the last path of a page that was cut, since the next page goes on after a path and would
/// lose its other versions. A page of one path only stays.
fn whole_paths(page: &mut Vec<SkippedDoc>) {
    if let Some(last) = page.last().map(|doc| doc.path.clone())
        && page.first().is_some_and(|first| first.path != last)
    {
        page.retain(|doc| doc.path != last);
    }
}

fn key_of(
    view: &ShardView,
    (ranking, today): (&InForce, u32),
    query: &ax_query::Query,
    wanted: &Wanted,
) -> Key {
    let order = Order { ranking: ranking.version, today };
    Key::new(view.id(), Rights::Everything, order, query, wanted)
}

fn timeout_of(wanted: &Wanted) -> Duration {
    match wanted.timeout_ms {
        0 => DEFAULT_TIMEOUT,
        ms => Duration::from_millis(ms.into()),
    }
}

/// The bounds come from the root, which looked at the query's; order and what is listed from the query.
fn engine_options(wanted: &Wanted, shape: &Shape, ranking: &InForce) -> SearchOptions {
    let some_or = |number: u32, default: usize| match number {
        0 => default,
        number => number as usize,
    };
    let defaults = SearchOptions::default();
    SearchOptions {
        limit: if wanted.all { usize::MAX } else { some_or(wanted.limit, defaults.limit) },
        context_lines: wanted.context_lines as usize,
        count_only: wanted.count_only,
        explain: wanted.explain,
        max_lines_per_file: match shape.select {
            Select::File => 0,
            _ => some_or(wanted.max_lines_per_file, defaults.max_lines_per_file),
        },
        max_lines: some_or(wanted.max_lines, usize::MAX),
        max_bytes: MAX_HELD_BYTES,
        sort: shape.sort,
        group_by: match shape.select {
            Select::Repo => Some(GroupBy::Repo),
            Select::Language => Some(GroupBy::Language),
            Select::Match | Select::File => None,
        },
        ranking: ranking.parameters.clone(),
        ..defaults
    }
}

fn is_damage(error: &EngineError) -> bool {
    error.code() == Code::SegmentCorrupt
}

fn fault_of(error: &EngineError) -> Fault {
    Fault::new(error.code(), error.to_string())
}
