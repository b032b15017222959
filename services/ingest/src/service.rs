//! Follows the registered repositories: a shell around [`Scheduler`] and [`Worker`].

use crate::{
    Deps, IngestConfig, IngestError, Outcome, SyncReport,
    ports::Claim,
    progress::Progress,
    scheduler::{Backoff, Ended, Scheduler},
    sync::{Capacity, Control, Worker},
};
use ax_proto::cluster::{IngestProgress, Registration};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use tokio::{sync::mpsc, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Steps under way at the same time. Most are looks that find nothing; [`Capacity`] bounds the rest.
const MAX_STEPS: usize = 16;
/// How often progress is published, and a claim held by another process is asked for again.
const TICK: Duration = Duration::from_millis(500);
/// How often checkpoints without a registration are looked for.
const ORPHANS_EVERY: Duration = Duration::from_secs(30);

/// The ingest role.
pub struct IngestService {
    deps: Deps,
    config: IngestConfig,
    shared: Arc<Shared>,
    kicks: mpsc::Receiver<String>,
    scheduler: Scheduler,
    slots: BTreeMap<String, Slot>,
    steps: JoinSet<Finished>,
    capacity: Arc<Capacity>,
    begun: Instant,
}

/// What the rest of the process sees of ingest. Cheap to clone.
#[derive(Clone)]
pub struct IngestHandle {
    kicks: mpsc::Sender<String>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    registrations: Mutex<BTreeMap<String, Registration>>,
    progress: watch::Sender<BTreeMap<String, IngestProgress>>,
}

/// A repository between steps; `worker` is away while a step runs.
struct Slot {
    registration: Registration,
    worker: Option<Worker>,
    claim: Option<Arc<dyn Claim>>,
    stop: Arc<AtomicBool>,
    failed: bool,
}

struct Finished {
    name: String,
    worker: Worker,
    result: Result<SyncReport, IngestError>,
    progress: Arc<Progress>,
    took: Duration,
}

impl IngestHandle {
    /// Wants a look at a repository now. False when it is not registered.
    pub fn kick(&self, name: &str) -> bool {
        let known = self.shared.registrations.lock().contains_key(name);
        // A full queue is a queue of kicks: the repository will be looked at by the next poll.
        known && self.kicks.try_send(name.to_owned()).is_ok()
    }

    /// The registrations as ingest knows them.
    pub fn registrations(&self) -> BTreeMap<String, Registration> {
        self.shared.registrations.lock().clone()
    }

    /// The last progress of each repository that moved or failed.
    pub fn progress(&self) -> watch::Receiver<BTreeMap<String, IngestProgress>> {
        self.shared.progress.subscribe()
    }
}

impl IngestService {
    /// A service, and the handle to it. Must be made within a runtime.
    pub fn new(deps: Deps, config: IngestConfig) -> (Self, IngestHandle) {
        let (kicks_tx, kicks) = mpsc::channel(256);
        let shared = Arc::new(Shared::default());
        let backoff = Backoff { first: config.retry_first, max: config.retry_max };
        let capacity = Arc::new(Capacity::new(&config));
        let handle = IngestHandle { kicks: kicks_tx, shared: shared.clone() };
        let service = Self {
            deps,
            config,
            shared,
            kicks,
            scheduler: Scheduler::new(backoff),
            slots: BTreeMap::new(),
            steps: JoinSet::new(),
            capacity,
            begun: Instant::now(),
        };
        (service, handle)
    }

    /// Runs until `shutdown`; returns after the steps under way have ended.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let records = self.deps.records.clone();
        let mut orphans = tokio::time::interval(ORPHANS_EVERY);
        orphans.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            self.start_due().await;
            let next = self.scheduler.next_due().filter(|_| self.steps.len() < MAX_STEPS);
            let wake = self.begun + next.unwrap_or(self.begun.elapsed() + ORPHANS_EVERY);
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = records.changed() => self.refresh().await,
                _ = orphans.tick() => self.refresh().await,
                Some(name) = self.kicks.recv() => {
                    self.scheduler.kick(&name, self.begun.elapsed());
                }
                Some(done) = self.steps.join_next() => match done {
                    Ok(finished) => self.finished(finished).await,
                    Err(error) => tracing::error!(%error, "a step of ingest panicked"),
                },
                () = tokio::time::sleep_until(wake.into()), if next.is_some() => {}
            }
        }
        self.stop().await;
    }

    async fn stop(&mut self) {
        for slot in self.slots.values() {
            slot.stop.store(true, Ordering::Relaxed);
        }
        while self.steps.join_next().await.is_some() {}
    }

    /// Reads the registrations anew. While coordination is away, the known ones go on.
    async fn refresh(&mut self) {
        let registrations = match self.wanted().await {
            Ok(registrations) => registrations,
            Err(error) => {
                return tracing::warn!(%error, "registrations not read; going on with the known ones");
            }
        };
        metrics::gauge!("ax_ingest_repositories").set(registrations.len() as f64);
        let now = self.begun.elapsed();
        self.scheduler.retain(|name| registrations.contains_key(name));
        self.slots.retain(|name, slot| {
            let keep = registrations.contains_key(name);
            slot.stop.fetch_or(!keep, Ordering::Relaxed);
            keep
        });
        for (name, registration) in &registrations {
            self.scheduler.set(name, self.interval(registration), now);
            self.admit(registration, now);
        }
        *self.shared.registrations.lock() = registrations;
    }

    /// Registrations, and removals for checkpoints that lost theirs.
    async fn wanted(&self) -> Result<BTreeMap<String, Registration>, IngestError> {
        let mut registrations = self.deps.records.registrations().await?;
        for name in self.deps.records.checkpointed().await? {
            let orphan =
                || Registration { name: name.clone(), removed: true, ..Default::default() };
            registrations.entry(name.clone()).or_insert_with(orphan);
        }
        Ok(registrations)
    }

    /// Takes a registration up, new or changed.
    fn admit(&mut self, registration: &Registration, now: Duration) {
        let known = self.slots.get_mut(&registration.name);
        if let Some(slot) = known {
            if slot.registration != *registration {
                slot.registration = registration.clone();
                slot.worker =
                    slot.worker.take().and_then(|_| Worker::new(registration.clone()).ok());
                self.scheduler.kick(&registration.name, now);
            }
            return;
        }
        match Worker::new(registration.clone()) {
            Ok(worker) => {
                let slot = Slot {
                    registration: registration.clone(),
                    worker: Some(worker),
                    claim: None,
                    stop: Arc::default(),
                    failed: false,
                };
                self.slots.insert(registration.name.clone(), slot);
            }
            Err(error) => tracing::warn!(name = registration.name, %error, "registration left out"),
        }
    }

    fn interval(&self, registration: &Registration) -> Duration {
        let remote = matches!(
            crate::source::Place::parse(&registration.source),
            Ok(crate::source::Place::Remote(_))
        );
        match registration.poll_seconds {
            0 if remote => self.config.remote_poll,
            0 => self.config.local_poll,
            seconds => Duration::from_secs(seconds.into()),
        }
    }

    async fn start_due(&mut self) {
        let free = MAX_STEPS.saturating_sub(self.steps.len());
        for name in self.scheduler.take_due(self.begun.elapsed(), free) {
            if let Err(ended) = self.start(&name).await {
                let now = self.begun.elapsed();
                self.scheduler.finished(&name, ended, TICK / 9, now, chance());
            }
        }
    }

    /// Starts a step, if the repository is ours to work on.
    async fn start(&mut self, name: &str) -> Result<(), Ended> {
        let Some(slot) = self.slots.get_mut(name) else { return Err(Ended::Well) };
        let Some(worker) = slot.worker.take() else { return Err(Ended::Well) };
        if slot.claim.as_ref().is_none_or(|claim| claim.is_lost()) {
            slot.claim = match self.deps.records.claim(worker.name()).await {
                Ok(claim) => claim.map(Arc::from),
                Err(error) => {
                    tracing::debug!(repo = name, %error, "not claimed");
                    slot.worker = Some(worker);
                    return Err(Ended::Badly);
                }
            };
        }
        let Some(claim) = slot.claim.clone() else {
            slot.worker = Some(worker); // another process has it: ask again in a while
            return Err(Ended::Well);
        };
        slot.stop = Arc::default();
        let stop = slot.stop.clone();
        let control = Control {
            stop: stop.clone(),
            still_ours: Arc::new(move || !claim.is_lost() && !stop.load(Ordering::Relaxed)),
            progress: Arc::new(Progress::new(worker.name().clone(), now_ms())),
            capacity: self.capacity.clone(),
        };
        let step =
            step(self.deps.clone(), self.config.clone(), control, worker, self.shared.clone());
        self.steps.spawn(step.instrument(tracing::info_span!("ingest", repo = name)));
        Ok(())
    }

    async fn finished(&mut self, finished: Finished) {
        let Finished { name, worker, result, progress, took } = finished;
        let ended = if result.is_ok() { Ended::Well } else { Ended::Badly };
        self.scheduler.finished(&name, ended, took, self.begun.elapsed(), chance());
        metrics::histogram!("ax_ingest_step_seconds").record(took.as_secs_f64());
        let removed = matches!(&result, Ok(report) if report.outcome == Outcome::Removed);
        let Some(slot) = self.slots.get_mut(&name) else { return };
        let was_failed = std::mem::replace(&mut slot.failed, result.is_err());
        let unchanged = *worker.registration() == slot.registration;
        slot.worker = match unchanged {
            true => Some(worker),
            false => Worker::new(slot.registration.clone()).ok(), // it changed during the step
        };
        tell(&name, &result, was_failed);
        if removed {
            self.slots.remove(&name);
            self.scheduler.retain(|known| known != name);
            self.shared.progress.send_modify(|all| drop(all.remove(&name)));
            return self.refresh().await;
        }
        let quiet = matches!(&result, Ok(report) if report.outcome == Outcome::UpToDate);
        if !quiet || was_failed {
            if quiet {
                progress.enter(crate::Phase::Done, ""); // it is well again
            }
            show(&self.deps, &self.shared, &progress).await;
        }
    }
}

