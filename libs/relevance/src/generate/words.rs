//! The words that tell a file from others: the largest tf · idf, with (1 + ln tf) · ln(N / df)
//! (G. Salton and C. Buckley, "Term-weighting approaches in automatic text retrieval", 1988).
//!
//! Words are runs of letters: what somebody remembers of a file, rather than whole identifiers, most of
//! which occur in one file only and would be found by any ranking. For the same reason words count that
//! stand in ten files at least (in 2 of a small corpus).

use super::{Draw, Drawn, query_of};
use crate::{FileId, JudgedSet};
use ax_syntax::subwords;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::Hasher;

const MIN_LETTERS: usize = 4;
const MAX_LETTERS: usize = 20;
/// Words of a query of the set `words`.
const WORDS: usize = 3;

/// In how many files words occur.
#[derive(Debug, Default, Clone)]
pub struct Frequencies {
    num_files: u32,
    files_with: FxHashMap<u64, u32>,
}

impl Frequencies {
    /// Counts a file.
    pub fn add(&mut self, text: &[u8]) {
        let mut words: Vec<u64> = runs(text).map(hash).collect();
        words.sort_unstable();
        words.dedup();
        self.num_files += 1;
        for word in words {
            *self.files_with.entry(word).or_default() += 1;
        }
    }

    /// Adds what was counted elsewhere, of other files.
    pub fn merge(mut self, other: Self) -> Self {
        if other.files_with.len() > self.files_with.len() {
            return other.merge(self);
        }
        self.num_files += other.num_files;
        for (word, num) in other.files_with {
            *self.files_with.entry(word).or_default() += num;
        }
        self
    }

    /// The most distinctive words of a text, best first.
    fn distinctive(&self, text: &[u8]) -> Vec<String> {
        let least = (self.num_files / 100).clamp(2, 10);
        let mut counts: FxHashMap<String, u32> = FxHashMap::default();
        for run in runs(text) {
            *counts.entry(String::from_utf8_lossy(run).to_ascii_lowercase()).or_default() += 1;
        }
        let weigh = |(word, count): (String, u32)| {
            let files = *self.files_with.get(&hash(word.as_bytes()))?;
            let idf = (f64::from(self.num_files) / f64::from(files)).ln();
            (files >= least).then_some(((1.0 + f64::from(count).ln()) * idf, word))
        };
        let mut words: Vec<(f64, String)> = counts.into_iter().filter_map(weigh).collect();
        words.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        words.into_iter().map(|(_, word)| word).collect()
    }
}

/// The sets that texts are needed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSets {
    /// The set `words`.
    pub words: JudgedSet,
    /// The set `filename`.
    pub filename: JudgedSet,
}

/// Draws both sets; `text` gives a file's text by its place, or none, and is asked for no more files than
/// it takes.
pub fn text_sets<E>(
    draw: Draw,
    files: &[FileId],
    frequencies: &Frequencies,
    mut text: impl FnMut(usize) -> Result<Option<Vec<u8>>, E>,
) -> Result<TextSets, E> {
    let mut words = Drawn::new("words", &draw);
    let mut filename = Drawn::new("filename", &draw);
    for place in draw.order(files) {
        if words.is_full() && filename.is_full() {
            break;
        }
        let Some(text) = text(place)? else { continue };
        let file = &files[place];
        let distinctive = frequencies.distinctive(&text);
        if let Some(best) = distinctive.get(..WORDS) {
            words.add(query_of(best.iter().map(String::as_str)), file);
        }
        if let Some(query) = by_file_name(&file.path, &distinctive) {
            filename.add(query, file);
        }
    }
    Ok(TextSets { words: words.set, filename: filename.set })
}

/// The words of a file's name up to its first dot, and the best word that is not one of them.
fn by_file_name(path: &str, distinctive: &[String]) -> Option<String> {
    let name = path.rsplit('/').next()?;
    let stem = name.split('.').next()?;
    let mut words: Vec<String> = Vec::new();
    for word in subwords(stem) {
        if word.text.chars().count() >= 2 && !words.contains(&word.text) {
            words.push(word.text);
        }
    }
    words.iter().find(|word| word.chars().count() >= MIN_LETTERS - 1)?;
    let says_more = |word: &&String| words.iter().all(|other| !word.contains(other.as_str()));
    let more = distinctive.iter().find(says_more)?.clone();
    words.push(more);
    Some(query_of(words.iter().map(String::as_str)))
}

/// Runs of letters that are neither short nor data.
fn runs(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let runs = text.split(|byte| !byte.is_ascii_alphabetic());
    runs.filter(|run| (MIN_LETTERS..=MAX_LETTERS).contains(&run.len()))
}

/// Of the run in lower case.
fn hash(run: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    run.iter().for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [(&str, &str); 5] = [
        ("net/tcp_timer.c", "retransmit retransmit Backoff timer probe common"),
        ("net/tcp_input.c", "retransmit window probe common common"),
        ("mm/slub.c", "freelist partial Common window"),
        ("mm/slab.c", "freelist partial backoff common"),
        (".config", "common"),
    ];

    fn files() -> Vec<FileId> {
        TEXTS.iter().map(|(path, _)| FileId::new("r", *path)).collect()
    }

    fn counted() -> Frequencies {
        let of = |(_, text): &(&str, &str)| {
            let mut one = Frequencies::default();
            one.add(text.as_bytes());
            one
        };
        TEXTS.iter().map(of).fold(Frequencies::default(), Frequencies::merge)
    }

    #[test]
    fn distinctive_words_as_by_hand() {
        // Of five files: retransmit in 2, twice here: (1 + ln 2) ln 2.5 = 1.551; backoff and probe in 2,
        // once: ln 2.5 = 0.916; common in all: 0. `timer` stands in one file only.
        let found = counted().distinctive(TEXTS[0].1.as_bytes());
        assert_eq!(found, ["retransmit", "backoff", "probe", "common"]);
    }

    #[test]
    fn sets_of_a_small_corpus() {
        let text = |place: usize| Ok::<_, ()>(Some(TEXTS[place].1.as_bytes().to_vec()));
        let draw = Draw { seed: 3, per_set: 10 };
        let sets = text_sets(draw, &files(), &counted(), text).unwrap();
        let queries = |set: &JudgedSet| {
            let mut all: Vec<_> = set
                .queries
                .iter()
                .map(|judged| format!("{} > {}", judged.query, judged.expected[0].file.path))
                .collect();
            all.sort();
            all
        };
        assert_eq!(
            queries(&sets.filename),
            [
                "slab backoff > mm/slab.c",
                "slub freelist > mm/slub.c",
                "tcp input probe > net/tcp_input.c",
                "tcp timer retransmit > net/tcp_timer.c",
            ]
        );
        assert_eq!(
            queries(&sets.words),
            [
                "backoff freelist partial > mm/slab.c",
                "freelist partial window > mm/slub.c",
                "probe retransmit window > net/tcp_input.c",
                "retransmit backoff probe > net/tcp_timer.c",
            ]
        );
    }

    #[test]
    fn no_more_texts_are_read_than_needed() {
        let mut num_read = 0;
        let text = |place: usize| {
            num_read += 1;
            Ok::<_, ()>(Some(TEXTS[place].1.as_bytes().to_vec()))
        };
        text_sets(Draw { seed: 3, per_set: 1 }, &files(), &counted(), text).unwrap();
        assert!(num_read <= 2, "{num_read}");
        let failed = text_sets(Draw { seed: 3, per_set: 1 }, &files(), &counted(), |_| Err("gone"));
        assert_eq!(failed, Err("gone"));
    }
}
