//! `/healthz`, `/readyz`, `/metrics`.

use super::{HttpState, error::HttpFault};
use axum::{extract::State, response::IntoResponse};
use http::header;

/// The process runs. Nothing else is asked, so that no outage elsewhere restarts it.
pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// The node can answer: every shard placed here is loaded or known to be empty, and it does not drain.
pub(super) async fn ready(State(state): State<HttpState>) -> Result<&'static str, HttpFault> {
    match state.readiness.why_not() {
        None => Ok("ready\n"),
        Some(fault) => Err(HttpFault(fault)),
    }
}

/// Metrics of the process.
pub(super) async fn metrics(State(state): State<HttpState>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], (state.render_metrics)())
}
