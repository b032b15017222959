//! The HTTP API of one node over a real engine and a store in a folder.

use crate::support::*;
use ax_model::SkipReason;
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;

async fn small() -> (Corpus, ax_query_node::QueryNode) {
    let corpus = Corpus::new();
    corpus.write(0, &[("acme/api", "src/main.rs", "fn main() {\n    needle();\n}\n")]).await;
    corpus.write(1, &[("acme/web", "app.js", "let needle = 1;\nneedle += 2;\n")]).await;
    let node = corpus.node().await;
    (corpus, node)
}

#[tokio::test]
async fn a_search_names_files_lines_and_where_they_came_from() {
    let (_corpus, node) = small().await;
    let got = get(&node, "/api/v1/search?q=needle&context=1").await;
    assert_eq!(got.status, StatusCode::OK);
    let answer = got.json();
    let mut files = files_of(&answer);
    files.sort();
    assert_eq!(files, ["acme/api:src/main.rs", "acme/web:app.js"]);
    let main = answer["files"].as_array().unwrap().iter().find(|f| f["path"] == "src/main.rs");
    let main = main.unwrap();
    assert_eq!(main["branch"], "main");
    assert_eq!(main["branches"], json!(["main"]));
    assert_eq!(main["language"], "Rust");
    assert_eq!(text(&main["blob"]).len(), 40);
    assert_eq!(
        main["lines"],
        json!([
            {"number": 1, "text": "fn main() {", "ranges": []},
            {"number": 2, "text": "    needle();", "ranges": [[4, 10]]},
            {"number": 3, "text": "}", "ranges": []},
        ])
    );
    let summary = &answer["summary"];
    assert_eq!((&summary["num_files"], &summary["num_lines"]), (&json!(2), &json!(3)));
    assert_eq!((&summary["partial"], &summary["more"]), (&json!(false), &json!(false)));
    assert_eq!(summary["shards"].as_array().unwrap().len(), SHARDS as usize);
    assert_eq!(summary["shards"][0]["manifest_version"], 2, "after the fencing manifest");
    assert_eq!(summary["shards"][0]["node"], "solo");
    assert_eq!(summary["version"], "g1.0:1,1:1,2:0,3:0");
    assert_eq!(summary["request_id"], got.headers["x-request-id"].to_str().unwrap());
}

#[tokio::test]
async fn a_query_shapes_its_answer() {
    let corpus = Corpus::new();
    corpus
        .write(0, &[("acme/api", "z.rs", "fn needle() {}\nneedle\n"), ("b", "a.py", "needle")])
        .await;
    corpus
        .write(
            1,
            &[("acme/web", "m.js", "let needle = 1; // long\n"), ("b", "b.py", "x\nneedle\ny")],
        )
        .await;
    let node = corpus.node().await;
    let ask = async |query: &str| {
        let query = query.replace(' ', "+").replace('>', "%3E");
        get(&node, &format!("/api/v1/search?limit=1&q={query}")).await.json()
    };
    let files = async |query: &str| files_of(&ask(query).await);
    let by_path = ["acme/api:z.rs", "acme/web:m.js", "b:a.py", "b:b.py"];
    assert_eq!(files("needle sort:path count:all").await, by_path);
    assert_eq!(files("needle sort:path count:3").await, by_path[..3]);
    assert_eq!(files("needle sort:path").await, by_path[..1], "the parameter's limit");
    assert_eq!(
        files("needle sort:size count:2").await,
        by_path[..2].iter().rev().copied().collect::<Vec<_>>()
    );
    assert_eq!(files("needle size:>10 lang:py").await, Vec::<String>::new());
    assert_eq!(files("type:symbol needle sort:path count:9").await, by_path[..2]);
    assert_eq!(files("select:symbol.function needle count:9").await, by_path[..1]);
    assert_eq!(files("select:symbol.struct needle").await, Vec::<String>::new());
    let names_only = ask("type:file needle lang:rust").await;
    assert_eq!(names_only["files"][0]["lines"], json!([]));
    assert_eq!(names_only["files"][0]["num_matched_lines"], 2);
    let with_context = ask("needle context:1 file:b.py").await;
    assert_eq!(with_context["files"][0]["lines"].as_array().unwrap().len(), 3);
    let groups = async |query: &str| {
        let answer = ask(query).await;
        assert_eq!(answer["files"], json!([]), "{query}");
        let groups = answer["summary"]["groups"].clone();
        (groups, answer["summary"]["more"] == true, answer["summary"]["num_files"].clone())
    };
    let b = json!({"name": "b", "num_files": 2, "num_lines": 2});
    let api = json!({"name": "acme/api", "num_files": 1, "num_lines": 2});
    assert_eq!(groups("type:repo needle count:2").await, (json!([b, api]), true, json!(4)));
    let (languages, more, _) = groups("select:lang needle count:all").await;
    let names: Vec<_> =
        languages.as_array().unwrap().iter().map(|group| text(&group["name"])).collect();
    assert_eq!((names, more), (vec!["Python", "JavaScript", "Rust"], false));
}

