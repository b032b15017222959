//! Symbols, definitions and references over HTTP, across repositories, shards and nodes.

use crate::support::*;
use ax_query_node::{QueryNode, peers::Peer};
use http::StatusCode;
use serde_json::{Value, json};

const STORE: &str = "pub struct Store;\nimpl Store {\n    pub fn load(&self) {}\n}\n";
const MAIN: &str = "use crate::store;\n// load it\nfn main() {\n    é.load(\"load\");\n}\n";

async fn three_repositories() -> (Corpus, QueryNode) {
    let corpus = Corpus::new();
    corpus
        .write(0, &[("acme/api", "src/main.rs", MAIN), ("acme/api", "notes.txt", "to load\n")])
        .await;
    corpus.write(1, &[("acme/api", "src/store.rs", STORE)]).await;
    corpus
        .write(
            2,
            &[
                ("acme/web", "lib/load.js", "export function load() {}\nfunction reload() {}\n"),
                ("acme/old", "src/load.rs", "fn load() {}\nfn loadAll() {}\nfn preload() {}\n"),
            ],
        )
        .await;
    let node = corpus.node().await;
    (corpus, node)
}

/// `repo:path:line kind name` of each definition.
fn told(symbols: &Value) -> Vec<String> {
    let one = |symbol: &Value| {
        let [repo, path, kind, name] =
            ["repo", "path", "kind", "name"].map(|key| text(&symbol[key]));
        format!("{repo}:{path}:{} {kind} {name}", symbol["line"])
    };
    symbols.as_array().unwrap().iter().map(one).collect()
}

const CALL: &str = "repo=acme/api&path=src/main.rs&line=4&col=7";

#[tokio::test]
async fn symbols_are_found_by_name_in_every_repository() {
    let (_corpus, node) = three_repositories().await;
    let ask = async |query: &str| {
        let got = get(&node, &format!("/api/v1/symbols?{query}")).await;
        assert_eq!(got.status, StatusCode::OK, "{}", got.text);
        got.json()
    };
    let all = [
        "acme/api:src/store.rs:3 method load",
        "acme/old:src/load.rs:1 function load",
        "acme/web:lib/load.js:1 function load",
        "acme/old:src/load.rs:2 function loadAll",
        "acme/web:lib/load.js:2 function reload",
        "acme/old:src/load.rs:3 function preload",
    ];
    let answer = ask("q=load").await;
    assert_eq!(told(&answer["symbols"]), all);
    let matches: Vec<_> =
        answer["symbols"].as_array().unwrap().iter().map(|symbol| text(&symbol["match"])).collect();
    assert_eq!(matches, ["exact", "exact", "exact", "prefix", "within", "within"]);
    let first = &answer["symbols"][0];
    assert_eq!((&first["container"], &first["end_line"]), (&json!("Store"), &json!(3)));
    assert_eq!((&first["col"], &first["branches"]), (&json!(12), &json!(["main"])));
    assert_eq!(first["signature"], "pub fn load(&self) {}");
    let summary = &answer["summary"];
    assert_eq!((&summary["partial"], &summary["more"]), (&json!(false), &json!(false)));
    assert_eq!(summary["version"], "g1.0:2,1:1,2:2,3:0");
    for (query, expected) in [
        ("q=load&repo=acme/old", vec![all[1], all[3], all[5]]),
        ("q=^load$&lang=rust", vec![all[0], all[1]]),
        ("q=load&kind=method,struct", vec![all[0]]),
        ("q=/^re/", vec![all[4]]),
        ("q=load+file:store", vec![all[0]]),
        ("q=nothing", vec![]),
        ("q=not", vec![]),
        ("q=And", vec![]),
        ("q=%22no+such%22", vec![]),
    ] {
        assert_eq!(told(&ask(query).await["symbols"]), expected, "{query}");
    }
    let cut = ask("q=load&limit=2").await;
    assert_eq!(
        (told(&cut["symbols"]), &cut["summary"]["more"]),
        (all[..2].iter().map(|s| (*s).to_owned()).collect(), &json!(true))
    );
}