/// One step, with its progress shown while it lasts.
async fn step(
    deps: Deps,
    config: IngestConfig,
    control: Control,
    mut worker: Worker,
    shared: Arc<Shared>,
) -> Finished {
    let started = Instant::now();
    let progress = control.progress.clone();
    let result = {
        let work = worker.step(&deps, &config, &control);
        tokio::pin!(work);
        let mut tick = tokio::time::interval_at((started + TICK).into(), TICK);
        loop {
            tokio::select! {
                result = &mut work => break result,
                _ = tick.tick() => show(&deps, &shared, &progress).await,
            }
        }
    };
    let name = worker.name().to_string();
    Finished { name, worker, result, progress, took: started.elapsed() }
}

/// Publishes progress, here and in the coordination store. Losing one costs nothing.
async fn show(deps: &Deps, shared: &Shared, progress: &Progress) {
    let now = progress.publish();
    shared.progress.send_modify(|all| drop(all.insert(now.name.clone(), now.clone())));
    if let Err(error) = deps.records.show(now).await {
        tracing::debug!(%error, "progress not shown");
    }
}

fn tell(name: &str, result: &Result<SyncReport, IngestError>, was_failed: bool) {
    match result {
        Ok(report) if report.outcome == Outcome::UpToDate => {
            if was_failed {
                tracing::info!(repo = name, "well again");
            }
        }
        Ok(report) => {
            if report.committed_at_ms > 0 {
                let age = now_ms().saturating_sub(report.committed_at_ms).max(0);
                metrics::histogram!("ax_ingest_freshness_seconds").record(age as f64 / 1000.0);
            }
            tracing::info!(
                repo = name,
                files = report.files_emitted,
                bytes = report.bytes_emitted,
                token = %report.token,
                took_ms = report.took.as_millis() as u64,
                "{}", if report.outcome == Outcome::Removed { "removed" } else { "emitted" }
            );
        }
        Err(error) => {
            metrics::counter!("ax_ingest_errors_total", "code" => error.code().as_str())
                .increment(1);
            tracing::warn!(repo = name, code = %error.code(), %error, "to be repeated");
        }
    }
}

/// A draw from `0.0..1.0`; the standard library's hash seeds are random enough to scatter waits.
fn chance() -> f64 {
    let draw = RandomState::new().build_hasher().finish();
    draw as f64 / u64::MAX as f64
}

fn now_ms() -> i64 {
    crate::source::millis(SystemTime::now())
}
