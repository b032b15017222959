//! Before every request that changes something: it must not come from a page of another site.
//!
//! A browser sends a form of any page to any address, also to `localhost`, but then neither as
//! `application/json` nor without `Origin`. And a name that an attacker owns can be made to point to this
//! node, which makes its pages look like ours: so a browser has to have asked by address or `localhost`,
//! which no attacker's page has. Our own page changes nothing; `ax` and other programs send no `Origin`.

use super::error::HttpFault;
use ax_model::{Code, Fault};
use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, header, uri::Authority};
use std::net::IpAddr;

/// Refuses what a foreign page could have sent.
pub(super) async fn around(request: Request, next: Next) -> Response {
    match check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(fault) => HttpFault(fault).into_response(),
    }
}

fn check(method: &Method, headers: &HeaderMap) -> Result<(), Fault> {
    if method.is_safe() {
        return Ok(());
    }
    check_origin(headers)?;
    if *method == Method::POST && !is_json(headers) {
        let message = "a request that changes something must be `application/json`";
        let fault = Fault::new(Code::NotJson, message).in_field("content-type");
        return Err(fault.hint("send `content-type: application/json`, also without a body"));
    }
    Ok(())
}

fn check_origin(headers: &HeaderMap) -> Result<(), Fault> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let foreign_fetch = matches!(text("sec-fetch-site"), Some("cross-site" | "same-site"));
    let origin = text("origin");
    let own = origin.is_none_or(|origin| is_own(origin, text("host").unwrap_or_default()));
    if own && !foreign_fetch {
        return Ok(());
    }
    let message =
        format!("a page of `{}` must not change anything here", origin.unwrap_or("another site"));
    let fault = Fault::new(Code::ForeignOrigin, message).in_field("origin");
    Err(fault.hint("use `ax`, or send the request without `Origin`"))
}

/// The page came from this node, under a name that nobody else can have.
fn is_own(origin: &str, host: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else { return false };
    if !authority.eq_ignore_ascii_case(host) {
        return false;
    }
    let Ok(authority) = authority.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

    #[track_caller]
    fn checked(method: Method, given: &[(&'static str, &'static str)], expected: Option<Code>) {
        let headers = given
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        assert_eq!(check(&method, &headers).err().map(|fault| fault.code), expected, "{given:?}");
    }

    #[test]
    fn programs_may_and_foreign_pages_may_not() {
        let host = ("host", "127.0.0.1:7080");
        checked(Method::POST, &[host, JSON], None);
        checked(Method::DELETE, &[host], None);
        checked(Method::POST, &[host, JSON, ("origin", "http://127.0.0.1:7080")], None);
        let v6 = [("host", "[::1]:7080"), JSON, ("origin", "http://[::1]:7080")];
        checked(Method::POST, &v6, None);
        let local = [("host", "localhost:7080"), ("origin", "http://localhost:7080")];
        checked(Method::DELETE, &local, None);
        checked(Method::GET, &[host, ("origin", "https://evil.example")], None);
        for origin in
            ["https://evil.example", "null", "http://127.0.0.1:9999", "http://127.0.0.1", "", "é"]
        {
            let foreign = Some(Code::ForeignOrigin);
            checked(Method::DELETE, &[host, ("origin", origin)], foreign);
            checked(Method::POST, &[host, JSON, ("origin", origin)], foreign);
        }
        let fetched = [host, JSON, ("sec-fetch-site", "cross-site")];
        checked(Method::POST, &fetched, Some(Code::ForeignOrigin));
    }

    #[test]
    fn a_name_made_to_point_here_is_foreign() {
        let rebound = [("host", "evil.example"), JSON, ("origin", "http://evil.example")];
        checked(Method::POST, &rebound, Some(Code::ForeignOrigin));
    }

    #[test]
    fn what_a_form_can_send_is_not_taken() {
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
            checked(Method::POST, &[("content-type", kind)], Some(Code::NotJson));
        }
        checked(Method::POST, &[], Some(Code::NotJson));
    }
}
