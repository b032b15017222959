//! `/api/v1/symbols`, `/api/v1/definitions` and `/api/v1/references`.

mod bodies;
mod question;

pub(crate) use question::{options_of, place_question, symbol_question};

use super::{HttpState, error::HttpFault, params::Params, trace::RequestId};
use crate::root::{Navigated, within};
use ax_engine::Origin;
use ax_model::{Code, Fault};
use ax_proto::search::{ReferenceQuestion, SymbolQuestion};
use axum::{
    Extension, Json,
    extract::{RawQuery, State},
};
use bodies::{DefinitionsBody, ReferenceFileBody, ReferencesBody, SymbolsBody, parts, place_body};
use question::language_of;

/// Occurrences per file when nothing else is asked for.
const DEFAULT_LINES: u32 = 30;
/// Most occurrences per file.
const MAX_LINES: u32 = 1_000;

/// Definitions whose names match `q`.
pub(super) async fn symbols(
    State(state): State<HttpState>,
    Extension(request_id): Extension<RequestId>,
    RawQuery(raw): RawQuery,
) -> Result<Json<SymbolsBody>, HttpFault> {
    let known = ["q", "repo", "lang", "kind", "limit", "offset", "timeout", "wait_for"];
    let params = Params::strict(raw.as_deref(), &known)?;
    let options = options_of(&params, request_id)?;
    let question = symbol_question(&params, &options).await?;
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
    let options = options_of(&params, request_id)?;
    let question = place_question(&params)?;
    let language = language_of(&params, &options).await?;
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
    let language = language_of(&params, &options).await?;
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
    let lines = params.number("lines", 1)?;
    let max_per_file = within("lines", lines, DEFAULT_LINES, MAX_LINES)?;
    let question =
        ReferenceQuestion { name: name.clone(), language, max_per_file, ..Default::default() };
    let origin = place.as_ref().map(|(place, _)| place.origin.clone()).unwrap_or_default();
    let Navigated { found, summary } = state.root.references(question, &origin, &options).await?;
    let place = place.map(|(place, line)| place_body(place, line));
    let files = found.into_iter().map(ReferenceFileBody::from).collect();
    Ok(Json(ReferencesBody { name, place, files, summary: summary.into() }))
}
