//! The root: takes a request, asks a replica of every shard, and makes one answer of theirs.

mod listing;
mod merge;
mod navigate;
mod race;
mod request;
mod stream;

pub(crate) use listing::unknown_repository;
pub use listing::{FoundFile, RepositoryPage, SkippedPage};
pub use navigate::{NavigateOptions, Navigated};
pub(crate) use request::{request_id, within};
pub use stream::EventStream;

use crate::{
    answers::{Answers, Hold, SPARED},
    config::RequestLimits,
    hedge::{HedgeRule, RecentTimes},
    leaf::Admission,
    peers::{Leaves, Peer, Peers, ShardReply},
    queries,
    query_log::{LoggedQuery, QueryLog},
    wire::is_of_request,
};
use ax_model::{Code, Fault, Generation, ShardId};
use ax_proto::search::{SearchRequest, SearchResponse, Summary};
use futures::{Stream, StreamExt, stream::FuturesUnordered};
use merge::{ShardResult, Tally, best_files};
use parking_lot::Mutex;
use prost::Message;
use request::{Resolved, World, time_to_read};
use std::{sync::Arc, time::Instant};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

/// What a root needs to know and to reach.
pub struct RootParts {
    /// Generation served.
    pub generation: Generation,
    /// Its number of shards.
    pub shards: u32,
    /// Bounds of requests.
    pub limits: RequestLimits,
    /// When to hedge.
    pub hedge: HedgeRule,
    /// Members and placement.
    pub peers: Arc<Peers>,
    /// This process's own leaf.
    pub local: Arc<dyn Leaves>,
    /// Other nodes' leaves.
    pub remote: Arc<dyn Leaves>,
    /// Where queries are noted.
    pub query_log: QueryLog,
}

/// Searches all shards through whoever holds them. Cheap to clone.
#[derive(Clone)]
pub struct Root {
    inner: Arc<Inner>,
}

struct Inner {
    world: World,
    hedge: HedgeRule,
    peers: Arc<Peers>,
    local: Arc<dyn Leaves>,
    remote: Arc<dyn Leaves>,
    times: Mutex<RecentTimes>,
    admission: Admission,
    answers: Arc<Answers>,
    query_log: QueryLog,
}

impl Root {
    /// A root over these parts.
    pub fn new(parts: RootParts) -> Self {
        let RootParts { generation, shards, limits, hedge, peers, local, remote, query_log } =
            parts;
        let inner = Inner {
            world: World { generation, shards, limits },
            hedge,
            peers,
            local,
            remote,
            times: Mutex::default(),
            admission: Admission::new(
                limits.max_requests,
                limits.max_queued,
                metrics::gauge!("ax_query_root_waiting"),
            ),
            answers: Answers::new(limits.held_answer_bytes, SPARED),
            query_log,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The bounds of requests.
    pub fn limits(&self) -> RequestLimits {
        self.inner.world.limits
    }

    /// Generation and number of shards.
    pub fn shape(&self) -> (Generation, u32) {
        (self.inner.world.generation, self.inner.world.shards)
    }

    /// Answers that wait for their readers.
    pub fn answers(&self) -> &Arc<Answers> {
        &self.inner.answers
    }

    /// Where queries are noted.
    pub fn query_log(&self) -> &QueryLog {
        &self.inner.query_log
    }

    /// Searches and returns the whole answer: the best files of all shards, best first.
    pub async fn search(&self, request: SearchRequest) -> Result<SearchResponse, Fault> {
        let (resolved, _permit) = self.admit(request).await?;
        let span = span_of(&resolved);
        let hold = self.inner.answers.hold();
        let answer = self.gather(&resolved, &hold).instrument(span).await;
        self.note(&resolved, answer.as_ref().map(|answer| answer.summary.as_ref()));
        answer
    }

    /// The request made whole, and a permit for the work on it. More requests than there are permits
    /// wait, at most until their deadlines; more than may wait are refused.
    async fn admit(
        &self,
        mut request: SearchRequest,
    ) -> Result<(Resolved, OwnedSemaphorePermit), Fault> {
        let (world, began) = (&self.inner.world, Instant::now());
        request.request_id = request_id(request.request_id);
        let asked = self.query_log().is_on().then(|| {
            let options = request.options.unwrap_or_default();
            (request.query.clone(), options, request.request_id.clone())
        });
        let time_to_read = time_to_read(&request, &world.limits, began);
        let resolving = async {
            let query = queries::read(&request.query, time_to_read).await?;
            Resolved::of(request, &query, world, began)
        };
        let resolved = resolving.await.inspect_err(|fault| {
            let Some((query, options, request_id)) = asked else { return };
            let refused = LoggedQuery::asked(&query, &options, began.elapsed());
            let code = fault.code.to_string();
            self.query_log().note(LoggedQuery { request_id, code, ..refused });
        })?;
        let admitted = self.inner.admission.enter(resolved.deadline).await;
        let permit = admitted.inspect_err(|fault| self.log(&resolved, Err(fault)))?;
        Ok((resolved, permit))
    }

    /// Counts and logs how a search ended.
    fn note(&self, resolved: &Resolved, answer: Result<Option<&Summary>, &Fault>) {
        note_answer(resolved, answer);
        self.log(resolved, answer);
    }

    fn log(&self, resolved: &Resolved, answer: Result<Option<&Summary>, &Fault>) {
        if !self.query_log().is_on() {
            return;
        }
        let took = resolved.started.elapsed();
        let query = LoggedQuery {
            request_id: resolved.request_id.clone(),
            ..LoggedQuery::asked(&resolved.query, &resolved.options, took)
        };
        self.query_log().note(match answer {
            Ok(summary) => query.answered(summary.unwrap_or(&Summary::default())),
            Err(fault) => LoggedQuery { code: fault.code.to_string(), ..query },
        });
    }

    async fn gather(&self, resolved: &Resolved, hold: &Hold) -> Result<SearchResponse, Fault> {
        let mut tally = Tally::new(self.inner.world.generation, &resolved.request_id)
            .asking_names(resolved.asks_names);
        let (mut replies, mut held) = (Vec::new(), 0);
        let mut answers = std::pin::pin!(self.ask_shards(resolved));
        while let Some((shard, result)) = answers.next().await {
            let files = tally.add(shard, fail_whole(result)?);
            let bytes = files.iter().map(Message::encoded_len).sum();
            hold.grow(bytes)?;
            held += bytes;
            replies.push(files);
        }
        let max_bytes = self.inner.world.limits.max_answer_bytes;
        let (files, cut) = best_files(replies, resolved.sort, resolved.bounds(max_bytes));
        hold.taken(held - files.iter().map(Message::encoded_len).sum::<usize>());
        tally.more(cut);
        Ok(SearchResponse { files, summary: Some(finish(tally, resolved)?) })
    }

    /// Every shard's answer, in the order in which they come.
    fn ask_shards<'a>(
        &'a self,
        resolved: &'a Resolved,
    ) -> impl Stream<Item = (ShardId, ShardResult)> + 'a {
        let calls = (0..self.inner.world.shards)
            .map(ShardId)
            .map(|shard| async move { (shard, self.ask_shard(resolved, shard).await) });
        calls.collect::<FuturesUnordered<_>>()
    }

