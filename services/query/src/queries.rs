//! Reading the text of a query: away from the threads that answer requests, and once per request.
//!
//! What a text may cost is bounded (see `ax_query::Limits`), but the bound is tens of milliseconds, and a
//! thread of the runtime that is held for so long holds up every other request. So texts are read on
//! threads that may block, as many at once as there are cores; short ones do not wait behind long ones.
//! What was read is kept for a moment, for the leaf of this process reads the same text for each shard.

use ax_model::{Code, Fault};
use ax_query::{Limits, Query};
use quick_cache::sync::Cache;
use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of a text that is short.
const SHORT: usize = 512;
/// Short queries kept. The worst of them comes to 1.5 MB of classes.
const KEPT: usize = 64;

/// What all roots and leaves of the process share.
struct Queries {
    kept: Cache<Box<str>, Arc<Query>>,
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
}

static QUERIES: LazyLock<Queries> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let gate = || Arc::new(Semaphore::new(cores));
    Queries { kept: Cache::new(KEPT), short: gate(), long: gate() }
});

/// The query that `text` is, with names that exist. `AX-Q006` when the deadline comes first.
pub(crate) async fn read(text: &str, deadline: Instant) -> Result<Arc<Query>, Fault> {
    if let Some(query) = QUERIES.kept.get(text) {
        return Ok(query);
    }
    if text.len() > Limits::default().max_bytes {
        return read_now(text); // refused by its length alone
    }
    let read = read_elsewhere(text.to_owned());
    let query = tokio::time::timeout_at(deadline.into(), read).await;
    let late = || Fault::new(Code::QueryDeadline, "the deadline passed before the query was read");
    let query = query.map_err(|_| late())??;
    if text.len() <= SHORT {
        QUERIES.kept.insert(text.into(), query.clone());
    }
    Ok(query)
}

async fn read_elsewhere(text: String) -> Result<Arc<Query>, Fault> {
    let gate = if text.len() <= SHORT { &QUERIES.short } else { &QUERIES.long };
    // The permit ends with the work, also when nobody waits for it any more.
    let permit: Option<OwnedSemaphorePermit> = gate.clone().acquire_owned().await.ok();
    let task = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        read_now(&text)
    });
    task.await.map_err(|panic| {
        tracing::error!(%panic, "reading a query panicked");
        Fault::new(Code::Internal, Code::Internal.meaning())
    })?
}

fn read_now(text: &str) -> Result<Arc<Query>, Fault> {
    let query = ax_query::parse(text, &Limits::default())?;
    ax_engine::check_names(&query)?;
    Ok(Arc::new(query))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[tokio::test]
    async fn a_text_is_read_once_and_an_error_each_time() {
        let first = read("needle file:once", soon()).await.unwrap();
        assert!(Arc::ptr_eq(&first, &read("needle file:once", soon()).await.unwrap()));
        for _ in 0..2 {
            assert_eq!(read("needle (", soon()).await.unwrap_err().code, Code::QuerySyntax);
        }
        assert_eq!(read("x lang:nope", soon()).await.unwrap_err().code, Code::QueryBadValue);
        let long = "x".repeat(10 << 20);
        assert_eq!(read(&long, soon()).await.unwrap_err().code, Code::QueryTooLarge);
    }

    #[tokio::test]
    async fn whoever_waits_for_a_gate_waits_no_longer_than_the_deadline() {
        let cores = QUERIES.long.available_permits() as u32;
        let held = QUERIES.long.clone().acquire_many_owned(cores).await.unwrap();
        let text = "word ".repeat(SHORT);
        let fault = read(&text, Instant::now()).await.unwrap_err();
        assert_eq!(fault.code, Code::QueryDeadline);
        assert!(read("short texts go by", soon()).await.is_ok());
        drop(held);
        assert!(read(&text, soon()).await.is_ok());
    }
}
