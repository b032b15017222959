//! `ax perf relevance` as people run it, on a small corpus: the sources of this repository's libraries.
#![allow(clippy::unwrap_used)] // test support: the lint knows test functions only

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// The sources of the libraries beside this service: what a known-item set needs, and it is always there.
fn corpus() -> String {
    let libs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../libs");
    format!("libs={}", libs.canonicalize().unwrap().display())
}

struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn relevance(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ax"));
        command.current_dir(self.folder.path()).args(["perf", "relevance"]).args(arguments);
        command.output().unwrap()
    }

    /// Over the corpus, few queries of each set.
    fn run(&self, arguments: &[&str]) -> Output {
        let corpus = corpus();
        let all = ["run", "--corpus", &corpus, "--work", "work", "--per-set", "20"];
        self.relevance(&[&all, arguments].concat())
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.file(name)).unwrap()).unwrap()
    }
}

#[track_caller]
fn text(output: &Output, status: i32) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let all = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "{all}");
    all
}

fn mrr(row: &Value) -> f64 {
    row["measures"][0]["value"].as_f64().unwrap()
}

#[test]
fn known_items_are_drawn_and_found() {
    let bench = Bench::new();
    let first = text(&bench.run(&["--half", "all", "--json", "one.json"]), 0);
    assert!(first.contains("indexing") && first.contains("recall@10"), "{first}");
    let found = bench.json("one.json");
    let rows = found["figures"].as_array().unwrap();
    let sets: Vec<_> = rows.iter().map(|row| row["set"].as_str().unwrap()).collect();
    assert_eq!(sets, ["names", "subwords", "words", "filename", "all"]);
    for row in rows {
        assert!(row["num_queries"].as_u64().unwrap() >= 15, "{row}");
        // the worst ranking there is would be far below
        assert!(mrr(row) > 0.2 && mrr(row) <= 1.0, "{row}");
    }
    assert!(mrr(&rows[0]) > 0.5, "exact names: {}", rows[0]);

    // The second run finds index and sets as they were, and says the same.
    let sets = std::fs::read(bench.file("work/sets/words.set")).unwrap();
    let second = text(&bench.run(&["--half", "all", "--json", "two.json"]), 0);
    assert!(!second.contains("indexing") && !second.contains("counting words"), "{second}");
    assert_eq!(bench.json("two.json"), found);
    assert_eq!(std::fs::read(bench.file("work/sets/words.set")).unwrap(), sets);
}

#[test]
fn a_baseline_is_held_against_later_results() {
    let bench = Bench::new();
    text(&bench.run(&["--save", "base.json"]), 0);
    let same = text(&bench.run(&["--baseline", "base.json"]), 0);
    assert!(same.contains("Verdict: not worse"), "{same}");

    // A ranking that looks at nothing but the files themselves.
    let signals = ["words=0", "definition=0", "file_name=0", "nearness=0", "symbol=0"];
    let blind: Vec<_> = signals.iter().flat_map(|signal| ["--param", *signal]).collect();
    let against = ["--baseline", "base.json", "--json", "worse.json"];
    let worse = text(&bench.run(&[&against[..], &blind].concat()), 1);
    assert!(worse.contains("Verdict: worse by more than noise"), "{worse}");
    assert!(worse.contains("definition: 4 → 0"), "{worse}");
    let change = &bench.json("worse.json")["comparison"]["worse"][0];
    assert_eq!(change["before"], 1, "{change}");
    assert!(change["after"].as_u64().is_none_or(|rank| rank > 1), "{change}");

    let mut base = bench.json("base.json");
    base["corpus"] = "of other files".into();
    std::fs::write(bench.file("other.json"), serde_json::to_vec(&base).unwrap()).unwrap();
    let refused = text(&bench.run(&["--baseline", "other.json"]), 2);
    assert!(refused.contains("AX-P002") && refused.contains("--force"), "{refused}");
    text(&bench.run(&["--baseline", "other.json", "--force"]), 0);
}

