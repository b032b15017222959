//! What the steps of all repositories share.

use crate::{IngestConfig, emit::Budget};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Emissions of more paths than this wait for their turn. Smaller ones do not: a push must not wait
/// until somebody else's first import has ended.
const LARGE: u64 = 5_000;

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

    /// A turn to emit `num_paths`, if they are many.
    pub(crate) async fn turn(&self, num_paths: u64) -> Option<SemaphorePermit<'_>> {
        if num_paths <= LARGE { None } else { self.import().await }
    }

    /// A turn to import a whole repository.
    pub(crate) async fn import(&self) -> Option<SemaphorePermit<'_>> {
        self.imports.acquire().await.ok() // it is never closed
    }

    /// Memory for texts.
    pub(crate) fn memory(&self) -> &Budget {
        &self.memory
    }
}
