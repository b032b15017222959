//! Who refused a connection lately. A value without a clock: the caller says what time it is.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// Nodes that are put last for a while, since they did not answer.
///
/// Coordination is not asked: it may be down, and its lease ends seconds after a node does.
#[derive(Debug, Default)]
pub struct Health {
    suspect_until: HashMap<String, Instant>,
    losses: HashMap<String, u32>,
}

/// Hedges lost in a row before a node counts as refusing: one that is stopped or behind a cut
/// accepts connections and says nothing.
const MOST_LOSSES: u32 = 8;

impl Health {
    /// Notes that another node answered first although `id` was asked before it.
    pub fn overtaken(&mut self, id: &str, now: Instant, penalty: Duration) {
        let losses = self.losses.entry(id.to_owned()).or_default();
        *losses += 1;
        if *losses >= MOST_LOSSES {
            self.refused(id, now, penalty);
        }
    }

    /// Puts `id` last until `now + penalty`.
    pub fn refused(&mut self, id: &str, now: Instant, penalty: Duration) {
        self.suspect_until.retain(|_, until| *until > now); // bounded by the members of a penalty
        self.suspect_until.insert(id.to_owned(), now + penalty);
        self.losses.remove(id);
    }

    /// Takes `id` back: it answered.
    pub fn answered(&mut self, id: &str) {
        self.suspect_until.remove(id);
        self.losses.remove(id);
    }

    /// True while `id` should be asked last.
    pub fn is_suspect(&self, id: &str, now: Instant) -> bool {
        self.suspect_until.get(id).is_some_and(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_penalty_ends_by_time_or_by_an_answer() {
        let now = Instant::now();
        let penalty = Duration::from_secs(5);
        let mut health = Health::default();
        health.refused("a", now, penalty);
        health.refused("b", now, penalty);
        assert!(health.is_suspect("a", now + penalty / 2));
        assert!(!health.is_suspect("a", now + penalty));
        health.answered("b");
        assert!(!health.is_suspect("b", now));
        assert!(!health.is_suspect("c", now));
    }

    #[test]
    fn who_is_always_overtaken_counts_as_refusing() {
        let now = Instant::now();
        let penalty = Duration::from_secs(5);
        let mut health = Health::default();
        for _ in 1..MOST_LOSSES {
            health.overtaken("a", now, penalty);
        }
        health.answered("a");
        health.overtaken("a", now, penalty);
        assert!(!health.is_suspect("a", now), "an answer in between makes it good again");
        for _ in 1..MOST_LOSSES {
            health.overtaken("a", now, penalty);
        }
        assert!(health.is_suspect("a", now));
    }
}
