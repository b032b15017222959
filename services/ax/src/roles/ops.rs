//! Health and metrics of the roles that answer no queries.

use ax_model::{Code, Fault};
use ax_telemetry::MetricsHandle;
use axum::{Router, http::header, routing::get};
use std::io::ErrorKind;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Binds `address`, which `key` gave: a setting or an option. A taken port is AX-F004; what this machine
/// or this user cannot have is AX-F002.
pub async fn bind(key: &str, address: &str) -> Result<TcpListener, Fault> {
    TcpListener::bind(address).await.map_err(|error| {
        let (code, or) = match error.kind() {
            ErrorKind::AddrInUse => (Code::PortTaken, ", or stop who has this one"),
            ErrorKind::PermissionDenied => {
                (Code::ConfigBadValue, ": ports below 1024 are for privileged users")
            }
            _ => (Code::ConfigBadValue, ""),
        };
        Fault::new(code, format!("cannot listen on {address}: {error}"))
            .in_field(key)
            .hint(format!("choose another address with `{key}`{or}"))
    })
}

/// `/healthz`, `/readyz`, `/metrics`, `/debug/profile` and `/debug/heap`, beside what `more` brings.
pub fn router(metrics: MetricsHandle, more: Router, shutdown: &CancellationToken) -> Router {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/metrics", get(move || async move { (kind, metrics.render()) }))
        .merge(super::profile::routes(shutdown.clone()))
        .merge(super::heap::routes())
        .merge(more)
}

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let until = async move { shutdown.cancelled().await };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
        tracing::error!(%error, "the metrics listener ended");
    }
}