#[tokio::test]
async fn a_place_leads_to_its_definition_in_another_shard() {
    let (_corpus, node) = three_repositories().await;
    let answer = get(&node, &format!("/api/v1/definitions?{CALL}")).await.json();
    assert_eq!(answer["name"], "load");
    let place = &answer["place"];
    assert_eq!(
        (&place["col"], &place["end_col"], &place["line"]),
        (&json!(7), &json!(11), &json!(4))
    );
    let expected = [
        "acme/api:src/store.rs:3 method load",
        "acme/old:src/load.rs:1 function load",
        "acme/web:lib/load.js:1 function load",
    ];
    assert_eq!(told(&answer["definitions"]), expected);
    let by_blob = format!("/api/v1/definitions?{CALL}&blob={}", text(&place["blob"]));
    assert_eq!(told(&get(&node, &by_blob).await.json()["definitions"]), expected);
    let in_script = get(&node, &format!("/api/v1/definitions?{CALL}&lang=js")).await.json();
    assert_eq!(told(&in_script["definitions"]), expected[2..]);
}

#[tokio::test]
async fn references_leave_out_comments_and_strings_and_say_where_they_cannot() {
    let (_corpus, node) = three_repositories().await;
    let answer = get(&node, &format!("/api/v1/references?{CALL}")).await.json();
    let files: Vec<_> = answer["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| {
            format!(
                "{} {} {}",
                text(&file["path"]),
                text(&file["precision"]),
                file["num_occurrences"]
            )
        })
        .collect();
    let expected = [
        "src/main.rs syntax 1",
        "src/store.rs syntax 1",
        "src/load.rs syntax 1",
        "notes.txt text 1",
        "lib/load.js syntax 1",
    ];
    assert_eq!(files, expected);
    assert_eq!(
        answer["files"][0]["occurrences"],
        json!([{"line": 4, "col": 7, "end_col": 11, "text": "é.load(\"load\");", "definition": false}])
    );
    assert_eq!(answer["files"][1]["occurrences"][0]["definition"], true);
    let by_name = get(&node, "/api/v1/references?symbol=load&lang=rust").await.json();
    assert_eq!((&by_name["place"], by_name["files"].as_array().unwrap().len()), (&json!(null), 3));
    let first = get(&node, &format!("/api/v1/references?{CALL}&limit=1")).await.json();
    assert_eq!(first["files"][0]["path"], "src/main.rs");
    assert_eq!(
        (&first["summary"]["more"], first["files"].as_array().unwrap().len()),
        (&json!(true), 1)
    );
}

