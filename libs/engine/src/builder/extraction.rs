//! Where the definitions of a chunk's documents come from.
//!
//! | a document                                       | its definitions                               |
//! |--------------------------------------------------|-----------------------------------------------|
//! | comes with them, as from a merged segment        | are those                                     |
//! | has no text, or no grammar, or they are not asked | none                                          |
//! | has the text of one in a known segment           | are copied, where that costs less than parsing |
//! | has the text of another of the chunk             | are those of the other                        |
//! | else                                             | are parsed                                    |
//!
//! Equal means: the same blob id, the same language, and the same bytes. The bytes are compared, since that
//! costs next to nothing, and a producer that names blobs as it likes does no harm then.

use super::Pending;
use crate::{Result, reuse::KnownSegment, symbols::Kinded};
use ax_model::BlobId;
use rustc_hash::FxHashMap;
use std::sync::Arc;

/// The definitions of a document, and what else syntax says of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions {
    /// Each with the name of its kind.
    pub(crate) symbols: Vec<Kinded>,
    /// As [`crate::marks`] stores them; empty where syntax said nothing.
    pub(crate) marks: Vec<u8>,
    /// They could not be extracted within the bounds.
    pub(crate) given_up: bool,
}

/// How many texts, and of how many bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Texts {
    /// Texts.
    pub num: u64,
    /// Their bytes.
    pub num_bytes: u64,
}

impl Texts {
    /// Adds one of `num_bytes`.
    pub(crate) fn add(&mut self, num_bytes: usize) {
        self.num += 1;
        self.num_bytes += num_bytes as u64;
    }
}

/// What a build did to know its documents' definitions. Documents that a merge copies are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extraction {
    /// Texts that were parsed.
    pub parsed: Texts,
    /// Texts whose definitions were those of an equal one.
    pub reused: Texts,
}

impl Extraction {
    /// Adds what was done elsewhere.
    pub(super) fn add(&mut self, more: &Self) {
        for (sum, more) in [(&mut self.parsed, more.parsed), (&mut self.reused, more.reused)] {
            sum.num += more.num;
            sum.num_bytes += more.num_bytes;
        }
    }
}

/// The rules by which all definitions of a segment were extracted: those of one kind, or none in common.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct CommonRules(Option<u32>);

impl CommonRules {
    /// Some were extracted by `rules`.
    pub(super) fn add(&mut self, rules: u32) {
        self.0 = Some(if self.0.is_none_or(|known| known == rules) { rules } else { 0 });
    }

    /// Zero when there are none in common; today's when nothing was extracted at all.
    pub(super) fn get(self) -> u32 {
        self.0.unwrap_or(ax_syntax::RULES)
    }
}

/// A text whose definitions are wanted.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) blob: &'a BlobId,
    pub(crate) language: &'static str,
    pub(crate) text: &'a [u8],
}

impl Wanted<'_> {
    fn is_equal(&self, other: &Self) -> bool {
        self.blob == other.blob && self.language == other.language && self.text == other.text
    }
}

/// What to do for one document.
pub(super) enum Task {
    /// It has none.
    Nothing,
    /// These are they.
    Copy(Definitions),
    /// They are those of the document at this place of the chunk, parsed once; as a rule its own place.
    Parse(usize),
}

/// Finds out for each document of a chunk. `wanted` says of each what is sought for it, if anything is.
pub(super) fn plan(
    chunk: &mut [Pending],
    wanted: &[Option<Wanted<'_>>],
    known: &[Arc<KnownSegment>],
    done: &mut Extraction,
) -> Vec<Task> {
    let mut tasks: Vec<Task> =
        chunk.iter_mut().map(|one| one.known.take().map_or(Task::Nothing, Task::Copy)).collect();
    let firsts = firsts(wanted);
    let mut sought: Vec<usize> = (0..chunk.len()).filter(|i| firsts[*i] == Some(*i)).collect();
    let mut found: FxHashMap<usize, Definitions> = FxHashMap::default();
    for segment in known.iter().rev() {
        let texts: Vec<_> = sought.iter().filter_map(|i| Some((*i, wanted[*i]?))).collect();
        found.extend(copied(segment, &texts));
        sought.retain(|i| !found.contains_key(i));
    }
    for (i, first) in firsts.into_iter().enumerate() {
        let Some(first) = first else { continue };
        let copied = found.get(&first);
        let is_parsed = copied.is_none() && first == i;
        let count = if is_parsed { &mut done.parsed } else { &mut done.reused };
        count.add(chunk[i].text.len());
        tasks[i] = copied.cloned().map_or(Task::Parse(first), Task::Copy);
    }
    tasks
}

/// For each wanted text the place of the first that is equal.
fn firsts(wanted: &[Option<Wanted<'_>>]) -> Vec<Option<usize>> {
    let mut seen: FxHashMap<&BlobId, Vec<usize>> = FxHashMap::default();
    let mut firsts = vec![None; wanted.len()];
    for (i, one) in wanted.iter().enumerate() {
        let Some(one) = one else { continue };
        let same_blob = seen.entry(one.blob).or_default();
        let is_equal = |place: &usize| wanted[*place].is_some_and(|other| other.is_equal(one));
        firsts[i] = same_blob.iter().copied().find(is_equal).or(Some(i));
        if firsts[i] == Some(i) {
            same_blob.push(i);
        }
    }
    firsts
}

/// What a segment knows. One that turns out to be damaged is no failure of the build: its texts are
/// parsed, and whoever serves it will find the damage.
fn copied(segment: &KnownSegment, texts: &[(usize, Wanted<'_>)]) -> FxHashMap<usize, Definitions> {
    let copied: Result<_> = segment.definitions_of(texts);
    copied.unwrap_or_else(|error| {
        tracing::warn!(%error, "definitions in a local segment cannot be read; parsing instead");
        FxHashMap::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_found_by_their_bytes() {
        let (a, b, none) = (BlobId(vec![1; 20]), BlobId(vec![2; 20]), BlobId::default());
        let wanted = |blob, language, text: &'static str| {
            Some(Wanted { blob, language, text: text.as_bytes() })
        };
        let texts = [
            wanted(&a, "C", "one"),
            None,
            wanted(&a, "C", "one"),
            wanted(&a, "C++", "one"),
            wanted(&b, "C", "one"),
            wanted(&a, "C", "other"),
            wanted(&a, "C", "other"),
            wanted(&none, "C", "one"),
        ];
        let found = firsts(&texts);
        assert_eq!(found, [Some(0), None, Some(0), Some(3), Some(4), Some(5), Some(5), Some(7)]);
    }

    #[test]
    fn rules_are_common_or_none() {
        let common = |all: &[u32]| {
            let mut rules = CommonRules::default();
            all.iter().for_each(|one| rules.add(*one));
            rules.get()
        };
        assert_eq!(common(&[]), ax_syntax::RULES);
        assert_eq!(common(&[7, 7]), 7);
        assert_eq!(common(&[7, 8]), 0);
        assert_eq!(common(&[7, 8, 7]), 0);
        assert_eq!(common(&[0, 7]), 0);
    }
}