#[tokio::test]
async fn what_a_query_may_not_ask_is_refused_at_its_place() {
    let (_corpus, node) = small().await;
    for (query, code, status, span, hint) in [
        ("x+author:me", "AX-Q008", 400, [2, 8], "sort:recency"),
        ("x+fork:onyl", "AX-Q005", 400, [7, 11], "did you mean fork:only ?"),
        ("x+count:10001", "AX-Q005", 400, [2, 13], "count:all"),
        ("sym:x+symkind:fucntion", "AX-Q005", 400, [14, 22], "did you mean function ?"),
        ("x+sort:pth", "AX-Q005", 400, [7, 10], "did you mean sort:path ?"),
        ("langauge:rust", "AX-Q004", 400, [0, 8], "did you mean language:"),
    ] {
        let got = get(&node, &format!("/api/v1/search?q={query}")).await;
        let fault = got.json();
        assert_eq!((text(&fault["code"]), got.status.as_u16()), (code, status), "{query}");
        assert_eq!(fault["span"], json!(span), "{query}");
        assert!(text(&fault["hint"]).contains(hint), "{query}: {fault}");
    }
}

#[tokio::test]
async fn limits_counts_and_all() {
    let corpus = Corpus::new();
    let names: Vec<String> = (0..30).map(|i| format!("f{i:02}.txt")).collect();
    let files: Vec<File<'_>> = names.iter().map(|name| ("r", name.as_str(), "hay\n")).collect();
    corpus.write(0, &files[..10]).await;
    corpus.write(1, &files[10..]).await;
    let node = corpus.node().await;
    let limited = get(&node, "/api/v1/search?q=hay&limit=7").await.json();
    assert_eq!(limited["files"].as_array().unwrap().len(), 7);
    assert_eq!(limited["summary"]["more"], true);
    let all = get(&node, "/api/v1/search?q=hay&all=true").await.json();
    assert_eq!(all["files"].as_array().unwrap().len(), 30);
    assert_eq!(all["summary"]["more"], false);
    let counted = get(&node, "/api/v1/search?q=hay&count=true").await.json();
    assert_eq!(counted["files"], json!([]));
    assert_eq!(counted["summary"]["num_files"], 30);
    let limited = get(&node, "/api/v1/search?q=hay&count=true&limit=7").await.json();
    assert_eq!(limited["summary"]["more"], true);
}

#[tokio::test]
async fn a_count_is_exact_beyond_the_default_limit() {
    let corpus = Corpus::new();
    let names: Vec<String> = (0..300).map(|i| format!("f{i:03}.txt")).collect();
    let files: Vec<File<'_>> = names.iter().map(|name| ("r", name.as_str(), "hay\n")).collect();
    corpus.write(0, &files).await;
    let node = corpus.node().await;
    let counted = get(&node, "/api/v1/search?q=hay&count=true").await.json();
    assert_eq!(counted["summary"]["num_files"], 300);
    assert_eq!(counted["summary"]["more"], false);
}

