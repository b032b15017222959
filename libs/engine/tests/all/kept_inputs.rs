//! The kept inputs of the fuzz targets, replayed through the same functions on every run; without the
//! coverage that finds new ones (`make fuzz`).

#![allow(clippy::print_stdout, reason = "the input is named when a target panics")]

#[path = "../../../../tests/fuzz/src/targets.rs"]
mod targets;

use std::path::Path;

#[track_caller]
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz/corpus").join(name);
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut inputs: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    inputs.sort();
    assert!(inputs.len() >= 10, "{} inputs in {}", inputs.len(), folder.display());
    for input in inputs {
        println!("{}", input.display()); // seen when it fails
        target(&std::fs::read(&input).unwrap());
    }
}

#[test]
fn queries() {
    replay("query", targets::query);
}

#[test]
fn plans() {
    replay("plan", targets::plan);
}

#[test]
fn segments() {
    replay("segment", targets::segment);
}

#[test]
fn folds() {
    replay("fold", targets::fold);
}
