//! Push webhooks of GitHub, GitLab and Gitea: `POST /webhooks/{github|gitlab|gitea}`.
//!
//! A push says *that* something moved: the repository is looked at, as by a poll, only at once. So a
//! forged or repeated push costs one look, and a lost one costs one polling interval. Requests are still
//! authenticated, for else anybody could make a cluster fetch without end. What it says of the repository
//! beside (archived, a fork, public, its stars) is kept with the registration.

mod payload;
mod signature;

use crate::{IngestHandle, WebhookSecrets};
use ax_model::{Code, Fault};
use ax_telemetry::propagation;
use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;
use std::sync::Arc;
use tracing::{Instrument, Span, field::Empty};

/// Largest body accepted, in bytes: code hosts cap theirs at 25 MB, but a push of 2,048 commits, the
/// most that they list, stays well under this.
pub const MAX_BODY_BYTES: usize = 8 << 20;

/// Kinds of code hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    GitHub,
    GitLab,
    Gitea,
}

#[derive(Clone)]
struct Webhooks {
    ingest: IngestHandle,
    secrets: Arc<WebhookSecrets>,
}

/// The routes, to be merged into a server's.
pub fn router(ingest: IngestHandle, secrets: WebhookSecrets) -> Router {
    Router::new()
        .route("/webhooks/{host}", post(push))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(Webhooks { ingest, secrets: Arc::new(secrets) })
}

async fn push(
    State(webhooks): State<Webhooks>,
    Path(host): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let span = tracing::info_span!("webhook", otel.kind = "server", host, kicked = Empty);
    let caller = headers.get(propagation::TRACEPARENT).and_then(|value| value.to_str().ok());
    if let Some(caller) = caller {
        propagation::set_parent(&span, caller);
    }
    let received = receive(&webhooks, &host, &headers, body).instrument(span);
    match received.await {
        Ok(kicked) => (StatusCode::ACCEPTED, Json(json!({ "kicked": kicked }))).into_response(),
        Err(fault) => {
            metrics::counter!("ax_ingest_webhook_refused_total", "code" => fault.code.as_str())
                .increment(1);
            refuse(&fault)
        }
    }
}

/// Checks, reads, keeps and kicks; returns the names of the repositories that will be looked at.
async fn receive(
    webhooks: &Webhooks,
    host: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Vec<String>, Fault> {
    let host = Host::named(host).ok_or_else(|| {
        Fault::new(Code::NotFound, format!("no webhook for `{host}`"))
            .hint("use /webhooks/github, /webhooks/gitlab or /webhooks/gitea")
    })?;
    let body = body.map_err(|error| {
        let code = match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Code::TooLarge,
            _ => Code::BadRequest,
        };
        Fault::new(code, format!("the body cannot be read: {error}"))
    })?;
    signature::check(host, &webhooks.secrets, headers, &body)?;
    let repository = payload::repository(host, &body)?;
    let registrations = webhooks.ingest.registrations();
    let matching = registrations
        .values()
        .filter(|registration| repository.is(&registration.name, &registration.source));
    let mut kicked: Vec<String> = matching.map(|registration| registration.name.clone()).collect();
    for name in &kicked {
        webhooks.ingest.hear(name, repository.said).await;
    }
    kicked.retain(|name| webhooks.ingest.kick(name, propagation::current()));
    Span::current().record("kicked", kicked.join(" "));
    metrics::counter!("ax_ingest_webhooks_total").increment(1);
    tracing::debug!(?repository, ?kicked, "push");
    Ok(kicked)
}

impl Host {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "github" => Self::GitHub,
            "gitlab" => Self::GitLab,
            "gitea" => Self::Gitea,
            _ => return None,
        })
    }
}

fn refuse(fault: &Fault) -> Response {
    let status =
        StatusCode::from_u16(fault.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({
        "code": fault.code.as_str(),
        "message": fault.message,
        "field": fault.field,
        "span": fault.span,
        "hint": fault.hint,
        "doc": format!("docs/errors.md#{}", fault.code.as_str().to_lowercase()),
    });
    (status, Json(body)).into_response()
}
