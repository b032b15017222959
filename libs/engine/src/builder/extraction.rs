//! Where the definitions of a chunk's documents come from.
//!
//! | a document                                       | its definitions                               |
//! |--------------------------------------------------|-----------------------------------------------|
//! | comes with them, as from a merged segment        | are those                                     |
//! | has no text, or no grammar, or they are not asked | none                                          |
//! | has the text of one in a known segment           | are copied, where that costs less than parsing |
//! | has the text of another of the chunk             | are those of the other                        |
//! | else, and the build may take as long             | are parsed                                    |
//! | else                                             | are left for a later merge, and it is flagged |
//!
//! All that is to be parsed of a chunk is parsed, or all of it is left: who has to write the segment once
//! more anyway had better have its text at once.
//!
//! Equal means: the same blob id, the same language, and the same bytes. The bytes are compared, since that
//! costs next to nothing, and a producer that names blobs as it likes does no harm then.

use super::Pending;
use crate::{Result, reuse::KnownSegment, symbols::Kinded};
use ax_model::BlobId;
use ax_syntax::Language;
use rustc_hash::FxHashMap;
use std::{sync::Arc, time::Duration};

/// The definitions of a document, and what else syntax says of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Definitions {
    /// Each with the name of its kind.
    pub(crate) symbols: Vec<Kinded>,
    /// As [`crate::marks`] stores them; empty where syntax said nothing.
    pub(crate) marks: Vec<u8>,
    /// They could not be extracted within the bounds.
    pub(crate) given_up: bool,
    /// Nobody has looked for them yet.
    pub(crate) unparsed: bool,
}

impl Definitions {
    /// Those of a document that nobody has looked at yet.
    pub(crate) fn unparsed() -> Self {
        Self { unparsed: true, ..Self::default() }
    }
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
    /// Texts that were left for later.
    pub left: Texts,
}

impl Extraction {
    /// Adds what was done elsewhere.
    pub(super) fn add(&mut self, more: &Self) {
        let Self { parsed, reused, left } = self;
        for (sum, more) in [(parsed, more.parsed), (reused, more.reused), (left, more.left)] {
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
    pub(crate) language: &'static Language,
    pub(crate) text: &'a [u8],
}

impl Wanted<'_> {
    /// The time that parsing it takes on one core, more or less.
    fn cost(&self) -> Duration {
        self.language.parsing_time(self.text.len())
    }

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
    /// Only this document has the text.
    Parse,
    /// They are those of the document at this place of the chunk, parsed once for all that have the text.
    Share(usize),
    /// They are not sought now.
    Leave,
}

/// What a build may spend on parsing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Budget {
    /// None: as long as it takes.
    pub(super) limit: Option<Duration>,
    spent: Duration,
}

impl Budget {
    /// Whether there is enough for something that takes `cost` on one core of `cores`; if so, it is spent.
    fn spend(&mut self, cost: Duration, cores: usize) -> bool {
        let spent = self.spent + cost / u32::try_from(cores).unwrap_or(u32::MAX).max(1);
        let is_enough = self.limit.is_none_or(|limit| spent <= limit);
        if is_enough {
            self.spent = spent;
        }
        is_enough
    }
}

/// Finds out for each document of a chunk. `wanted` says of each what is sought for it, if anything is.
pub(super) fn plan(
    chunk: &mut [Pending],
    wanted: &[Option<Wanted<'_>>],
    known: &[Arc<KnownSegment>],
    budget: &mut Budget,
) -> (Vec<Task>, Extraction) {
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
    let costs = sought.iter().filter_map(|i| wanted[*i]).map(|one| one.cost());
    let may_parse = budget.spend(costs.sum(), rayon::current_num_threads());
    let mut done = Extraction::default();
    let mut num_equal = vec![0u32; chunk.len()];
    firsts.iter().flatten().for_each(|first| num_equal[*first] += 1);
    for (i, first) in firsts.into_iter().enumerate() {
        let Some(first) = first else { continue };
        let (task, count) = match found.get(&first) {
            Some(copied) => (Task::Copy(copied.clone()), &mut done.reused),
            None if !may_parse => (Task::Leave, &mut done.left),
            None if num_equal[first] == 1 => (Task::Parse, &mut done.parsed),
            None if first == i => (Task::Share(first), &mut done.parsed),
            None => (Task::Share(first), &mut done.reused),
        };
        count.add(chunk[i].text.len());
        tasks[i] = task;
    }
    (tasks, done)
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
            let language = ax_syntax::find_language(language).unwrap();
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
    fn a_budget_is_spent_and_not_overdrawn() {
        let mut budget = Budget::default();
        assert!(budget.spend(Duration::from_secs(9000), 1), "as long as it takes");
        let mut budget = Budget { limit: Some(Duration::from_secs(2)), ..Budget::default() };
        let seconds = [(3, true), (2, false), (1, true), (1, false), (0, true)];
        for (seconds, is_enough) in seconds {
            let cost = Duration::from_secs(seconds);
            assert_eq!(budget.spend(cost, 2), is_enough, "{seconds} s on two cores");
        }
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
