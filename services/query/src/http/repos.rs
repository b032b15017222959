//! `/api/v1/repos`: what is registered, what is indexed, what is left out.

use super::{HttpState, error::HttpFault, file::repo_of, params::Params, shape::MissingBody};
use crate::{
    admin::{Admin, NewRepository},
    root::RepositoryPage,
};
use ax_model::{Code, Fault, RepoName, RepositoryFacts, SaidFacts};
use ax_proto::{
    cluster::{IngestProgress, Registration},
    search::{Repository, SkippedFile},
};
use axum::{
    Json,
    body::{Body, Bytes},
    extract::{RawPathParams, RawQuery, Request, State, rejection::RawPathParamsRejection},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

const DEFAULT_PAGE: u32 = 1_000;
const MAX_PAGE: u32 = 10_000;
/// Largest body of a registration: a source and some branch patterns.
const MAX_BODY_BYTES: usize = 64 << 10;
/// A client has this long to send the whole of it.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// A repository as the API shows it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct KnownRepository {
    pub(crate) name: String,
    pub(crate) source: String,
    /// `registered`, `indexed` or `removing`.
    pub(crate) state: &'static str,
    pub(crate) default_branch: String,
    pub(crate) branches: Vec<BranchBody>,
    pub(crate) branches_left_out: Vec<String>,
    pub(crate) num_files: u64,
    pub(crate) num_bytes: u64,
    pub(crate) num_skipped: u64,
    pub(crate) spread: u32,
    pub(crate) committed_at_ms: i64,
    pub(crate) indexed_at_ms: i64,
    pub(crate) archived: bool,
    pub(crate) fork: bool,
    pub(crate) public: bool,
    pub(crate) rank: u32,
    pub(crate) progress: Option<ProgressBody>,
}

impl KnownRepository {
    /// What is said of it, in words.
    pub(crate) fn facts(&self) -> impl Iterator<Item = &'static str> {
        let all = [(self.archived, "archived"), (self.fork, "fork"), (self.public, "public")];
        all.into_iter().filter_map(|(holds, name)| holds.then_some(name))
    }
}

/// A branch and its commit.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BranchBody {
    pub(crate) name: String,
    pub(crate) commit: String,
}

/// How an import goes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ProgressBody {
    pub(crate) phase: String,
    pub(crate) files_done: u64,
    pub(crate) files_total: u64,
    pub(crate) bytes_done: u64,
    pub(crate) started_at_ms: i64,
    pub(crate) remaining_ms: i64,
    pub(crate) failure: String,
    pub(crate) version: String,
}

#[derive(Debug, Serialize)]
struct ListBody {
    repositories: Vec<KnownRepository>,
    more: bool,
    partial: bool,
    missing: Vec<MissingBody>,
}

#[derive(Debug, Serialize)]
struct SkippedBody {
    skipped: Vec<SkippedFileBody>,
    more: bool,
    partial: bool,
    missing: Vec<MissingBody>,
}

