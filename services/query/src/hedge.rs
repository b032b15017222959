//! When a slow replica has been waited for long enough to ask another one too.

use std::{collections::VecDeque, time::Duration};

/// How long to wait before the second replica is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HedgeRule {
    /// Wait at least this long.
    pub floor: Duration,
    /// Wait at most this long, and this long while too few answers were seen.
    pub ceiling: Duration,
}

impl Default for HedgeRule {
    fn default() -> Self {
        Self { floor: Duration::from_millis(20), ceiling: Duration::from_millis(250) }
    }
}

impl HedgeRule {
    /// Always the same delay.
    pub fn fixed(delay: Duration) -> Self {
        Self { floor: delay, ceiling: delay }
    }
}

/// Answers remembered: enough for a 95th percentile, few enough to follow a change of load.
const WINDOW: usize = 256;
/// Fewer answers than this say nothing about a percentile.
const ENOUGH: usize = 20;

/// The times of recent answers. A value without a clock: the caller measures.
#[derive(Debug, Default)]
pub struct RecentTimes {
    times: VecDeque<Duration>,
}

impl RecentTimes {
    /// Notes one answer's time.
    pub fn note(&mut self, time: Duration) {
        if self.times.len() == WINDOW {
            self.times.pop_front();
        }
        self.times.push_back(time);
    }

    /// The 95th percentile of what was noted, within the rule's bounds.
    pub fn delay(&self, rule: HedgeRule) -> Duration {
        if self.times.len() < ENOUGH {
            return rule.ceiling;
        }
        let mut sorted: Vec<_> = self.times.iter().copied().collect();
        let at = sorted.len() * 95 / 100;
        let (_, p95, _) = sorted.select_nth_unstable(at);
        (*p95).max(rule.floor).min(rule.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn noted(times: impl IntoIterator<Item = u64>) -> RecentTimes {
        let mut recent = RecentTimes::default();
        times.into_iter().for_each(|time| recent.note(MS(time)));
        recent
    }

    #[test]
    fn waits_for_the_slowest_twentieth() {
        let rule = HedgeRule { floor: MS(5), ceiling: MS(500) };
        assert_eq!(noted(1..=100).delay(rule), MS(96));
        assert_eq!(noted(1..=10).delay(rule), MS(500), "too few answers");
        assert_eq!(noted(std::iter::repeat_n(1, 50)).delay(rule), MS(5));
        assert_eq!(noted(std::iter::repeat_n(900, 50)).delay(rule), MS(500));
        assert_eq!(noted(1..=100).delay(HedgeRule::fixed(MS(50))), MS(50));
    }

    #[test]
    fn forgets_what_is_long_past() {
        let old_then_new = std::iter::repeat_n(400, 256).chain(std::iter::repeat_n(10, 256));
        assert_eq!(noted(old_then_new).delay(HedgeRule { floor: MS(1), ceiling: MS(500) }), MS(10));
    }
}
