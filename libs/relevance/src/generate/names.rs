//! Names that only one file defines, and the words inside them.

use super::{Draw, Drawn, query_of};
use crate::{FileId, JudgedSet};
use ax_syntax::subwords;
use rustc_hash::FxHashMap;
use std::collections::hash_map::Entry;
use xxhash_rust::xxh3::xxh3_64;

/// Kinds whose names people look up; fields, members of enumerations and modules are not among them.
const KINDS: [&str; 12] = [
    "function",
    "method",
    "class",
    "struct",
    "union",
    "enum",
    "trait",
    "interface",
    "constant",
    "variable",
    "macro",
    "type",
];
const MIN_NAME_CHARS: usize = 4;
const MAX_SUBWORDS: usize = 6;
/// In the place of a file: several define the name.
const SEVERAL: u32 = u32::MAX;

/// Draws names in two passes over all definitions: [`Self::count`] each, then [`Self::offer`] each.
#[derive(Debug)]
pub struct NameDraw {
    draw: Draw,
    /// The one file that defines a name, by the name's hash.
    definer: FxHashMap<u64, u32>,
    whole: FxHashMap<u32, Candidate>,
    in_words: FxHashMap<u32, Candidate>,
}

#[derive(Debug)]
struct Candidate {
    lot: u64,
    name: String,
}

impl NameDraw {
    /// Nothing is known yet.
    pub fn new(draw: Draw) -> Self {
        Self {
            draw,
            definer: FxHashMap::default(),
            whole: FxHashMap::default(),
            in_words: FxHashMap::default(),
        }
    }

    /// A file, by its place among all, defines a name; of whatever kind, tests too.
    pub fn count(&mut self, name: &str, file: u32) {
        let definer = self.definer.entry(xxh3_64(name.as_bytes())).or_insert(file);
        if *definer != file {
            *definer = SEVERAL;
        }
    }

    /// The same once all are counted; of definitions outside of tests only.
    pub fn offer(&mut self, name: &str, kind: &str, file: u32) {
        let is_unique = self.definer.get(&xxh3_64(name.as_bytes())) == Some(&file);
        if !is_unique || !KINDS.contains(&kind) || !is_plain(name) {
            return;
        }
        let lot = self.draw.lot(name.as_bytes());
        offer(&mut self.whole, file, lot, name);
        if words_in(name).is_some() {
            offer(&mut self.in_words, file, lot, name);
        }
    }

    /// The sets `names` and `subwords`, over the files in their order.
    pub fn finish(self, files: &[FileId]) -> [JudgedSet; 2] {
        let mut names = Drawn::new("names", &self.draw);
        let mut words = Drawn::new("subwords", &self.draw);
        for place in self.draw.order(files) {
            let of = |candidates: &FxHashMap<u32, Candidate>| {
                candidates.get(&(place as u32)).map(|candidate| candidate.name.clone())
            };
            if let Some(name) = of(&self.whole) {
                names.add(name, &files[place]);
            }
            if let Some(query) = of(&self.in_words).and_then(|name| words_in(&name)) {
                words.add(query, &files[place]);
            }
        }
        [names.set, words.set]
    }
}

/// Keeps the name with the least lot of each file.
fn offer(candidates: &mut FxHashMap<u32, Candidate>, file: u32, lot: u64, name: &str) {
    let candidate = || Candidate { lot, name: name.to_owned() };
    match candidates.entry(file) {
        Entry::Vacant(place) => {
            place.insert(candidate());
        }
        Entry::Occupied(mut place) if lot < place.get().lot => {
            place.insert(candidate());
        }
        Entry::Occupied(_) => {}
    }
}

/// An identifier: `operator+` and the like are no words of the query language.
fn is_plain(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && chars.all(|c| c.is_alphanumeric() || c == '_')
        && name.chars().count() >= MIN_NAME_CHARS
}

/// The words inside a name as a query, if there are two that say something.
fn words_in(name: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    for word in subwords(name) {
        if word.text.chars().count() >= 2 && !words.contains(&word.text) {
            words.push(word.text);
        }
    }
    let says_something = words.iter().any(|word| word.chars().count() >= MIN_NAME_CHARS);
    let fits = (2..=MAX_SUBWORDS).contains(&words.len()) && says_something;
    fits.then(|| query_of(words.iter().map(String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(definitions: &[(&str, &str, u32)], per_set: usize) -> [JudgedSet; 2] {
        let mut draw = NameDraw::new(Draw { seed: 1, per_set });
        definitions.iter().for_each(|(name, _, file)| draw.count(name, *file));
        definitions.iter().for_each(|(name, kind, file)| draw.offer(name, kind, *file));
        let files: Vec<_> = (0..100).map(|i| FileId::new("r", format!("{i}.c"))).collect();
        draw.finish(&files)
    }

    fn pairs(set: &JudgedSet) -> Vec<(String, String)> {
        let mut pairs: Vec<_> = set
            .queries
            .iter()
            .map(|judged| (judged.query.clone(), judged.expected[0].file.path.clone()))
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn names_of_one_file_only() {
        let [names, words] = drawn(
            &[
                ("spin_lock_irqsave", "function", 0),
                ("init", "function", 1),
                ("init", "method", 2),
                ("open_file", "function", 3),
                ("open_file", "macro", 3),
                ("owner", "field", 4),
                ("operator==", "method", 5),
                ("x1", "function", 6),
                ("kmalloc", "function", 7),
                ("is_not_ready", "function", 8),
            ],
            50,
        );
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(query, path)| ((*query).into(), (*path).into())).collect()
        };
        let expected = [
            ("is_not_ready", "8.c"),
            ("kmalloc", "7.c"),
            ("open_file", "3.c"),
            ("spin_lock_irqsave", "0.c"),
        ];
        assert_eq!(pairs(&names), owned(&expected));
        let expected =
            [("is \"not\" ready", "8.c"), ("open file", "3.c"), ("spin lock irqsave", "0.c")];
        assert_eq!(pairs(&words), owned(&expected));
    }

    #[test]
    fn each_file_counts_once_and_sets_are_bounded() {
        let names: Vec<_> = (0..3000).map(|i| format!("name_of_{i}")).collect();
        // the first file defines nearly all of them
        let file = |i: usize| if i.is_multiple_of(100) { i as u32 / 100 } else { 0 };
        let all: Vec<_> =
            names.iter().enumerate().map(|(i, name)| (name.as_str(), "macro", file(i))).collect();
        let num = |per_set| drawn(&all, per_set)[0].queries.len();
        assert_eq!((num(50), num(10)), (30, 10));
    }
}
