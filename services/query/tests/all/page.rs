//! The search page as a browser gets it.

use crate::support::*;
use http::StatusCode;

const EVIL: &str = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>";

async fn evil() -> (Corpus, ax_query_node::QueryNode) {
    let corpus = Corpus::new();
    let line = format!("needle {EVIL}\n");
    corpus.write(0, &[(EVIL, EVIL, &line), ("plain", "src/lib.rs", "fn needle() {}\n")]).await;
    let node = corpus.node().await;
    (corpus, node)
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[track_caller]
fn assert_harmless(html: &str) {
    assert!(!html.contains("<script>"), "{html}");
    assert!(!html.contains("<img"), "{html}");
    assert!(!html.contains("alert('x')"), "{html}");
}

#[tokio::test]
async fn names_and_text_are_never_markup() {
    let (_corpus, node) = evil().await;
    let found = get(&node, "/?q=needle").await;
    assert_eq!(found.status, StatusCode::OK);
    assert!(found.text.contains("&lt;script&gt;"), "{}", found.text);
    assert!(found.text.contains("<mark>needle</mark>"), "{}", found.text);
    assert_harmless(&found.text);
    assert_harmless(&get(&node, "/").await.text);
    assert_harmless(&get(&node, &format!("/?q={}", encoded(EVIL))).await.text);
    let uri = format!("/file?repo={0}&path={0}", encoded(EVIL));
    let file = get(&node, &uri).await;
    assert_eq!(file.status, StatusCode::OK);
    assert_harmless(&file.text);
    let policy = file.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let missing = get(&node, &format!("/file?repo={}&path=x", encoded("<b>"))).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text.contains("&lt;b&gt;"), "{}", missing.text);
}

#[tokio::test]
async fn results_link_to_lines_and_facets_narrow() {
    let (_corpus, node) = evil().await;
    let found = get(&node, "/?q=needle").await.text;
    assert!(found.contains("href=\"/file?repo=plain&amp;path=src/lib.rs&amp;branch=main#L1\""));
    assert!(found.contains("/?q=needle%20lang%3ARust"), "{found}");
    let narrowed = get(&node, "/?q=needle+lang:Rust").await.text;
    assert!(narrowed.contains("src/lib.rs") && !narrowed.contains("&lt;img"), "{narrowed}");
    let file = get(&node, "/file?repo=plain&path=src/lib.rs&branch=main").await.text;
    assert!(file.contains("<tr id=\"L1\">"), "{file}");
}

/// Queries of the narrowing links, what each is for, and how many files it promises.
fn facets_of(page: &str) -> Vec<(String, String, String)> {
    let between = |text: &str, from: &str, to: &str| {
        text.split_once(from).unwrap().1.split_once(to).unwrap().0.to_owned()
    };
    page.split("<li><a href=\"/?q=")
        .skip(1)
        .map(|rest| {
            let query = rest.split('"').next().unwrap().to_owned();
            (query, between(rest, "title=\"", "\""), between(rest, "<span>", "</span>"))
        })
        .collect()
}

#[tokio::test]
async fn every_narrowing_link_finds_as_many_files_as_it_says_and_no_others() {
    let (corpus, _node) = evil().await;
    corpus.write(1, &[("other", "a.py", "needle\n"), ("other", "b.rs", "hay\n")]).await;
    let node = corpus.start(corpus.config("fresh")).await;
    for query in
        ["needle", "needle or hay", "hay OR needle -file:nothing", "case:no HAY or /need(le|)/"]
    {
        let facets = facets_of(&get(&node, &format!("/?q={}", encoded(query))).await.text);
        assert!(facets.len() >= 4, "{query}: {facets:?}");
        for (narrowed, value, count) in facets {
            let answer = get(&node, &format!("/api/v1/search?q={narrowed}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{narrowed}: {}", answer.text);
            let answer = answer.json();
            let files = answer["files"].as_array().unwrap();
            assert_eq!(files.len().to_string(), count, "{narrowed}");
            let is_of = |file: &serde_json::Value| {
                [&file["repo"], &file["language"]].into_iter().any(|of| escaped(text(of)) == value)
            };
            assert!(files.iter().all(is_of), "{narrowed}: {answer}");
        }
    }
}

fn escaped(text: &str) -> String {
    let pairs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("\"", "&quot;"), ("'", "&#39;")];
    pairs.iter().fold(text.to_owned(), |text, (raw, escaped)| text.replace(raw, escaped))
}

