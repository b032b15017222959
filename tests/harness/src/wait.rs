//! Waiting for a condition, never for a time.

use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep, timeout_at};

/// Pause between two looks: short beside anything a test waits for, long enough to leave the core to it.
const PAUSE: Duration = Duration::from_millis(20);

/// Calls `check` until it succeeds and returns what it gave.
///
/// An error of `check` means "not yet", and says why; the last one is part of the error returned once
/// `within` has passed. A look that hangs is cut off at the same deadline.
pub async fn eventually<T>(
    within: Duration,
    what: &str,
    mut check: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + within;
    let mut reason = anyhow::anyhow!("it was never looked at");
    loop {
        match timeout_at(deadline, check()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(not_yet)) => reason = not_yet,
            Err(_) => reason = reason.context("the last look did not end"),
        }
        if Instant::now() >= deadline {
            return Err(reason).with_context(|| format!("not within {within:?}: {what}"));
        }
        sleep(PAUSE).await;
    }
}
