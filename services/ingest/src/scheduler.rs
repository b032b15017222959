//! When to look at which repository next. Pure: time and chance are arguments.
//!
//! - G1 A repository is looked at once per interval, and never by two steps at a time.
//! - G2 Looking never takes more than a tenth of the time: a large directory is scanned less often, and
//!   each of thousands of repositories on this machine too, but not more than a minute for the others'
//!   sake.
//! - G3 After failures the waits double, up to a limit, and are scattered, so that a code host that
//!   comes back is not met by everybody at once.
//! - G4 Remotes that hang do not keep repositories of this machine waiting: each kind has its lane.
//! - G5 A kick is answered at once; one during a step is answered by another step after it.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

/// Time since the scheduler's beginning.
pub type Moment = Duration;

/// Share of time that a look may take: one part in this many.
const DUTY: u32 = 10;
/// Longest wait because of others.
const MOST_FOR_OTHERS: Duration = Duration::from_secs(60);

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
    repos: HashMap<String, Entry>,
    /// By [`Lane`].
    lines: [Line; 2],
}

#[derive(Debug)]
struct Entry {
    lane: Lane,
    every: Duration,
    due: Moment,
    running: bool,
    kicked: bool,
    failures: u32,
    /// Root of the seconds that the last look took.
    root_took: f64,
}

/// Those of one lane.
#[derive(Debug)]
struct Line {
    limit: usize,
    running: usize,
    /// Those that do not run, by when they are due.
    waiting: BTreeSet<(Moment, String)>,
    /// Sum of `root_took`.
    roots: f64,
}

impl Scheduler {
    /// An empty schedule.
    pub fn new(backoff: Backoff, lanes: Lanes) -> Self {
        let line = |limit| Line { limit, running: 0, waiting: BTreeSet::new(), roots: 0.0 };
        Self { backoff, repos: HashMap::new(), lines: [lanes.local, lanes.remote].map(line) }
    }

    /// Adds a repository, due at once, or changes its interval.
    pub fn set(&mut self, name: &str, lane: Lane, every: Duration, now: Moment) {
        let mut entry = self.remove(name).unwrap_or(Entry {
            lane,
            every,
            due: now,
            running: false,
            kicked: false,
            failures: 0,
            root_took: 0.0,
        });
        if entry.failures == 0 && entry.due > now + every {
            entry.due = now + every;
        }
        (entry.lane, entry.every) = (lane, every);
        self.insert(name, entry);
    }

    /// Keeps the repositories that `keep` names.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let gone: Vec<_> = self.repos.keys().filter(|name| !keep(name)).cloned().collect();
        for name in gone {
            self.remove(&name);
        }
    }

    /// Wants a look at once. False when the repository is not known.
    pub fn kick(&mut self, name: &str, now: Moment) -> bool {
        let Some(mut entry) = self.remove(name) else { return false };
        entry.due = entry.due.min(now);
        entry.kicked |= entry.running;
        self.insert(name, entry);
        true
    }

    /// The repositories that are due and whose lane has room, the longest overdue first; they count as
    /// running.
    pub fn take_due(&mut self, now: Moment) -> Vec<String> {
        let mut taken = Vec::new();
        for line in &mut self.lines {
            while line.running < line.limit
                && line.waiting.first().is_some_and(|(due, _)| *due <= now)
                && let Some(first) = line.waiting.pop_first()
            {
                line.running += 1;
                taken.push(first);
            }
        }
        taken.sort();
        for (_, name) in &taken {
            if let Some(entry) = self.repos.get_mut(name) {
                entry.running = true;
            }
        }
        taken.into_iter().map(|(_, name)| name).collect()
    }

    /// A step ended, of which looking `took` this long. `chance` is drawn from `0.0..1.0`.
    pub fn finished(&mut self, name: &str, ended: Ended, took: Duration, now: Moment, chance: f64) {
        let Some(mut entry) = self.remove(name) else { return };
        entry.running = false;
        entry.root_took = took.as_secs_f64().sqrt();
        let wait = match ended {
            Ended::Well => {
                entry.failures = 0;
                let alone = took * (DUTY - 1);
                entry.every.max(alone).max(self.wait_among_others(&entry))
            }
            Ended::Badly => {
                entry.failures = entry.failures.saturating_add(1);
                self.backoff.wait(entry.failures, chance).max(entry.every)
            }
        };
        let kicked = std::mem::take(&mut entry.kicked) && ended == Ended::Well;
        entry.due = if kicked { now } else { now + wait };
        self.insert(name, entry);
    }

    /// The wait by which all repositories of this machine together keep to [`DUTY`]. Waits go with the
    /// root of what a look costs: of all ways to share a budget, that one leaves the least staleness.
    fn wait_among_others(&self, entry: &Entry) -> Duration {
        if entry.lane == Lane::Remote {
            return Duration::ZERO; // a fetch waits for somebody else's machine
        }
        let roots = self.lines[entry.lane as usize].roots + entry.root_took;
        let seconds = entry.root_took * roots * f64::from(DUTY - 1);
        Duration::from_millis((seconds * 1e3) as u64).min(MOST_FOR_OTHERS)
    }

    /// When the next repository is due that could start: a full lane waits for the end of a step.
    pub fn next_due(&self) -> Option<Moment> {
        let has_room = |line: &&Line| line.running < line.limit;
        let first = |line: &Line| line.waiting.first().map(|(due, _)| *due);
        self.lines.iter().filter(has_room).filter_map(first).min()
    }

    fn insert(&mut self, name: &str, entry: Entry) {
        let line = &mut self.lines[entry.lane as usize];
        line.roots += entry.root_took;
        if entry.running {
            line.running += 1;
        } else {
            line.waiting.insert((entry.due, name.to_owned()));
        }
        self.repos.insert(name.to_owned(), entry);
    }

    fn remove(&mut self, name: &str) -> Option<Entry> {
        let (name, entry) = self.repos.remove_entry(name)?;
        let line = &mut self.lines[entry.lane as usize];
        line.roots = (line.roots - entry.root_took).max(0.0);
        if entry.running {
            line.running -= 1;
        } else {
            line.waiting.remove(&(entry.due, name));
        }
        Some(entry)
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
    fn thousands_of_quick_looks_share_the_time() {
        let names: Vec<String> = (0..3000).map(|i| i.to_string()).collect();
        let mut s = scheduler(&[]);
        for name in &names {
            s.set(name, Lane::Local, Duration::from_millis(500), at(0));
        }
        let look = Duration::from_micros(150);
        let (mut now, mut busy) = (Duration::ZERO, Duration::ZERO);
        while now < at(100) {
            for name in s.take_due(now) {
                now += look;
                busy += look;
                s.finished(&name, Ended::Well, look, now, 0.0);
            }
            now = now.max(s.next_due().unwrap());
        }
        assert!(busy > at(9) && busy < at(13), "{busy:?} of 100 s");

        s.set("huge", Lane::Local, EVERY, now);
        assert!(s.take_due(now).contains(&"huge".to_owned()));
        s.finished("huge", Ended::Well, at(2), now, 0.0);
        s.retain(|name| name == "huge");
        assert_eq!(s.next_due(), Some(now + MOST_FOR_OTHERS));
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
