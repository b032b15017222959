//! How far two measurements lie apart, and how sure that is.
//!
//! Times of one run are not independent: a busy neighbour or a merge slows all queries of a second. So the
//! bootstrap draws whole stretches of time, not single queries (block bootstrap; H. Künsch, "The jackknife
//! and the bootstrap for general stationary observations", 1989), and reads the interval off the draws'
//! percentiles (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13). Shares
//! of failures are compared by Newcombe's score interval ("Interval estimation for the difference between
//! independent proportions", 1998, method 10).

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws per interval: enough for its ends at 99 %.
const DRAWS: usize = 1000;
/// Most stretches.
const MAX_BLOCKS: usize = 50;
/// Fewest values per stretch.
const MIN_PER_BLOCK: usize = 5;

/// An interval that holds the true value with some confidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Half its width.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// Values by the stretch of time that they are of.
#[derive(Debug, Clone)]
pub struct Blocks {
    /// Each value and its stretch, values rising.
    sorted: Vec<(u64, u32)>,
    /// How many values each stretch has.
    counts: Vec<u64>,
}

impl Blocks {
    /// `values` at times `at`, over `length` in the unit of `at`.
    pub fn new(at: &[u64], values: &[u64], length: u64) -> Self {
        let num = (values.len() / MIN_PER_BLOCK).clamp(1, MAX_BLOCKS);
        let mut counts = vec![0; num];
        let place =
            |at: u64| ((at as f64 / length.max(1) as f64 * num as f64) as usize).min(num - 1);
        let mut sorted: Vec<(u64, u32)> = at
            .iter()
            .zip(values)
            .map(|(at, value)| {
                let block = place(*at);
                counts[block] += 1;
                (*value, block as u32)
            })
            .collect();
        sorted.sort_unstable();
        Self { sorted, counts }
    }

    /// How many values.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The values that shares `qs`, rising, do not exceed.
    pub fn quantiles(&self, qs: &[f64]) -> Vec<f64> {
        self.weighted(&vec![1; self.counts.len()], qs)
    }

    /// The same when each stretch counts so many times.
    fn weighted(&self, weights: &[u64], qs: &[f64]) -> Vec<f64> {
        let total: u64 =
            self.counts.iter().zip(weights).map(|(count, weight)| count * weight).sum();
        let mut found = Vec::with_capacity(qs.len());
        let mut seen = 0;
        for &(value, block) in &self.sorted {
            seen += weights[block as usize];
            while found.len() < qs.len()
                && seen as f64 >= qs[found.len()] * total as f64
                && seen > 0
            {
                found.push(value as f64);
            }
            if found.len() == qs.len() {
                break;
            }
        }
        found.resize(qs.len(), f64::NAN);
        found
    }

    /// How often each stretch is drawn.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u64> {
        let num = self.counts.len();
        let mut weights = vec![0; num];
        for _ in 0..num {
            weights[rng.random_range(0..num)] += 1;
        }
        weights
    }
}

/// For each of `qs`, rising: the interval of `b`'s quantile over `a`'s, less one; 0.1 is a tenth more.
pub fn quantile_differences(
    a: &Blocks,
    b: &Blocks,
    qs: &[f64],
    confidence: f64,
    seed: u64,
) -> Vec<Interval> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draws = vec![Vec::with_capacity(DRAWS); qs.len()];
    for _ in 0..DRAWS {
        let (of_a, of_b) = (a.draw(&mut rng), b.draw(&mut rng));
        let pairs = a.weighted(&of_a, qs).into_iter().zip(b.weighted(&of_b, qs));
        for (kept, (a, b)) in draws.iter_mut().zip(pairs) {
            kept.push(b / a - 1.0);
        }
    }
    draws.into_iter().map(|draws| percentiles(draws, confidence)).collect()
}

/// The interval of `b`'s values per time over `a`'s, less one, when both lasted equally long or `seconds`
/// say how long.
pub fn rate_difference(
    a: &Blocks,
    b: &Blocks,
    seconds: (f64, f64),
    confidence: f64,
    seed: u64,
) -> Interval {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rate = |blocks: &Blocks, seconds: f64| {
        let weights = blocks.draw(&mut rng);
        let num: u64 =
            blocks.counts.iter().zip(weights).map(|(count, weight)| count * weight).sum();
        num as f64 / seconds
    };
    let draws = (0..DRAWS).map(|_| {
        let before = rate(a, seconds.0);
        rate(b, seconds.1) / before - 1.0
    });
    percentiles(draws.collect(), confidence)
}

