//! From a regular expression to a formula over trigrams: pure planning, which sees no index.
//!
//! The index is taken to hold, per document, the set of trigrams of its raw bytes with ASCII letters
//! lower-cased ([`fold`]); newline is a byte as any other. [`plan`] gives a [`GramQuery`] that every
//! document with a match satisfies (soundness; a property test holds it to that), and as few others as
//! its bounds allow.
//!
//! The method is the classic analysis of regular expressions for trigram indexes (Cox, 2012, after
//! Cho and Rajagopalan, 2002): each sub-expression is described by the exact set of strings that it
//! matches while that is small, else by the sets of prefixes and suffixes of its matches, and by a
//! formula that its matches satisfy.

mod formula;
mod info;
mod strings;

pub use formula::GramQuery;
pub use info::plan;

/// Three bytes, folded.
pub type Gram = [u8; 3];

/// Bounds of the analysis. Larger ones give sharper plans and cost more to make and to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GramLimits {
    /// Strings that a class may stand for before it counts as "anything".
    pub max_class: usize,
    /// Strings in an exact, prefix or suffix set.
    pub max_strings: usize,
    /// Bytes in all strings of an exact set.
    pub max_string_bytes: usize,
    /// Trigrams in the whole plan.
    pub max_grams: usize,
}

impl Default for GramLimits {
    fn default() -> Self {
        // [0-9a-f] is worth its alternatives; \s, \w and [a-z] are not: each is a long union of
        // trigrams that most documents hold
        Self { max_class: 16, max_strings: 64, max_string_bytes: 4096, max_grams: 2048 }
    }
}

impl GramLimits {
    /// What one of so many alternatives may use, so that thousands of them cost no more than a few. A few
    /// alternatives may use more than their share, since most do not.
    fn shared_by(&self, num_alternatives: usize) -> Self {
        let share = |limit: usize, least: usize| match num_alternatives {
            0..=16 => limit,
            many => (limit * 16 / many).max(least.min(limit)),
        };
        Self {
            max_class: share(self.max_class, 4),
            max_strings: share(self.max_strings, 8),
            max_string_bytes: share(self.max_string_bytes, 64),
            max_grams: share(self.max_grams, 8),
        }
    }
}

/// The fold of one byte: ASCII letters are lower-cased, all others stay. Both the text's and the plan's
/// trigrams go through it.
pub fn fold(byte: u8) -> u8 {
    byte.to_ascii_lowercase()
}

/// The folded trigrams of a text, in order, repeated as they stand.
pub fn grams_of(text: &[u8]) -> impl Iterator<Item = Gram> + '_ {
    text.windows(3).map(|bytes| [fold(bytes[0]), fold(bytes[1]), fold(bytes[2])])
}
