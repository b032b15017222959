//! `/debug/queries`: the query log as it is written, for `ax perf record`.

use super::{HttpState, error::HttpFault};
use ax_model::{Code, Fault};
use axum::{
    extract::State,
    response::sse::{Event, KeepAlive, Sse},
};
use futures::{Stream, StreamExt};
use std::convert::Infallible;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

/// Queries from now on as events `query`; an event `lost` says how many a slow reader missed.
pub(super) async fn follow(
    State(state): State<HttpState>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, HttpFault> {
    let Some(queries) = state.root.query_log().follow() else {
        let message = "this node does not let its queries be read";
        let fault = Fault::new(Code::NotFound, message).in_field("query_log.live");
        return Err(fault.hint("set `query_log.live = true` in its configuration").into());
    };
    let events = queries.map(|query| {
        Ok(match query {
            Ok(query) => Event::default()
                .event("query")
                .json_data(&*query)
                .unwrap_or_else(|error| Event::default().event("error").data(error.to_string())),
            Err(BroadcastStreamRecvError::Lagged(num)) => {
                Event::default().event("lost").data(num.to_string())
            }
        })
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}