#[derive(Debug, Serialize)]
struct SkippedFileBody {
    path: String,
    branches: Vec<String>,
    reason: String,
    num_bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterBody {
    source: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    branches: Vec<String>,
    #[serde(default)]
    archived: Option<bool>,
    #[serde(default)]
    fork: Option<bool>,
    #[serde(default)]
    public: Option<bool>,
    #[serde(default)]
    rank: Option<u32>,
}

/// All repositories, by name.
pub(super) async fn list(
    State(state): State<HttpState>,
    RawQuery(raw): RawQuery,
) -> Result<Response, HttpFault> {
    let params = Params::strict(raw.as_deref(), &["after", "limit"])?;
    let (repositories, page) =
        known_repositories(&state, params.text("after"), page_limit(&params)?).await?;
    Ok(Json(ListBody {
        repositories,
        more: page.more,
        partial: !page.missing.is_empty(),
        missing: page.missing.into_iter().map(MissingBody::from).collect(),
    })
    .into_response())
}

/// Repositories that the index holds, and those that are registered and on their way into it.
pub(crate) async fn known_repositories(
    state: &HttpState,
    after: &str,
    limit: u32,
) -> Result<(Vec<KnownRepository>, RepositoryPage), Fault> {
    let mut page = state.root.repositories(after, limit).await?;
    let mut known: BTreeMap<String, KnownRepository> = std::mem::take(&mut page.repositories)
        .into_iter()
        .map(|repo| (repo.name.clone(), indexed(repo)))
        .collect();
    // Past the last one of a full page it is not known yet which are indexed.
    let end = known.keys().next_back().filter(|_| page.more).cloned();
    if let Some(cluster) = &state.cluster {
        for (name, registration) in cluster.registrations.rows().iter() {
            let in_page = name.as_str() > after && end.as_ref().is_none_or(|end| name <= end);
            if in_page {
                let entry = known.entry(name.clone()).or_insert_with(|| registered(registration));
                annotate(entry, registration, cluster.progress.rows().get(name));
            }
        }
    }
    page.more |= known.len() > limit as usize;
    Ok((known.into_values().take(limit as usize).collect(), page))
}

/// One repository.
pub(super) async fn show(
    State(state): State<HttpState>,
    path: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Json<KnownRepository>, HttpFault> {
    let repo = repo_of_path(path)?;
    let mut known = state.root.repository(&repo).await?.map(indexed);
    if let Some(cluster) = &state.cluster
        && let Some(registration) = cluster.registrations.rows().get(repo.as_str())
    {
        let entry = known.get_or_insert_with(|| registered(registration));
        annotate(entry, registration, cluster.progress.rows().get(repo.as_str()));
    }
    known.map(Json).ok_or_else(|| crate::root::unknown_repository(&repo).into())
}

/// Files of a repository without text, each with its reason.
pub(super) async fn skipped(
    State(state): State<HttpState>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    RawQuery(raw): RawQuery,
) -> Result<Response, HttpFault> {
    let repo = repo_of_path(path)?;
    let params = Params::strict(raw.as_deref(), &["after", "limit"])?;
    let page = state.root.skipped(&repo, params.text("after"), page_limit(&params)?).await?;
    if page.skipped.is_empty() && state.root.repository(&repo).await?.is_none() {
        return Err(crate::root::unknown_repository(&repo).into());
    }
    Ok(Json(SkippedBody {
        skipped: page.skipped.into_iter().map(SkippedFileBody::from).collect(),
        more: page.more,
        partial: !page.missing.is_empty(),
        missing: page.missing.into_iter().map(MissingBody::from).collect(),
    })
    .into_response())
}

/// Registers a repository; ingest takes it from there.
pub(super) async fn register(
    State(state): State<HttpState>,
    request: Request,
) -> Result<Response, HttpFault> {
    let body = read_body(request.into_body(), BODY_TIMEOUT).await?;
    let wanted = read_registration(&body)?;
    let registration = admin_of(&state)?.register(wanted).await?;
    Ok((StatusCode::ACCEPTED, Json(registered(&registration))).into_response())
}

/// Asks for a repository's removal; its files vanish from answers once that is applied.
pub(super) async fn remove(
    State(state): State<HttpState>,
    path: Result<RawPathParams, RawPathParamsRejection>,
) -> Result<Response, HttpFault> {
    let repo = repo_of_path(path)?;
    let registration = admin_of(&state)?.remove(&repo).await?;
    Ok((StatusCode::ACCEPTED, Json(registered(&registration))).into_response())
}

pub(super) fn admin_of(state: &HttpState) -> Result<&Arc<dyn Admin>, Fault> {
    state.admin.as_ref().ok_or_else(|| {
        Fault::new(Code::CoordinationUnavailable, "this node runs without coordination")
    })
}

/// The whole body, or why it did not come: too large, too slow, or broken off.
async fn read_body(body: Body, timeout: Duration) -> Result<Bytes, Fault> {
    match tokio::time::timeout(timeout, axum::body::to_bytes(body, MAX_BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => {
            let message = format!("the body is over {MAX_BODY_BYTES} bytes, or broke off: {error}");
            Err(Fault::new(Code::TooLarge, message))
        }
        Err(_) => {
            let message = format!("the body did not come within {timeout:?}");
            Err(Fault::new(Code::BadRequest, message))
        }
    }
}

fn read_registration(body: &[u8]) -> Result<NewRepository, Fault> {
    let body: RegisterBody = serde_json::from_slice(body).map_err(|error| {
        Fault::new(Code::BadRequest, format!("the body is not a registration: {error}"))
            .hint(r#"expected {"source": "…", "name": "…", "branches": ["main"]}"#)
    })?;
    if body.source.trim().is_empty() {
        return Err(Fault::new(Code::BadRequest, "`source` is empty").in_field("source"));
    }
    let name = body
        .name
        .map(RepoName::new)
        .transpose()
        .map_err(|error| Fault::new(Code::BadRequest, error.to_string()).in_field("name"))?;
    let RegisterBody { source, branches, archived, fork, public, rank, .. } = body;
    let facts = SaidFacts { archived, fork, public, rank };
    Ok(NewRepository { source, name, branches, facts })
}

fn page_limit(params: &Params) -> Result<u32, Fault> {
    match params.number("limit", 1)? {
        0 => Ok(DEFAULT_PAGE),
        limit if limit <= MAX_PAGE => Ok(limit),
        limit => {
            let message = format!("`limit` is {limit}; the most is {MAX_PAGE}");
            Err(Fault::new(Code::QueryBadValue, message).in_field("limit"))
        }
    }
}

fn repo_of_path(path: Result<RawPathParams, RawPathParamsRejection>) -> Result<RepoName, Fault> {
    let not_utf8 = |_| Fault::new(Code::NotUtf8, "the repository's name is not UTF-8");
    let params = path.map_err(not_utf8)?;
    let id = params.iter().find(|(name, _)| *name == "id").map_or("", |(_, value)| value);
    repo_of(id)
}

fn indexed(repo: Repository) -> KnownRepository {
    KnownRepository {
        name: repo.name,
        source: repo.source,
        state: "indexed",
        default_branch: repo.default_branch,
        branches: repo
            .branches
            .into_iter()
            .map(|branch| BranchBody { name: branch.name, commit: branch.commit })
            .collect(),
        branches_left_out: repo.branches_left_out,
        num_files: repo.num_files,
        num_bytes: repo.num_bytes,
        num_skipped: repo.num_skipped,
        spread: repo.spread,
        committed_at_ms: repo.committed_at_ms,
        indexed_at_ms: repo.indexed_at_ms,
        archived: repo.archived,
        fork: repo.fork,
        public: repo.public,
        rank: repo.rank,
        progress: None,
    }
}

fn registered(registration: &Registration) -> KnownRepository {
    let RepositoryFacts { archived, fork, public, rank } =
        ax_cluster::said_by(registration).settled();
    let facts = Repository {
        archived,
        fork,
        public,
        rank,
        name: registration.name.clone(),
        source: ax_model::without_secrets(&registration.source),
        spread: registration.spread,
        ..Default::default()
    };
    let state = if registration.removed { "removing" } else { "registered" };
    KnownRepository { state, ..indexed(facts) }
}

fn annotate(
    known: &mut KnownRepository,
    registration: &Registration,
    progress: Option<&IngestProgress>,
) {
    if registration.removed {
        known.state = "removing";
    }
    known.progress = progress.cloned().map(ProgressBody::from);
}

impl From<IngestProgress> for ProgressBody {
    fn from(progress: IngestProgress) -> Self {
        Self {
            phase: progress.phase,
            files_done: progress.files_done,
            files_total: progress.files_total,
            bytes_done: progress.bytes_done,
            started_at_ms: progress.started_at_ms,
            remaining_ms: progress.remaining_ms,
            failure: progress.failure,
            version: progress.version,
        }
    }
}

impl From<SkippedFile> for SkippedFileBody {
    fn from(file: SkippedFile) -> Self {
        Self {
            path: file.path,
            branches: file.branches,
            reason: file.reason,
            num_bytes: file.num_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::{StreamExt, stream};
    use std::convert::Infallible;

    #[tokio::test]
    async fn a_body_that_does_not_end_is_not_waited_for() {
        let begun = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{"))]);
        let endless = Body::from_stream(begun.chain(stream::pending()));
        let fault = read_body(endless, Duration::from_millis(50)).await.unwrap_err();
        assert_eq!(fault.code, Code::BadRequest);
        let large = Body::from(vec![b' '; MAX_BODY_BYTES + 1]);
        assert_eq!(read_body(large, BODY_TIMEOUT).await.unwrap_err().code, Code::TooLarge);
    }
}
