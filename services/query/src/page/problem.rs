//! A fault as a page, with a caret under the place in the query.

use super::{
    html::Html,
    layout::{self, Head},
};
use crate::http::{retry_after, status_of};
use ax_model::Fault;
use axum::response::Response;
use http::header;

/// Characters of a query shown before and after the place of a fault.
const AROUND: usize = 60;

/// The page of `fault`, with `query` in the box.
pub(super) fn page(query: &str, fault: &Fault) -> Response {
    let mut body = Html::default();
    body.raw("<div class=\"box bad\" role=\"alert\"><p><b>").text(fault.code.as_str());
    body.raw("</b> ").text(&fault.message).raw("</p>");
    if let Some((start, end)) = fault.span.filter(|_| fault.field == "q") {
        pointer(&mut body, query, start, end);
    }
    if !fault.hint.is_empty() {
        body.raw("<p>").text(&fault.hint).raw("</p>");
    }
    body.raw("</div>");
    let status = status_of(fault.code);
    let mut response = layout::page(Head { status, title: "Error", query, focus: true }, &body);
    if let Some(pause) = retry_after(fault.code) {
        response.headers_mut().insert(header::RETRY_AFTER, pause);
    }
    response
}

/// The query around the place, and carets under the place itself.
fn pointer(body: &mut Html, query: &str, start: usize, end: usize) {
    let start = query.floor_char_boundary(start);
    let end = query.ceil_char_boundary(end).max(start);
    let before: Vec<char> = query[..start].chars().collect();
    let shown_before = &before[before.len().saturating_sub(AROUND)..];
    let inside: String = query[start..end].chars().take(AROUND).collect();
    let after: String = query[end..].chars().take(AROUND).collect();
    let line: String =
        shown_before.iter().copied().chain(inside.chars()).chain(after.chars()).map(flat).collect();
    let carets = "^".repeat(inside.chars().count().max(1));
    body.raw("<pre>").text(&line).raw("\n").text(&" ".repeat(shown_before.len()));
    body.raw("<span class=\"caret\">").text(&carets).raw("</span></pre>");
}

/// One column per character, whatever it is.
fn flat(character: char) -> char {
    if character.is_control() { ' ' } else { character }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointed(query: &str, start: usize, end: usize) -> String {
        let mut body = Html::default();
        pointer(&mut body, query, start, end);
        body.into_string().replace("<pre>", "").replace("</span></pre>", "")
    }

    #[test]
    fn carets_stand_under_the_place() {
        let shown = pointed("é (a b", 3, 4);
        assert_eq!(shown, "é (a b\n  <span class=\"caret\">^");
    }

    #[test]
    fn an_end_of_text_has_a_place_too() {
        assert_eq!(pointed("ab", 2, 2), "ab\n  <span class=\"caret\">^");
        assert_eq!(pointed("ab", 9, 12), "ab\n  <span class=\"caret\">^");
    }

    #[test]
    fn a_long_query_is_shown_around_the_place() {
        let query = format!("{}({}", "x".repeat(500), "y".repeat(500));
        let shown = pointed(&query, 500, 501);
        assert!(shown.len() < 400, "{}", shown.len());
        assert!(shown.starts_with("xxx"));
    }
}
