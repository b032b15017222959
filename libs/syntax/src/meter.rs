//! The time that a thread has spent on a text.

use std::time::{Duration, Instant};

/// Measures how long the thread that starts it is at work. What other threads take of its core does not count:
/// one of the lowest priority may get a hundredth of a core, and no text is to blame for that. Where the system
/// does not tell a thread's own time, all that passes counts.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: Duration,
    began: Instant,
    /// The thread's own time then.
    own: Option<Duration>,
}

impl Meter {
    /// Begins now.
    pub(crate) fn start(limit: Duration) -> Self {
        Self { limit, began: Instant::now(), own: own_time() }
    }

    /// Whether the limit is reached. To be asked by the thread that started it.
    pub(crate) fn is_over(&self) -> bool {
        // A thread is at work for no longer than time passes, and to ask for that takes no system call.
        self.began.elapsed() >= self.limit && self.is_own_over()
    }

    fn is_own_over(&self) -> bool {
        let spent = own_time().zip(self.own).map(|(now, then)| now.saturating_sub(then));
        spent.is_none_or(|spent| spent >= self.limit)
    }
}

/// How long the thread that asks was at work since it began.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn own_time() -> Option<Duration> {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    clock.now().ok().map(Duration::from)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn own_time() -> Option<Duration> {
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Gives up this thread's core for so long.
    pub(crate) fn while_others_work(time: Duration) {
        let (_held, nothing) = std::sync::mpsc::channel::<()>();
        assert!(nothing.recv_timeout(time).is_err());
    }

    #[test]
    fn work_counts() {
        let (limit, began) = (Duration::from_millis(20), Instant::now());
        let meter = Meter::start(limit);
        assert!(!Meter::start(Duration::from_secs(3600)).is_over());
        while !meter.is_over() {
            assert!(began.elapsed() < Duration::from_secs(60), "nobody stops a hostile text");
        }
        assert!(began.elapsed() >= limit);
    }

    #[test]
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    fn time_in_which_others_were_at_work_does_not() {
        let limit = Duration::from_millis(200);
        let meter = Meter::start(limit);
        while_others_work(limit);
        assert!(meter.began.elapsed() >= limit && !meter.is_over());
    }
}
