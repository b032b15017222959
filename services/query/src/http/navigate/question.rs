//! What is asked, from the parameters of a request.

use crate::{
    http::{params::Params, trace::RequestId},
    queries,
    root::NavigateOptions,
};
use ax_engine::SymbolQuery;
use ax_model::{Code, Fault};
use ax_proto::search::{PlaceQuestion, SymbolQuestion};
use ax_query::{Atom, Field};
use std::time::{Duration, Instant};

/// How long the text of a question may wait to be read.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Stands before `q`.
const SYM: &str = "sym:";
/// Stands before its first word, to see whether that is a name.
const BEFORE: &str = "x ";

/// What a search for names asks: `q` as after `sym:`, and the filters beside it.
pub(crate) async fn symbol_question(
    params: &Params,
    options: &NavigateOptions,
) -> Result<SymbolQuestion, Fault> {
    let q = params.given("q")?.trim();
    let until = read_until(options);
    begins_with_name(q, until).await?;
    let mut text = format!("{SYM}{q}");
    check(&text, "q", until).await?;
    for (field, filter) in [("kind", "symkind"), ("lang", "lang")] {
        let value = params.text(field);
        if !value.is_empty() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            text = format!("{text} {filter}:\"{value}\"");
            check(&text, field, until).await?;
        }
    }
    let repo = params.text("repo").to_owned();
    Ok(SymbolQuestion { query: text, repo, ..Default::default() })
}

/// When the texts of a question must have been read.
fn read_until(options: &NavigateOptions) -> Instant {
    let within = match options.timeout {
        Duration::ZERO => READ_WITHIN, // none is given
        timeout => timeout.min(READ_WITHIN),
    };
    options.begun.unwrap_or_else(Instant::now) + within
}

/// Refuses a `q` that is empty or begins with a filter, which behind `sym:` would pass for a name.
async fn begins_with_name(q: &str, until: Instant) -> Result<(), Fault> {
    let Some(first) = q.split_whitespace().next() else {
        return queries::read(q, until).await.map(drop).map_err(|fault| fault.in_field("q"));
    };
    // Behind a word, since a setting alone is no query, and before one `not` would be no name.
    match queries::read(&format!("{BEFORE}{first}"), until).await {
        Err(fault) if fault.code == Code::QueryDeadline => Err(fault),
        Err(fault) if fault.code == Code::QueryUnknownFilter => Err(behind(BEFORE, fault, "q")),
        Err(_) => Ok(()), // as the beginning of a quoted name, of which it is only the first word
        Ok(query) => {
            let is_name = |atom: &Atom| matches!(atom, Atom::Text { field: Field::Either, .. });
            let patterns = query.atoms();
            let names = patterns.iter().filter(|(atom, _)| is_name(atom));
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
async fn check(text: &str, field: &str, until: Instant) -> Result<(), Fault> {
    let query = queries::read(text, until).await.map_err(|fault| behind(SYM, fault, field))?;
    if SymbolQuery::of(&query).is_none() || query.shape != ax_query::Shape::default() {
        let message = "`q` is one name, and filters by repo:, file:, lang:, symkind:, archived: and their like behind it, none negated";
        let hint =
            "as in `lock`, `^lock$`, `/^spin_.*/` or `lock lang:c`; /api/v1/search takes any query";
        return Err(Fault::new(Code::QueryBadValue, message).in_field(field).hint(hint));
    }
    Ok(())
}

/// The fault of a field whose text was read behind another.
fn behind(other: &str, mut fault: Fault, field: &str) -> Fault {
    // `q` is the only field whose text is known to the caller as it stands here
    let shift = |at: usize| at.saturating_sub(other.len());
    let shifted = fault.span.map(|(start, end)| (shift(start), shift(end)));
    fault.span = shifted.filter(|_| field == "q");
    fault.in_field(field)
}

/// A language that exists, or none.
pub(super) async fn language_of(
    params: &Params,
    options: &NavigateOptions,
) -> Result<String, Fault> {
    let language = params.text("lang");
    if !language.is_empty() {
        let value = language.replace('\\', "\\\\").replace('"', "\\\"");
        check(&format!("{SYM}x lang:\"{value}\""), "lang", read_until(options)).await?;
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

/// Bounds from their parameters. The clock runs from here.
pub(crate) fn options_of(params: &Params, id: RequestId) -> Result<NavigateOptions, Fault> {
    Ok(NavigateOptions {
        limit: params.number("limit", 1)?,
        offset: params.number("offset", 0)?,
        timeout: params.duration("timeout")?,
        begun: Some(Instant::now()),
        wait_for: params.text("wait_for").to_owned(),
        request_id: id.0,
    })
}