    async fn ask_shard(&self, resolved: &Resolved, shard: ShardId) -> ShardResult {
        let share = self.inner.world.limits.max_answer_bytes / self.inner.world.shards as usize;
        let asked = Instant::now();
        let deadline = resolved.deadline;
        let result = self
            .ask(shard, deadline, |leaves, peer| {
                let request = resolved.for_shard(shard);
                Box::pin(async move { leaves.search(&peer, request, deadline, share).await })
            })
            .await;
        if result.is_ok() {
            self.inner.times.lock().note(asked.elapsed());
        }
        result
    }

    /// Asks the candidates of `shard` one thing, until `deadline`.
    async fn ask<T: 'static>(
        &self,
        shard: ShardId,
        deadline: Instant,
        call: impl Fn(
            Arc<dyn Leaves>,
            Peer,
        ) -> futures::future::BoxFuture<'static, Result<T, crate::wire::LeafError>>,
    ) -> Result<T, Fault> {
        let peers = &*self.inner.peers;
        let hedge = self.inner.times.lock().delay(self.inner.hedge);
        let answer = race::first_answer(peers, peers.candidates(shard), hedge, |peer| {
            call(self.leaves_of(&peer), peer)
        });
        match tokio::time::timeout_at(deadline.into(), answer).await {
            Ok(result) => result,
            Err(_) => {
                let message = format!("shard {shard} did not answer before the deadline");
                Err(Fault::new(Code::QueryDeadline, message))
            }
        }
    }

    /// This node is asked without the network.
    fn leaves_of(&self, peer: &Peer) -> Arc<dyn Leaves> {
        let inner = &self.inner;
        if inner.peers.is_me(peer) { inner.local.clone() } else { inner.remote.clone() }
    }
}

/// A fault of the request fails the whole answer; any other is one shard's.
fn fail_whole(result: ShardResult) -> Result<Result<ShardReply, Fault>, Fault> {
    match result {
        Err(fault) if is_of_request(fault.code) => Err(fault),
        other => Ok(other),
    }
}

fn finish(tally: Tally, resolved: &Resolved) -> Result<Summary, Fault> {
    let mut summary = tally.finish(resolved.limit())?;
    let elapsed = resolved.started.elapsed().as_micros();
    summary.elapsed_us = u64::try_from(elapsed).unwrap_or(u64::MAX);
    Ok(summary)
}

fn span_of(resolved: &Resolved) -> tracing::Span {
    tracing::info_span!("search", request_id = resolved.request_id, query = resolved.query)
}

fn note_answer(resolved: &Resolved, answer: Result<Option<&Summary>, &Fault>) {
    metrics::counter!("ax_query_searches_total").increment(1);
    metrics::histogram!("ax_query_search_seconds").record(resolved.started.elapsed());
    let request_id = &resolved.request_id;
    match answer {
        Ok(summary) => {
            let partial = summary.is_some_and(|summary| summary.partial);
            if partial {
                metrics::counter!("ax_query_partial_total").increment(1);
            }
            let num_files = summary.map_or(0, |summary| summary.num_files);
            let elapsed = resolved.started.elapsed();
            tracing::info!(
                request_id,
                num_files,
                partial,
                ?elapsed,
                query = resolved.query,
                "searched"
            );
        }
        Err(fault) => {
            metrics::counter!("ax_query_errors_total", "code" => fault.code.as_str()).increment(1);
            tracing::info!(request_id, code = %fault.code, query = resolved.query, "search failed");
        }
    }
}

#[cfg(test)]
mod tests;
