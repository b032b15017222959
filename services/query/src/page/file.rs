//! One file with numbered lines.

use super::{
    facets::{file_filter, narrowed, repo_filter},
    html::{Html, visible},
    layout::{self, Head},
    problem,
    results::pairs,
};
use crate::{
    http::{HttpState, Params, RequestId, repo_of},
    root::FoundFile,
};
use ax_model::Fault;
use ax_proto::search::{Line, SearchOptions, SearchRequest};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::StatusCode;
use std::collections::HashMap;

/// Lines shown; the raw text has all.
const MAX_LINES: usize = 50_000;
/// Bytes shown; the raw text has all.
const MAX_BYTES: usize = 4 << 20;
/// Bytes shown of a line; the raw text has all. As many as results show: a browser shows nothing at all
/// of a line of megabytes.
const MAX_LINE_BYTES: usize = 4096;
/// Matched lines looked up to show the right parts of long ones.
const MAX_MATCHED_LINES: u32 = 1_000;

/// What the page shows.
struct Shown {
    params: Params,
    file: FoundFile,
    /// Lines that the query `q` finds in the file, by number.
    found: HashMap<u64, Line>,
}

/// The file named by `repo`, `path` and `branch`. Long lines are shown around what `q` finds in them.
pub(super) async fn show(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Response {
    match find(&state, raw.as_deref(), request_id).await {
        Ok(shown) => {
            let (status, title) = (StatusCode::OK, visible(shown.params.text("path")));
            layout::page(Head { status, title: &title, query: "", focus: false }, &body(&shown))
        }
        Err(fault) => problem::page("", &fault),
    }
}

async fn find(state: &HttpState, raw: Option<&str>, id: RequestId) -> Result<Shown, Fault> {
    let params = Params::lenient(raw)?;
    let repo = repo_of(params.required("repo")?)?;
    let path = params.required("path")?;
    let file = state.root.file(&repo, path, params.text("branch"), &id.0).await?;
    let found = match params.text("q") {
        "" => HashMap::new(),
        query => {
            let query = narrowed(query, &file_filter(repo.as_str(), path));
            lines_found(state, query, &file, id).await
        }
    };
    Ok(Shown { params, file, found })
}

/// What `query`, which is about one path, finds in `file`. Nothing when it cannot be asked, since the
/// file is shown anyway.
async fn lines_found(
    state: &HttpState,
    query: String,
    file: &FoundFile,
    id: RequestId,
) -> HashMap<u64, Line> {
    let options = SearchOptions { max_lines_per_file: MAX_MATCHED_LINES, ..Default::default() };
    let request =
        SearchRequest { query, options: Some(options), request_id: id.0, ..Default::default() };
    let answer = state.root.search(request).await.unwrap_or_default();
    let found = answer.files.into_iter().find(|found| found.blob == file.blob);
    let lines = found.map(|found| found.lines).unwrap_or_default();
    lines.into_iter().map(|line| (line.number, line)).collect()
}

fn body(shown: &Shown) -> Html {
    let (repo, path) = (shown.params.text("repo"), shown.params.text("path"));
    let mut html = Html::default();
    html.raw("<p class=\"crumb\"><a href=\"").link("/", &[("q", &repo_filter(repo))]);
    html.raw("\">").name(repo).raw("</a> <span class=\"dim\">›</span> ").name(path).raw("</p>");
    actions(&mut html, &shown.params, &shown.file);
    if shown.file.skipped.is_empty() {
        text(&mut html, shown);
    } else {
        html.raw("<div class=\"box\"><p>The text of this file is left out: <b>");
        html.text(&shown.file.skipped).raw("</b>.</p></div>");
    }
    html
}

fn actions(html: &mut Html, params: &Params, file: &FoundFile) {
    html.raw("<div class=\"actions\">");
    if !file.language.is_empty() {
        html.raw("<span>").text(&file.language).raw("</span>");
    }
    html.raw("<span>").number(file.num_bytes).raw(" bytes</span><span>");
    html.name(&file.branches.join(", ")).raw("</span><span>").text(short(&file.blob));
    html.raw("</span>");
    if file.skipped.is_empty() {
        html.raw("<a href=\"");
        raw_link(html, params).raw("\">Raw</a>");
        html.raw("<span class=\"names\">Ctrl and a click on a name lead to its definitions and uses</span>");
    }
    html.raw("</div>");
}

fn raw_link<'a>(html: &'a mut Html, params: &Params) -> &'a mut Html {
    let (repo, path, branch) = (params.text("repo"), params.text("path"), params.text("branch"));
    let raw = [("repo", repo), ("path", path), ("branch", branch), ("raw", "true")];
    html.link("/api/v1/file", &raw)
}

fn text(html: &mut Html, shown: &Shown) {
    let whole = &shown.file.text;
    let text = String::from_utf8_lossy(&whole[..whole.len().min(MAX_BYTES)]);
    html.raw("<article class=\"file\"><div class=\"code\"><table data-name=\"");
    let of = |name: &'static str| shown.params.text(name);
    let version = [("repo", of("repo")), ("path", of("path")), ("branch", of("branch"))];
    html.link("/name", &version).raw("&amp;blob=").text(&shown.file.blob).raw("\">");
    for (number, line) in (1u64..).zip(text.lines().take(MAX_LINES)) {
        html.raw("<tr id=\"L").plain_number(number).raw("\"><td class=\"n\"><a href=\"#L");
        html.plain_number(number).raw("\">").plain_number(number).raw("</a></td><td>");
        if line.len() <= MAX_LINE_BYTES {
            html.text(line);
        } else {
            long_line(html, line, number, shown);
        }
        html.raw("</td></tr>");
    }
    html.raw("</table></div></article>");
    if whole.len() > MAX_BYTES || text.lines().nth(MAX_LINES).is_some() {
        html.raw("<p class=\"note\">The file is longer than what is shown here.</p>");
    }
}

/// The part of a long line around what was found in it, or its beginning. The note stands first, since
/// the part alone is wider than a window.
fn long_line(html: &mut Html, line: &str, number: u64, shown: &Shown) {
    html.raw("<span class=\"cut\">a part of a long line; <a href=\"");
    raw_link(html, &shown.params).raw("\">the raw text</a> has all of it</span><br>");
    match shown.found.get(&number) {
        Some(found) => html.raw("… ").marked(&found.text, &pairs(&found.ranges)),
        None => html.text(&line[..line.floor_char_boundary(MAX_LINE_BYTES)]),
    };
    html.raw(" …");
}

/// Enough of a blob's id to recognise it.
fn short(blob: &str) -> &str {
    blob.get(..12).unwrap_or(blob)
}
