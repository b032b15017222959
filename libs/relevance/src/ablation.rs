//! What each signal is worth: results without it, less those with all.

use crate::{Estimate, Half, Measure, QueryResult, paired};
use serde::Serialize;

/// The ranking without one signal, against the ranking with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    /// The parameter that was set to 0.
    pub parameter: String,
    /// What it is otherwise.
    pub value: f32,
    /// Difference in MRR on the half for tuning; below zero when the signal helps.
    pub tune_mrr: Estimate,
    /// Difference in nDCG@10 there.
    pub tune_ndcg: Estimate,
    /// Difference in MRR on the half for testing.
    pub test_mrr: Estimate,
    /// Difference in nDCG@10 there.
    pub test_ndcg: Estimate,
    /// Difference in MRR of each set, on the half for testing.
    pub sets: Vec<(String, Estimate)>,
    /// What follows.
    pub verdict: Verdict,
}

/// Whether a signal earns its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Without it the ranking is worse beyond noise.
    Helps,
    /// Without it the ranking is better beyond noise.
    Harms,
    /// Neither is shown.
    Unclear,
    /// Not one query changed.
    Nothing,
}

impl Verdict {
    /// As people say it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Helps => "helps",
            Self::Harms => "harms",
            Self::Unclear => "unclear",
            Self::Nothing => "changes nothing",
        }
    }
}

/// Compares results of the same queries in the same order: `with` all signals, `without` one.
pub fn ablation(
    parameter: &str,
    value: f32,
    with: &[QueryResult],
    without: &[QueryResult],
) -> Ablation {
    let pairs = || with.iter().zip(without);
    let on = |half: Half, measure| paired(pairs().filter(|pair| pair.0.half() == half), measure);
    let test_mrr = on(Half::Test, Measure::Mrr);
    let mut sets: Vec<&str> = with.iter().map(|query| query.set.as_str()).collect();
    sets.dedup();
    let of_set = |set: &str| {
        let of_set = pairs().filter(|pair| pair.0.set == set && pair.0.half() == Half::Test);
        (set.to_owned(), paired(of_set, Measure::Mrr))
    };
    let is_unchanged = pairs().all(|(with, without)| with.ranks == without.ranks);
    let verdict = match test_mrr {
        _ if is_unchanged => Verdict::Nothing,
        found if found.is_negative() => Verdict::Helps,
        found if found.is_positive() => Verdict::Harms,
        _ => Verdict::Unclear,
    };
    Ablation {
        parameter: parameter.to_owned(),
        value,
        tune_mrr: on(Half::Tune, Measure::Mrr),
        tune_ndcg: on(Half::Tune, Measure::Ndcg10),
        test_mrr,
        test_ndcg: on(Half::Test, Measure::Ndcg10),
        sets: sets.into_iter().map(of_set).collect(),
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::result;

    fn queries(rank: impl Fn(usize) -> u32) -> Vec<QueryResult> {
        let set = |i| if i < 50 { "names" } else { "words" };
        (0..100).map(|i| result(set(i), i, Some(rank(i)))).collect()
    }

    #[test]
    fn verdicts() {
        let verdict = |with: &dyn Fn(usize) -> u32, without: &dyn Fn(usize) -> u32| {
            ablation("text", 1.0, &queries(with), &queries(without)).verdict
        };
        assert_eq!(verdict(&|_| 1, &|i| 1 + i as u32 % 2), Verdict::Helps);
        assert_eq!(verdict(&|i| 1 + i as u32 % 2, &|_| 1), Verdict::Harms);
        assert_eq!(verdict(&|_| 1, &|_| 1), Verdict::Nothing);
        let turned = |i: usize| 1 + (i as u32 / 7) % 2;
        assert_eq!(verdict(&turned, &|i| 3 - turned(i)), Verdict::Unclear);
    }

    #[test]
    fn sets_are_told_apart() {
        let found =
            ablation("text", 1.0, &queries(|_| 1), &queries(|i| if i < 50 { 2 } else { 1 }));
        let means: Vec<_> = found.sets.iter().map(|(set, by)| (set.as_str(), by.value)).collect();
        assert_eq!(means, [("names", -0.5), ("words", 0.0)]);
    }
}