#[tokio::test]
async fn more_files_are_one_link_away() {
    let (_corpus, node) = evil().await;
    let one = get(&node, "/?q=needle&limit=1").await.text;
    assert!(one.contains("/?q=needle&amp;limit=4\">Show more files"), "{one}");
    assert!(!get(&node, "/?q=needle").await.text.contains("Show more files"));
}

#[tokio::test]
async fn selected_repositories_are_links_to_their_files() {
    let (_corpus, node) = evil().await;
    let page = get(&node, "/?q=needle+select:repo").await.text;
    assert_harmless(&page);
    assert!(page.contains("<ul class=\"groups\"><li><a href=\"/?q=needle%20repo%3A"), "{page}");
    let page = get(&node, "/?q=needle+count:all").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("<article"), "{}", page.text);
}

#[tokio::test]
async fn an_error_points_into_the_query() {
    let (_corpus, node) = evil().await;
    let got = get(&node, "/?q=ab+nosuch:x").await;
    assert_eq!(got.status, StatusCode::BAD_REQUEST);
    assert!(got.text.contains("AX-Q004"), "{}", got.text);
    assert!(got.text.contains("<span class=\"caret\">^"), "{}", got.text);
    assert!(got.text.contains("value=\"ab nosuch:x\""), "{}", got.text);
}

#[tokio::test]
async fn the_start_page_lists_and_explains() {
    let corpus = Corpus::new();
    let node = corpus.node().await;
    let empty = get(&node, "/").await.text;
    assert!(empty.contains("ax repos add") && empty.contains("sym:main"), "{empty}");
    for asset in ["/assets/ax.css", "/assets/ax.js", "/assets/icon.svg"] {
        let got = get(&node, asset).await;
        assert_eq!(got.status, StatusCode::OK, "{asset}");
        assert!(!got.text.is_empty());
    }
}

#[tokio::test]
async fn a_name_that_turns_the_direction_of_writing_is_shown_as_what_it_is() {
    let corpus = Corpus::new();
    let path = "photo\u{202e}gpj.exe";
    corpus.write(0, &[("r\u{2067}", path, "needle\n")]).await;
    let node = corpus.node().await;
    let found = get(&node, "/?q=needle").await.text;
    let uri = format!("/file?repo={}&path={}", encoded("r\u{2067}"), encoded(path));
    for page in [found, get(&node, &uri).await.text, get(&node, "/?q=file:gpj").await.text] {
        assert!(!page.contains(['\u{202e}', '\u{2067}']), "{page}");
        assert!(page.contains("photo\\u{202e}") && page.contains("r\\u{2067}"), "{page}");
    }
}

#[tokio::test]
async fn of_a_line_of_megabytes_the_part_that_matches_is_shown() {
    let corpus = Corpus::new();
    let line = format!("start {} needle in the end\nshort\n", "hay ".repeat(900_000));
    corpus.write(0, &[("r.x", "a+b/long.txt", &line), ("r.x", "long.txt", "needle\n")]).await;
    let node = corpus.node().await;
    let found = get(&node, "/?q=nothing+or+needle").await.text;
    let link =
        found.split("href=\"").find(|rest| rest.starts_with("/file?repo=r.x&amp;path=a%2Bb/"));
    let link = link.unwrap().split(['"', '#']).next().unwrap().replace("&amp;", "&");
    let page = get(&node, &link).await.text;
    assert!(page.contains("<mark>needle</mark> in the end"), "{link}");
    assert!(page.len() < 20_000 && page.contains("short"), "{} bytes", page.len());
    let page = get(&node, "/file?repo=r.x&path=a%2Bb/long.txt").await.text;
    assert!(page.contains("start hay") && page.contains("a part of a long line"));
    assert!(page.len() < 20_000, "{} bytes", page.len());
}

