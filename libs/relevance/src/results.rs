//! What a searcher answered to every judged query, as it is kept to be compared with later.

use crate::{Estimate, Expected, Half, Measure, Scores, bootstrap, judged::main_hash, scores};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that a run found out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The version of `ax`.
    pub ax: String,
    /// A word for the content of what was searched; alike only for equal files.
    pub corpus: String,
    /// How many files were searched; 0 when nobody knows.
    pub num_files: u64,
    /// The ranking's parameters; none for a server's own.
    pub parameters: BTreeMap<String, f32>,
    /// Every query, in the order of the sets.
    pub queries: Vec<QueryResult>,
}

/// What became of one query.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueryResult {
    /// The set that it is of.
    pub set: String,
    /// The query.
    pub query: String,
    /// What it should find.
    pub expected: Vec<Expected>,
    /// The ranks of these, from 1, as far as they were among the first fifty.
    pub ranks: Vec<Option<u32>>,
    /// Something of the index could not be searched.
    #[serde(default)]
    pub partial: bool,
}

impl QueryResult {
    /// What the answer is worth.
    pub fn scores(&self) -> Scores {
        scores(&self.expected, &self.ranks)
    }

    /// What it is worth by one measure.
    pub fn score(&self, measure: Measure) -> f64 {
        let place = Measure::ALL.iter().position(|other| *other == measure);
        place.map_or(0.0, |place| self.scores()[place])
    }

    /// The rank of the first file found that was expected.
    pub fn first_rank(&self) -> Option<u32> {
        self.ranks.iter().flatten().min().copied()
    }

    /// The half that it belongs to.
    pub fn half(&self) -> Half {
        Half::of(&self.expected)
    }

    /// What it is drawn together by.
    pub(crate) fn group(&self) -> u64 {
        main_hash(&self.expected)
    }
}

/// By how much a measure is more after than before, over the same queries.
pub fn paired<'a>(
    pairs: impl IntoIterator<Item = (&'a QueryResult, &'a QueryResult)>,
    measure: Measure,
) -> Estimate {
    let differences = pairs
        .into_iter()
        .map(|(before, after)| (before.group(), after.score(measure) - before.score(measure)));
    bootstrap::mean(differences)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::FileId;

    /// A query for the file of that number, found at a rank or not.
    pub(crate) fn result(set: &str, number: usize, rank: Option<u32>) -> QueryResult {
        let file = FileId::new("r", format!("src/{number}.c"));
        QueryResult {
            set: set.to_owned(),
            query: format!("query {number}"),
            expected: vec![Expected { file, grade: 3 }],
            ranks: vec![rank],
            partial: false,
        }
    }

    #[test]
    fn a_steady_gain_is_seen_through_a_wide_spread() {
        // Ranks differ a lot, each gets better by one: surely more than zero.
        let ranks = |by: u32| (0..80).map(move |i| 1 + by + (i as u32 * 7) % 30);
        let all = |by| ranks(by).enumerate().map(|(i, rank)| result("s", i, Some(rank)));
        let (before, after): (Vec<_>, Vec<_>) = (all(1).collect(), all(0).collect());
        let found = paired(before.iter().zip(&after), Measure::Mrr);
        assert!(found.is_positive(), "{found:?}");
        let same = paired(before.iter().zip(&before), Measure::Mrr);
        assert_eq!((same.low, same.high), (0.0, 0.0));
    }
}
