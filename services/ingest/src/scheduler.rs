//! When to look at which repository next. Pure: time and chance are arguments.
//!
//! - G1 A repository is looked at once per interval, and never by two steps at a time.
//! - G2 Looking never takes more than a tenth of the time: a large directory is scanned less often.
//! - G3 After failures the waits double, up to a limit, and are scattered, so that a code host that
//!   comes back is not met by everybody at once.
//! - G4 Remotes that hang do not keep repositories of this machine waiting: each kind has its lane.
//! - G5 A kick is answered at once; one during a step is answered by another step after it.

use std::{collections::BTreeMap, time::Duration};

/// Time since the scheduler's beginning.
pub type Moment = Duration;

/// Share of time that a look may take: one part in this many.
const DUTY: u32 = 10;

/// Waits after failures.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// After the first failure.
    pub first: Duration,
    /// At most.
    pub max: Duration,
}

/// What repositories wait in line with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Those on this machine.
    Local,
    /// Those that are fetched.
    Remote,
}

/// Steps at the same time, per lane.
#[derive(Debug, Clone, Copy)]
pub struct Lanes {
    /// On this machine.
    pub local: usize,
    /// Fetched.
    pub remote: usize,
}

/// How a step ended, as far as the schedule goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    Well,
    /// Badly; to be repeated after a wait.
    Badly,
}

/// The schedule of all repositories.
#[derive(Debug)]
pub struct Scheduler {
    backoff: Backoff,
    lanes: Lanes,
    repos: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    lane: Lane,
    every: Duration,
    due: Moment,
    running: bool,
    kicked: bool,
    failures: u32,
}

impl Scheduler {
    /// An empty schedule.
    pub fn new(backoff: Backoff, lanes: Lanes) -> Self {
        Self { backoff, lanes, repos: BTreeMap::new() }
    }

    /// Adds a repository, due at once, or changes its interval.
    pub fn set(&mut self, name: &str, lane: Lane, every: Duration, now: Moment) {
        let new = || Entry { lane, every, due: now, running: false, kicked: false, failures: 0 };
        let entry = self.repos.entry(name.to_owned()).or_insert_with(new);
        if entry.failures == 0 && entry.due > now + every {
            entry.due = now + every;
        }
        (entry.lane, entry.every) = (lane, every);
    }

    /// Keeps the repositories that `keep` names.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.repos.retain(|name, _| keep(name));
    }

    /// Wants a look at once. False when the repository is not known.
    pub fn kick(&mut self, name: &str, now: Moment) -> bool {
        let Some(entry) = self.repos.get_mut(name) else { return false };
        entry.due = entry.due.min(now);
        entry.kicked |= entry.running;
        true
    }

    /// The repositories that are due and whose lane has room, the longest overdue first; they count as
    /// running.
    pub fn take_due(&mut self, now: Moment) -> Vec<String> {
        let waiting = self.repos.iter().filter(|(_, entry)| !entry.running && entry.due <= now);
        let mut due: Vec<(Moment, String)> =
            waiting.map(|(name, entry)| (entry.due, name.clone())).collect();
        due.sort();
        let (mut local, mut remote) = (self.room(Lane::Local), self.room(Lane::Remote));
        let mut taken = Vec::new();
        for (_, name) in due {
            let Some(entry) = self.repos.get_mut(&name) else { continue };
            let room = match entry.lane {
                Lane::Local => &mut local,
                Lane::Remote => &mut remote,
            };
            if *room > 0 {
                *room -= 1;
                entry.running = true;
                taken.push(name);
            }
        }
        taken
    }

    fn room(&self, lane: Lane) -> usize {
        let limit = match lane {
            Lane::Local => self.lanes.local,
            Lane::Remote => self.lanes.remote,
        };
        let running = self.repos.values().filter(|entry| entry.running && entry.lane == lane);
        limit.saturating_sub(running.count())
    }

    /// A step ended, of which looking `took` this long. `chance` is drawn from `0.0..1.0`.
    pub fn finished(&mut self, name: &str, ended: Ended, took: Duration, now: Moment, chance: f64) {
        let Some(entry) = self.repos.get_mut(name) else { return };
        entry.running = false;
        let wait = match ended {
            Ended::Well => {
                entry.failures = 0;
                entry.every.max(took * (DUTY - 1))
            }
            Ended::Badly => {
                entry.failures = entry.failures.saturating_add(1);
                self.backoff.wait(entry.failures, chance).max(entry.every)
            }
        };
        let kicked = std::mem::take(&mut entry.kicked) && ended == Ended::Well;
        entry.due = if kicked { now } else { now + wait };
    }

    /// When the next repository is due that could start: a full lane waits for the end of a step.
    pub fn next_due(&self) -> Option<Moment> {
        let has_room = [Lane::Local, Lane::Remote].map(|lane| self.room(lane) > 0);
        let could = |entry: &&Entry| !entry.running && has_room[entry.lane as usize];
        self.repos.values().filter(could).map(|entry| entry.due).min()
    }
}

