//! What the steps of all repositories share.

use crate::{IngestConfig, emit::Budget};
use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Emissions of more paths than this wait for their turn. Smaller ones do not: a push must not wait
/// until somebody else's first import has ended.
const LARGE: u64 = 5_000;
/// How often who waits for a turn looks whether it is still wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Turns and memory.
pub struct Capacity {
    imports: Semaphore,
    memory: Budget,
}

impl Capacity {
    /// As configured. Must be made within a runtime.
    pub fn new(config: &IngestConfig) -> Self {
        Self {
            imports: Semaphore::new(config.max_concurrent.max(1)),
            memory: Budget::new(config.buffer_bytes),
        }
    }

    /// A turn to emit `num_paths`, if they are many. None once `stop` is set: the step ends by itself.
    pub(crate) async fn turn(
        &self,
        num_paths: u64,
        stop: &AtomicBool,
    ) -> Option<SemaphorePermit<'_>> {
        if num_paths <= LARGE { None } else { self.import(stop).await }
    }

    /// A turn to import a whole repository. None once `stop` is set: a removal must not wait until
    /// somebody else's import has ended.
    pub(crate) async fn import(&self, stop: &AtomicBool) -> Option<SemaphorePermit<'_>> {
        let mut turn = pin!(self.imports.acquire());
        while !stop.load(Ordering::Relaxed) {
            // The same future each time, so that the place in the queue is kept.
            if let Ok(turn) = tokio::time::timeout(LOOK_EVERY, &mut turn).await {
                return turn.ok(); // it is never closed
            }
        }
        None
    }

    /// Memory for texts.
    pub(crate) fn memory(&self) -> &Budget {
        &self.memory
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_is_not_wanted_any_more_leaves_the_queue() {
        let config = IngestConfig { max_concurrent: 1, ..IngestConfig::default() };
        let capacity = Capacity::new(&config);
        let go_on = AtomicBool::new(false);
        let first = capacity.import(&go_on).await;
        assert!(first.is_some());
        assert!(capacity.turn(LARGE, &go_on).await.is_none(), "small ones do not wait");
        let stop = AtomicBool::new(false);
        let set = async { stop.store(true, Ordering::Relaxed) };
        let (turn, ()) = tokio::join!(capacity.turn(LARGE + 1, &stop), set);
        assert!(turn.is_none());
        drop(first);
        assert!(capacity.import(&go_on).await.is_some());
    }
}
