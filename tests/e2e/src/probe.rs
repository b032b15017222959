//! Queries that never stop: what users see while processes die.

use crate::Api;
use anyhow::ensure;
use ax_harness::eventually;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// Between two queries of one client: on few cores, the cluster needs most of the time itself.
const PAUSE: Duration = Duration::from_millis(50);
/// Clients at once.
const CLIENTS: usize = 2;
/// Longer than a failover and a hedge; what takes longer counts as failed.
const TIMEOUT: &str = "5s";

/// Asks the same question again and again, whose answer is known, until dropped.
pub struct Probe {
    seen: Arc<Seen>,
    _clients: JoinSet<()>,
}

#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    failures: Mutex<Vec<String>>,
    slowest_us: AtomicU64,
}

impl Probe {
    /// Asks `q`, which exactly `num_files` files match, at `api`.
    pub fn start(api: &Api, q: &str, num_files: u64) -> Self {
        let seen = Arc::new(Seen::default());
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            clients.spawn(ask(api.clone(), q.to_owned(), num_files, seen.clone()));
        }
        Self { seen, _clients: clients }
    }

    /// Complete answers so far.
    pub fn answered(&self) -> u64 {
        self.seen.answered.load(Ordering::Relaxed)
    }

    /// Slowest answer so far.
    pub fn slowest(&self) -> Duration {
        Duration::from_micros(self.seen.slowest_us.load(Ordering::Relaxed))
    }

    /// An error when any query failed or was answered incompletely since the last call.
    pub fn check(&self) -> anyhow::Result<()> {
        let failures = match self.seen.failures.lock() {
            Ok(mut failures) => std::mem::take(&mut *failures),
            Err(_) => anyhow::bail!("a client panicked"),
        };
        ensure!(failures.is_empty(), "{} queries failed:\n{}", failures.len(), failures.join("\n"));
        Ok(())
    }

    /// Waits until `num` more queries are answered: the way to let the world go on for a moment.
    pub async fn answers_more(&self, num: u64) -> anyhow::Result<()> {
        let goal = self.answered() + num;
        eventually(Duration::from_secs(60), &format!("{num} more answers"), async || {
            ensure!(self.answered() >= goal, "{} of {goal}", self.answered());
            Ok(())
        })
        .await
    }
}

async fn ask(api: Api, q: String, num_files: u64, seen: Arc<Seen>) {
    let mut pace = tokio::time::interval(PAUSE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        pace.tick().await;
        let asked = tokio::time::Instant::now();
        let result = ask_once(&api, &q, num_files).await;
        let took = asked.elapsed();
        match result {
            Ok(()) => {
                seen.answered.fetch_add(1, Ordering::Relaxed);
                let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                seen.slowest_us.fetch_max(took_us, Ordering::Relaxed);
            }
            Err(error) => {
                if let Ok(mut failures) = seen.failures.lock() {
                    failures.push(format!("after {took:?}: {error:#}"));
                }
            }
        }
    }
}

async fn ask_once(api: &Api, q: &str, num_files: u64) -> anyhow::Result<()> {
    let answer = api.search(q, &[("limit", "1000"), ("timeout", TIMEOUT)]).await?;
    let summary = &answer["summary"];
    ensure!(summary["partial"] == false, "partial: {summary}");
    let returned = answer["files"].as_array().map_or(0, Vec::len) as u64;
    let found = summary["num_files"].as_u64();
    ensure!(
        found == Some(num_files) && returned == num_files,
        "{found:?} files, {returned} returned"
    );
    Ok(())
}
