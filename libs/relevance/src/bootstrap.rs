//! How sure a mean over queries is.
//!
//! Percentile intervals of the bootstrap (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap",
//! 1993, chapter 13), by 2,000 draws. Queries for one file are drawn together: they rise and fall with it,
//! and would otherwise count as more evidence than they are. Differences are those of the same query
//! before and after (paired), so that the spread between queries does not hide them (T. Sakai, "Evaluating
//! evaluation metrics based on the bootstrap", 2006).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const DRAWS: usize = 2000;
const CONFIDENCE: f64 = 0.95;
/// The same figures from the same queries, whenever they are asked for.
const SEED: u64 = 1;

/// A mean with the interval that holds the true one in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Estimate {
    /// Below zero beyond noise.
    pub fn is_negative(&self) -> bool {
        self.high < 0.0
    }

    /// Above zero beyond noise.
    pub fn is_positive(&self) -> bool {
        self.low > 0.0
    }
}

/// The mean of values, each given with what it is drawn together by; zero of none.
pub fn mean(values: impl IntoIterator<Item = (u64, f64)>) -> Estimate {
    let mut groups: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for (group, value) in values {
        let (sum, num) = groups.entry(group).or_default();
        *sum += value;
        *num += 1.0;
    }
    let groups: Vec<(f64, f64)> = groups.into_values().collect();
    if groups.is_empty() {
        return Estimate { value: 0.0, low: 0.0, high: 0.0 };
    }
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut draws: Vec<f64> = (0..DRAWS)
        .map(|_| of((0..groups.len()).map(|_| groups[rng.random_range(0..groups.len())])))
        .collect();
    draws.sort_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let at = |share: f64| draws[(share * (DRAWS - 1) as f64).round() as usize];
    Estimate { value: of(groups.iter().copied()), low: at(tail), high: at(1.0 - tail) }
}

fn of(groups: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (sum, num) = groups.fold((0.0, 0.0), |all, group| (all.0 + group.0, all.1 + group.1));
    sum / num
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone(values: &[f64]) -> Estimate {
        mean((0..).zip(values.iter().copied()))
    }

    #[test]
    fn constants_are_certain() {
        assert_eq!(alone(&[0.25; 40]), Estimate { value: 0.25, low: 0.25, high: 0.25 });
        assert_eq!(alone(&[]), Estimate { value: 0.0, low: 0.0, high: 0.0 });
    }

    /// 100 values of 0 and 1, half each: the normal approximation is 0.5 ± 1.96 · 0.05.
    #[test]
    fn a_share_has_the_width_of_the_textbook() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let found = alone(&values);
        assert_eq!(found.value, 0.5);
        assert!(
            (found.low - 0.402).abs() < 0.015 && (found.high - 0.598).abs() < 0.015,
            "{found:?}"
        );
    }

    #[test]
    fn what_is_drawn_together_counts_once() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i % 2)).collect();
        let thrice = mean((0..100).cycle().zip(values.iter().copied().cycle()).take(300));
        let once = alone(&values);
        assert_eq!((thrice.value, thrice.low, thrice.high), (once.value, once.low, once.high));
    }

    /// Draws from a known distribution: the interval must hold its mean about as often as it claims.
    #[test]
    fn intervals_hold_the_truth() {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut held = 0;
        for _ in 0..200 {
            let values: Vec<f64> = (0..60).map(|_| rng.random::<f64>().powi(2)).collect();
            let found = alone(&values);
            held += u32::from((found.low..=found.high).contains(&(1.0 / 3.0)));
        }
        assert!((178..=200).contains(&held), "{held} of 200 hold the mean");
    }
}
