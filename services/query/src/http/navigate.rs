//! `/api/v1/symbols`, `/api/v1/definitions` and `/api/v1/references`.

use super::{
    HttpState,
    error::HttpFault,
    params::Params,
    shape::{MissingBody, ShardBody},
    trace::RequestId,
};
use crate::{
    queries,
    root::{NavigateOptions, Navigated},
};
use ax_engine::{FileReferences, Origin, Place, Symbol, SymbolQuery};
use ax_model::{Code, Fault};
use ax_proto::search::{PlaceQuestion, ReferenceQuestion, Summary, SymbolQuestion};
use ax_query::{Atom, Query};
use axum::{
    Extension, Json,
    extract::{RawQuery, State},
};
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Occurrences per file when nothing else is asked for.
const DEFAULT_LINES: u32 = 30;
/// Most occurrences per file.
const MAX_LINES: u32 = 1_000;

/// Definitions by name.
#[derive(Debug, Serialize)]
pub(super) struct SymbolsBody {
    symbols: Vec<SymbolBody>,
    summary: NamesBody,
}

/// Definitions of the name at a place.
#[derive(Debug, Serialize)]
pub(super) struct DefinitionsBody {
    name: String,
    place: PlaceBody,
    definitions: Vec<SymbolBody>,
    summary: NamesBody,
}

/// Uses of a name.
#[derive(Debug, Serialize)]
pub(super) struct ReferencesBody {
    name: String,
    /// Null when a name was given, and no place.
    place: Option<PlaceBody>,
    files: Vec<ReferenceFileBody>,
    summary: NamesBody,
}

#[derive(Debug, Serialize)]
struct PlaceBody {
    repo: String,
    path: String,
    blob: String,
    language: String,
    line: u64,
    col: u32,
    end_col: u32,
}

#[derive(Debug, Serialize)]
struct SymbolBody {
    repo: String,
    branch: String,
    branches: Vec<String>,
    path: String,
    language: String,
    blob: String,
    name: String,
    kind: String,
    container: Option<String>,
    line: u64,
    col: u32,
    end_line: u64,
    signature: String,
    r#match: &'static str,
}

#[derive(Debug, Serialize)]
struct ReferenceFileBody {
    repo: String,
    branch: String,
    branches: Vec<String>,
    path: String,
    language: String,
    blob: String,
    /// `syntax`: comments and strings are left out; `text`: every whole word.
    precision: &'static str,
    num_occurrences: u64,
    occurrences: Vec<OccurrenceBody>,
}

#[derive(Debug, Serialize)]
struct OccurrenceBody {
    line: u64,
    col: u32,
    end_col: u32,
    text: String,
    definition: bool,
}

/// Where an answer came from.
#[derive(Debug, Serialize)]
struct NamesBody {
    more: bool,
    partial: bool,
    missing: Vec<MissingBody>,
    shards: Vec<ShardBody>,
    elapsed_us: u64,
    request_id: String,
    version: String,
}

