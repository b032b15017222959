//! One repository's step: look, compare, emit, write the checkpoint.
//!
//! The order of the writes is what makes a crash between any two of them repeat, never skip:
//!
//! 1. the *intent*: the position to reach, among the checkpoint's pending ones;
//! 2. the changes, all acknowledged;
//! 3. the repository's facts;
//! 4. the checkpoint: that position complete, nothing pending.
//!
//! **Two ingest processes.** A claim keeps a second process away, but a process that was stopped while
//! it appended may wake after its claim has passed to another, and its last batches may land on top of
//! newer ones. So each batch is sent only while the claim holds; checkpoints are written by
//! compare-and-set; and a process that fails after its intent makes sure that its position stands
//! among the pending ones of whatever checkpoint is there, after its last batch has landed or failed.
//! The next step then compares with it and emits again what differs.
//!
//! A process that is killed at any of these steps, whether the step landed or not, leaves nothing that the
//! next one does not repair: `tests/kills.rs` does so at each. One hole is left, and it takes two processes
//! on one Kafka, and all of this: the first is stopped, or cut off, between its look at the claim and the
//! broker, for longer than the claim lasts; a second one takes over and completes *another* position; then
//! the first one's batches land, at most `max_batches_in_flight` of them; and it is killed before it has
//! marked its position. Those paths of the batches that differ between the two positions then stay as they
//! were until they change again. Fencing the producer would close it (Kafka's transactions, one id per
//! repository), at the price of a transaction per batch and of a stream that only readers of committed
//! records understand; keeping a foreign intent for as long as a producer may retry would make it narrower
//! still. The embedded stream has one process only, and no such hole.

mod capacity;
mod emission;
mod removal;
mod worker;

pub use capacity::Capacity;
pub use worker::Worker;

use crate::{
    IngestConfig, IngestError, checkpoint,
    plan::{Totals, Written},
    ports::{BlobSink, Records},
    progress::Progress,
};
use ax_changes::ChangeLog;
use ax_model::{Generation, RepoName, Router, VersionToken};
use ax_proto::cluster::Registration;
use std::{
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, SystemTime},
};

/// What ingest works with.
#[derive(Clone)]
pub struct Deps {
    /// The change stream.
    pub log: Arc<dyn ChangeLog>,
    /// Where large texts go.
    pub blobs: Arc<dyn BlobSink>,
    /// The coordination store.
    pub records: Arc<dyn Records>,
    /// From keys to shards.
    pub router: Router,
    /// Generation that version tokens speak of.
    pub generation: Generation,
}

/// How a step can be watched and ended.
#[derive(Clone)]
pub struct Control {
    /// Set to end the step early; it leaves nothing half recorded.
    pub stop: Arc<AtomicBool>,
    /// Whether the claim on the repository still holds.
    pub still_ours: crate::emit::StillOurs,
    /// Counts.
    pub progress: Arc<Progress>,
    /// What it shares with other repositories' steps.
    pub capacity: Arc<Capacity>,
    /// Trace contexts of further causes of this step; its own is that of the current span.
    pub also: Vec<String>,
}

impl Control {
    /// For a step without others: never stopped, always ours. Must be made within a runtime.
    pub fn alone(name: &RepoName, config: &IngestConfig) -> Self {
        Self {
            stop: Arc::default(),
            still_ours: Arc::new(|| true),
            progress: Arc::new(Progress::new(name.clone(), now_ms())),
            capacity: Arc::new(Capacity::new(config)),
            also: Vec::new(),
        }
    }

    /// Trace contexts for the changes of this step.
    fn traceparents(&self) -> Vec<String> {
        ax_telemetry::propagation::current().into_iter().chain(self.also.iter().cloned()).collect()
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing had moved.
    UpToDate,
    /// Changes were emitted and acknowledged.
    Emitted,
    /// The repository's deletion was emitted, and its registration forgotten.
    Removed,
}

/// What a step did.
#[derive(Debug, Clone)]
pub struct SyncReport {
    /// How it ended.
    pub outcome: Outcome,
    /// Wait for this version to see what was emitted; empty when nothing was.
    pub token: VersionToken,
    /// Paths emitted.
    pub files_emitted: u64,
    /// Bytes of text emitted.
    pub bytes_emitted: u64,
    /// Counts over the whole repository.
    pub totals: Totals,
    /// Time of the newest commit emitted, in milliseconds since 1970.
    pub committed_at_ms: i64,
    /// Duration of the step.
    pub took: Duration,
    /// Trace context that the changes carry; `None` when there are none or spans are not recorded.
    pub traceparent: Option<String>,
}

impl SyncReport {
    fn new(outcome: Outcome, token: VersionToken) -> Self {
        Self {
            outcome,
            token,
            files_emitted: 0,
            bytes_emitted: 0,
            totals: Totals::default(),
            committed_at_ms: 0,
            took: Duration::ZERO,
            traceparent: None,
        }
    }
}

/// Opens the repository, makes one step, and lets go of it again.
pub async fn sync_once(
    deps: &Deps,
    config: &IngestConfig,
    registration: &Registration,
) -> Result<SyncReport, IngestError> {
    let mut worker = Worker::new(registration.clone())?;
    let control = Control::alone(worker.name(), config);
    worker.step(deps, config, &control).await
}

/// The spread of a repository: its own, or the default, never zero and never over the shards.
fn spread_of(deps: &Deps, config: &IngestConfig, registration: &Registration) -> u32 {
    let wanted = match registration.spread {
        0 => config.default_spread,
        own => own,
    };
    wanted.clamp(1, deps.router.shards())
}

/// Makes sure that `target` stands among the pending positions, after an emission towards it failed.
async fn mark_pending(deps: &Deps, name: &RepoName, log_id: &str, target: &Written) {
    for _ in 0..3 {
        match try_mark(deps, name, log_id, target).await {
            Ok(()) => return,
            Err(IngestError::Superseded) => {} // somebody wrote in between: look again
            Err(error) => {
                tracing::warn!(repo = %name, %error, "cannot tell whether the failed emission is noted");
                return;
            }
        }
    }
}

async fn try_mark(
    deps: &Deps,
    name: &RepoName,
    log_id: &str,
    target: &Written,
) -> Result<(), IngestError> {
    let stored = deps.records.load(name).await?;
    let revision = stored.as_ref().map(|stored| stored.revision);
    let before = stored.map(|stored| stored.value);
    let after = checkpoint::with_pending(name, log_id, before.clone(), target);
    if before.as_ref() != Some(&after) {
        deps.records.save(after, revision).await?;
    }
    Ok(())
}

fn now_ms() -> i64 {
    crate::source::millis(SystemTime::now())
}
