//! The search page: HTML made on the server, one style sheet, works without a script.

mod assets;
mod facets;
mod file;
mod groups;
mod html;
mod layout;
mod names;
mod problem;
mod results;
mod start;

use crate::{
    config::RequestLimits,
    http::{HttpState, Params, RequestId, request_of},
    queries,
};
use ax_model::{Code, Fault};
use ax_proto::search::SearchRequest;
use ax_query::{Count, Given};
use axum::{
    Extension, Router,
    extract::{RawQuery, State},
    response::Response,
    routing::get,
};
use http::StatusCode;
use layout::Head;
use std::time::Instant;

/// Lines of context that the page shows.
const CONTEXT: u32 = 1;
/// Lines per file that the page shows before it points to the file.
const LINES_PER_FILE: u32 = 12;

/// The page's routes.
pub(crate) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/", get(index))
        .route("/file", get(file::show))
        .route("/symbols", get(names::symbols))
        .route("/name", get(names::name))
        .route("/assets/ax.css", get(assets::css))
        .route("/assets/ax.js", get(assets::js))
        .route("/assets/icon.svg", get(assets::icon))
}

/// Results of `q`, or the start page without it.
async fn index(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Response {
    let params = match Params::lenient(raw.as_deref()) {
        Ok(params) => params,
        Err(fault) => return problem::page("", &fault),
    };
    let query = params.text("q").trim().to_owned();
    if query.is_empty() {
        return start::page(&state).await;
    }
    let max_limit = state.root.limits().max_limit;
    let answer = match request_for(&params, request_id, &state.root.limits()).await {
        Ok(request) => state.root.search(request).await,
        Err(fault) => Err(fault),
    };
    match answer {
        Ok(answer) => {
            // Links read the query again, for each of their filters.
            let title = query.clone();
            let body = move || results::body(&title, &answer, max_limit);
            match tokio::task::spawn_blocking(body).await {
                Ok(body) => {
                    let (status, query) = (StatusCode::OK, query.as_str());
                    layout::page(Head { status, title: query, query, focus: false }, &body)
                }
                Err(panic) => {
                    tracing::error!(%panic, "the page of results panicked");
                    problem::page(&query, &Fault::new(Code::Internal, Code::Internal.meaning()))
                }
            }
        }
        Err(fault) => problem::page(&query, &fault),
    }
}

async fn request_for(
    params: &Params,
    request_id: RequestId,
    limits: &RequestLimits,
) -> Result<SearchRequest, Fault> {
    let mut request = request_of(params, request_id)?;
    if let Some(options) = &mut request.options {
        if params.text("context").is_empty() {
            options.context_lines = CONTEXT;
        }
        options.max_lines_per_file = LINES_PER_FILE;
        options.all = false; // a page of every match of a large corpus helps nobody
    }
    request.query = without_all(request.query, limits).await;
    Ok(request)
}

/// The query with `count:all` as the most files that a page may have.
async fn without_all(query: String, limits: &RequestLimits) -> String {
    let Ok(read) = queries::read(&query, Instant::now() + limits.default_timeout).await else {
        return query; // the error is the root's to make
    };
    match read.shape.count {
        Some(count) if count.value == Count::All => {
            let mut read = (*read).clone();
            let value = Count::Most(limits.max_limit);
            read.shape.count = Some(Given { value, ..count });
            read.to_string()
        }
        _ => query,
    }
}
