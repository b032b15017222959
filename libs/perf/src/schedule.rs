//! When queries of an open loop are meant to start.
//!
//! The times depend on nothing that the server does. A query that had to wait for a free client is timed
//! from here, so that a stall is paid for by every query that should have come meanwhile; a loop that
//! waits for the answer asks fewer queries just when the server is slow, and hides it (G. Tene calls that
//! coordinated omission).

use crate::workload::Arrivals;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// An endless sequence of intended starts, counted from the beginning of the run; never falling.
#[derive(Debug, Clone)]
pub struct Schedule {
    rate: f64,
    arrivals: Arrivals,
    rng: ChaCha8Rng,
    asked: u64,
    seconds: f64,
}

impl Schedule {
    /// `rate` queries per second, over zero.
    pub fn new(rate: f64, arrivals: Arrivals, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5c4e_d01e);
        Self { rate, arrivals, rng, asked: 0, seconds: 0.0 }
    }

    /// The next intended start.
    pub fn next_start(&mut self) -> Duration {
        let start = match self.arrivals {
            // From the count, not from a sum: millions of additions would drift.
            Arrivals::Even => self.asked as f64 / self.rate,
            Arrivals::Poisson => self.seconds,
        };
        self.asked += 1;
        let uniform: f64 = self.rng.random();
        self.seconds += -(1.0 - uniform).ln() / self.rate; // exponential by inversion; 1 - u is not 0
        Duration::from_secs_f64(start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(arrivals: Arrivals, num: usize) -> Vec<f64> {
        let mut schedule = Schedule::new(50.0, arrivals, 11);
        (0..num).map(|_| schedule.next_start().as_secs_f64()).collect()
    }

    #[test]
    fn even_starts_are_exact() {
        let starts = starts(Arrivals::Even, 5001);
        assert_eq!(starts[..3], [0.0, 0.02, 0.04]);
        assert_eq!(starts[5000], 100.0, "no drift");
    }

    #[test]
    fn poisson_starts_have_the_rate_and_the_spread() {
        let starts = starts(Arrivals::Poisson, 20_001);
        let gaps: Vec<f64> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps.iter().all(|gap| *gap >= 0.0));
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 50.0 - 1.0).abs() < 0.03, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.05, "exponential gaps: deviation is mean");
    }
}