#[tokio::test]
async fn a_file_without_text_has_its_size() {
    let corpus = Corpus::new();
    corpus
        .write_with(0, 1, |builder| {
            let binary = doc(Err(ax_model::SkipReason::Binary));
            builder.put(&key("r", "a.bin"), vec![binary]).unwrap();
        })
        .await;
    let node = corpus.node().await;
    let page = get(&node, "/file?repo=r&path=a.bin").await.text;
    assert!(page.contains("<span>7 bytes</span>") && page.contains("binary"), "{page}");
    assert!(!page.contains(">Raw<"), "there is nothing to show: {page}");
    assert_eq!(get(&node, "/api/v1/file?repo=r&path=a.bin").await.json()["num_bytes"], 7);
}

#[tokio::test]
async fn names_lead_to_definitions_and_uses() {
    let (corpus, node) = evil().await;
    let code = "struct S;\nfn one() { two(); }\n// two\nfn two() {}\n";
    let other = ("acme/api", "src/b.rs", "fn three() { two(); }\n");
    corpus.write(1, &[("acme/api", "src/a.rs", code), other]).await;
    eventually("read", || async { get(&node, "/?q=two").await.text.contains("acme/api") }).await;
    let symbols = get(&node, "/symbols?q=two").await;
    assert_eq!(symbols.status, StatusCode::OK);
    let link = "/file?repo=acme/api&amp;path=src/a.rs&amp;branch=main#L4";
    assert!(symbols.text.contains(link), "{}", symbols.text);
    assert!(symbols.text.contains("<a href=\"/symbols?q=two\" aria-current=\"page\">"));
    assert!(get(&node, "/?q=two").await.text.contains("<a href=\"/symbols?q=two\">Symbols"));
    let file = get(&node, "/file?repo=acme/api&path=src/a.rs&branch=main").await.text;
    let link = "data-name=\"/name?repo=acme/api&amp;path=src/a.rs&amp;branch=main&amp;blob=";
    assert!(file.contains(link), "{file}");
    for at in ["repo=acme/api&path=src/a.rs&line=2&col=13", "symbol=two"] {
        let name = get(&node, &format!("/name?{at}")).await.text;
        assert!(
            name.contains("<b>1</b> definition") && name.contains("<b>3</b> references"),
            "{name}"
        );
        assert!(name.contains("fn one() { <mark>two</mark>(); }"), "{name}");
        assert!(!name.contains("// <mark>"), "{name}");
    }
    let first = get(&node, "/name?symbol=two&limit=1").await.text;
    let link = "/name?symbol=two&amp;limit=1&amp;offset=1";
    assert!(first.contains(link) && !first.contains("fn three"), "{first}");
    let last = get(&node, &link.replace("&amp;", "&")).await.text;
    assert!(last.contains("fn three") && last.contains("<b>1</b> definition"), "{last}");
    assert!(!last.contains("offset=2"), "{last}");
    let nothing = get(&node, "/name?repo=acme/api&path=src/a.rs&line=2&col=10").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
    assert!(nothing.text.contains("AX-A013"), "{}", nothing.text);
    assert_eq!(get(&node, "/symbols?q=a+b").await.status, StatusCode::BAD_REQUEST);
    for uri in ["/symbols?q=", "/name?symbol=", "/name?repo="] {
        assert_harmless(&get(&node, &format!("{uri}{}", encoded(EVIL))).await.text);
    }
}
