//! The trace contexts that one piece of work was caused by.

use std::{
    collections::HashSet,
    hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher},
};

/// Distinct trace contexts: the first ones by name, the rest counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Causes {
    contexts: Vec<String>,
    /// Hashes of those beyond [`Causes::MAX`].
    beyond: HashSet<u64>,
    hasher: BuildHasherDefault<DefaultHasher>,
}

impl Causes {
    /// Most that are kept: a trace is for a person, and a batch may hold the changes of thousands.
    pub const MAX: usize = 32;

    /// Takes a `traceparent` in, unless it is there.
    pub fn note(&mut self, context: &str) {
        // The last one first: changes of one cause follow one another.
        if self.contexts.iter().rev().any(|known| known == context) {
            return;
        }
        if self.contexts.len() < Self::MAX {
            self.contexts.push(context.to_owned());
        } else {
            self.beyond.insert(self.hasher.hash_one(context));
        }
    }

    /// Those that are kept, in the order in which they came.
    pub fn contexts(&self) -> &[String] {
        &self.contexts
    }

    /// How many more there were.
    pub fn left_out(&self) -> usize {
        self.beyond.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_once_and_a_bounded_number() {
        let mut causes = Causes::default();
        for round in 0..3 {
            for number in 0..Causes::MAX + 5 {
                causes.note(&format!("{number}"));
            }
            assert_eq!(causes.contexts().len(), Causes::MAX, "round {round}");
            assert_eq!(causes.left_out(), 5, "round {round}");
        }
        assert_eq!(causes.contexts()[..2], ["0", "1"]);
    }
}
