//! The version of the rules is raised when what they find may change: the queries, the grammars, and what is
//! found in the samples are compared with what they were when it was last raised.

use ax_syntax::{Budget, RULES, detect, outline};
use std::{fs, path::Path};

/// The rules, and the checksum of what they follow from. Where the second differs, take the new one and
/// raise [`RULES`], or old segments would give definitions that nobody would find today.
const KNOWN: (u32, u32) = (1, 2_682_770_933);

fn files(folder: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|one| one.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// Names and versions of the parsers, as locked.
fn grammars() -> Vec<String> {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    let packages = lock.split("[[package]]").filter(|one| one.contains("name = \"tree-sitter"));
    packages.map(|one| one.trim().lines().take(2).collect()).collect()
}

fn outlines() -> Vec<String> {
    let samples = files("tests/golden");
    let outline_of = |sample: &String| {
        let (path, text) = sample.split_once('\n').unwrap();
        let language = detect(path, text.as_bytes()).unwrap();
        format!("{:?}", outline(language, text.as_bytes(), &Budget::default()))
    };
    samples.iter().map(outline_of).collect()
}

#[test]
fn the_version_fits_what_the_rules_find() {
    let (queries, grammars, outlines) = (files("queries"), grammars(), outlines());
    assert!(queries.len() > 20 && grammars.len() > 20 && outlines.len() > 20);
    let mut sum = crc32fast::Hasher::new();
    for part in [queries, grammars, outlines].concat() {
        sum.update(part.as_bytes());
        sum.update(b"\0");
    }
    assert_eq!((RULES, sum.finalize()), KNOWN, "found, and what is known");
}
