//! The rules, applied to this repository.

use ax_tidy::{
    Complaints, Manifest, Tree, catalogue_and_code_agree, contracts_are_commented,
    coordination_knows_no_nouns, dependencies_point_down, every_crate_is_described,
    files_are_short, mentioned_codes_exist, metrics_are_documented, no_loose_ends,
    no_machine_paths, no_sleep_in_tests, no_unwrap,
};

const CODES: &str = "libs/model/src/error.rs";
const CATALOGUE: &str = "docs/errors.md";

#[track_caller]
fn check(rule: impl Fn(&Tree) -> Complaints) {
    let complaints = rule(&Tree::read().expect("git lists the files of this repository"));
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

#[test]
fn source_files_are_short() {
    check(|tree| files_are_short(&tree.files));
}

#[test]
fn nothing_unwraps_outside_tests() {
    check(|tree| no_unwrap(&tree.files));
}

#[test]
fn there_are_no_loose_ends() {
    check(|tree| no_loose_ends(&tree.files));
}

#[test]
fn no_test_sleeps() {
    check(|tree| no_sleep_in_tests(&tree.files));
}

#[test]
fn no_path_of_a_machine_is_committed() {
    check(|tree| no_machine_paths(&tree.files));
}

#[test]
fn crates_depend_downwards() {
    check(|tree| dependencies_point_down(&Manifest::read_all(&tree.files).unwrap()));
}

#[test]
fn coordination_does_not_know_what_a_shard_is() {
    check(|tree| coordination_knows_no_nouns(&tree.files));
}

#[test]
fn the_architecture_names_every_crate() {
    check(|tree| {
        let manifests = Manifest::read_all(&tree.files).unwrap();
        every_crate_is_described(&manifests, tree.file("ARCHITECTURE.md"))
    });
}

#[test]
fn contracts_explain_themselves() {
    check(|tree| contracts_are_commented(&tree.files));
}

#[test]
fn every_error_is_catalogued() {
    check(|tree| {
        let file = |path| tree.file(path).unwrap_or_else(|| panic!("{path} is missing"));
        let (codes, catalogue) = (file(CODES), file(CATALOGUE));
        let mut complaints = catalogue_and_code_agree(codes, catalogue);
        complaints.extend(mentioned_codes_exist(codes, &tree.files));
        complaints
    });
}

#[test]
fn every_metric_is_documented() {
    check(|tree| {
        let page = tree.file("docs/metrics.md").expect("docs/metrics.md is there");
        metrics_are_documented(&tree.files, page)
    });
}
