//! `/api/v1/file`: one file's text.

use super::{HttpState, error::HttpFault, params::Params, shape::ShardBody, trace::RequestId};
use crate::root::FoundFile;
use ax_model::{Code, Fault, RepoName};
use axum::{
    Extension, Json,
    extract::{RawQuery, State},
    response::{IntoResponse, Response},
};
use http::header;
use serde::Serialize;

/// A file.
#[derive(Debug, Serialize)]
struct FileTextBody {
    repo: String,
    path: String,
    branches: Vec<String>,
    language: String,
    blob: String,
    num_bytes: u64,
    text: Option<String>,
    skipped: Option<String>,
    shard: Option<ShardBody>,
}

/// The text as JSON, or with `raw` its bytes as they are stored.
pub(super) async fn file(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Result<Response, HttpFault> {
    let params = Params::strict(raw.as_deref(), &["repo", "path", "branch", "raw"])?;
    let repo = repo_of(params.required("repo")?)?;
    let path = params.required("path")?;
    let file = state.root.file(&repo, path, params.text("branch"), &request_id.0).await?;
    if params.switch("raw")? {
        return raw_text(file);
    }
    Ok(Json(body_of(&repo, path, file)).into_response())
}

/// A repository's name as a parameter gives it.
pub(crate) fn repo_of(name: &str) -> Result<RepoName, Fault> {
    RepoName::new(name)
        .map_err(|error| Fault::new(Code::BadRequest, error.to_string()).in_field("repo"))
}

fn raw_text(file: FoundFile) -> Result<Response, HttpFault> {
    if !file.skipped.is_empty() {
        let message = format!("the file's text is left out: {}", file.skipped);
        return Err(Fault::new(Code::UnknownFile, message).in_field("path").into());
    }
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, file.text).into_response())
}

fn body_of(repo: &RepoName, path: &str, file: FoundFile) -> FileTextBody {
    let has_text = file.skipped.is_empty();
    FileTextBody {
        repo: repo.to_string(),
        path: path.to_owned(),
        branches: file.branches,
        language: file.language,
        blob: file.blob,
        num_bytes: file.num_bytes.max(file.text.len() as u64), // a node of before does not say
        text: has_text.then(|| String::from_utf8_lossy(&file.text).into_owned()),
        skipped: (!has_text).then_some(file.skipped),
        shard: file.answer.map(ShardBody::from),
    }
}