impl Backoff {
    /// The wait after the `failures`-th failure in a row: doubled each time, up to the limit, and then
    /// between half and all of it.
    fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.max).mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(10);

    fn at(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    fn scheduler(names: &[&str]) -> Scheduler {
        let backoff = Backoff { first: at(1), max: at(60) };
        let mut scheduler = Scheduler::new(backoff, Lanes { local: 2, remote: 1 });
        for name in names {
            scheduler.set(name, Lane::Local, EVERY, at(0));
        }
        scheduler
    }

    #[test]
    fn one_look_per_interval_and_never_two_at_a_time() {
        let mut s = scheduler(&["a"]);
        assert_eq!(s.take_due(at(0)), ["a"]);
        assert!(s.take_due(at(100)).is_empty(), "still running");
        assert_eq!(s.next_due(), None);
        s.finished("a", Ended::Well, at(0), at(100), 0.0);
        assert_eq!(s.next_due(), Some(at(110)));
    }

    #[test]
    fn the_longest_overdue_goes_first() {
        let mut s = scheduler(&["a", "b"]);
        s.take_due(at(0));
        s.finished("b", Ended::Well, at(0), at(1), 0.0);
        s.finished("a", Ended::Well, at(0), at(2), 0.0);
        assert_eq!(s.take_due(at(50)), ["b", "a"]);
    }

    #[test]
    fn a_full_lane_does_not_hold_up_the_other() {
        let mut s = scheduler(&["a", "b", "c"]);
        s.set("x", Lane::Remote, EVERY, at(0));
        s.set("y", Lane::Remote, EVERY, at(0));
        assert_eq!(s.take_due(at(1)), ["a", "b", "x"]);
        assert_eq!(s.next_due(), None, "c and y wait for the end of a step");
        s.finished("a", Ended::Well, at(0), at(2), 0.0);
        assert_eq!(s.take_due(at(2)), ["c"]);
        s.finished("x", Ended::Badly, at(0), at(3), 0.0);
        assert_eq!(s.take_due(at(3)), ["y"]);
    }

    #[test]
    fn slow_looks_are_rarer() {
        let mut s = scheduler(&["a"]);
        s.take_due(at(0));
        s.finished("a", Ended::Well, at(5), at(5), 0.0);
        assert_eq!(s.next_due(), Some(at(50)));
    }

    #[test]
    fn failures_wait_longer_and_longer() {
        let mut s = scheduler(&["a"]);
        s.set("a", Lane::Local, Duration::ZERO, at(0));
        for (wait, chance) in [(1, 1.0), (2, 1.0), (4, 1.0), (4, 0.0)] {
            s.take_due(at(0));
            s.finished("a", Ended::Badly, at(0), at(0), chance);
            assert_eq!(s.next_due(), Some(at(wait)));
            s.kick("a", at(0));
        }
        for _ in 0..40 {
            s.take_due(at(0));
            s.finished("a", Ended::Badly, at(0), at(0), 1.0);
            s.kick("a", at(0));
        }
        s.take_due(at(0));
        s.finished("a", Ended::Badly, at(0), at(0), 1.0);
        assert_eq!(s.next_due(), Some(at(60)), "the limit holds");
    }

    #[test]
    fn a_kick_is_answered_even_during_a_step() {
        let mut s = scheduler(&["a"]);
        s.take_due(at(0));
        assert!(s.kick("a", at(1)));
        s.finished("a", Ended::Well, at(1), at(2), 0.0);
        assert_eq!(s.take_due(at(2)), ["a"]);
        assert!(!s.kick("unknown", at(2)));
    }

    #[test]
    fn forgotten_repositories_are_not_due() {
        let mut s = scheduler(&["a", "b"]);
        s.retain(|name| name == "b");
        assert_eq!(s.take_due(at(0)), ["b"]);
        s.finished("a", Ended::Well, at(0), at(0), 0.0);
    }
}
