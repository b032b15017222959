//! `/api/v1/search` and its stream.

use super::{
    HttpState,
    error::{FaultBody, HttpFault},
    params::Params,
    shape::{AnswerBody, FileBody, SummaryBody},
    trace::RequestId,
};
use crate::answers::Reader;
use ax_model::Fault;
use ax_proto::search::{SearchEvent, SearchOptions, SearchRequest, search_event};
use axum::{
    Extension, Json,
    extract::{RawQuery, State},
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt, stream};
use std::convert::Infallible;

const KNOWN: &[&str] = &[
    "q",
    "limit",
    "context",
    "all",
    "count",
    "timeout",
    "lines",
    "max_lines",
    "wait_for",
    "cache",
    "explain",
];

/// The whole answer as JSON.
pub(super) async fn search(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Result<Json<AnswerBody>, HttpFault> {
    let request = request_of(&Params::strict(raw.as_deref(), KNOWN)?, request_id)?;
    Ok(Json(state.root.search(request).await?.into()))
}

/// Files as server-sent events, then a summary. A fault is an event too, also one of the request:
/// a browser's `EventSource` cannot read the body of any status but 200.
pub(super) async fn search_stream(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    reader: Option<Extension<Reader>>,
    RawQuery(raw): RawQuery,
) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let request =
        Params::strict(raw.as_deref(), KNOWN).and_then(|params| request_of(&params, request_id));
    let reader = reader.map(|Extension(reader)| reader).unwrap_or_default();
    let started = match request {
        Ok(request) => state.root.search_stream(request, reader).await,
        Err(fault) => Err(fault),
    };
    let events = match started {
        Ok(events) => events.left_stream(),
        Err(fault) => stream::iter([Err(fault)]).right_stream(),
    };
    Sse::new(events.map(|event| Ok(to_sse(event)))).keep_alive(KeepAlive::default())
}

/// A search request from its parameters.
pub(crate) fn request_of(params: &Params, id: RequestId) -> Result<SearchRequest, Fault> {
    let options = SearchOptions {
        limit: params.number("limit", 1)?,
        all: params.switch("all")?,
        context_lines: params.number("context", 0)?,
        count_only: params.switch("count")?,
        timeout_ms: u32::try_from(params.duration("timeout")?.as_millis()).unwrap_or(u32::MAX),
        max_lines_per_file: params.number("lines", 1)?,
        no_cache: !params.switch_or("cache", true)?,
        explain: params.switch("explain")?,
        max_lines: params.number("max_lines", 1)?,
    };
    Ok(SearchRequest {
        query: params.given("q")?.to_owned(), // an empty one is the query language's to refuse
        options: Some(options),
        wait_for: params.text("wait_for").to_owned(),
        request_id: id.0,
    })
}

fn to_sse(event: Result<SearchEvent, Fault>) -> Event {
    let made = match event.map(|event| event.event) {
        Ok(Some(search_event::Event::File(file))) => {
            Event::default().event("file").json_data(FileBody::from(file))
        }
        Ok(Some(search_event::Event::Summary(summary))) => {
            Event::default().event("summary").json_data(SummaryBody::from(summary))
        }
        Ok(None) => return Event::default().comment("nothing"),
        Err(fault) => Event::default().event("error").json_data(FaultBody::from(&fault)),
    };
    // Only a map with keys that are no strings cannot be JSON, and there is none.
    made.unwrap_or_else(|error| Event::default().event("error").data(error.to_string()))
}
