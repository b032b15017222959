//! How much runs and waits at once: engine searches of a leaf, requests of a root.

use ax_model::{Code, Fault};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A bounded number of permits and a bounded queue for them.
pub struct Admission {
    permits: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    max_waiting: usize,
    gauge: metrics::Gauge,
}

impl Admission {
    /// `at_once` permits; at most `max_waiting` callers wait for one. `gauge` shows how many do.
    pub fn new(at_once: usize, max_waiting: usize, gauge: metrics::Gauge) -> Self {
        let permits = Arc::new(Semaphore::new(at_once.max(1)));
        Self { permits, waiting: Arc::default(), max_waiting, gauge }
    }

    /// A permit to work. `AX-A008` when too many wait already, `AX-Q006` when the deadline comes
    /// first.
    pub async fn enter(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        let _place = self.take_place()?;
        let permit = self.permits.clone().acquire_owned();
        match tokio::time::timeout_at(deadline.into(), permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(Fault::new(Code::NotReady, "this node is shutting down")),
            Err(_) => Err(Fault::new(Code::QueryDeadline, "the deadline passed in the queue")),
        }
    }

    fn take_place(&self) -> Result<Place, Fault> {
        let place = Place(self.waiting.clone());
        let ahead = self.waiting.fetch_add(1, Ordering::AcqRel);
        self.gauge.set(ahead as f64);
        if ahead >= self.max_waiting && self.permits.available_permits() == 0 {
            let message = "as many searches wait here as the node can hold";
            let fault = Fault::new(Code::Overloaded, message);
            return Err(fault.hint("try again, or ask another node"));
        }
        Ok(place)
    }
}

/// A place in the queue, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(20)
    }

    #[tokio::test]
    async fn the_queue_is_bounded_in_length_and_time() {
        let admission = Arc::new(Admission::new(1, 1, metrics::Gauge::noop()));
        let working = admission.enter(soon()).await.unwrap();
        let queued = {
            let admission = admission.clone();
            tokio::spawn(async move { admission.enter(soon()).await.map(|_| ()) })
        };
        while admission.waiting.load(Ordering::Acquire) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(admission.enter(soon()).await.unwrap_err().code, Code::Overloaded);
        assert_eq!(queued.await.unwrap().unwrap_err().code, Code::QueryDeadline);
        drop(working);
        assert!(admission.enter(soon()).await.is_ok());
    }
}
