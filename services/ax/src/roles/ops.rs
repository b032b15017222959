//! Health and metrics of the roles that answer no queries.

use ax_model::{Code, Fault};
use ax_telemetry::MetricsHandle;
use axum::{Router, http::header, routing::get};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Binds `address`; a taken port is a fault that says so.
pub async fn bind(key: &str, address: &str) -> Result<TcpListener, Fault> {
    TcpListener::bind(address).await.map_err(|error| {
        Fault::new(Code::PortTaken, format!("cannot listen on {address}: {error}"))
            .in_field(key)
            .hint(format!("choose another address for `{key}`, or stop who has this one"))
    })
}

/// `/healthz`, `/readyz` and `/metrics`, beside what `more` brings.
pub fn router(metrics: MetricsHandle, more: Router) -> Router {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(|| async { "ready\n" }))
        .route("/metrics", get(move || async move { (kind, metrics.render()) }))
        .merge(more)
}

/// Serves until `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let until = async move { shutdown.cancelled().await };
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(until).await {
        tracing::error!(%error, "the metrics listener ended");
    }
}
