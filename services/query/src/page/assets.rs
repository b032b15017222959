//! Style, script and icon, from the program itself: the page needs no other host.

use axum::response::IntoResponse;
use http::header;

const CSS: &str = include_str!("ax.css");
const JS: &str = include_str!("ax.js");
const ICON: &str = include_str!("icon.svg");

pub(super) async fn css() -> impl IntoResponse {
    asset("text/css; charset=utf-8", CSS)
}

pub(super) async fn js() -> impl IntoResponse {
    asset("text/javascript; charset=utf-8", JS)
}

pub(super) async fn icon() -> impl IntoResponse {
    asset("image/svg+xml", ICON)
}

/// Kept for a few minutes only: a roll changes them without changing their names.
fn asset(kind: &'static str, body: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "max-age=300")], body)
}