#[tokio::test]
async fn faults_have_one_shape_and_name_the_field() {
    let (_corpus, node) = small().await;
    let cases = [
        ("/api/v1/search?q=%28", 400, "AX-Q001", "q"),
        ("/api/v1/search?q=/%28/", 400, "AX-Q002", "q"),
        ("/api/v1/search?q=nosuch:x", 400, "AX-Q004", "q"),
        ("/api/v1/search", 400, "AX-A001", "q"),
        ("/api/v1/search?q=a&limit=-1", 400, "AX-Q005", "limit"),
        ("/api/v1/search?q=a&limit=999999999999", 400, "AX-Q005", "limit"),
        ("/api/v1/search?q=a&limit=20000", 400, "AX-Q005", "limit"),
        ("/api/v1/search?q=a&context=101", 400, "AX-Q005", "context"),
        ("/api/v1/search?q=a&timeout=1h", 400, "AX-Q005", "timeout"),
        ("/api/v1/search?q=a&wait_for=x", 400, "AX-Q005", "wait_for"),
        ("/api/v1/search?q=a&wait_for=g7.0:1", 400, "AX-Q005", "wait_for"),
        ("/api/v1/search?q=a&nope=1", 400, "AX-A001", "nope"),
        ("/api/v1/search?q=%ff%fe", 400, "AX-Q007", "q"),
        ("/api/v1/repos/%ff", 400, "AX-Q007", ""),
        ("/api/v1/repos/nobody", 404, "AX-A002", "repo"),
        ("/api/v1/repos/nobody/skipped", 404, "AX-A002", "repo"),
        ("/api/v1/file?repo=nobody&path=x", 404, "AX-A002", "repo"),
        ("/api/v1/file?repo=acme/api", 400, "AX-A001", "path"),
        ("/api/v1/nothing", 404, "AX-A004", ""),
        ("/nothing", 404, "AX-A004", ""),
    ];
    for (uri, status, code, field) in cases {
        let got = get(&node, uri).await;
        assert_eq!(got.status.as_u16(), status, "{uri}: {}", got.text);
        let body = got.json();
        assert_eq!((&body["code"], &body["field"]), (&json!(code), &json!(field)), "{uri}");
        assert!(!text(&body["message"]).is_empty(), "{uri}");
        let anchor = format!("docs/errors.md#{}", code.to_lowercase());
        assert_eq!(body["doc"], json!(anchor), "{uri}");
        assert!(body.get("span").is_some() && body.get("hint").is_some(), "{uri}");
    }
    let span = get(&node, "/api/v1/search?q=ab+nosuch:x").await.json()["span"].clone();
    assert_eq!(span[0], 3);
}

#[tokio::test]
async fn a_long_query_and_a_long_address_are_refused_by_type() {
    let (_corpus, node) = small().await;
    let got = get(&node, &format!("/api/v1/search?q={}", "x".repeat(65_000))).await;
    assert_eq!(got.status, StatusCode::OK, "{}", got.text);
    let router = node.router();
    // Beyond 64 KiB an address does not even parse; the listener answers that by itself.
    assert!(Request::get(format!("/?q={}", "x".repeat(10 << 20))).body(Body::empty()).is_err());
    drop(router);
}

#[tokio::test]
async fn wrong_methods_are_told() {
    let (_corpus, node) = small().await;
    for (method, uri) in [("POST", "/api/v1/search"), ("DELETE", "/"), ("PUT", "/api/v1/repos")] {
        let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
        let got = send(&node, request).await;
        assert_eq!(got.status, StatusCode::METHOD_NOT_ALLOWED, "{uri}");
        assert_eq!(got.json()["code"], "AX-A005");
    }
}

