//! HTTP: the API under `/api/v1`, the page, health and metrics. `docs/api.md` describes it for users.

mod error;
mod explain;
mod file;
mod guard;
mod health;
mod hold;
mod navigate;
mod params;
mod queries;
mod refused;
mod repos;
mod search;
mod serve;
mod shape;
mod shards;
mod status;
mod trace;
mod watched;

pub use error::{FaultBody, HttpFault, status_of};
pub use serve::serve;
pub use shape::{AnswerBody, FileBody, LineBody, MissingBody, ShardBody, SummaryBody};

pub(crate) use error::retry_after;
pub(crate) use file::repo_of;
pub(crate) use navigate::{options_of, place_question, symbol_question};
pub(crate) use params::Params;
pub(crate) use repos::{KnownRepository, known_repositories};
pub(crate) use search::request_of;
pub(crate) use trace::RequestId;

use crate::{
    admin::Admin, cluster_view::ClusterView, page, readiness::Readiness, root::Root, status::Status,
};
use ax_model::{Code, Fault};
use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{MethodRouter, get, post},
};
use std::sync::Arc;
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

/// Renders this process's metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the handlers share. Cheap to clone.
#[derive(Clone)]
pub struct HttpState {
    /// Searches.
    pub root: Root,
    /// Whether this node should get requests.
    pub readiness: Arc<Readiness>,
    /// What `/api/v1/status` says.
    pub status: Arc<Status>,
    /// Registrations and progress; `None` without coordination.
    pub cluster: Option<Arc<ClusterView>>,
    /// Changes to the cluster; `None` refuses them.
    pub admin: Option<Arc<dyn Admin>>,
    /// For `/metrics`.
    pub render_metrics: RenderMetrics,
}

/// Every route of a query node, beside `operations`, which the process brings.
pub fn router(state: HttpState, operations: Router) -> Router {
    let operations = operations.with_state(());
    Router::new()
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/search/stream", get(search::search_stream))
        .route("/api/v1/symbols", get(navigate::symbols))
        .route("/api/v1/definitions", get(navigate::definitions))
        .route("/api/v1/references", get(navigate::references))
        .route("/api/v1/repos", guarded(get(repos::list).post(repos::register)))
        .route("/api/v1/repos/{id}", guarded(get(repos::show).delete(repos::remove)))
        .route("/api/v1/repos/{id}/skipped", get(repos::skipped))
        .route("/api/v1/file", get(file::file))
        .route("/api/v1/status", get(status::status))
        .route("/api/v1/quarantine/{shard}/{offset}/replay", guarded(post(status::replay)))
        .route("/api/v1/shards/rebuild", guarded(post(shards::rebuild_all)))
        .route("/api/v1/shards/{shard}/rebuild", guarded(post(shards::rebuild_one)))
        .route("/debug/queries", get(queries::follow))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .merge(page::routes())
        .merge(operations)
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn_with_state(state.root.answers().clone(), hold::around))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(trace::on_panic))
        .layer(from_fn(trace::around))
        .with_state(state)
}

/// Routes for operators, closed to pages of other sites.
pub fn guarded_routes(routes: Router) -> Router {
    routes.layer(from_fn(guard::around))
}

/// Routes that change something, closed to pages of other sites.
fn guarded(routes: MethodRouter<HttpState>) -> MethodRouter<HttpState> {
    routes.route_layer(from_fn(guard::around))
}

async fn not_found(uri: http::Uri) -> HttpFault {
    let message = format!("there is no page `{}`", uri.path());
    let fault = Fault::new(Code::NotFound, message);
    let hint = if uri.path().starts_with("/api/v1/repos/") {
        "a repository's name is one part of the path: write `/` as `%2F`"
    } else {
        "docs/api.md lists the pages"
    };
    HttpFault(fault.hint(hint))
}

async fn wrong_method(method: http::Method, uri: http::Uri) -> HttpFault {
    let message = format!("`{}` does not take {method}", uri.path());
    HttpFault(Fault::new(Code::MethodNotAllowed, message))
}
