//! Who is at work in this process, for whoever gives way to them.

use parking_lot::{Condvar, Mutex};
use std::time::Instant;

/// Searches, of text and of names.
pub(crate) static SEARCHES: Busy = Busy::new();

/// How many are at work.
pub(crate) struct Busy {
    num: Mutex<usize>,
    idle: Condvar,
}

/// One at work, until it is dropped.
pub(crate) struct AtWork<'a>(&'a Busy);

impl Busy {
    pub(crate) const fn new() -> Self {
        Self { num: Mutex::new(0), idle: Condvar::new() }
    }

    pub(crate) fn enter(&self) -> AtWork<'_> {
        *self.num.lock() += 1;
        AtWork(self)
    }

    /// Returns once nobody is at work, or at `deadline`; true in the first case.
    pub(crate) fn wait_until(&self, deadline: Instant) -> bool {
        let mut num = self.num.lock();
        !self.idle.wait_while_until(&mut num, |num| *num > 0, deadline).timed_out()
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
    use std::{
        sync::atomic::{AtomicBool, Ordering},
        time::Duration,
    };

    #[test]
    fn who_can_wait_does_until_all_others_are_done() {
        let (busy, is_done) = (Busy::new(), AtomicBool::new(false));
        assert!(busy.wait_until(Instant::now()));
        let (first, second) = (busy.enter(), busy.enter());
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                assert!(busy.wait_until(Instant::now() + Duration::from_secs(3600)));
                assert!(is_done.load(Ordering::SeqCst));
            });
            drop(first);
            assert!(!busy.wait_until(Instant::now()), "one is left, and patience ends");
            is_done.store(true, Ordering::SeqCst);
            drop(second);
            waiter.join().unwrap();
        });
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
        assert!(panicked.is_err() && busy.wait_until(Instant::now()));
    }
}
