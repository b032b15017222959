//! How an import goes: counts, bytes, and an estimate of the time left.

use ax_model::{Fault, RepoName};
use ax_proto::cluster::IngestProgress;
use parking_lot::Mutex;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A remote is fetched for the first time.
    Cloning,
    /// A remote is fetched.
    Fetching,
    /// A directory is scanned.
    Scanning,
    /// Trees are compared.
    Diffing,
    /// Changes are emitted.
    Emitting,
    /// Everything is in the stream.
    Done,
    /// It failed and will be repeated.
    Failed,
}

impl Phase {
    /// The stable name used by the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cloning => "cloning",
            Self::Fetching => "fetching",
            Self::Scanning => "scanning",
            Self::Diffing => "diffing",
            Self::Emitting => "emitting",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

/// Progress of one repository; shared by the threads that make it and whoever shows it.
pub struct Progress {
    name: RepoName,
    started: Instant,
    started_at_ms: i64,
    files_done: AtomicU64,
    files_total: AtomicU64,
    bytes_done: AtomicU64,
    state: Mutex<State>,
    shown: watch::Sender<IngestProgress>,
}

/// What counts do not say.
#[derive(Clone)]
struct State {
    phase: Phase,
    failure: String,
    version: String,
}

impl Progress {
    /// A beginning.
    pub fn new(name: RepoName, started_at_ms: i64) -> Self {
        let first = IngestProgress {
            name: name.to_string(),
            phase: Phase::Diffing.as_str().to_owned(),
            started_at_ms,
            remaining_ms: -1,
            ..Default::default()
        };
        Self {
            name,
            started: Instant::now(),
            started_at_ms,
            files_done: AtomicU64::new(0),
            files_total: AtomicU64::new(0),
            bytes_done: AtomicU64::new(0),
            state: Mutex::new(State {
                phase: Phase::Diffing,
                failure: String::new(),
                version: String::new(),
            }),
            shown: watch::Sender::new(first),
        }
    }

    /// Follows the progress.
    pub fn watch(&self) -> watch::Receiver<IngestProgress> {
        self.shown.subscribe()
    }

    /// How many files there are to emit.
    pub fn expect(&self, num_files: u64) {
        self.files_total.store(num_files, Ordering::Relaxed);
    }

    /// Adds what was acknowledged.
    pub fn add(&self, num_files: u64, num_bytes: u64) {
        self.files_done.fetch_add(num_files, Ordering::Relaxed);
        self.bytes_done.fetch_add(num_bytes, Ordering::Relaxed);
    }

    /// Files and bytes acknowledged so far.
    pub fn done(&self) -> (u64, u64) {
        (self.files_done.load(Ordering::Relaxed), self.bytes_done.load(Ordering::Relaxed))
    }

    /// Enters a phase. `version` is the token reached, empty when there is none.
    pub fn enter(&self, phase: Phase, version: &str) {
        self.set(State { phase, failure: String::new(), version: version.to_owned() });
    }

    /// Ends in a failure, to be repeated.
    pub fn fail(&self, fault: &Fault) {
        let version = self.state.lock().version.clone();
        self.set(State { phase: Phase::Failed, failure: fault.to_string(), version });
    }

    fn set(&self, state: State) {
        *self.state.lock() = state;
        self.publish();
    }

    /// Publishes the counts as of now, and returns them.
    pub fn publish(&self) -> IngestProgress {
        let State { phase, failure, version } = self.state.lock().clone();
        let (files_done, bytes_done) = self.done();
        let files_total = self.files_total.load(Ordering::Relaxed);
        let left = remaining(self.started.elapsed(), files_done, files_total);
        let now = IngestProgress {
            name: self.name.to_string(),
            phase: phase.as_str().to_owned(),
            files_done,
            files_total,
            bytes_done,
            started_at_ms: self.started_at_ms,
            remaining_ms: match phase {
                Phase::Done => 0,
                Phase::Emitting => left.map_or(-1, whole_ms),
                _ => -1,
            },
            failure,
            version,
        };
        self.shown.send_replace(now.clone());
        now
    }
}

fn whole_ms(left: Duration) -> i64 {
    i64::try_from(left.as_millis()).unwrap_or(i64::MAX)
}

/// Time left if the rest goes as fast as what is done; `None` while too little is known.
fn remaining(elapsed: Duration, done: u64, total: u64) -> Option<Duration> {
    if done == 0 || total < done {
        return None;
    }
    Some(elapsed.mul_f64((total - done) as f64 / done as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_is_proportional() {
        let elapsed = Duration::from_secs(10);
        assert_eq!(remaining(elapsed, 25, 100), Some(Duration::from_secs(30)));
        assert_eq!(remaining(elapsed, 100, 100), Some(Duration::ZERO));
        assert_eq!(remaining(elapsed, 0, 100), None);
        assert_eq!(remaining(elapsed, 5, 0), None, "the total is not known yet");
    }

    #[test]
    fn what_is_published_is_seen() {
        let progress = Progress::new(RepoName::new("r").unwrap(), 7);
        let seen = progress.watch();
        progress.expect(10);
        progress.add(4, 400);
        progress.enter(Phase::Emitting, "g1.0:4");
        let now = seen.borrow();
        assert_eq!((now.files_done, now.files_total, now.bytes_done), (4, 10, 400));
        assert!(now.remaining_ms >= 0);
        assert_eq!(now.phase, "emitting");
    }
}
