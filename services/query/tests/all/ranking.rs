//! The order of answers over the shards of a node, how it is explained, and the file that shapes it.

use crate::support::*;
use ax_model::Code;
use ax_query_node::QueryNode;
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};

async fn uses_and_definition() -> Corpus {
    let corpus = Corpus::new();
    let uses = "void f(void)\n{\n\tfrobnicate(1); frobnicate(2);\n}\n";
    corpus.write(0, &[("r", "uses.c", uses)]).await;
    corpus.write(1, &[("r", "x/y/z/impl.c", "int frobnicate(int n)\n{\n\treturn n;\n}\n")]).await;
    corpus
}

async fn files(node: &QueryNode, parameters: &str) -> Vec<String> {
    files_of(&get(node, &format!("/api/v1/search?{parameters}")).await.json())
}

#[tokio::test]
async fn an_explained_answer_adds_up_over_all_shards() {
    let corpus = uses_and_definition().await;
    let node = corpus.node().await;
    let plain = get(&node, "/api/v1/search?q=frobnicate").await.json();
    let answer = get(&node, "/api/v1/search?q=frobnicate&explain").await.json();
    assert_eq!(files_of(&answer), ["r:x/y/z/impl.c", "r:uses.c"]);
    assert_eq!(files_of(&plain), files_of(&answer));
    assert!(
        plain["files"][0].get("signals").is_none() && plain["summary"].get("explanation").is_none()
    );
    for file in answer["files"].as_array().unwrap() {
        let values = file["signals"].as_array().unwrap().iter();
        let sum: f64 = values.map(|signal| signal["value"].as_f64().unwrap()).sum();
        assert!((sum - file["score"].as_f64().unwrap()).abs() < 1e-4, "{file}");
    }
    let plans = answer["summary"]["explanation"].as_array().unwrap();
    assert_eq!(plans.len(), SHARDS as usize);
    let step = json!({"condition": "frobnicate", "estimated_units": 1, "units": 1, "docs": 1});
    assert_eq!(plans[1]["segments"][0]["steps"], json!([step]));
    assert_eq!(plans[1]["patterns"][0]["method"], "literal in either case");
    let cached = |answer: &Value| answer["summary"]["shards"][0]["cached"].clone();
    assert_eq!(cached(&get(&node, "/api/v1/search?q=frobnicate&explain").await.json()), false);
}

#[tokio::test]
async fn the_file_of_parameters_is_followed_and_a_bad_one_refused() {
    // the file is followed on this thread: the runtime has no other for its tasks
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counted = metrics::set_default_local_recorder(&recorder);
    let corpus = uses_and_definition().await;
    let path = corpus.dir.path().join("ranking.toml");
    let mut config = corpus.config("solo");
    config.ranking_file = Some(path.clone());
    let start = || ax_query_node::QueryNode::start(config.clone(), corpus.deps());
    assert_eq!(start().await.err().unwrap().code(), Code::ConfigUnreadable, "no such file");
    std::fs::write(&path, "definition = 0\nsymbol = 0\ndepth_loss = 5\n").unwrap();
    let node = corpus.start(config.clone()).await;
    let (used_first, defined_first) =
        (["r:uses.c", "r:x/y/z/impl.c"], ["r:x/y/z/impl.c", "r:uses.c"]);
    assert_eq!(files(&node, "q=frobnicate").await, used_first);
    assert_eq!(files(&node, "q=frobnicate").await, used_first, "from what is kept");
    std::fs::write(&path, "definition = -9\n").unwrap();
    let counted = "ax_query_ranking_refused_total 1\n";
    let refused = || async { recorder.handle().render().contains(counted) };
    eventually("bad parameters are refused", refused).await;
    // by the defaults the definition would come first
    assert_eq!(files(&node, "q=frobnicate&cache=false").await, used_first, "the old ones stay");
    std::fs::write(&path, "definition = 9\n").unwrap();
    let changed = || async { files(&node, "q=frobnicate").await == defined_first };
    eventually("good parameters are taken after bad ones", changed).await;
}
