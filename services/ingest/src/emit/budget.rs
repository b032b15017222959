//! Memory reserved ahead of use.

use crate::IngestError;
use std::sync::Arc;
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError},
};

/// Bytes per permit: semaphores count in 32 bits.
const UNIT_BYTES: usize = 1024;

/// A share of memory for texts that are read, encoded or in flight.
#[derive(Clone)]
pub struct Budget {
    permits: Arc<Semaphore>,
    total: u32,
    runtime: Handle,
}

/// A reservation; given back on drop.
pub struct Reserved(OwnedSemaphorePermit);

impl Budget {
    /// A budget of about `num_bytes`. Must be made within a runtime.
    pub fn new(num_bytes: usize) -> Self {
        let total = units(num_bytes).max(1);
        let permits = Arc::new(Semaphore::new(total as usize));
        Self { permits, total, runtime: Handle::current() }
    }

    /// Waits until `num_bytes` are free; a request for more than there is takes everything. To be called on a thread that may block, once per piece of work:
    /// whoever holds one reservation and waits for another could wait for ever.
    pub fn reserve(&self, num_bytes: usize) -> Result<Reserved, IngestError> {
        let wanted = units(num_bytes).clamp(1, self.total);
        match self.permits.clone().try_acquire_many_owned(wanted) {
            Ok(permit) => Ok(Reserved(permit)),
            Err(TryAcquireError::Closed) => Err(closed()),
            Err(TryAcquireError::NoPermits) => {
                let free = self.permits.clone().acquire_many_owned(wanted);
                self.runtime.block_on(free).map(Reserved).map_err(|_| closed())
            }
        }
    }
}

impl Reserved {
    /// Gives back what is over `num_bytes`.
    pub fn shrink(&mut self, num_bytes: usize) {
        let over = self.0.num_permits().saturating_sub(units(num_bytes).max(1) as usize);
        drop(self.0.split(over));
    }
}

fn closed() -> IngestError {
    IngestError::Internal("the memory budget was closed".to_owned()) // nobody does that
}

fn units(num_bytes: usize) -> u32 {
    u32::try_from(num_bytes.div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn the_rest_waits_until_something_is_given_back() {
        let budget = Budget::new(10 * UNIT_BYTES);
        let mut all = budget.reserve(usize::MAX).unwrap();
        let waiting = tokio::task::spawn_blocking({
            let budget = budget.clone();
            move || budget.reserve(6 * UNIT_BYTES).is_ok()
        });
        all.shrink(4 * UNIT_BYTES);
        assert!(waiting.await.unwrap());
    }
}
