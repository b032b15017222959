//! What an answer is worth.
//!
//! | measure | of one query |
//! |---|---|
//! | MRR | 1 / rank of the first file expected, 0 if it is not among the first 50 (E. Voorhees, "The TREC-8 Question Answering Track Report", 1999) |
//! | recall@k | the share of the files expected that are among the first k |
//! | nDCG@10 | Σ (2^grade − 1) / log2(rank + 1) over the first ten, divided by the same of the best order (K. Järvelin and J. Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002; gains as C. Burges et al., "Learning to rank using gradient descent", 2005) |

use crate::{Expected, FileId};
use serde::{Deserialize, Serialize};

/// How many files of an answer are looked at.
pub const DEPTH: usize = 50;
/// How many count for nDCG.
const NDCG_DEPTH: u32 = 10;

/// A measure of a ranking; each is from 0 to 1, 1 is best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// The reciprocal of the first right rank; its mean is the MRR.
    #[serde(rename = "mrr")]
    Mrr,
    /// The share found at rank 1.
    #[serde(rename = "recall@1")]
    Recall1,
    /// Among the first five.
    #[serde(rename = "recall@5")]
    Recall5,
    /// Among the first ten.
    #[serde(rename = "recall@10")]
    Recall10,
    /// Among the first fifty.
    #[serde(rename = "recall@50")]
    Recall50,
    /// Discounted gain of the first ten by grade, against the best order.
    #[serde(rename = "ndcg@10")]
    Ndcg10,
}

impl Measure {
    /// Every measure, in the order of columns.
    pub const ALL: [Self; 6] =
        [Self::Mrr, Self::Recall1, Self::Recall5, Self::Recall10, Self::Recall50, Self::Ndcg10];

    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mrr => "MRR",
            Self::Recall1 => "recall@1",
            Self::Recall5 => "recall@5",
            Self::Recall10 => "recall@10",
            Self::Recall50 => "recall@50",
            Self::Ndcg10 => "nDCG@10",
        }
    }
}

/// What one answer is worth by each measure, in the order of [`Measure::ALL`].
pub type Scores = [f64; Measure::ALL.len()];

/// The rank of each file expected, from 1, if it is among the first [`DEPTH`].
///
/// A file that an answer names again, as another of its versions, does not take a second rank.
pub fn ranks(expected: &[Expected], answer: &[FileId]) -> Vec<Option<u32>> {
    let mut distinct: Vec<&FileId> = Vec::new();
    for file in answer {
        if distinct.len() < DEPTH && !distinct.contains(&file) {
            distinct.push(file);
        }
    }
    let rank = |file: &FileId| distinct.iter().position(|other| *other == file);
    expected.iter().map(|one| rank(&one.file).map(|place| place as u32 + 1)).collect()
}

/// What an answer is worth that has the files expected at `ranks`.
pub fn scores(expected: &[Expected], ranks: &[Option<u32>]) -> Scores {
    let first = ranks.iter().flatten().min();
    let recall = |depth: u32| {
        let found = ranks.iter().flatten().filter(|rank| **rank <= depth).count();
        found as f64 / expected.len().max(1) as f64
    };
    Measure::ALL.map(|measure| match measure {
        Measure::Mrr => first.map_or(0.0, |rank| 1.0 / f64::from(*rank)),
        Measure::Recall1 => recall(1),
        Measure::Recall5 => recall(5),
        Measure::Recall10 => recall(10),
        Measure::Recall50 => recall(50),
        Measure::Ndcg10 => ndcg(expected, ranks),
    })
}

fn ndcg(expected: &[Expected], ranks: &[Option<u32>]) -> f64 {
    let gain = |grade: u8, rank: u32| {
        let discount = f64::from(rank + 1).log2();
        if rank > NDCG_DEPTH { 0.0 } else { (f64::from(grade).exp2() - 1.0) / discount }
    };
    let found = expected.iter().zip(ranks);
    let got: f64 = found.filter_map(|(one, rank)| Some(gain(one.grade, (*rank)?))).sum();
    let mut grades: Vec<u8> = expected.iter().map(|one| one.grade).collect();
    grades.sort_unstable_by(|a, b| b.cmp(a));
    let best: f64 = grades.into_iter().zip(1..).map(|(grade, rank)| gain(grade, rank)).sum();
    if best > 0.0 { got / best } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(files: &[(&str, u8)]) -> Vec<Expected> {
        let one =
            |(path, grade): &(&str, u8)| Expected { file: FileId::new("r", *path), grade: *grade };
        files.iter().map(one).collect()
    }

    fn of(files: &[(&str, u8)], answer: &[&str]) -> Scores {
        let expected = expected(files);
        let answer: Vec<_> = answer.iter().map(|path| FileId::new("r", *path)).collect();
        scores(&expected, &ranks(&expected, &answer))
    }

    #[track_caller]
    fn check(found: Scores, by_hand: Scores) {
        for ((measure, found), by_hand) in Measure::ALL.iter().zip(found).zip(by_hand) {
            assert!((found - by_hand).abs() < 5e-5, "{}: {found}, not {by_hand}", measure.name());
        }
    }

    #[test]
    fn one_file() {
        check(of(&[("a", 3)], &["a", "b"]), [1.0; 6]);
        // 1/3; not at 1; 1/log2(4) = 0.5
        check(of(&[("a", 3)], &["x", "y", "a"]), [1.0 / 3.0, 0.0, 1.0, 1.0, 1.0, 0.5]);
        check(of(&[("a", 3)], &["x", "y"]), [0.0; 6]);
        check(of(&[("a", 3)], &[]), [0.0; 6]);
    }

    #[test]
    fn graded_files() {
        // Ranks 2 and 4. Gains 3 and 7: 3/log2(3) + 7/log2(5) = 1.89279 + 3.01474 = 4.90753; the best
        // order is 7/log2(2) + 3/log2(3) + 1/log2(4) = 7 + 1.89279 + 0.5 = 9.39279.
        let found = of(&[("a", 3), ("b", 2), ("c", 1)], &["x", "b", "y", "a"]);
        check(found, [0.5, 0.0, 2.0 / 3.0, 2.0 / 3.0, 2.0 / 3.0, 4.90753 / 9.39279]);
    }

    #[test]
    fn depths_are_inclusive() {
        let mut answer: Vec<String> = (1..60).map(|i| i.to_string()).collect();
        let names =
            |answer: &[String]| answer.iter().map(|n| FileId::new("r", n)).collect::<Vec<_>>();
        let at = |path| of(&[(path, 1)], &answer.iter().map(String::as_str).collect::<Vec<_>>());
        check(at("10"), [0.1, 0.0, 0.0, 1.0, 1.0, 1.0 / 11f64.log2()]);
        check(at("11"), [1.0 / 11.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        check(at("50"), [0.02, 0.0, 0.0, 0.0, 1.0, 0.0]);
        check(at("51"), [0.0; 6]);
        answer.splice(0..0, ["1".to_owned(), "1".to_owned()]);
        assert_eq!(
            ranks(&expected(&[("2", 1)]), &names(&answer)),
            [Some(2)],
            "versions count once"
        );
    }
}
