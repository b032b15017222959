//! The threads that builds share.
//!
//! What can wait has threads of its own, since work that has begun on a thread is ended first, and a chunk
//! of parsing takes seconds. They stand still between two texts while others are at work on what is fresh,
//! and take one each [`PATIENCE`] all the same, or on a machine that is always busy definitions would never
//! come. To searches they give way by the lowest priority the system has for a thread that is to go on at all:
//! a search that wakes has the core at once, and a core that is never idle leaves them one part in seventy.

use parking_lot::{Condvar, Mutex};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{sync::OnceLock, time::Duration};
use thread_priority::ThreadPriority;

/// How long a text of the background waits for those that are fresh.
const PATIENCE: Duration = Duration::from_millis(100);

static FRESH: Busy = Busy::new();

/// Which threads do the work of a build. None of them are those of the searches: a query would wait for a
/// chunk there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crew {
    /// Those of changes that wait to be searchable.
    Fresh,
    /// Those of what can wait.
    Background,
}

impl Crew {
    /// Runs `work` there.
    pub(super) fn run<T: Send>(self, work: impl FnOnce() -> T + Send) -> T {
        static FRESH_POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
        static BACKGROUND_POOL: OnceLock<Option<ThreadPool>> = OnceLock::new();
        let _at_work = (self == Self::Fresh).then(|| FRESH.enter());
        let pool = match self {
            Self::Fresh => FRESH_POOL.get_or_init(|| pool(named("ax-build"))),
            Self::Background => {
                let last = || named("ax-later").start_handler(|_| come_last());
                BACKGROUND_POOL.get_or_init(|| pool(last()))
            }
        };
        match pool {
            Some(pool) => pool.install(work),
            None => work(), // no threads to be had: rayon's own will do
        }
    }

    /// To be called between two texts.
    pub(super) fn give_way(self) {
        if self == Self::Background {
            FRESH.wait(PATIENCE);
        }
    }
}

fn named(name: &'static str) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new().thread_name(move |i| format!("{name}-{i}"))
}

fn pool(builder: ThreadPoolBuilder) -> Option<ThreadPool> {
    builder.build().ok()
}

/// Lets every other thread of this process, and of the machine, go first.
fn come_last() {
    if let Err(error) = ThreadPriority::Min.set_for_current() {
        tracing::warn!(%error, "looking for definitions runs at the priority of searches");
    }
}

/// How many are at work.
struct Busy {
    num: Mutex<usize>,
    idle: Condvar,
}

/// One at work, until it is dropped.
struct AtWork<'a>(&'a Busy);

impl Busy {
    const fn new() -> Self {
        Self { num: Mutex::new(0), idle: Condvar::new() }
    }

    fn enter(&self) -> AtWork<'_> {
        *self.num.lock() += 1;
        AtWork(self)
    }

    /// Returns once nobody is at work, or after `patience`; true in the first case.
    fn wait(&self, patience: Duration) -> bool {
        let mut num = self.num.lock();
        !self.idle.wait_while_for(&mut num, |num| *num > 0, patience).timed_out()
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        let mut num = self.0.num.lock();
        *num -= 1;
        if *num == 0 {
            self.0.idle.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn who_can_wait_does_until_all_others_are_done() {
        let (busy, is_done) = (Busy::new(), AtomicBool::new(false));
        assert!(busy.wait(Duration::ZERO));
        let (first, second) = (busy.enter(), busy.enter());
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                assert!(busy.wait(Duration::from_secs(3600)));
                assert!(is_done.load(Ordering::SeqCst));
            });
            drop(first);
            assert!(!busy.wait(Duration::from_millis(1)), "one is left, and patience ends");
            is_done.store(true, Ordering::SeqCst);
            drop(second);
            waiter.join().unwrap();
        });
    }

    #[test]
    #[cfg(target_os = "linux")] // elsewhere the system may have no such thing
    fn what_can_wait_comes_last_and_nothing_else_does() {
        let niceness = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            // What follows the name, which may hold anything; proc_pid_stat(5) counts from one.
            let after = stat.rsplit_once(')').unwrap().1;
            after.split_whitespace().nth(19 - 3).unwrap().parse::<i32>().unwrap()
        };
        let own = niceness();
        assert_eq!(Crew::Background.run(niceness), 19);
        assert_eq!((Crew::Fresh.run(niceness), niceness()), (own, own));
    }

    #[test]
    fn who_panics_is_not_at_work_any_more() {
        let busy = Busy::new();
        let panicked = std::thread::scope(|scope| {
            let at_work = scope.spawn(|| {
                let _at_work = busy.enter();
                panic!("on purpose");
            });
            at_work.join()
        });
        assert!(panicked.is_err() && busy.wait(Duration::ZERO));
    }
}
