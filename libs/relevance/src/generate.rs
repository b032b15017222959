//! Known-item sets: queries drawn from a corpus, each with the one file that it must find.
//!
//! | set | the query | must find |
//! |---|---|---|
//! | `names` | a name defined in one file only, outside of tests | that file |
//! | `subwords` | the words inside such a name, two at least | that file |
//! | `words` | the three most distinctive words of a file | that file |
//! | `filename` | the words of a file's name, and its most distinctive word | that file |
//!
//! Files are drawn evenly, and one name of each: names alone would be those of the few files that define
//! thousands. A draw is a hash with a seed, so that it does not depend on the order in which files and
//! names come, and hardly changes with the corpus.

mod names;
mod words;

pub use names::NameDraw;
pub use words::{Frequencies, TextSets, text_sets};

use crate::{Expected, FileId, Judged, JudgedSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Names of the sets, in the order in which they are listed.
pub const SETS: [&str; 4] = ["names", "subwords", "words", "filename"];

/// How sets are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    /// Another seed, other queries.
    pub seed: u64,
    /// Most queries of one set.
    pub per_set: usize,
}

impl Draw {
    /// The files in the order in which they are drawn, by place.
    pub fn order(&self, files: &[FileId]) -> Vec<usize> {
        let mut order: Vec<(u64, usize)> =
            (0..).zip(files).map(|(place, file)| (self.lot(&file.bytes()), place)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, place)| place).collect()
    }

    /// The least is drawn first.
    fn lot(&self, bytes: &[u8]) -> u64 {
        xxh3_64_with_seed(bytes, self.seed)
    }
}

/// A set that is being drawn.
struct Drawn {
    set: JudgedSet,
    wanted: usize,
}

impl Drawn {
    fn new(name: &str, draw: &Draw) -> Self {
        let set = JudgedSet { name: name.to_owned(), queries: Vec::new() };
        Self { set, wanted: draw.per_set }
    }

    fn is_full(&self) -> bool {
        self.set.queries.len() >= self.wanted
    }

    /// Adds a query, unless it is asked for another file already: it could not tell them apart.
    fn add(&mut self, query: String, file: &FileId) {
        if !self.is_full() && self.set.queries.iter().all(|other| other.query != query) {
            let expected = vec![Expected { file: file.clone(), grade: 3 }];
            self.set.queries.push(Judged { query, expected, line: 0 });
        }
    }
}

/// Words as one query; those that would be operators are put in quotes.
fn query_of<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let spelt = words.into_iter().map(|word| match word {
        "and" | "or" | "not" => format!("\"{word}\""),
        _ => word.to_owned(),
    });
    spelt.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_of_the_seed_and_the_files_alone() {
        let files: Vec<_> = (0..50).map(|i| FileId::new("r", format!("{i}"))).collect();
        let draw = Draw { seed: 1, per_set: 9 };
        let named = |files: &[FileId], draw: Draw| -> Vec<String> {
            draw.order(files).into_iter().map(|place| files[place].path.clone()).collect()
        };
        let turned: Vec<_> = files.iter().rev().cloned().collect();
        assert_eq!(named(&files, draw), named(&turned, draw));
        assert_ne!(named(&files, draw), named(&files, Draw { seed: 2, ..draw }));
    }

    #[test]
    fn operators_are_quoted() {
        assert_eq!(query_of(["is", "not", "null"]), "is \"not\" null");
    }
}