#[tokio::test]
async fn pages_together_are_the_whole_answer() {
    let (_corpus, node) = three_repositories().await;
    for (uri, list) in [
        ("symbols?q=load".to_owned(), "symbols"),
        (format!("definitions?{CALL}"), "definitions"),
        (format!("references?{CALL}"), "files"),
    ] {
        let whole = get(&node, &format!("/api/v1/{uri}")).await.json()[list].clone();
        let whole = whole.as_array().unwrap();
        assert!(whole.len() >= 3, "{uri}");
        for limit in [1, 2] {
            let mut found: Vec<Value> = Vec::new();
            loop {
                let page = format!("/api/v1/{uri}&limit={limit}&offset={}", found.len());
                let page = get(&node, &page).await.json();
                let answers = page[list].as_array().unwrap();
                assert!(!answers.is_empty() && answers.len() <= limit, "{uri}: {page}");
                found.extend(answers.iter().cloned());
                if page["summary"]["more"] == false {
                    break;
                }
            }
            assert_eq!(&found, whole, "{uri} by {limit}");
        }
        let beyond = get(&node, &format!("/api/v1/{uri}&offset=99")).await.json();
        assert_eq!((&beyond[list], &beyond["summary"]["more"]), (&json!([]), &json!(false)));
    }
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let (corpus, node) = three_repositories().await;
    let known = repository("acme/api");
    let home = ax_model::Router::new(SHARDS).home_of_repo(&known.name);
    corpus.write_with(home.0, 1, |builder| builder.repository(&known)).await;
    let listed = async || get(&node, "/api/v1/repos/acme%2Fapi").await.status == StatusCode::OK;
    eventually("listed", listed).await;
    let place = |change: &str| format!("definitions?repo=acme/api&path=src/main.rs&{change}");
    for (uri, status, code, field) in [
        ("symbols".to_owned(), 400, "AX-A001", "q"),
        ("symbols?q=".to_owned(), 400, "AX-Q001", "q"),
        ("symbols?q=+".to_owned(), 400, "AX-Q001", "q"),
        ("symbols?q=content:lock".to_owned(), 400, "AX-Q005", "q"),
        ("symbols?q=lang:rust".to_owned(), 400, "AX-Q005", "q"),
        ("symbols?q=case:no+LOCK".to_owned(), 400, "AX-Q005", "q"),
        ("symbols?q=lnag:x+lock".to_owned(), 400, "AX-Q004", "q"),
        ("symbols?q=lock+lnag:x".to_owned(), 400, "AX-Q004", "q"),
        ("symbols?q=lock+-lang:rust".to_owned(), 400, "AX-Q005", "q"),
        ("symbols?q=a+b".to_owned(), 400, "AX-Q005", "q"),
        ("symbols?q=a+count:3".to_owned(), 400, "AX-Q005", "q"),
        ("symbols?q=/(/".to_owned(), 400, "AX-Q002", "q"),
        ("symbols?q=a&kind=fucntion".to_owned(), 400, "AX-Q005", "kind"),
        ("symbols?q=a&lang=rsut".to_owned(), 400, "AX-Q005", "lang"),
        ("symbols?q=a&limit=10001".to_owned(), 400, "AX-Q005", "limit"),
        ("symbols?q=a&offset=-1".to_owned(), 400, "AX-Q005", "offset"),
        ("symbols?q=a&limit=9000&offset=1001".to_owned(), 400, "AX-Q005", "offset"),
        ("symbols?q=a&wait_for=x".to_owned(), 400, "AX-Q005", "wait_for"),
        ("symbols?q=a&limt=1".to_owned(), 400, "AX-A001", "limt"),
        (place("line=4"), 400, "AX-A001", "col"),
        (place("line=0&col=1"), 400, "AX-Q005", "line"),
        (place("line=4&col=1"), 404, "AX-A013", "col"),
        (place("line=999&col=1"), 404, "AX-A013", "col"),
        (place("line=1&col=1&branch=gone"), 404, "AX-A003", "path"),
        ("definitions?repo=acme/gone&path=a&line=1&col=1".to_owned(), 404, "AX-A002", "repo"),
        (format!("references?{CALL}&symbol=x"), 400, "AX-A001", "symbol"),
        ("references?symbol=x&lang=rsut".to_owned(), 400, "AX-Q005", "lang"),
        ("references".to_owned(), 400, "AX-A001", "repo"),
        ("references?symbol=".to_owned(), 400, "AX-A001", "symbol"),
        ("references?symbol=x&lines=1001".to_owned(), 400, "AX-Q005", "lines"),
    ] {
        let got = get(&node, &format!("/api/v1/{uri}")).await;
        let fault = got.json();
        let told = (got.status.as_u16(), text(&fault["code"]), text(&fault["field"]));
        assert_eq!(told, (status, code, field), "{uri}: {fault}");
    }
    let fault = get(&node, "/api/v1/symbols?q=/a(/").await.json();
    assert_eq!(fault["span"], json!([2, 3]), "in the text of q: {fault}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_is_asked_over_grpc_as_this_one_would_be() {
    let (corpus, _first) = three_repositories().await;
    let mut config = corpus.config("leaf");
    config.grpc = Some("127.0.0.1:0".parse().unwrap());
    let leaf = corpus.start(config).await;
    let root = corpus.start(corpus.config("root")).await;
    let grpc = format!("http://{}", leaf.grpc_addr().unwrap());
    root.peers().set_members(vec![Peer { id: "leaf".into(), grpc, weight: 1, draining: false }]);
    let answer = get(&root, &format!("/api/v1/definitions?{CALL}")).await.json();
    assert_eq!(told(&answer["definitions"]).len(), 3);
    let nodes: Vec<_> =
        answer["summary"]["shards"].as_array().unwrap().iter().map(|s| text(&s["node"])).collect();
    assert_eq!(nodes, ["leaf"; SHARDS as usize]);
    let uses = get(&root, &format!("/api/v1/references?{CALL}")).await.json();
    assert_eq!(uses["files"].as_array().unwrap().len(), 5);
    let fault = get(&root, "/api/v1/definitions?repo=acme/api&path=src/main.rs&line=4&col=1").await;
    assert_eq!((fault.status.as_u16(), text(&fault.json()["code"])), (404, "AX-A013"));
    let late = "/api/v1/symbols?q=load&wait_for=g1.3:99&timeout=3s";
    let fault = get(&root, late).await.json();
    assert_eq!(fault["code"], "AX-A007", "{fault}");
}
