//! Pages about names: definitions by name, and what a name at a place means and where it is used.

use super::{
    html::Html,
    layout::{self, Head},
    problem,
    results::plural,
};
use crate::{
    http::{HttpState, Params, RequestId, options_of, place_question, symbol_question},
    root::{NavigateOptions, Navigated},
};
use ax_engine::{FileReferences, Occurrence, Origin, Symbol};
use ax_model::Fault;
use ax_proto::search::{ReferenceQuestion, Summary, SymbolQuestion};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use http::StatusCode;

/// Occurrences shown per file.
const LINES_PER_FILE: u32 = 12;

/// Parameters that a link to the next page keeps.
const PAGED: [&str; 11] =
    ["q", "symbol", "repo", "path", "branch", "blob", "line", "col", "kind", "lang", "limit"];

/// Definitions whose names match `q`.
pub(super) async fn symbols(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Response {
    let params = match Params::lenient(raw.as_deref()) {
        Ok(params) => params,
        Err(fault) => return problem::page("", &fault),
    };
    let query = params.text("q").trim();
    let found = async {
        let options = options_of(&params, request_id)?;
        let question = symbol_question(&params, &options).await?;
        state.root.symbols(question, &Origin::default(), &options).await
    };
    match found.await {
        Ok(found) => {
            let mut html = Html::default();
            tabs(&mut html, query, Tab::Symbols);
            incomplete(&mut html, &found.summary);
            definitions(&mut html, &found);
            next_page(&mut html, "/symbols", &params, &found);
            page(query, query, &html)
        }
        Err(fault) => problem::page(query, &fault),
    }
}

/// What the name at a place means, or the name `symbol`, and where it is used.
pub(super) async fn name(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Response {
    let params = match Params::lenient(raw.as_deref()) {
        Ok(params) => params,
        Err(fault) => return problem::page("", &fault),
    };
    match find(&state, &params, request_id).await {
        Ok(named) => {
            let mut html = Html::default();
            html.raw("<p class=\"crumb\">").name(&named.name).raw("</p>");
            incomplete(&mut html, &named.definitions.summary);
            definitions(&mut html, &named.definitions);
            references(&mut html, &named.references);
            next_page(&mut html, "/name", &params, &named.references);
            page(&named.name, "", &html)
        }
        Err(fault) => problem::page("", &fault),
    }
}

/// A name, what it means, and where it is used.
struct Named {
    name: String,
    definitions: Navigated<Symbol>,
    references: Navigated<FileReferences>,
}

async fn find(state: &HttpState, params: &Params, id: RequestId) -> Result<Named, Fault> {
    let options = options_of(params, id)?;
    let (name, origin) = match params.text("symbol") {
        "" => {
            let place = state.root.place(place_question(params)?, &options).await?;
            (place.name, place.origin)
        }
        name => (name.to_owned(), Origin::default()),
    };
    let root = &state.root;
    let meant = SymbolQuestion { name: name.clone(), ..Default::default() };
    let used = ReferenceQuestion {
        name: name.clone(),
        max_per_file: LINES_PER_FILE,
        ..Default::default()
    };
    // a later page is one of uses; what the name means stands on each
    let first = NavigateOptions { offset: 0, ..options.clone() };
    let (definitions, references) = futures::try_join!(
        root.symbols(meant, &origin, &first),
        root.references(used, &origin, &options)
    )?;
    Ok(Named { name, definitions, references })
}

/// A link to what comes behind this page, if something does.
fn next_page<T>(html: &mut Html, path: &'static str, params: &Params, found: &Navigated<T>) {
    if !found.summary.more || found.found.is_empty() {
        return;
    }
    let passed: usize = params.text("offset").parse().unwrap_or(0);
    let offset = (passed + found.found.len()).to_string();
    let kept = PAGED.into_iter().map(|name| (name, params.text(name)));
    let kept = kept.filter(|(_, value)| !value.is_empty());
    let all: Vec<(&'static str, &str)> = kept.chain([("offset", offset.as_str())]).collect();
    html.raw("<p class=\"sum\"><a href=\"").link(path, &all).raw("\">More</a></p>");
}

fn page(title: &str, query: &str, html: &Html) -> Response {
    layout::page(Head { status: StatusCode::OK, title, query, focus: false }, html)
}

/// Which of the two ways to search a page shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    /// Text.
    Code,
    /// Names of definitions.
    Symbols,
}

/// Links between a search for text and one for names of definitions.
pub(super) fn tabs(html: &mut Html, query: &str, here: Tab) {
    html.raw("<nav class=\"tabs\">");
    for (tab, path, name) in [(Tab::Code, "/", "Code"), (Tab::Symbols, "/symbols", "Symbols")] {
        html.raw("<a href=\"").link(path, &[("q", query)]);
        html.raw(if tab == here { "\" aria-current=\"page\">" } else { "\">" });
        html.raw(name).raw("</a>");
    }
    html.raw("</nav>");
}

fn incomplete(html: &mut Html, summary: &Summary) {
    if summary.partial {
        html.raw("<div class=\"box warn\" role=\"status\"><p><b>This answer is not complete.</b> ");
        for missing in summary.missing.iter().take(1) {
            html.text(&missing.code).raw(" ").text(&missing.reason);
        }
        html.raw("</p></div>");
    }
}

fn definitions(html: &mut Html, found: &Navigated<Symbol>) {
    let count = found.found.len() as u64;
    html.raw("<p class=\"sum\"><b>").number(count);
    html.raw(if found.summary.more { "+" } else { "" });
    html.raw(plural(count, "</b> definition", "</b> definitions")).raw("</p>");
    if found.found.is_empty() {
        html.raw("<div class=\"box\"><p>Nothing of that name is defined here.</p></div>");
        return;
    }
    html.raw("<article class=\"file\"><table class=\"list names\">");
    for symbol in &found.found {
        definition(html, symbol);
    }
    html.raw("</table></article>");
}

fn definition(html: &mut Html, symbol: &Symbol) {
    html.raw("<tr><td><a href=\"").link("/name", &[("symbol", &symbol.name)]).raw("\"><code>");
    html.name(&symbol.name).raw("</code></a> <span class=\"tag\">").text(&symbol.kind);
    html.raw("</span>");
    if let Some(container) = &symbol.container {
        html.raw(" <span class=\"dim\">in ").name(container).raw("</span>");
    }
    if let Some(branch) = symbol.branches.first() {
        html.raw(" <span class=\"tag\">").name(branch).raw("</span>");
    }
    html.raw("<div class=\"where\"><span class=\"dim\">")
        .name(&symbol.repo)
        .raw("</span> <a href=\"");
    file_link(html, &symbol.repo, &symbol.path, &symbol.branches);
    html.raw("#L").plain_number(symbol.line).raw("\">").name(&symbol.path).raw(":");
    html.plain_number(symbol.line).raw("</a></div></td><td><code>");
    html.text(&symbol.signature).raw("</code></td></tr>");
}

fn references(html: &mut Html, found: &Navigated<FileReferences>) {
    let count = found.found.iter().map(|file| file.num_occurrences).sum();
    html.raw("<p class=\"sum\"><b>").number(count);
    html.raw(if found.summary.more { "+" } else { "" });
    html.raw(plural(count, "</b> reference", "</b> references")).raw("</p>");
    for file in &found.found {
        html.raw("<article class=\"file\"><h2><span class=\"repo\">").name(&file.repo);
        html.raw("</span><a class=\"path\" href=\"");
        file_link(html, &file.repo, &file.path, &file.branches).raw("\">").name(&file.path);
        html.raw("</a>");
        if !file.by_syntax {
            html.raw("<span class=\"tag\">every word, comments too</span>");
        }
        html.raw("<span class=\"right\">").number(file.num_occurrences).raw("</span></h2>");
        html.raw("<div class=\"code\"><table>");
        for line in file.occurrences.chunk_by(|a, b| a.line == b.line) {
            occurrences(html, file, line);
        }
        html.raw("</table></div></article>");
    }
}

/// One line, with every occurrence on it marked.
fn occurrences(html: &mut Html, file: &FileReferences, on_line: &[Occurrence]) {
    let Some(first) = on_line.first() else { return };
    html.raw("<tr><td class=\"n\"><a href=\"");
    file_link(html, &file.repo, &file.path, &file.branches).raw("#L");
    html.plain_number(first.line).raw("\">").plain_number(first.line).raw("</a></td><td>");
    let byte = |column: u32| {
        let chars = column.saturating_sub(1).saturating_sub(first.indent) as usize;
        first.text.char_indices().nth(chars).map_or(first.text.len(), |(at, _)| at)
    };
    let ranges: Vec<_> =
        on_line.iter().map(|one| (byte(one.column), byte(one.end_column))).collect();
    html.marked(&first.text, &ranges);
    if on_line.iter().any(|one| one.is_definition) {
        html.raw(" <span class=\"tag\">definition</span>");
    }
    html.raw("</td></tr>");
}

fn file_link<'a>(html: &'a mut Html, repo: &str, path: &str, branches: &[String]) -> &'a mut Html {
    let branch = branches.first().map_or("", String::as_str);
    html.link("/file", &[("repo", repo), ("path", path), ("branch", branch)])
}
