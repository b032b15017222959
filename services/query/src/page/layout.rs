//! What every page shares: head, search box, foot.

use super::html::Html;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, StatusCode, header};

/// Only our own style and script; forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
     img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What is particular to a page.
pub(super) struct Head<'a> {
    pub(super) status: StatusCode,
    pub(super) title: &'a str,
    /// Fills the search box.
    pub(super) query: &'a str,
    /// The search box waits for keys; elsewhere that would scroll away from the line linked to.
    pub(super) focus: bool,
}

/// A page around `body`.
pub(super) fn page(head: Head<'_>, body: &Html) -> Response {
    let Head { status, title, query, focus } = head;
    let mut html = Html::default();
    html.raw(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>",
    );
    html.text(title).raw(
        "</title><link rel=\"stylesheet\" href=\"/assets/ax.css\">\
         <link rel=\"icon\" href=\"/assets/icon.svg\" type=\"image/svg+xml\">\
         <script src=\"/assets/ax.js\" defer></script></head><body>\
         <a class=\"skip\" href=\"#main\">Skip to the results</a>",
    );
    search_box(&mut html, query, focus);
    html.raw("<main id=\"main\">").add(body).raw("</main></body></html>\n");
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, headers, html.into_string()).into_response()
}

fn search_box(html: &mut Html, query: &str, focus: bool) {
    html.raw(
        "<header><a class=\"logo\" href=\"/\" aria-label=\"AutomatosX: start page\">\
         Automatos<b>X</b></a><form action=\"/\" role=\"search\">\
         <input id=\"q\" name=\"q\" type=\"search\" aria-label=\"Query\" autocomplete=\"off\" \
         autocapitalize=\"off\" spellcheck=\"false\" maxlength=\"65536\" \
         placeholder=\"Search code: words, /regex/, sym:name, repo:… file:… lang:…\" value=\"",
    );
    html.text(query).raw("\"");
    if focus {
        html.raw(" autofocus");
    }
    html.raw("><button>Search</button></form></header>");
}
