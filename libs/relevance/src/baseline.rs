//! What got better and worse since results that were kept.
//!
//! The verdict is about the half for testing: the same queries before and after, the difference of their
//! MRR with its interval. It got worse only if the whole interval is below zero.

use crate::{Estimate, Half, Measure, QueryResult, Results, paired};
use ax_model::{Code, Fault};
use serde::Serialize;
use std::collections::HashMap;

/// Two results over the queries that both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// How many queries both have.
    pub num_common: usize,
    /// Queries that only one of them has; they do not count.
    pub num_single: usize,
    /// By how much each measure is more now, on the half for testing, in the order of [`Measure::ALL`].
    pub differences: Vec<Estimate>,
    /// Queries whose first right file comes earlier now, the largest gain first.
    pub better: Vec<Change>,
    /// Queries whose first right file comes later now, or not at all; the largest loss first.
    pub worse: Vec<Change>,
    /// Parameters that differ: name, before, now.
    pub parameters: Vec<(String, Option<f32>, Option<f32>)>,
    /// The files searched are not the same.
    pub other_corpus: bool,
}

/// A query whose rank changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The set that it is of.
    pub set: String,
    /// The half that it belongs to.
    pub half: Half,
    /// The query.
    pub query: String,
    /// The first file that it should find.
    pub file: String,
    /// The rank before; none when it was not found.
    pub before: Option<u32>,
    /// The rank now.
    pub after: Option<u32>,
}

impl Comparison {
    /// Whether MRR fell by more than noise.
    pub fn is_worse(&self) -> bool {
        self.differences.first().is_some_and(Estimate::is_negative)
    }
}

/// Reads results that were kept.
///
/// # Errors
/// AX-P002 when the text is not that.
pub fn read(name: &str, text: &[u8]) -> Result<Results, Fault> {
    serde_json::from_slice(text).map_err(|error| {
        Fault::new(Code::ResultsIncomparable, format!("{name} holds no results: {error}"))
            .in_field("--baseline")
            .hint("name a file that `ax perf relevance run --save` wrote")
    })
}

/// Compares results with those of before.
///
/// # Errors
/// AX-P002 when they have no query in common, or are of different files and not `forced`.
pub fn compare(before: &Results, now: &Results, forced: bool) -> Result<Comparison, Fault> {
    let refuse = |what: &str, hint: &str| {
        Fault::new(Code::ResultsIncomparable, what).in_field("--baseline").hint(hint)
    };
    let other_corpus = before.corpus != now.corpus;
    if other_corpus && !forced {
        return Err(refuse(
            "the baseline is of other files than these",
            "make a new one, or compare all the same with --force",
        ));
    }
    let pairs = pairs(before, now);
    if pairs.is_empty() {
        return Err(refuse(
            "the baseline has no query in common with these",
            "give the same sets, seed and number of queries as then",
        ));
    }
    let tested: Vec<_> = pairs.iter().copied().filter(|pair| pair.1.half() == Half::Test).collect();
    let difference = |measure| paired(tested.iter().copied(), measure);
    let (better, worse) = changes(&pairs);
    Ok(Comparison {
        num_common: pairs.len(),
        num_single: before.queries.len() + now.queries.len() - 2 * pairs.len(),
        differences: Measure::ALL.map(difference).to_vec(),
        better,
        worse,
        parameters: parameters(before, now),
        other_corpus,
    })
}

/// The same queries with the same expectations.
fn pairs<'a>(before: &'a Results, now: &'a Results) -> Vec<(&'a QueryResult, &'a QueryResult)> {
    let key = |query: &'a QueryResult| (query.set.as_str(), query.query.as_str());
    let old: HashMap<_, _> = before.queries.iter().map(|query| (key(query), query)).collect();
    let pair = |query| {
        let old = *old.get(&key(query))?;
        (old.expected == query.expected).then_some((old, query))
    };
    now.queries.iter().filter_map(pair).collect()
}

