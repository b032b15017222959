//! What the measurement costs the server: its process is looked at once a second, by its metrics.

use super::ask::Asker;
use ax_perf::{Cost, CostPoint, prometheus};
use std::time::{Duration, Instant};
use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{MissedTickBehavior, interval_at},
};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks that go on until they are ended.
pub struct Looks {
    end: oneshot::Sender<()>,
    task: JoinHandle<Vec<CostPoint>>,
}

impl Looks {
    /// Looks from `from` on.
    pub fn start(asker: Asker, from: Instant) -> Self {
        let (end, mut ended) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut pace = interval_at(from.into(), LOOK_EVERY);
            pace.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut looks = Vec::new();
            loop {
                let last = tokio::select! {
                    _ = pace.tick() => false,
                    _ = &mut ended => true,
                };
                let at = from.elapsed().as_secs_f64();
                let page = asker.page("/metrics").await;
                looks.extend(page.and_then(|page| prometheus::cost(&page, at)));
                if last {
                    return looks;
                }
            }
        });
        Self { end, task }
    }

    /// One last look, and what all of them say; `None` when the server says nothing.
    pub async fn finish(self) -> Option<Cost> {
        let _ = self.end.send(()); // a task that is gone has panicked, which the next line sees
        let looks = self.task.await.ok()?;
        let (first, last) = (looks.first().copied()?, looks.last().copied()?);
        let most = |of: fn(&CostPoint) -> u64| looks.iter().map(of).max().unwrap_or(0);
        Some(Cost {
            cpu_seconds: last.cpu_seconds - first.cpu_seconds,
            peak_resident_bytes: most(|look| look.resident_bytes),
            peak_anonymous_bytes: most(|look| look.anonymous_bytes),
            read_bytes: last.read_bytes.saturating_sub(first.read_bytes),
            looks,
        })
    }
}
