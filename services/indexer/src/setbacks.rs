//! Segments on which work failed. Each is left alone for a while, twice as long after each further failure, and
//! work on all others goes on. Which segment of a failed merge was to blame nobody knows: all of them wait.

use ax_model::{SegmentEntry, SegmentId};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// The first and the longest wait.
const WAIT: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// The segments on which one kind of work failed.
#[derive(Debug, Default)]
pub(crate) struct Setbacks(HashMap<SegmentId, Setback>);

#[derive(Debug)]
struct Setback {
    wait: Duration,
    until: Instant,
}

impl Setbacks {
    /// Work on `parts` failed: they are left alone for as long as is returned.
    pub fn add(&mut self, parts: &[SegmentId], now: Instant) -> Duration {
        let earlier = parts.iter().filter_map(|part| self.0.get(part));
        let wait = earlier.map(|setback| setback.wait * 2).max();
        let wait = wait.unwrap_or(WAIT.0).min(WAIT.1);
        let until = now + wait;
        self.0.extend(parts.iter().map(|part| (part.clone(), Setback { wait, until })));
        wait
    }

    /// Whether it is left alone.
    pub fn holds(&self, part: &SegmentId, now: Instant) -> bool {
        self.0.get(part).is_some_and(|setback| setback.until > now)
    }

    /// When the next wait ends, if any lasts.
    pub fn next_end(&self, now: Instant) -> Option<Instant> {
        self.0.values().map(|setback| setback.until).filter(|until| *until > now).min()
    }

    /// Forgets all but `entries`: the others are replaced.
    pub fn keep_only(&mut self, entries: &[SegmentEntry]) {
        self.0.retain(|part, _| entries.iter().any(|entry| entry.id == *part));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::tests::entry;

    fn ids(names: &[&str]) -> Vec<SegmentId> {
        names.iter().map(|name| SegmentId((*name).to_owned())).collect()
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_bound() {
        let (mut setbacks, mut now) = (Setbacks::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..11 {
            let wait = setbacks.add(&ids(&["a"]), now);
            assert!(setbacks.holds(&ids(&["a"])[0], now) && !setbacks.holds(&ids(&["b"])[0], now));
            assert_eq!(setbacks.next_end(now), Some(now + wait));
            now += wait;
            assert!(!setbacks.holds(&ids(&["a"])[0], now), "it is tried again");
            assert_eq!(setbacks.next_end(now), None);
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    }

    #[test]
    fn a_segment_that_failed_makes_its_new_neighbours_wait_as_long() {
        let (mut setbacks, now) = (Setbacks::default(), Instant::now());
        setbacks.add(&ids(&["a", "b"]), now);
        let later = now + Duration::from_secs(1);
        assert_eq!(setbacks.add(&ids(&["b", "c"]), later), Duration::from_secs(2));
        assert_eq!(setbacks.next_end(now), Some(later), "that of a ends first");
        setbacks.keep_only(&[entry("a", 1), entry("c", 1)]);
        assert!(setbacks.holds(&ids(&["c"])[0], later) && !setbacks.holds(&ids(&["b"])[0], later));
        assert_eq!(setbacks.add(&ids(&["b"]), later), Duration::from_secs(1), "it was forgotten");
    }
}