#[tokio::test]
async fn the_request_id_goes_in_and_out() {
    let (_corpus, node) = small().await;
    let request = |id: &str| {
        let uri = "/api/v1/search?q=needle";
        Request::get(uri).header("x-request-id", id).body(Body::empty()).unwrap()
    };
    let got = send(&node, request("abc-123")).await;
    assert_eq!(got.headers["x-request-id"], "abc-123");
    assert_eq!(got.json()["summary"]["request_id"], "abc-123");
    let got = send(&node, request("not fit")).await;
    assert_ne!(got.headers["x-request-id"], "not fit");
    assert!(get(&node, "/nothing").await.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn a_stream_sends_files_then_a_summary() {
    let (_corpus, node) = small().await;
    let got = get(&node, "/api/v1/search/stream?q=needle").await;
    assert_eq!(got.headers["content-type"], "text/event-stream");
    let events: Vec<&str> =
        got.text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(events, ["file", "file", "summary"]);
    let last = got.text.lines().rfind(|line| line.starts_with("data: ")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&last[6..]).unwrap();
    assert_eq!(summary["num_files"], 2);
    let failed = get(&node, "/api/v1/search/stream?q=%28").await;
    assert!(failed.text.contains("event: error"), "{}", failed.text);
    assert!(failed.text.contains("AX-Q001"), "{}", failed.text);
}

#[tokio::test]
async fn repositories_and_their_skipped_files_in_pages() {
    let corpus = Corpus::new();
    let router = ax_model::Router::new(SHARDS);
    let home = router.home_of_repo(&key("acme/api", "x").repo).0;
    corpus.write_with(home, 1, |builder| builder.repository(&repository("acme/api"))).await;
    for shard in 0..SHARDS {
        corpus
            .write_with(shard, 5, |builder| {
                for i in 0..5 {
                    let key = key("acme/api", &format!("bin/{i}-{shard}.bin"));
                    builder.put(&key, vec![doc(Err(SkipReason::Binary))]).unwrap();
                }
            })
            .await;
    }
    let node = corpus.node().await;
    let repos = get(&node, "/api/v1/repos").await.json();
    assert_eq!(repos["repositories"][0]["name"], "acme/api");
    assert_eq!(repos["repositories"][0]["state"], "indexed");
    assert_eq!(repos["partial"], false);
    let one = get(&node, "/api/v1/repos/acme%2Fapi").await.json();
    assert_eq!(one["default_branch"], "main");
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let uri = format!("/api/v1/repos/acme%2Fapi/skipped?limit=3&after={after}");
        let page = get(&node, &uri).await.json();
        let files = page["skipped"].as_array().unwrap();
        seen.extend(files.iter().map(|file| text(&file["path"]).to_owned()));
        assert!(files.iter().all(|file| file["reason"] == "binary"));
        after = seen.last().unwrap().clone();
        if page["more"] == false {
            break;
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (20, &sorted));
}

#[tokio::test]
async fn one_file_as_json_and_as_it_is() {
    let (_corpus, node) = small().await;
    let got = get(&node, "/api/v1/file?repo=acme/api&path=src/main.rs").await.json();
    assert_eq!(got["text"], "fn main() {\n    needle();\n}\n");
    assert_eq!((&got["language"], &got["skipped"]), (&json!("Rust"), &json!(null)));
    let raw = get(&node, "/api/v1/file?repo=acme/api&path=src/main.rs&raw").await;
    assert_eq!(raw.headers["content-type"], "text/plain; charset=utf-8");
    assert_eq!(raw.text, "fn main() {\n    needle();\n}\n");
    let other = get(&node, "/api/v1/file?repo=acme/api&path=src/main.rs&branch=other").await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn health_metrics_and_status() {
    let (_corpus, node) = small().await;
    assert_eq!(get(&node, "/healthz").await.text, "ok\n");
    assert_eq!(get(&node, "/readyz").await.text, "ready\n");
    assert_eq!(get(&node, "/metrics").await.text, "ax_test 1\n");
    let status = get(&node, "/api/v1/status").await.json();
    assert_eq!(status["node"]["id"], "solo");
    assert_eq!(status["shards"][0]["here"]["manifest_version"], 2);
    assert_eq!(status["shards"][3]["here"]["position"], 0);
    assert_eq!(status["coordination"]["configured"], false);
    node.readiness().drain();
    let draining = get(&node, "/readyz").await;
    assert_eq!(draining.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(draining.json()["code"], "AX-A010");
    assert_eq!(get(&node, "/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn changes_to_the_cluster_need_coordination() {
    let (_corpus, node) = small().await;
    let post = |body: &str| {
        let request = Request::post("/api/v1/repos").header("content-type", "application/json");
        request.body(Body::from(body.to_owned())).unwrap()
    };
    let got = send(&node, post(r#"{"source": "https://example.org/x.git"}"#)).await;
    assert_eq!(got.json()["code"], "AX-K001");
    for (body, code) in [
        ("", "AX-A001"),
        ("{}", "AX-A001"),
        (r#"{"source": " "}"#, "AX-A001"),
        (r#"{"source": "x", "sauce": 1}"#, "AX-A001"),
        (r#"{"source": "x", "name": ""}"#, "AX-A001"),
    ] {
        assert_eq!(send(&node, post(body)).await.json()["code"], code, "{body}");
    }
    let large = format!(r#"{{"source": "{}"}}"#, "x".repeat(100_000));
    assert_eq!(send(&node, post(&large)).await.json()["code"], "AX-A006");
}

#[tokio::test]
async fn pages_of_other_sites_change_nothing() {
    let (_corpus, node) = small().await;
    for (method, uri) in [
        ("POST", "/api/v1/repos"),
        ("DELETE", "/api/v1/repos/acme%2Fapi"),
        ("POST", "/api/v1/quarantine/0/1/replay"),
        ("POST", "/api/v1/shards/rebuild"),
        ("POST", "/api/v1/shards/0/rebuild"),
    ] {
        let request = || Request::builder().method(method).uri(uri).header("host", "evil.example");
        let json = || request().header("content-type", "application/json");
        let foreign = json().header("origin", "http://evil.example").body(Body::empty()).unwrap();
        let got = send(&node, foreign).await;
        assert_eq!(
            (got.status.as_u16(), got.json()["code"].clone()),
            (403, json!("AX-A011")),
            "{uri}"
        );
        if method == "POST" {
            let form = request().header("content-type", "text/plain").body(Body::empty()).unwrap();
            let got = send(&node, form).await;
            assert_eq!((got.status.as_u16(), got.json()["code"].clone()), (415, json!("AX-A012")));
        }
        let own = send(&node, json().body(Body::empty()).unwrap()).await;
        assert!(
            !["AX-A011", "AX-A012"].contains(&text(&own.json()["code"])),
            "{uri}: {}",
            own.text
        );
    }
}
