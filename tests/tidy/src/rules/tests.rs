use super::*;

/// Which of the lines of a file at `path` a rule complains about.
fn lines(rule: fn(&[File]) -> Complaints, path: &str, text: &str) -> Vec<usize> {
    let complaints = rule(&[File::new(path, text)]);
    let numbers = complaints.iter().map(|complaint| {
        complaint.strip_prefix(path).unwrap().split(':').nth(1).unwrap().parse().unwrap()
    });
    numbers.collect()
}

const SOURCE: &str = "libs/a/src/b.rs";

#[test]
fn long_files() {
    let long = "\n".repeat(501);
    let complaints = |path: &str, text: String| files_are_short(&[File::new(path, text)]).len();
    assert_eq!(complaints(SOURCE, long.clone()), 1);
    assert_eq!(complaints(SOURCE, "\n".repeat(500)), 0);
    assert_eq!(complaints("docs/a.md", long.clone()), 0);
    assert_eq!(complaints(SOURCE, format!("// tidy: table. One row per language.{long}")), 0);
    assert_eq!(complaints(SOURCE, format!("// tidy: table{long}")), 1, "a marker needs its reason");
}

#[test]
fn unwraps() {
    let text = "a.unwrap();\nb.unwrap_or(1);\n// c.unwrap()\nf(\".unwrap()\");\n\
                #[cfg(test)]\nmod t { fn f() { d.unwrap(); } }\ne.unwrap();";
    assert_eq!(lines(no_unwrap, SOURCE, text), [1, 7]);
    assert!(lines(no_unwrap, "libs/a/tests/b.rs", text).is_empty());
    assert!(lines(no_unwrap, "libs/a/src/b/tests.rs", text).is_empty());
}

#[test]
fn loose_ends() {
    let text = "// TODO: later\nf(\"TODO\");\n/// as in `TODO lang:rust`\ntodo!();\n#[ignore = \"slow\"]\nlet todos = 1;";
    assert_eq!(lines(no_loose_ends, SOURCE, text), [1, 4, 5]);
    assert_eq!(lines(no_loose_ends, "tests/a.sh", "echo TODO\n# FIXME\n"), [2]);
}

#[test]
fn sleeps() {
    let text = "tokio::time::sleep(x).await;\nsleep_until(y);\nasleep(z);\n\
                // tidy: sleep: it is the delay under test\nsleep(x);\nsleep(x); // tidy: sleep\n";
    assert_eq!(lines(no_sleep_in_tests, "libs/a/tests/b.rs", text), [1, 6]);
    assert!(lines(no_sleep_in_tests, SOURCE, text).is_empty());
    assert!(lines(no_sleep_in_tests, "tests/harness/src/wait.rs", text).is_empty());
}

#[test]
fn machine_paths() {
    let text = "cd /work/main\nhttps://x.org/work/a\nlet a = \"/work/b\";\n./work/c\n";
    assert_eq!(lines(no_machine_paths, "docs/a.md", text), [1, 3]);
}

#[test]
fn coordination_and_the_nouns() {
    let text = "use ax_model::Code;\nuse ax_model::{Code, Fault};\nlet a = ax_model::Code::Internal;\n\
                use ax_model::ShardId;\nuse ax_model::{Code, ShardId};\nuse ax_model::*;\nuse ax_model as m;\n";
    let rule = coordination_knows_no_nouns;
    assert_eq!(lines(rule, "libs/coordination/src/a.rs", text), [4, 5, 6, 7]);
    assert!(lines(rule, "libs/cluster/src/a.rs", text).is_empty());
}