/// Definitions whose names match `q`.
pub(super) async fn symbols(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Result<Json<SymbolsBody>, HttpFault> {
    let known = ["q", "repo", "lang", "kind", "limit", "offset", "timeout", "wait_for"];
    let params = Params::strict(raw.as_deref(), &known)?;
    let question = symbol_question(&params).await?;
    let options = options_of(&params, request_id)?;
    let found = state.root.symbols(question, &Origin::default(), &options).await?;
    let (symbols, summary) = parts(found);
    Ok(Json(SymbolsBody { symbols, summary }))
}

/// Definitions of the name at a place.
pub(super) async fn definitions(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Result<Json<DefinitionsBody>, HttpFault> {
    let known = [
        "repo", "path", "branch", "blob", "line", "col", "lang", "limit", "offset", "timeout",
        "wait_for",
    ];
    let params = Params::strict(raw.as_deref(), &known)?;
    let question = place_question(&params)?;
    let language = language_of(&params).await?;
    let options = options_of(&params, request_id)?;
    let line = question.line;
    let place = state.root.place(question, &options).await?;
    let wanted = SymbolQuestion { name: place.name.clone(), language, ..Default::default() };
    let found = state.root.symbols(wanted, &place.origin, &options).await?;
    let (definitions, summary) = parts(found);
    let name = place.name.clone();
    Ok(Json(DefinitionsBody { name, place: place_body(place, line), definitions, summary }))
}

/// Uses of the name at a place, or of the name given.
pub(super) async fn references(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Result<Json<ReferencesBody>, HttpFault> {
    let known = [
        "symbol", "repo", "path", "branch", "blob", "line", "col", "lang", "lines", "limit",
        "offset", "timeout", "wait_for",
    ];
    let params = Params::strict(raw.as_deref(), &known)?;
    let options = options_of(&params, request_id)?;
    let language = language_of(&params).await?;
    let (name, place) = match params.text("symbol") {
        "" if params.given("symbol").is_ok() => {
            return Err(Fault::new(Code::BadRequest, "`symbol` is empty")
                .in_field("symbol")
                .into());
        }
        "" => {
            let question = place_question(&params)?;
            let line = question.line;
            let place = state.root.place(question, &options).await?;
            (place.name.clone(), Some((place, line)))
        }
        _ if ["repo", "path", "line", "col"].iter().any(|name| !params.text(name).is_empty()) => {
            let message = "`symbol` names what is sought, and so does a place: give one of them";
            return Err(Fault::new(Code::BadRequest, message).in_field("symbol").into());
        }
        name => (name.to_owned(), None),
    };
    let max_per_file = match params.number("lines", 1)? {
        0 => DEFAULT_LINES,
        lines if lines <= MAX_LINES => lines,
        lines => {
            let message = format!("`lines` is {lines}; the most is {MAX_LINES}");
            return Err(Fault::new(Code::QueryBadValue, message).in_field("lines").into());
        }
    };
    let question =
        ReferenceQuestion { name: name.clone(), language, max_per_file, ..Default::default() };
    let origin = place.as_ref().map(|(place, _)| place.origin.clone()).unwrap_or_default();
    let Navigated { found, summary } = state.root.references(question, &origin, &options).await?;
    let place = place.map(|(place, line)| place_body(place, line));
    let files = found.into_iter().map(ReferenceFileBody::from).collect();
    Ok(Json(ReferencesBody { name, place, files, summary: summary.into() }))
}

/// What a search for names asks: `q` as after `sym:`, and the filters beside it.
pub(crate) async fn symbol_question(params: &Params) -> Result<SymbolQuestion, Fault> {
    let q = params.given("q")?.trim();
    begins_with_name(q).await?;
    let mut text = format!("{SYM}{q}");
    check(&text, "q").await?;
    for (field, filter) in [("kind", "symkind"), ("lang", "lang")] {
        let value = params.text(field);
        if !value.is_empty() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            text = format!("{text} {filter}:\"{value}\"");
            check(&text, field).await?;
        }
    }
    let repo = params.text("repo").to_owned();
    Ok(SymbolQuestion { query: text, repo, ..Default::default() })
}

/// Reads a text away from the threads that answer requests.
async fn read(text: &str) -> Result<Arc<Query>, Fault> {
    queries::read(text, Instant::now() + READ_WITHIN).await
}

/// How long the text of a question may wait to be read.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Stands before `q`.
const SYM: &str = "sym:";

/// Refuses a `q` that is empty or begins with a filter, which behind `sym:` would pass for a name.
async fn begins_with_name(q: &str) -> Result<(), Fault> {
    let Some(first) = q.split_whitespace().next() else {
        return read(q).await.map(drop).map_err(|fault| fault.in_field("q"));
    };
    // With a word beside it, since a setting alone is no query.
    match read(&format!("{first} x")).await {
        Err(fault) if fault.code == Code::QueryUnknownFilter => Err(fault.in_field("q")),
        Err(_) => Ok(()), // as the beginning of a quoted name, of which it is only the first word
        Ok(query) => {
            let patterns = query.atoms();
            let names = patterns.iter().filter(|(atom, _)| matches!(atom, Atom::Text { .. }));
            if names.count() == 2 {
                return Ok(());
            }
            let message = format!("`q` begins with `{first}`, which is no name");
            let hint = "write the name first, filters behind it, as in `lock lang:c`; a name may be in quotes";
            Err(Fault::new(Code::QueryBadValue, message).in_field("q").hint(hint))
        }
    }
}

/// Refuses a query that is not one name and filters; the fault is that of `field`.
async fn check(text: &str, field: &str) -> Result<(), Fault> {
    let at_fault = |mut fault: Fault| {
        // `q` is the only field whose text is known to the caller as it stands here
        let shifted = fault
            .span
            .map(|(start, end)| (start.saturating_sub(SYM.len()), end.saturating_sub(SYM.len())));
        fault.span = shifted.filter(|_| field == "q");
        fault.in_field(field)
    };
    let query = read(text).await.map_err(at_fault)?;
    if SymbolQuery::of(&query).is_none() || query.shape != ax_query::Shape::default() {
        let message = "`q` is one name, and filters by repo:, file:, lang:, symkind:, archived: and their like behind it, none negated";
        let hint =
            "as in `lock`, `^lock$`, `/^spin_.*/` or `lock lang:c`; /api/v1/search takes any query";
        return Err(Fault::new(Code::QueryBadValue, message).in_field(field).hint(hint));
    }
    Ok(())
}

/// A language that exists, or none.
async fn language_of(params: &Params) -> Result<String, Fault> {
    let language = params.text("lang");
    if !language.is_empty() {
        let value = language.replace('\\', "\\\\").replace('"', "\\\"");
        check(&format!("{SYM}x lang:\"{value}\""), "lang").await?;
    }
    Ok(language.to_owned())
}

/// A place from its parameters.
pub(crate) fn place_question(params: &Params) -> Result<PlaceQuestion, Fault> {
    let number = |name: &str| {
        params.required(name)?;
        params.number(name, 1)
    };
    Ok(PlaceQuestion {
        repo: params.required("repo")?.to_owned(),
        path: params.required("path")?.to_owned(),
        branch: params.text("branch").to_owned(),
        blob: params.text("blob").to_ascii_lowercase(),
        line: number("line")?.into(),
        column: number("col")?,
    })
}

/// Bounds from their parameters.
pub(crate) fn options_of(params: &Params, id: RequestId) -> Result<NavigateOptions, Fault> {
    Ok(NavigateOptions {
        limit: params.number("limit", 1)?,
        offset: params.number("offset", 0)?,
        timeout: params.duration("timeout")?,
        wait_for: params.text("wait_for").to_owned(),
        request_id: id.0,
    })
}

fn parts(found: Navigated<Symbol>) -> (Vec<SymbolBody>, NamesBody) {
    (found.found.into_iter().map(SymbolBody::from).collect(), found.summary.into())
}

fn place_body(place: Place, line: u64) -> PlaceBody {
    let Place { column, end_column, blob, origin, .. } = place;
    let Origin { repo, path, language, .. } = origin;
    PlaceBody { repo, path, blob, language, line, col: column, end_col: end_column }
}

impl From<Symbol> for SymbolBody {
    fn from(symbol: Symbol) -> Self {
        Self {
            repo: symbol.repo,
            branch: symbol.branches.first().cloned().unwrap_or_default(),
            branches: symbol.branches,
            path: symbol.path,
            language: symbol.language,
            blob: symbol.blob,
            name: symbol.name,
            kind: symbol.kind,
            container: symbol.container,
            line: symbol.line,
            col: symbol.column,
            end_line: symbol.end_line,
            signature: symbol.signature,
            r#match: symbol.class.as_str(),
        }
    }
}

impl From<FileReferences> for ReferenceFileBody {
    fn from(file: FileReferences) -> Self {
        let occurrence = |one: ax_engine::Occurrence| OccurrenceBody {
            line: one.line,
            col: one.column,
            end_col: one.end_column,
            text: one.text,
            definition: one.is_definition,
        };
        Self {
            repo: file.repo,
            branch: file.branches.first().cloned().unwrap_or_default(),
            branches: file.branches,
            path: file.path,
            language: file.language,
            blob: file.blob,
            precision: if file.by_syntax { "syntax" } else { "text" },
            num_occurrences: file.num_occurrences,
            occurrences: file.occurrences.into_iter().map(occurrence).collect(),
        }
    }
}

impl From<Summary> for NamesBody {
    fn from(summary: Summary) -> Self {
        Self {
            more: summary.more,
            partial: summary.partial,
            missing: summary.missing.into_iter().map(MissingBody::from).collect(),
            shards: summary.shards.into_iter().map(ShardBody::from).collect(),
            elapsed_us: summary.elapsed_us,
            request_id: summary.request_id,
            version: summary.version,
        }
    }
}
