//! Names over all shards: what stands at a place, what is defined under a name, where it is used.

use super::{Root, ShardReply, Tally, fail_whole, request::resolve_token, unknown_repository};
use crate::navigate::{file_of, origin_to_wire, place_of, symbol_of};
use ax_engine::{FileReferences, Origin, Place, Symbol};
use ax_model::{Code, Fault, RepoName, ShardId, VersionToken};
use ax_proto::search::{
    LeafSummary, NavigateRequest, NavigateResponse, PlaceQuestion, ReferenceQuestion, Summary,
    SymbolQuestion, navigate_request::Question,
};
use futures::{StreamExt, stream::FuturesUnordered};
use std::time::{Duration, Instant};

/// Bounds of a question about names.
#[derive(Debug, Clone, Default)]
pub struct NavigateOptions {
    /// Most answers; zero means the server's default.
    pub limit: u32,
    /// Answers to pass over: those of earlier pages.
    pub offset: u32,
    /// Deadline; zero means the server's default.
    pub timeout: Duration,
    /// When it was asked, from which the deadline counts: one that takes several steps has one deadline for
    /// all. None for now.
    pub begun: Option<Instant>,
    /// Version token to wait for; empty for none.
    pub wait_for: String,
    /// Correlation id.
    pub request_id: String,
}

/// What was found, and where the answer came from.
#[derive(Debug, Clone, Default)]
pub struct Navigated<T> {
    /// The likeliest first.
    pub found: Vec<T>,
    /// What is missing, and which versions were read.
    pub summary: Summary,
}

/// A question under way.
struct Asking {
    started: Instant,
    deadline: Instant,
    limit: u32,
    offset: u32,
    wait_for: VersionToken,
    request_id: String,
}

impl Asking {
    /// How many answers each shard is asked for: any of them may be on the page.
    fn of_shard(&self) -> u32 {
        self.offset + self.limit
    }

    /// The page, of answers in order; whether there are more.
    fn page<T>(&self, mut found: Vec<T>) -> (Vec<T>, bool) {
        let more = found.len() > self.of_shard() as usize;
        found.truncate(self.of_shard() as usize);
        found.drain(..found.len().min(self.offset as usize));
        (found, more)
    }
}

impl Root {
    /// The name at a place, and where it is asked from. `AX-A013` when no name stands there.
    pub async fn place(
        &self,
        question: PlaceQuestion,
        options: &NavigateOptions,
    ) -> Result<Place, Fault> {
        let asking = self.asking(options)?;
        let _permit = self.inner.admission.enter(asking.deadline).await?;
        let (line, column) = (question.line, question.column);
        let repo = RepoName::new(question.repo.as_str())
            .map_err(|error| Fault::new(Code::BadRequest, error.to_string()).in_field("repo"))?;
        let path = question.path.clone();
        let question = Question::Place(question);
        let mut answers = std::pin::pin!(self.navigate(&asking, &question));
        let mut unanswered = None;
        while let Some((_, answer)) = answers.next().await {
            match answer {
                Ok(NavigateResponse { place: Some(place), .. }) => {
                    let place = place_of(place);
                    if place.name.is_empty() {
                        return Err(no_name(line, column));
                    }
                    return Ok(place);
                }
                Ok(_) => {}
                Err(fault) => unanswered = Some(fault),
            }
        }
        match unanswered {
            Some(fault) => Err(fault),
            None if self.repository(&repo).await?.is_none() => Err(unknown_repository(&repo)),
            None => {
                let message = format!("`{repo}` has no such version of a file `{path}` with text");
                Err(Fault::new(Code::UnknownFile, message).in_field("path"))
            }
        }
    }

    /// The definitions sought, as seen from `origin`.
    pub async fn symbols(
        &self,
        question: SymbolQuestion,
        origin: &Origin,
        options: &NavigateOptions,
    ) -> Result<Navigated<Symbol>, Fault> {
        let asking = self.asking(options)?;
        let (limit, from) = (asking.of_shard(), Some(origin_to_wire(origin)));
        let question = Question::Symbols(SymbolQuestion { limit, origin: from, ..question });
        let (answers, mut summary) = self.gather_names(&asking, question).await?;
        let found = answers.into_iter().flat_map(|answer| answer.symbols);
        let mut found: Vec<Symbol> = found.map(symbol_of).collect();
        found.sort_by(|a, b| Symbol::order(a, b, origin));
        let (found, more) = asking.page(found);
        summary.more |= more;
        Ok(Navigated { found, summary })
    }

