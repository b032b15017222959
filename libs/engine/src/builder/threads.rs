//! The threads that builds share.
//!
//! What can wait has threads of its own, since work that has begun on a thread is ended first, and a chunk
//! of parsing takes seconds. They have the lowest priority that the system knows, and before a text that they parse
//! stand still while others are at work: searches, and builds of what is fresh. The priority alone was not enough: a
//! core that is kept busy slows down the one beside it. They take a text each [`PATIENCE`] all the same, or on a
//! machine that is always busy definitions would never come.

use crate::{
    busy::{Busy, SEARCHES},
    priority::come_last,
};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// How long a text of the background waits for searches and for what is fresh.
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

    /// To be called before a text is parsed. What is only copied is too quick for a wait.
    pub(super) fn give_way(self) {
        if self == Self::Background {
            let deadline = Instant::now() + PATIENCE;
            let _ = FRESH.wait_until(deadline) && SEARCHES.wait_until(deadline);
        }
    }
}

fn named(name: &'static str) -> ThreadPoolBuilder {
    ThreadPoolBuilder::new().thread_name(move |i| format!("{name}-{i}"))
}

fn pool(builder: ThreadPoolBuilder) -> Option<ThreadPool> {
    builder.build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::priority::tests::niceness;

    #[test]
    #[cfg(target_os = "linux")] // elsewhere the system may have no such thing
    fn what_can_wait_comes_last_and_nothing_else_does() {
        let own = niceness();
        assert_eq!(Crew::Background.run(niceness), 19);
        assert_eq!((Crew::Fresh.run(niceness), niceness()), (own, own));
    }
}
