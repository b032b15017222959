//! Follows the registered repositories: a shell around [`Scheduler`] and [`Worker`].

mod step;
mod tell;
mod trace;

use crate::{
    Deps, IngestConfig, IngestError, Outcome,
    ports::{Claim, Records},
    progress::Progress,
    scheduler::{Backoff, Ended, Lane, Lanes, Scheduler},
    source::Place,
    sync::{Capacity, Worker},
};
use ax_model::SaidFacts;
use ax_proto::cluster::{IngestProgress, Registration};
use ax_telemetry::Causes;
use parking_lot::Mutex;
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};
use step::{Finished, Step, show};
use tell::tell;
use tokio::{
    sync::{mpsc, watch},
    task::{Id, JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;
use trace::StepTrace;
use tracing::Instrument;

/// Steps under way at the same time. Most are looks that find nothing, or wait for their turn to import
/// much: [`Capacity`] bounds what costs. Few fetches, since each holds an index of what it receives.
const LANES: Lanes = Lanes { local: 64, remote: 8 };
/// How often a claim that another process holds is asked for again.
const CLAIM_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for facts to be kept, while the code host waits for its answer.
const HEAR_FOR: Duration = Duration::from_secs(2);
/// How often checkpoints without a registration are looked for.
const ORPHANS_EVERY: Duration = Duration::from_secs(30);

/// The ingest role.
pub struct IngestService {
    deps: Deps,
    config: IngestConfig,
    shared: Arc<Shared>,
    kicks: mpsc::Receiver<Kick>,
    scheduler: Scheduler,
    slots: BTreeMap<String, Slot>,
    steps: JoinSet<Finished>,
    /// Whose step each task is: one that panics takes everything else that it knew with it.
    running: HashMap<Id, String>,
    capacity: Arc<Capacity>,
    /// Repositories that have a checkpoint and no registration: to be removed.
    orphans: Vec<String>,
    begun: Instant,
}

/// What the rest of the process sees of ingest. Cheap to clone.
#[derive(Clone)]
pub struct IngestHandle {
    kicks: mpsc::Sender<Kick>,
    shared: Arc<Shared>,
    records: Arc<dyn Records>,
}

#[derive(Default)]
struct Shared {
    registrations: Mutex<BTreeMap<String, Registration>>,
    progress: watch::Sender<BTreeMap<String, IngestProgress>>,
}

/// A wish that a repository is looked at now.
struct Kick {
    name: String,
    /// Trace context of what wished it.
    cause: Option<String>,
}

/// A repository between steps; `worker` is away while a step runs.
struct Slot {
    registration: Registration,
    worker: Option<Worker>,
    claim: Option<Arc<dyn Claim>>,
    stop: Arc<AtomicBool>,
    failed: bool,
    /// What the next step is caused by, polls aside.
    causes: Causes,
    /// Trace context of what was emitted last.
    last_emission: Option<String>,
}

impl IngestHandle {
    /// Wants a look at a repository now, because of `cause`, a `traceparent`. False when it is not
    /// registered.
    pub fn kick(&self, name: &str, cause: Option<String>) -> bool {
        let known = self.shared.registrations.lock().contains_key(name);
        // A full queue is a queue of kicks: the repository will be looked at by the next poll.
        known && self.kicks.try_send(Kick { name: name.to_owned(), cause }).is_ok()
    }

    /// Keeps what a code host says of a repository. Lost while coordination is away: it is said again
    /// with the next push.
    pub async fn hear(&self, name: &str, said: SaidFacts) {
        match tokio::time::timeout(HEAR_FOR, self.records.hear(name, said)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(repo = name, %error, "facts of a webhook are lost"),
            Err(_) => tracing::warn!(repo = name, "facts of a webhook are lost: not kept in time"),
        }
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
        let records = deps.records.clone();
        let handle = IngestHandle { kicks: kicks_tx, shared: shared.clone(), records };
        let service = Self {
            deps,
            config,
            shared,
            kicks,
            scheduler: Scheduler::new(backoff, LANES),
            slots: BTreeMap::new(),
            steps: JoinSet::new(),
            running: HashMap::new(),
            capacity,
            orphans: Vec::new(),
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
            self.start_due();
            let next = self.scheduler.next_due();
            let wake = self.begun + next.unwrap_or(self.begun.elapsed() + ORPHANS_EVERY);
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = records.changed() => self.refresh().await,
                _ = orphans.tick() => {
                    self.find_orphans().await;
                    self.refresh().await;
                }
                Some(kick) = self.kicks.recv() => self.kicked(&kick),
                Some(done) = self.steps.join_next_with_id() => self.ended(done).await,
                () = tokio::time::sleep_until(wake.into()), if next.is_some() => {}
            }
        }
        self.stop().await;
    }

    fn kicked(&mut self, Kick { name, cause }: &Kick) {
        self.scheduler.kick(name, self.begun.elapsed());
        if let (Some(slot), Some(cause)) = (self.slots.get_mut(name), cause) {
            slot.causes.note(cause);
        }
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
            let (lane, every) = self.rhythm(registration);
            self.scheduler.set(name, lane, every, now);
            self.admit(registration, now);
        }
        *self.shared.registrations.lock() = registrations;
    }

    /// Registrations, and removals for checkpoints that lost theirs.
    async fn wanted(&self) -> Result<BTreeMap<String, Registration>, IngestError> {
        let mut registrations = self.deps.records.registrations().await?;
        for name in &self.orphans {
            let orphan =
                || Registration { name: name.clone(), removed: true, ..Default::default() };
            registrations.entry(name.clone()).or_insert_with(orphan);
        }
        Ok(registrations)
    }

    /// A registration may be deleted outright, and a process that woke late may leave a checkpoint
    /// for a repository that is gone: what they left in the stream is deleted, too.
    async fn find_orphans(&mut self) {
        let found = async {
            let checkpointed = self.deps.records.checkpointed().await?;
            let registrations = self.deps.records.registrations().await?;
            Ok::<_, IngestError>((checkpointed, registrations))
        };
        match found.await {
            Ok((mut names, registrations)) => {
                names.retain(|name| !registrations.contains_key(name));
                self.orphans = names;
            }
            Err(error) => tracing::debug!(%error, "checkpoints not listed"),
        }
    }

    /// Takes a registration up, new or changed.
    fn admit(&mut self, registration: &Registration, now: Duration) {
        let known = self.slots.get_mut(&registration.name);
        if let Some(slot) = known {
            if slot.registration != *registration {
                // A step under way works for what is no longer wanted; the next one follows at once.
                slot.stop.store(true, Ordering::Relaxed);
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
                    causes: Causes::default(),
                    last_emission: None,
                };
                self.slots.insert(registration.name.clone(), slot);
            }
            Err(error) => tracing::warn!(name = registration.name, %error, "registration left out"),
        }
    }

    fn rhythm(&self, registration: &Registration) -> (Lane, Duration) {
        let remote = matches!(Place::parse(&registration.source), Ok(Place::Remote(_)));
        let (lane, usual) = match remote {
            true => (Lane::Remote, self.config.remote_poll),
            false => (Lane::Local, self.config.local_poll),
        };
        let own = registration.poll_seconds;
        (lane, if own == 0 { usual } else { Duration::from_secs(own.into()) })
    }

    fn start_due(&mut self) {
        let now = self.begun.elapsed();
        for name in self.scheduler.take_due(now) {
            if !self.start(&name) {
                self.scheduler.finished(&name, Ended::Badly, Duration::ZERO, now, chance());
            }
        }
    }

    /// Starts a step. False when there is nothing to step with: the registration is no good.
    fn start(&mut self, name: &str) -> bool {
        let Some(slot) = self.slots.get_mut(name) else { return false };
        let Some(worker) = slot.worker.take() else { return false };
        slot.stop = Arc::default();
        let trace =
            StepTrace::begin(name, std::mem::take(&mut slot.causes), slot.last_emission.clone());
        let span = trace.span();
        let step = Step {
            deps: self.deps.clone(),
            config: self.config.clone(),
            shared: self.shared.clone(),
            capacity: self.capacity.clone(),
            stop: slot.stop.clone(),
            claim: slot.claim.take(),
            worker,
            trace,
        };
        let task = self.steps.spawn(step.run().instrument(span));
        self.running.insert(task.id(), name.to_owned());
        true
    }

    async fn ended(&mut self, done: Result<(Id, Finished), JoinError>) {
        match done {
            Ok((task, finished)) => {
                self.running.remove(&task);
                self.finished(finished).await;
            }
            Err(error) => {
                if let Some(name) = self.running.remove(&error.id()) {
                    self.panicked(&name, error).await;
                }
            }
        }
    }

    /// A panic took the worker and the claim with it. The repository gets new ones, after a wait; the
    /// others go on.
    async fn panicked(&mut self, name: &str, panic: JoinError) {
        let error = IngestError::Internal(format!("a step of ingest panicked: {panic}"));
        tracing::error!(repo = name, %error, "a fault of ours");
        self.scheduler.finished(name, Ended::Badly, Duration::ZERO, self.begun.elapsed(), chance());
        let Some(slot) = self.slots.get_mut(name) else { return };
        let Ok(worker) = Worker::new(slot.registration.clone()) else { return };
        let progress = Progress::new(worker.name().clone(), now_ms());
        progress.fail(&error.fault());
        slot.worker = Some(worker);
        tell(name, &Err(error), std::mem::replace(&mut slot.failed, true));
        show(&self.deps, &self.shared, &progress).await;
    }

    async fn finished(&mut self, finished: Finished) {
        let Finished { name, worker, claim, result, progress, took, causes } = finished;
        let Some(result) = result else { return self.not_ours(&name, worker) };
        let changed = |slot: &Slot| slot.registration != *worker.registration();
        let superseded = result.is_err() && self.slots.get(&name).is_some_and(changed);
        let ended = if result.is_ok() || superseded { Ended::Well } else { Ended::Badly };
        let looked = worker.looked_for();
        self.scheduler.finished(&name, ended, looked, self.begun.elapsed(), chance());
        metrics::histogram!("ax_ingest_step_seconds").record(took.as_secs_f64());
        let removed = matches!(&result, Ok(report) if report.outcome == Outcome::Removed);
        let Some(slot) = self.slots.get_mut(&name) else { return };
        slot.claim = claim;
        slot.take_back(worker);
        match &result {
            Ok(report) => {
                slot.last_emission = report.traceparent.clone().or(slot.last_emission.take())
            }
            // It is tried again, and still for the same reason.
            Err(_) => causes.contexts().iter().for_each(|cause| slot.causes.note(cause)),
        }
        if superseded {
            return; // stopped since its registration changed: no failure, and the next step is due
        }
        let was_failed = std::mem::replace(&mut slot.failed, result.is_err());
        tell(&name, &result, was_failed);
        if removed {
            self.slots.remove(&name);
            self.orphans.retain(|known| *known != name);
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

    fn not_ours(&mut self, name: &str, worker: Worker) {
        let now = self.begun.elapsed();
        let as_if_it_took = CLAIM_EVERY / 9; // so that the next try is after that time at least
        self.scheduler.finished(name, Ended::Well, as_if_it_took, now, chance());
        if let Some(slot) = self.slots.get_mut(name) {
            slot.take_back(worker);
        }
    }
}

impl Slot {
    /// Takes the worker of an ended step, or a new one when the registration changed meanwhile.
    fn take_back(&mut self, worker: Worker) {
        self.worker = match *worker.registration() == self.registration {
            true => Some(worker),
            false => Worker::new(self.registration.clone()).ok(),
        };
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