#[test]
fn signals_are_left_out_and_parameters_swept() {
    let bench = Bench::new();
    let arguments = ["--ablate", "--sweep", "symbol=0,2", "--sweep", "b=0.5,0.75"];
    let files = ["--json", "out.json", "--html", "out.html"];
    let shown = text(&bench.run(&[&arguments[..], &files].concat()), 0);
    assert!(shown.contains("Without each signal"), "{shown}");
    assert!(shown.contains("The best 4 of 4 trials"), "{shown}");
    let found = bench.json("out.json");
    assert_eq!(found["half"], "tune");
    let words = &found["ablations"][0];
    assert_eq!((&words["parameter"], words["value"].as_f64()), (&"words".into(), Some(10.0)));
    let trials = found["trials"].as_array().unwrap();
    let best = &found["best"]["setting"];
    let score = |trial: &Value| trial["score"].as_f64().unwrap();
    let top = trials.iter().max_by(|a, b| score(a).total_cmp(&score(b))).unwrap();
    let at_best = trials.iter().find(|trial| &trial["setting"] == best).unwrap();
    assert_eq!(score(at_best), score(top));
    let page = std::fs::read_to_string(bench.file("out.html")).unwrap();
    assert!(page.contains("<svg") && page.contains("MRR by value"));

    let descent = text(&bench.run(&["--coordinate", "--trials", "8"]), 0);
    assert!(descent.contains("of 8 trials"), "{descent}");
}

#[test]
fn nothing_is_tuned_on_the_half_for_testing() {
    let bench = Bench::new();
    for half in ["test", "all"] {
        for sweep in [&["--coordinate"][..], &["--sweep", "b=0,1"]] {
            let refused = text(&bench.run(&[&["--half", half], sweep].concat()), 2);
            assert!(
                refused.contains("AX-F002") && refused.contains("half for tuning"),
                "{refused}"
            );
        }
    }
    assert!(!bench.file("work").exists(), "refused before anything is built");
}

#[test]
fn sets_by_hand_are_asked_and_checked() {
    let bench = Bench::new();
    let set = |text: &str| std::fs::write(bench.file("hand.set"), text).unwrap();
    set("QueryErrorKind\tlibs:query/src/error.rs\nwilson score\tlibs:query/src/error.rs=1\n");
    let shown = text(&bench.run(&["--set", "hand.set", "--half", "all", "--json", "out.json"]), 0);
    assert!(shown.contains("Not among the first 50: 1 queries"), "{shown}");
    let found = bench.json("out.json");
    assert_eq!(found["figures"].as_array().unwrap().len(), 1, "nothing is drawn beside it");
    assert_eq!(found["results"]["queries"][1]["ranks"], serde_json::json!([null]));

    for (content, expected) in [
        ("QueryErrorKind\tlibs:query/src/eror.rs\n", "hand.set, line 1: no corpus has"),
        ("# note\nwilson libs:a\n", "hand.set, line 2: a tab and a file"),
        ("lnag:c\tlibs:query/src/error.rs\n", "hand.set, line 1: `lnag:c`: "),
    ] {
        set(content);
        let refused = text(&bench.run(&["--set", "hand.set"]), 2);
        assert!(refused.contains(expected) && refused.contains("AX-"), "{refused}");
    }
    let refused = text(&bench.run(&["--param", "bb=1"]), 2);
    assert!(refused.contains("no ranking parameter is called bb"), "{refused}");
    let refused = text(&bench.relevance(&["run"]), 2);
    assert!(refused.contains("--corpus"), "{refused}");
}

#[test]
fn sets_are_drawn_alone() {
    let bench = Bench::new();
    let corpus = corpus();
    let draw = |seed: &str| {
        let arguments = ["generate", "--corpus", &corpus, "--work", "work", "--per-set", "5"];
        text(&bench.relevance(&[&arguments[..], &["--seed", seed]].concat()), 0);
        std::fs::read_to_string(bench.file("work/sets/names.set")).unwrap()
    };
    let (one, two) = (draw("1"), draw("2"));
    assert_ne!(one, two);
    assert_eq!(draw("1"), one);
    let queries: Vec<_> = one.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(queries.len(), 5);
    assert!(queries.iter().all(|line| line.contains("\tlibs:") && line.ends_with("=3")), "{one}");
}
