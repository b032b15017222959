//! One step in a task of its own: claimed first, its progress shown while it lasts.

use super::{Shared, now_ms, trace::StepTrace};
use crate::{
    Deps, IngestConfig, IngestError, SyncReport,
    ports::Claim,
    progress::Progress,
    sync::{Capacity, Control, Worker},
};
use ax_telemetry::Causes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How often progress is published.
const TICK: Duration = Duration::from_millis(500);
/// Longest wait for progress to be shown.
const SHOW_FOR: Duration = Duration::from_secs(1);

/// One step on its way.
pub(super) struct Step {
    pub(super) deps: Deps,
    pub(super) config: IngestConfig,
    pub(super) shared: Arc<Shared>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) claim: Option<Arc<dyn Claim>>,
    pub(super) worker: Worker,
    pub(super) trace: StepTrace,
}

/// A step that ended.
pub(super) struct Finished {
    pub(super) name: String,
    pub(super) worker: Worker,
    pub(super) claim: Option<Arc<dyn Claim>>,
    /// `None` when another process works on the repository.
    pub(super) result: Option<Result<SyncReport, IngestError>>,
    pub(super) progress: Arc<Progress>,
    pub(super) took: Duration,
    /// What it was caused by.
    pub(super) causes: Causes,
}

impl Step {
    /// Claims the repository and makes the step, with its progress shown while it lasts.
    pub(super) async fn run(mut self) -> Finished {
        let started = Instant::now();
        let name = self.worker.name().clone();
        let progress = Arc::new(Progress::new(name.clone(), now_ms()));
        let result = match self.claim().await {
            Ok(Some(claim)) => {
                self.claim = Some(claim.clone());
                Some(self.work(claim, &progress, started).await)
            }
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        };
        let Self { worker, claim, trace, .. } = self;
        let causes = trace.ended(result.as_ref());
        let took = started.elapsed();
        Finished { name: name.to_string(), worker, claim, result, progress, took, causes }
    }

    /// The claim that is held, or a new one; `None` when another process has it.
    async fn claim(&mut self) -> Result<Option<Arc<dyn Claim>>, IngestError> {
        if let Some(held) = self.claim.take().filter(|claim| !claim.is_lost()) {
            return Ok(Some(held));
        }
        Ok(self.deps.records.claim(self.worker.name()).await?.map(Arc::from))
    }

    async fn work(
        &mut self,
        claim: Arc<dyn Claim>,
        progress: &Arc<Progress>,
        started: Instant,
    ) -> Result<SyncReport, IngestError> {
        let stop = self.stop.clone();
        let control = Control {
            stop: stop.clone(),
            still_ours: Arc::new(move || !claim.is_lost() && !stop.load(Ordering::Relaxed)),
            progress: progress.clone(),
            capacity: self.capacity.clone(),
            also: self.trace.also(),
        };
        let work = self.worker.step(&self.deps, &self.config, &control);
        tokio::pin!(work);
        let mut tick = tokio::time::interval_at((started + TICK).into(), TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                result = &mut work => return result,
                _ = tick.tick() => {
                    let shown = show(&self.deps, &self.shared, progress);
                    tokio::select! {
                        result = &mut work => return result,
                        () = shown => {}
                    }
                }
            }
        }
    }
}

/// Publishes progress, here and in the coordination store. Losing one costs nothing.
pub(super) async fn show(deps: &Deps, shared: &Shared, progress: &Progress) {
    let now = progress.publish();
    shared.progress.send_modify(|all| drop(all.insert(now.name.clone(), now.clone())));
    match tokio::time::timeout(SHOW_FOR, deps.records.show(now)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "progress not shown"),
        Err(_) => tracing::debug!("progress not shown in time"),
    }
}
