//! Around every request: its id, its span, its metrics.

use super::error::HttpFault;
use crate::{peers::REQUEST_ID, root::request_id};
use ax_model::{Code, Fault};
use axum::{
    extract::{MatchedPath, Request},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue};
use std::{any::Any, time::Instant};
use tracing::Instrument;

/// The correlation id of a request.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Gives the request an id and a span, and counts it.
pub(super) async fn around(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(header(request.headers(), REQUEST_ID).to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let route = route_of(&request);
    let method = request.method().clone();
    let span = tracing::info_span!("http", %method, route, request_id = id);
    let traceparent = header(request.headers(), ax_telemetry::propagation::TRACEPARENT);
    if !traceparent.is_empty() {
        ax_telemetry::propagation::set_parent(&span, traceparent);
    }
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    count(&route, &response, started);
    response
}

/// A panic fails one request, not the node.
pub(super) fn on_panic(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a request panicked; the panic's own message stands before this line");
    HttpFault(Fault::new(Code::Internal, Code::Internal.meaning())).into_response()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// The route's pattern: as a metric's label it has few values, which the path has not.
fn route_of(request: &Request) -> String {
    let path = request.extensions().get::<MatchedPath>();
    path.map_or_else(|| "unknown".to_owned(), |path| path.as_str().to_owned())
}

fn count(route: &str, response: &Response, started: Instant) {
    let status = response.status().as_u16().to_string();
    let labels = [("route", route.to_owned()), ("status", status)];
    metrics::counter!("ax_query_http_requests_total", &labels).increment(1);
    metrics::histogram!("ax_query_http_seconds", "route" => route.to_owned())
        .record(started.elapsed());
    if let Some(code) = response.extensions().get::<Code>() {
        metrics::counter!("ax_query_http_errors_total", "code" => code.as_str()).increment(1);
    }
}
