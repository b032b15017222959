//! Questions about names to one shard.

use super::{DEFAULT_TIMEOUT, Leaf, fault_of, is_damage, run};
use crate::{
    navigate::{origin_of, place_to_wire, references_to_wire, symbols_to_wire},
    queries,
};
use ax_engine::{EngineError, PlaceQuery, ReferenceQuery, Snapshot, Stop, SymbolQuery};
use ax_model::{Code, DocKey, Fault, Offset, RepoName, ShardId};
use ax_proto::search::{
    NavigateRequest, NavigateResponse, PlaceQuestion, ReferenceQuestion, SymbolQuestion,
    navigate_request::Question,
};
use ax_query::Query;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A question that can be run as it stands.
enum Asked {
    Place(DocKey, PlaceQuestion),
    /// With its query, when it has one.
    Symbols(SymbolQuestion, Option<Arc<Query>>),
    References(ReferenceQuestion),
}

impl Leaf {
    /// Answers one question about names. Dropping the future cancels it.
    pub async fn navigate(&self, request: NavigateRequest) -> Result<NavigateResponse, Fault> {
        let started = Instant::now();
        let timeout = match request.timeout_ms {
            0 => DEFAULT_TIMEOUT,
            ms => Duration::from_millis(ms.into()),
        };
        let deadline = started + timeout;
        let (shard, position) = (ShardId(request.shard), Offset(request.min_position));
        let asked = Arc::new(Asked::of(request.question, deadline).await?);
        for attempt in 0.. {
            let view = self.shards.view_at(shard, position, deadline).await?;
            let permit = self.admission.enter(deadline).await?;
            let asked = asked.clone();
            let work = move |snapshot: &Snapshot, stop: &Stop| {
                let _permit = permit; // until the engine's work ends
                asked.answer(snapshot, stop)
            };
            match run(&view, Some(deadline), None, work).await? {
                Ok(response) => {
                    metrics::histogram!("ax_query_navigate_seconds").record(started.elapsed());
                    let answer = Some(view.answer(&self.node_id));
                    return Ok(NavigateResponse { answer, ..response });
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
}

impl Asked {
    async fn of(question: Option<Question>, deadline: Instant) -> Result<Self, Fault> {
        match question {
            Some(Question::Place(place)) => {
                let repo = RepoName::new(place.repo.as_str());
                let key = repo.and_then(|repo| DocKey::new(repo, place.path.as_str()));
                let key = key.map_err(|error| Fault::new(Code::BadRequest, error.to_string()))?;
                Ok(Self::Place(key, place))
            }
            Some(Question::Symbols(symbols)) if symbols.query.is_empty() => {
                Ok(Self::Symbols(symbols, None))
            }
            Some(Question::Symbols(symbols)) => {
                let query = queries::read(&symbols.query, deadline).await?;
                if SymbolQuery::of(&query).is_none() {
                    let message = "the query is not one sym: and filters";
                    return Err(Fault::new(Code::BadRequest, message).in_field("query"));
                }
                Ok(Self::Symbols(symbols, Some(query)))
            }
            Some(Question::References(references)) => Ok(Self::References(references)),
            None => Err(Fault::new(Code::BadRequest, "the request asks no question that is known")),
        }
    }

    fn answer(&self, snapshot: &Snapshot, stop: &Stop) -> Result<NavigateResponse, EngineError> {
        match self {
            Self::Place(key, place) => {
                let query = PlaceQuery {
                    key,
                    branch: given(&place.branch),
                    blob: given(&place.blob),
                    line: place.line,
                    column: place.column,
                };
                let place = snapshot.place(&query)?.map(place_to_wire);
                Ok(NavigateResponse { place, ..Default::default() })
            }
            Self::Symbols(symbols, query) => {
                let query = query.as_deref().and_then(SymbolQuery::of);
                let mut query = query.unwrap_or_else(|| SymbolQuery::exact(&symbols.name));
                if let Some(language) = given(&symbols.language) {
                    query = query.in_language(language);
                }
                if let Some(repo) = given(&symbols.repo) {
                    query = query.in_repository(repo);
                }
                let origin = origin_of(symbols.origin.clone());
                let found = snapshot.symbols(&query, &origin, symbols.limit as usize, stop)?;
                Ok(symbols_to_wire(found))
            }
            Self::References(references) => {
                let query = ReferenceQuery {
                    name: &references.name,
                    language: given(&references.language),
                    limit: references.limit as usize,
                    max_per_file: references.max_per_file as usize,
                };
                let origin = origin_of(references.origin.clone());
                Ok(references_to_wire(snapshot.references(&query, &origin, stop)?))
            }
        }
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