/// Draws without a value, as of an empty stretch, say nothing.
fn percentiles(mut draws: Vec<f64>, confidence: f64) -> Interval {
    draws.retain(|draw| draw.is_finite());
    draws.sort_by(f64::total_cmp);
    let Some(last) = draws.len().checked_sub(1) else {
        return Interval { low: f64::NEG_INFINITY, high: f64::INFINITY };
    };
    let tail = (1.0 - confidence) / 2.0;
    let at = |share: f64| draws[(share * last as f64).round() as usize];
    Interval { low: at(tail), high: at(1.0 - tail) }
}

/// Interval of the share `b.0 / b.1` less the share `a.0 / a.1`, by Newcombe's method 10; `z` is the
/// quantile of the normal distribution, 2.576 for 99 %.
pub fn share_difference(a: (u64, u64), b: (u64, u64), z: f64) -> Interval {
    let (wilson_a, wilson_b) = (wilson(a, z), wilson(b, z));
    let share = |(part, all): (u64, u64)| part as f64 / all.max(1) as f64;
    let (pa, pb) = (share(a), share(b));
    let low = ((pb - wilson_b.low).powi(2) + (wilson_a.high - pa).powi(2)).sqrt();
    let high = ((wilson_b.high - pb).powi(2) + (pa - wilson_a.low).powi(2)).sqrt();
    Interval { low: pb - pa - low, high: pb - pa + high }
}

/// Wilson's score interval of a share.
fn wilson((part, all): (u64, u64), z: f64) -> Interval {
    let n = all.max(1) as f64;
    let p = part as f64 / n;
    let centre = p + z * z / (2.0 * n);
    let spread = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z * z / n;
    Interval { low: (centre - spread) / scale, high: (centre + spread) / scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(values: impl Iterator<Item = u64>) -> Blocks {
        let values: Vec<u64> = values.collect();
        let at: Vec<u64> = (0..values.len() as u64).collect();
        Blocks::new(&at, &values, values.len() as u64)
    }

    #[test]
    fn quantiles_of_known_values() {
        let blocks = even((1..=100).rev());
        assert_eq!(blocks.quantiles(&[0.5, 0.95, 0.99, 1.0]), [50.0, 95.0, 99.0, 100.0]);
        assert_eq!(even([7].into_iter()).quantiles(&[0.0, 0.5]), [7.0, 7.0]);
        assert!(even(std::iter::empty()).quantiles(&[0.5])[0].is_nan());
    }

    #[test]
    fn constants_differ_by_exactly_their_ratio() {
        let (a, b) = (even((0..1000).map(|_| 100)), even((0..1000).map(|_| 125)));
        let found = quantile_differences(&a, &b, &[0.5, 0.99], 0.99, 1);
        assert_eq!(found, [Interval { low: 0.25, high: 0.25 }; 2]);
        let rate = rate_difference(&a, &b, (10.0, 5.0), 0.99, 1);
        // Stretches of 19 to 21 values each, since 1,000 times fall on 50 stretches with some rounding.
        assert!((rate.low - 1.0).abs() < 0.03 && (rate.high - 1.0).abs() < 0.03, "{rate:?}");
    }

    #[test]
    fn a_bad_second_widens_the_interval_as_single_queries_would_not() {
        // Two stretches of fifty are slow: by single queries the p95 would look sure.
        let slow_stretch = |i: u64| if (4_000..8_000).contains(&i) { 900 } else { 100 + i % 10 };
        let a = even((0..100_000).map(slow_stretch));
        let found = quantile_differences(&a, &a, &[0.95], 0.99, 3)[0];
        assert!(found.half_width() > 1.0, "{found:?}");
    }

    /// Newcombe 1998, table II, case (a): 56/70 and 48/80, method 10, 95 %: 0.0524 to 0.3339.
    #[test]
    fn shares_as_published() {
        let found = share_difference((48, 80), (56, 70), 1.959_964);
        assert!(
            (found.low - 0.0524).abs() < 5e-5 && (found.high - 0.3339).abs() < 5e-5,
            "{found:?}"
        );
    }

    #[test]
    fn nothing_is_known_of_nothing() {
        let none = even(std::iter::empty());
        let found = quantile_differences(&none, &none, &[0.5], 0.99, 1)[0];
        assert_eq!(found, Interval { low: f64::NEG_INFINITY, high: f64::INFINITY });
    }
}