fn changes(pairs: &[(&QueryResult, &QueryResult)]) -> (Vec<Change>, Vec<Change>) {
    let mut found: Vec<(f64, Change)> = Vec::new();
    for (old, new) in pairs {
        let (before, after) = (old.first_rank(), new.first_rank());
        if before != after {
            let gain = new.score(Measure::Mrr) - old.score(Measure::Mrr);
            let change = Change {
                set: new.set.clone(),
                half: new.half(),
                query: new.query.clone(),
                file: new.expected.first().map(|one| one.file.to_string()).unwrap_or_default(),
                before,
                after,
            };
            found.push((gain, change));
        }
    }
    found.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let (better, worse): (Vec<_>, Vec<_>) = found.into_iter().partition(|(gain, _)| *gain > 0.0);
    let changes = |found: Vec<(f64, Change)>| found.into_iter().map(|(_, change)| change).collect();
    (changes(better), changes(worse))
}

fn parameters(before: &Results, now: &Results) -> Vec<(String, Option<f32>, Option<f32>)> {
    let mut names: Vec<&String> = before.parameters.keys().chain(now.parameters.keys()).collect();
    names.sort();
    names.dedup();
    let of = |results: &Results, name| results.parameters.get(name).copied();
    let rows = names.into_iter().map(|name| (name.clone(), of(before, name), of(now, name)));
    rows.filter(|(_, before, now)| before != now).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::result;

    fn results(rank: impl Fn(usize) -> Option<u32>) -> Results {
        Results {
            ax: "0".into(),
            corpus: "c".into(),
            num_files: 100,
            parameters: [("b".to_owned(), 0.75), ("k1".to_owned(), 1.2)].into(),
            queries: (0..100).map(|i| result("s", i, rank(i))).collect(),
        }
    }

    #[test]
    fn the_same_is_no_worse() {
        let found = compare(&results(|_| Some(2)), &results(|_| Some(2)), false).unwrap();
        assert!(!found.is_worse() && found.better.is_empty() && found.worse.is_empty());
        assert_eq!((found.num_common, found.num_single), (100, 0));
    }

    #[test]
    fn what_changed_is_named_largest_first() {
        let before = results(|i| if i == 7 { None } else { Some(2) });
        let mut now = results(|i| match i {
            3 => Some(5),
            4 => None,
            7 => Some(50),
            8 => Some(1),
            _ => Some(2),
        });
        now.parameters.insert("b".into(), 0.5);
        now.queries.push(result("s", 200, Some(1)));
        let found = compare(&before, &now, false).unwrap();
        let ranks = |changes: &[Change]| -> Vec<_> {
            changes.iter().map(|c| (c.query.clone(), c.before, c.after)).collect()
        };
        let expected =
            [("query 8".to_owned(), Some(2), Some(1)), ("query 7".to_owned(), None, Some(50))];
        assert_eq!(ranks(&found.better), expected);
        let expected =
            [("query 4".to_owned(), Some(2), None), ("query 3".to_owned(), Some(2), Some(5))];
        assert_eq!(ranks(&found.worse), expected);
        assert_eq!(found.parameters, [("b".to_owned(), Some(0.75), Some(0.5))]);
        assert_eq!(found.num_single, 1);
        assert!(
            !found.is_worse(),
            "two queries of a hundred are noise: {:?}",
            found.differences[0]
        );
    }

    #[test]
    fn a_fall_beyond_noise_is_worse() {
        let found = compare(&results(|_| Some(1)), &results(|i| Some(1 + i as u32 % 3)), false);
        assert!(found.unwrap().is_worse());
        let found = compare(&results(|i| Some(1 + i as u32 % 3)), &results(|_| Some(1)), false);
        assert!(!found.unwrap().is_worse());
    }

    #[test]
    fn what_cannot_be_compared_is_refused() {
        let (before, mut now) = (results(|_| Some(1)), results(|_| Some(1)));
        now.corpus = "d".into();
        let fault = compare(&before, &now, false).unwrap_err();
        assert_eq!(fault.code, Code::ResultsIncomparable);
        assert!(compare(&before, &now, true).unwrap().other_corpus);
        now.queries.iter_mut().for_each(|query| query.set = "t".into());
        assert!(compare(&before, &now, true).unwrap_err().message.contains("no query in common"));
        let fault = read("a.json", b"{}").unwrap_err();
        assert!(fault.message.starts_with("a.json holds no results: missing field"), "{fault}");
    }

    #[test]
    fn results_survive_being_kept() {
        let results = results(|i| (i % 2 == 0).then_some(3));
        let text = serde_json::to_vec(&results).unwrap();
        assert_eq!(read("a.json", &text).unwrap(), results);
    }
}
