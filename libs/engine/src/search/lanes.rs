//! Who may use the cores: a quick lane that all searches begin in, and one for those that take long.
//!
//! A search shares the process's thread pool with its neighbours, and whatever a thread of that pool
//! begins, it ends before it looks at what others wait for. So nobody stays there for longer than
//! [`QUICK`]: what is not decided by then is decided in the long lane, which has threads of its own. There
//! one search at a time uses all of them, and hands them on after [`SLICE`] when another waits; first come,
//! first served. Its threads have a lower priority than others. A search that is alone loses nothing by it.
//!
//! Rejected: fewer threads for a long search (a scan that no index can help needs every core), and one
//! pool with smaller jobs (the pool's own queues are not fair between searches, however small the jobs).

use crate::{Stop, priority::lower};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

/// How long a search may stay in the quick lane.
pub(super) const QUICK: Duration = Duration::from_millis(100);
/// How long a search may keep the long lane while another waits for it.
const SLICE: Duration = Duration::from_millis(100);
/// Searches that wait for the long lane; one more is answered with what it has found by then.
const MOST_WAITING: usize = 32;
/// Whoever waits looks this often whether its answer is still wanted.
const LOOK: Duration = Duration::from_millis(20);

/// The long lane.
#[derive(Default)]
pub(super) struct LongLane {
    queue: Mutex<Queue>,
    moved: Condvar,
    pool: OnceLock<Option<ThreadPool>>,
}

/// Tickets in order; the first one's holder is in the lane.
#[derive(Default)]
struct Queue {
    tickets: VecDeque<u64>,
    next: u64,
}

/// The right to use the long lane, until it is dropped.
pub(super) struct Turn<'a> {
    lane: &'a LongLane,
    until: Instant,
}

impl LongLane {
    /// The one of this process.
    pub(super) fn shared() -> &'static Self {
        static SHARED: OnceLock<LongLane> = OnceLock::new();
        SHARED.get_or_init(Self::default)
    }

    /// Waits for a turn. None when time is up first, or too many wait already.
    pub(super) fn enter(&self, stop: &Stop) -> Option<Turn<'_>> {
        let mut queue = self.queue();
        if queue.tickets.len() > MOST_WAITING {
            return None;
        }
        let ticket = queue.next;
        queue.next += 1;
        queue.tickets.push_back(ticket);
        while queue.tickets.front() != Some(&ticket) {
            if stop.is_due() {
                queue.tickets.retain(|waiting| *waiting != ticket);
                return None;
            }
            let waited = self.moved.wait_timeout(queue, LOOK);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Some(Turn { lane: self, until: Instant::now() + SLICE })
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> Option<&ThreadPool> {
        let build = || {
            let name = |i| format!("ax-long-{i}");
            let pool = ThreadPoolBuilder::new().thread_name(name).start_handler(|_| lower());
            let pool = pool.build();
            pool.inspect_err(|error| tracing::warn!(%error, "no threads for long searches")).ok()
        };
        self.pool.get_or_init(build).as_ref()
    }
}

impl Turn<'_> {
    /// Does parallel work on the lane's threads.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match self.lane.pool() {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Whether the lane is to be handed on.
    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.until && self.lane.queue().tickets.len() > 1
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.lane.queue().tickets.pop_front();
        self.lane.moved.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, atomic::AtomicBool, mpsc};

    #[test]
    fn turns_come_in_the_order_of_asking() {
        let lane = LongLane::default();
        let first = lane.enter(&Stop::never()).unwrap();
        let (told, order) = mpsc::channel();
        std::thread::scope(|scope| {
            for name in 0..3 {
                let (lane, told) = (&lane, told.clone());
                scope.spawn(move || {
                    let _turn = lane.enter(&Stop::never()).unwrap();
                    told.send(name).unwrap();
                });
                while lane.queue().tickets.len() < 2 + name {
                    std::thread::yield_now();
                }
            }
            assert!(order.try_recv().is_err(), "nobody else is in the lane");
            drop(first);
        });
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [0, 1, 2]);
        assert!(lane.queue().tickets.is_empty());
    }

    #[test]
    fn a_turn_lasts_until_another_waits() {
        let lane = LongLane::default();
        let mut turn = lane.enter(&Stop::never()).unwrap();
        turn.until = Instant::now();
        assert!(!turn.is_over(), "nobody waits");
        lane.queue().tickets.push_back(99);
        assert!(turn.is_over());
        turn.until = Instant::now() + Duration::from_secs(3600);
        assert!(!turn.is_over(), "it has just begun");
    }

    #[test]
    fn who_is_no_longer_wanted_leaves_the_queue() {
        let lane = LongLane::default();
        let turn = lane.enter(&Stop::never()).unwrap();
        let cancelled = Stop { cancel: Some(Arc::new(AtomicBool::new(true))), ..Stop::never() };
        assert!(lane.enter(&cancelled).is_none());
        assert_eq!(lane.queue().tickets.len(), 1);
        lane.queue().tickets.extend(100..100 + MOST_WAITING as u64);
        assert!(lane.enter(&Stop::never()).is_none(), "too many wait");
        lane.queue().tickets.truncate(1);
        drop(turn);
        assert!(lane.enter(&Stop::never()).is_some());
    }
}