    /// Where a name is used, as seen from `origin`.
    pub async fn references(
        &self,
        question: ReferenceQuestion,
        origin: &Origin,
        options: &NavigateOptions,
    ) -> Result<Navigated<FileReferences>, Fault> {
        let asking = self.asking(options)?;
        let (limit, from) = (asking.of_shard(), Some(origin_to_wire(origin)));
        let question = Question::References(ReferenceQuestion { limit, origin: from, ..question });
        let (answers, mut summary) = self.gather_names(&asking, question).await?;
        let found = answers.into_iter().flat_map(|answer| answer.files);
        let mut found: Vec<FileReferences> = found.map(file_of).collect();
        found.sort_by(|a, b| FileReferences::order(a, b, origin));
        let (found, more) = asking.page(found);
        summary.more |= more;
        Ok(Navigated { found, summary })
    }

    fn asking(&self, options: &NavigateOptions) -> Result<Asking, Fault> {
        let limits = self.limits();
        let refused = |field: &str, most: String| {
            let message = format!("`{field}` is over its most, which is {most}");
            Err(Fault::new(Code::QueryBadValue, message).in_field(field))
        };
        if options.limit > limits.max_limit {
            return refused("limit", limits.max_limit.to_string());
        }
        let limit = if options.limit == 0 { limits.default_limit } else { options.limit };
        if options.offset > limits.max_limit.saturating_sub(limit) {
            return refused("offset", format!("{} with `limit`", limits.max_limit));
        }
        if options.timeout > limits.max_timeout {
            return refused("timeout", format!("{} s", limits.max_timeout.as_secs()));
        }
        let or = |asked: Duration, default| if asked.is_zero() { default } else { asked };
        let started = options.begun.unwrap_or_else(Instant::now);
        Ok(Asking {
            started,
            deadline: started + or(options.timeout, limits.default_timeout),
            limit,
            offset: options.offset,
            wait_for: resolve_token(&options.wait_for, &self.inner.world)?,
            request_id: super::request_id(options.request_id.clone()),
        })
    }

    /// Every shard's answer, and what is missing; an error when none answered.
    async fn gather_names(
        &self,
        asking: &Asking,
        question: Question,
    ) -> Result<(Vec<NavigateResponse>, Summary), Fault> {
        let _permit = self.inner.admission.enter(asking.deadline).await?;
        let mut tally =
            Tally::new(self.inner.world.generation, &asking.request_id).asking_names(true);
        let mut found = Vec::new();
        let mut answers = std::pin::pin!(self.navigate(asking, &question));
        while let Some((shard, result)) = answers.next().await {
            let said = result.as_ref().map(said).map_err(Clone::clone);
            tally.add(shard, fail_whole(said)?);
            found.extend(result);
        }
        let mut summary = tally.finish(usize::MAX)?;
        let elapsed = asking.started.elapsed();
        summary.elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        metrics::histogram!("ax_query_root_navigate_seconds").record(elapsed);
        Ok((found, summary))
    }

    /// Asks every shard, and gives their answers in the order in which they come.
    fn navigate<'a>(
        &'a self,
        asking: &'a Asking,
        question: &'a Question,
    ) -> impl futures::Stream<Item = (ShardId, Result<NavigateResponse, Fault>)> + 'a {
        let calls = (0..self.inner.world.shards).map(ShardId).map(move |shard| async move {
            let deadline = asking.deadline;
            let answer = self.ask(shard, deadline, |leaves, peer| {
                let request = asking.for_shard(shard, question);
                Box::pin(async move { leaves.navigate(&peer, request, deadline).await })
            });
            (shard, answer.await)
        });
        calls.collect::<FuturesUnordered<_>>()
    }
}

impl Asking {
    /// The leaf gets a little less time than is left, so that what it found by then still travels.
    fn for_shard(&self, shard: ShardId, question: &Question) -> NavigateRequest {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let travel = (left / 10).min(Duration::from_millis(50));
        NavigateRequest {
            shard: shard.0,
            timeout_ms: u32::try_from((left - travel).as_millis()).unwrap_or(u32::MAX).max(1),
            min_position: self.wait_for.positions.get(&shard).map_or(0, |offset| offset.0),
            request_id: self.request_id.clone(),
            question: Some(question.clone()),
        }
    }
}

/// What an answer says of itself, in the words of a search.
fn said(answer: &NavigateResponse) -> ShardReply {
    let NavigateResponse { answer, more, timed_out, .. } = answer.clone();
    let summary = LeafSummary { answer, more, timed_out, ..Default::default() };
    ShardReply { files: Vec::new(), summary }
}

fn no_name(line: u64, column: u32) -> Fault {
    let message = format!("no name stands at line {line}, column {column}");
    let hint = "lines and columns count from 1, columns in characters; a caret right behind a name is at it";
    Fault::new(Code::NoName, message).in_field("col").hint(hint)
}
