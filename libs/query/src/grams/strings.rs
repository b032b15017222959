//! Small sets of folded byte strings.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, ClassBytes, ClassUnicode};

use super::{GramLimits, GramQuery, fold};

/// Bytes of a prefix or suffix that can still matter to a trigram over its edge.
const EDGE: usize = 2;

/// A set of strings, of which a match is, starts with, or ends with one. The empty string says nothing;
/// the empty set says that there is no match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strings(BTreeSet<Vec<u8>>);

impl Strings {
    pub(super) fn empty_string() -> Self {
        Self(BTreeSet::from([Vec::new()]))
    }

    pub(super) fn of_literal(bytes: &[u8]) -> Self {
        Self(BTreeSet::from([bytes.iter().copied().map(fold).collect()]))
    }

    /// The strings that a class stands for, unless they are too many.
    pub(super) fn of_class(class: &Class, limits: &GramLimits) -> Option<Self> {
        let set = match class {
            Class::Unicode(class) => chars_of(class, limits)?,
            Class::Bytes(class) => bytes_of(class, limits)?,
        };
        (set.len() <= limits.max_class).then_some(Self(set))
    }

    pub(super) fn union<'a>(sets: impl Iterator<Item = &'a Self>) -> Self {
        Self(sets.flat_map(|set| set.0.iter().cloned()).collect())
    }

    /// Each string of this set before each of the other, unless these are too many.
    pub(super) fn times(&self, other: &Self, limits: &GramLimits) -> Option<Self> {
        let count = self.0.len() * other.0.len();
        let num_bytes = self.num_bytes() * other.0.len() + other.num_bytes() * self.0.len();
        if count > limits.max_strings || num_bytes > limits.max_string_bytes {
            return None;
        }
        let pairs = self.0.iter().flat_map(|left| other.0.iter().map(move |right| (left, right)));
        Some(Self(pairs.map(|(left, right)| [left.as_slice(), right].concat()).collect()))
    }

    pub(super) fn fits(&self, limits: &GramLimits) -> bool {
        self.0.len() <= limits.max_strings && self.num_bytes() <= limits.max_string_bytes
    }

    /// The first bytes of each; nothing if that is still too many.
    pub(super) fn prefixes(&self, limits: &GramLimits) -> Self {
        self.edges(limits, |string, len| &string[..len])
    }

    /// The last bytes of each; nothing if that is still too many.
    pub(super) fn suffixes(&self, limits: &GramLimits) -> Self {
        self.edges(limits, |string, len| &string[string.len() - len..])
    }

    fn edges(&self, limits: &GramLimits, cut: impl Fn(&[u8], usize) -> &[u8]) -> Self {
        for edge in (1..=EDGE).rev() {
            let cuts = self.0.iter().map(|string| cut(string, string.len().min(edge)).to_vec());
            let set: BTreeSet<_> = cuts.collect();
            if set.len() <= limits.max_strings {
                return Self(set);
            }
        }
        Self::empty_string()
    }

    /// What a text satisfies that holds one of the strings.
    pub(super) fn formula(&self) -> GramQuery {
        if self.0.iter().any(|string| string.len() < 3) {
            return GramQuery::All;
        }
        GramQuery::or(self.0.iter().map(|string| GramQuery::of_string(string)).collect())
    }

    fn num_bytes(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }
}

/// Characters in both cases come to half their number once folded.
fn max_unfolded(limits: &GramLimits) -> usize {
    limits.max_class * 2 + 8
}

fn chars_of(class: &ClassUnicode, limits: &GramLimits) -> Option<BTreeSet<Vec<u8>>> {
    let total: usize = class.iter().map(|range| range.len()).sum();
    if total > max_unfolded(limits) {
        return None;
    }
    let chars = class.iter().flat_map(|range| range.start()..=range.end());
    let folded = |c: char| c.encode_utf8(&mut [0; 4]).bytes().map(fold).collect();
    Some(chars.map(folded).collect())
}

fn bytes_of(class: &ClassBytes, limits: &GramLimits) -> Option<BTreeSet<Vec<u8>>> {
    let total: usize = class.iter().map(|range| range.len()).sum();
    if total > max_unfolded(limits) {
        return None;
    }
    let bytes = class.iter().flat_map(|range| range.start()..=range.end());
    Some(bytes.map(|byte| vec![fold(byte)]).collect())
}
