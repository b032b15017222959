//! Whether the store answers, as its thread tells everybody else; and how often it tries to mend itself.

use crate::CoordinationError;
use std::time::Duration;
use tokio::time::Instant;

/// How the thread is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    /// It answers.
    Well,
    /// Its disk failed, and how; it opens its log again until that works.
    Recovering(String),
    /// It was told to end.
    Closed,
    /// It cannot go on, and why.
    Dead(String),
}

impl Health {
    /// Why a request got no answer. When all is well again by now, the disk may have failed meanwhile.
    pub(super) fn error(&self) -> CoordinationError {
        let unavailable = |why: &str| CoordinationError::Unavailable(why.to_owned());
        match self {
            Self::Well => unavailable("the store is overloaded, or its disk failed a moment ago"),
            Self::Closed => unavailable("the store is closed"),
            Self::Recovering(why) => {
                unavailable(&format!("{why}; the log is opened again until that works"))
            }
            Self::Dead(why) => CoordinationError::Broken(why.clone()),
        }
    }
}

/// Pauses before the log is opened again: each twice as long as the last, until it went well for a
/// while. So a disk that takes small writes and no large ones is not opened all the time.
#[derive(Debug)]
pub(super) struct Backoff {
    pauses: (Duration, Duration),
    next: Duration,
    ended: Instant,
}

impl Backoff {
    /// From the first of `pauses` to the second.
    pub(super) fn new(pauses: (Duration, Duration)) -> Self {
        Self { pauses, next: pauses.0, ended: Instant::now() }
    }

    /// The next pause, which begins now.
    pub(super) fn next(&mut self) -> Duration {
        let now = Instant::now();
        if now.saturating_duration_since(self.ended) > self.pauses.1 {
            self.next = self.pauses.0;
        }
        let pause = self.next;
        self.next = (pause * 2).min(self.pauses.1);
        self.ended = now + pause;
        pause
    }
}
