//! One file with numbered lines.

use super::{
    facets::repo_filter,
    html::Html,
    layout::{self, Head},
    problem,
};
use crate::{
    http::{HttpState, Params, RequestId, repo_of},
    root::FoundFile,
};
use ax_model::Fault;
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::StatusCode;

/// Lines shown; the raw text has all.
const MAX_LINES: usize = 50_000;
/// Bytes shown; the raw text has all.
const MAX_BYTES: usize = 4 << 20;

/// The file named by `repo`, `path` and `branch`.
pub(super) async fn show(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Response {
    match find(&state, raw.as_deref(), &request_id).await {
        Ok((params, file)) => {
            let (status, title) = (StatusCode::OK, params.text("path"));
            layout::page(Head { status, title, query: "", focus: false }, &body(&params, &file))
        }
        Err(fault) => problem::page("", &fault),
    }
}

async fn find(
    state: &HttpState,
    raw: Option<&str>,
    request_id: &RequestId,
) -> Result<(Params, FoundFile), Fault> {
    let params = Params::lenient(raw)?;
    let repo = repo_of(params.required("repo")?)?;
    let path = params.required("path")?;
    let file = state.root.file(&repo, path, params.text("branch"), &request_id.0).await?;
    Ok((params, file))
}

fn body(params: &Params, file: &FoundFile) -> Html {
    let (repo, path) = (params.text("repo"), params.text("path"));
    let mut html = Html::default();
    html.raw("<p class=\"crumb\"><a href=\"").link("/", &[("q", &repo_filter(repo))]);
    html.raw("\">").text(repo).raw("</a> <span class=\"dim\">›</span> ").text(path).raw("</p>");
    actions(&mut html, params, file);
    if file.skipped.is_empty() {
        text(&mut html, file);
    } else {
        html.raw("<div class=\"box\"><p>The text of this file is left out: <b>");
        html.text(&file.skipped).raw("</b>.</p></div>");
    }
    html
}

fn actions(html: &mut Html, params: &Params, file: &FoundFile) {
    let (repo, path, branch) = (params.text("repo"), params.text("path"), params.text("branch"));
    html.raw("<div class=\"actions\">");
    if !file.language.is_empty() {
        html.raw("<span>").text(&file.language).raw("</span>");
    }
    html.raw("<span>").number(file.text.len() as u64).raw(" bytes</span><span>");
    html.text(&file.branches.join(", ")).raw("</span><span>").text(short(&file.blob));
    html.raw("</span><a href=\"");
    let raw = [("repo", repo), ("path", path), ("branch", branch), ("raw", "true")];
    html.link("/api/v1/file", &raw).raw("\">Raw</a></div>");
}

fn text(html: &mut Html, file: &FoundFile) {
    let shown = &file.text[..file.text.len().min(MAX_BYTES)];
    let text = String::from_utf8_lossy(shown);
    html.raw("<article class=\"file\"><div class=\"code\"><table>");
    for (number, line) in (1u64..).zip(text.lines().take(MAX_LINES)) {
        html.raw("<tr id=\"L").plain_number(number).raw("\"><td class=\"n\"><a href=\"#L");
        html.plain_number(number).raw("\">").plain_number(number).raw("</a></td><td>");
        html.text(line).raw("</td></tr>");
    }
    html.raw("</table></div></article>");
    if file.text.len() > MAX_BYTES || text.lines().nth(MAX_LINES).is_some() {
        html.raw("<p class=\"note\">The file is longer than what is shown here.</p>");
    }
}

/// Enough of a blob's id to recognise it.
fn short(blob: &str) -> &str {
    blob.get(..12).unwrap_or(blob)
}
