//! Clients that ask what a feed hands out.

use super::{
    ask::{Asker, Query},
    progress::Progress,
};
use ax_perf::{
    Feed,
    collect::{Outcome, Sample},
};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub struct Drive {
    /// Queries under way at the same time, at most.
    pub clients: usize,
    /// Not measured.
    pub warm_up: Duration,
    /// Warm-up and measurement; `None` ends with the feed.
    pub total: Option<Duration>,
    /// Queries that nobody was free to ask until this long after the end are given up.
    pub patience: Duration,
}

/// What all clients share.
struct Shared {
    feed: Mutex<Feed>,
    queries: Vec<Vec<Query>>,
    asker: Asker,
    rules: Drive,
    began: Instant,
    progress: Progress,
}

/// Asks until the end; returns the samples, warm-up left out, and how long was measured.
pub async fn drive(
    feed: Feed,
    queries: Vec<Vec<Query>>,
    asker: Asker,
    rules: Drive,
    (began, progress): (Instant, Progress),
) -> (Vec<Sample>, Duration) {
    let shared = Shared { feed: Mutex::new(feed), queries, asker, rules, began, progress };
    let shared = Arc::new(shared);
    let mut clients = JoinSet::new();
    for _ in 0..rules.clients {
        clients.spawn(client(shared.clone()));
    }
    let samples: Vec<Sample> = clients.join_all().await.into_iter().flatten().collect();
    let measured = rules.total.unwrap_or_else(|| began.elapsed()) - rules.warm_up;
    (samples, measured)
}

async fn client(shared: Arc<Shared>) -> Vec<Sample> {
    let Drive { warm_up, total, patience, .. } = shared.rules;
    let mut samples = Vec::new();
    loop {
        let due = shared.feed.lock().unwrap_or_else(PoisonError::into_inner).next_due();
        let Some(due) = due else { return samples };
        let now = shared.began.elapsed();
        let at = due.at.unwrap_or(now);
        if total.is_some_and(|total| at >= total) {
            return samples;
        }
        let query = &shared.queries[due.pick.class][due.pick.query];
        let late = total.is_some_and(|total| now > total + patience);
        let (outcome, done) = if late {
            (Outcome::Failed("never asked: all clients were waiting".to_owned()), Instant::now())
        } else {
            tokio::time::sleep_until((shared.began + at).into()).await;
            shared.asker.ask(query).await
        };
        shared.progress.count(&outcome);
        // From the intended start: what waited for a free client has waited.
        let took = done.saturating_duration_since(shared.began + at);
        if at >= warm_up {
            samples.push(Sample {
                class: due.pick.class,
                query: u32::try_from(due.pick.query).unwrap_or(u32::MAX),
                at_us: micros(at - warm_up),
                took_us: micros(took),
                outcome,
            });
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
