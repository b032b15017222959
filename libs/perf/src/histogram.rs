//! Times by their number, to three figures, in bounded memory (HdrHistogram).

use hdrhistogram::Histogram as Hdr;

/// Longest time told apart, in microseconds: more than any deadline.
const MAX_US: u64 = 3_600_000_000;

/// How often each time came.
#[derive(Debug, Clone)]
pub struct Histogram(Hdr<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(Hdr::new_with_bounds(1, MAX_US, 3).expect("the bounds are constants that it takes"))
    }
}

impl Histogram {
    /// Counts one time; one that is out of range counts as the nearest within.
    pub fn record(&mut self, micros: u64) {
        self.0.saturating_record(micros.max(1));
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time that a share `q` of all does not exceed; 0 when empty.
    pub fn quantile(&self, q: f64) -> u64 {
        if self.0.is_empty() { 0 } else { self.0.value_at_quantile(q).min(self.0.max()) }
    }

    /// The mean; 0 when empty.
    pub fn mean(&self) -> f64 {
        self.0.mean()
    }

    /// The longest, to three figures; 0 when empty.
    pub fn max(&self) -> u64 {
        self.0.max()
    }

    /// Times and the shares that do not exceed them, rising.
    pub fn cumulative(&self) -> Vec<(u64, f64)> {
        let total = self.count().max(1) as f64;
        let mut seen = 0;
        let steps = self.0.iter_recorded().map(|step| {
            seen += step.count_at_value();
            (step.value_iterated_to(), seen as f64 / total)
        });
        steps.collect()
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(times: I) -> Self {
        let mut histogram = Self::default();
        times.into_iter().for_each(|micros| histogram.record(micros));
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_within_a_thousandth() {
        let histogram: Histogram = (1..=100_000).collect();
        for (q, exact) in [(0.5, 50_000.0), (0.95, 95_000.0), (0.99, 99_000.0), (1.0, 100_000.0)] {
            let off = histogram.quantile(q) as f64 / exact - 1.0;
            assert!(off.abs() < 0.001, "{q}: {off}");
        }
        assert!((histogram.mean() / 50_000.5 - 1.0).abs() < 0.001);
        let steps = histogram.cumulative();
        assert_eq!(steps.last().unwrap().1, 1.0);
        assert!(steps.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1));
    }

    #[test]
    fn nothing_and_too_much() {
        let empty = Histogram::default();
        assert_eq!((empty.quantile(0.99), empty.max(), empty.count()), (0, 0, 0));
        let far: Histogram = [0, u64::MAX].into_iter().collect();
        assert_eq!(far.count(), 2);
        assert!(far.quantile(1.0) >= MAX_US);
    }
}
