//! Queries whose right answers are known.
//!
//! Each belongs to one of two halves, by a hash of the file that it should find. Parameters are tuned on
//! the one half; what is said of a ranking is measured on the other, or it would be said of the tuning.
//! All queries for one file are in the same half, in whatever set: otherwise tuning would have seen it.

use serde::{Deserialize, Serialize};
use std::fmt;
use xxhash_rust::xxh3::xxh3_64;

/// A file, as answers name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Its repository.
    pub repo: String,
    /// Its path.
    pub path: String,
}

/// A file that a query should find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The file.
    pub file: FileId,
    /// How right it is: 1 helps, 2 is good, 3 is what was meant.
    pub grade: u8,
}

/// A query and its right answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The query, in the query language.
    pub query: String,
    /// What it should find; not empty.
    pub expected: Vec<Expected>,
    /// Where it stands in its file, from 1; 0 for a drawn one.
    pub line: usize,
}

/// Judged queries under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedSet {
    /// What figures are listed under.
    pub name: String,
    /// The queries.
    pub queries: Vec<Judged>,
}

/// One of the two halves that all queries are split into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Half {
    /// What parameters may be tuned on.
    Tune,
    /// What figures are reported of.
    Test,
}

impl FileId {
    /// The file at `path` of `repo`.
    pub fn new(repo: impl Into<String>, path: impl Into<String>) -> Self {
        Self { repo: repo.into(), path: path.into() }
    }

    /// Repository and path with a NUL between, which neither holds.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [self.repo.as_bytes(), self.path.as_bytes()].join(&0)
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repo, self.path)
    }
}

impl Half {
    /// The half of queries for `expected`: by the best of the files, by name among equals.
    pub fn of(expected: &[Expected]) -> Self {
        if main_hash(expected) & 1 == 0 { Self::Tune } else { Self::Test }
    }
}

/// A number for the file that queries are kept together by.
pub(crate) fn main_hash(expected: &[Expected]) -> u64 {
    let better = |a: &&Expected, b: &&Expected| a.grade.cmp(&b.grade).then(b.file.cmp(&a.file));
    expected.iter().max_by(better).map_or(0, |best| xxh3_64(&best.file.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(path: &str, grade: u8) -> Expected {
        Expected { file: FileId::new("r", path), grade }
    }

    #[test]
    fn the_best_file_decides_the_half() {
        let files: Vec<_> = (0..200).map(|i| format!("src/{i}.c")).collect();
        for pair in files.windows(2) {
            let alone = Half::of(&[expected(&pair[0], 3)]);
            assert_eq!(Half::of(&[expected(&pair[1], 2), expected(&pair[0], 3)]), alone);
            let either = [expected(&pair[0], 1), expected(&pair[1], 1)];
            let turned = [either[1].clone(), either[0].clone()];
            assert_eq!(Half::of(&either), Half::of(&turned), "whatever the order");
        }
    }

    #[test]
    fn halves_are_about_even() {
        let halves = (0..1000).map(|i| Half::of(&[expected(&format!("{i}"), 3)]));
        let num = halves.filter(|half| *half == Half::Tune).count();
        assert!((450..550).contains(&num), "{num}");
    }
}
