//! A repository under care: its open source, and what was last known to be done.

use super::{Control, Deps, Outcome, SyncReport, emission, removal, spread_of};
use crate::{
    IngestConfig, IngestError,
    plan::{self, Known, Position, Step},
    progress::Phase,
    snapshot::read_verified,
    source::{GitRepo, Mirror, Place, Refs, Snapshot, Source, Wanted},
};
use ax_model::{RepoName, VersionToken};
use ax_proto::cluster::Registration;
use parking_lot::Mutex;
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};
use tracing::Instrument;

/// How long the checkpoint is taken to be as we left it. Only a process that woke late changes it.
const TRUST_FOR: Duration = Duration::from_secs(60);

/// Keeps one repository up to date, step by step.
pub struct Worker {
    name: RepoName,
    registration: Registration,
    /// Shared with the blocking thread that works on it; empty until opened.
    source: Arc<Mutex<Option<Source>>>,
    settled: Option<Settled>,
    emissions: u32,
    looked_for: Duration,
}

/// The state in which there was nothing left to do.
struct Settled {
    refs: Option<Refs>,
    position: Position,
    at: Instant,
}

/// What a thorough look found.
struct Looked {
    snapshot: Snapshot,
    refs: Option<Refs>,
    took: Duration,
}

impl Worker {
    /// A worker for a registration.
    pub fn new(registration: Registration) -> Result<Self, IngestError> {
        let name = RepoName::new(registration.name.clone())
            .map_err(|error| IngestError::BadRegistration(error.to_string()))?;
        let (source, looked_for) = (Arc::default(), Duration::ZERO);
        Ok(Self { name, registration, source, settled: None, emissions: 0, looked_for })
    }

    /// The repository's name.
    pub fn name(&self) -> &RepoName {
        &self.name
    }

    /// The registration it follows.
    pub fn registration(&self) -> &Registration {
        &self.registration
    }

    /// How long the last step read the repository, a first clone aside. Neither the emission of what
    /// was found nor the wait for a back end that is away says anything of the next look.
    pub fn looked_for(&self) -> Duration {
        self.looked_for
    }

    /// Looks at the repository and emits what moved.
    pub async fn step(
        &mut self,
        deps: &Deps,
        config: &IngestConfig,
        control: &Control,
    ) -> Result<SyncReport, IngestError> {
        let started = Instant::now();
        self.looked_for = Duration::ZERO;
        let mut result = self.try_step(deps, config, control).await;
        match &mut result {
            Ok(report) => report.took = started.elapsed(),
            Err(error) => {
                self.settled = None;
                if let Some(mut source) = self.source.try_lock() {
                    *source = None; // opened anew: it may have been replaced
                }
                control.progress.fail(&error.fault());
            }
        }
        result
    }

    async fn try_step(
        &mut self,
        deps: &Deps,
        config: &IngestConfig,
        control: &Control,
    ) -> Result<SyncReport, IngestError> {
        if self.registration.removed {
            let span = tracing::info_span!("append", otel.kind = "producer", repo = %self.name);
            let removal = removal::remove(deps, config, control, &self.name, &self.registration);
            return removal.instrument(span).await;
        }
        if self.nothing_moved().await? {
            return Ok(SyncReport::new(Outcome::UpToDate, VersionToken::new(deps.generation)));
        }
        let Looked { snapshot, refs, took } = self.look(deps, config, control).await?;
        self.looked_for = took;
        let report = self.bring_up(deps, config, control, snapshot).await?;
        if let Some(settled) = &mut self.settled {
            settled.refs = refs;
        }
        Ok(report)
    }

    /// The cheap look: are the refs as they were when there was nothing left to do?
    async fn nothing_moved(&self) -> Result<bool, IngestError> {
        let Some(Settled { refs: Some(before), at, .. }) = &self.settled else { return Ok(false) };
        if at.elapsed() > TRUST_FOR {
            return Ok(false);
        }
        let source = self.source.clone();
        let now = blocking(move || match source.lock().as_ref() {
            Some(source) => source.refs(),
            None => Ok(None),
        });
        Ok(now.await?.as_ref() == Some(before))
    }

    /// The thorough look: fetch, read refs, scan.
    async fn look(
        &self,
        deps: &Deps,
        config: &IngestConfig,
        control: &Control,
    ) -> Result<Looked, IngestError> {
        let spread = spread_of(deps, config, &self.registration);
        let (shared, registration) = (self.source.clone(), self.registration.clone());
        let (name, stop, limit) = (self.name.clone(), control.stop.clone(), config.fetch_timeout);
        let remote = matches!(Place::parse(&registration.source), Ok(Place::Remote(_)));
        let clones = remote && Mirror::is_fresh(&config.data_dir, &name, &registration.source);
        control.progress.enter(phase(&registration.source, remote, clones), "");
        let _turn = if clones { control.capacity.import(&control.stop).await } else { None };
        let config = config.clone();
        let looking = blocking(move || {
            let started = Instant::now();
            // A fetch that hangs past its time keeps the lock: the next look says so at once.
            let Some(mut shared) = shared.try_lock() else {
                return Err(unreachable(&registration, "the previous fetch still hangs"));
            };
            let source = match &mut *shared {
                Some(source) => source,
                none => none.insert(Source::open(&config, &name, &registration.source)?),
            };
            let refs = source.refs()?; // before the snapshot: what moves in between is seen again
            let max_branches = config.max_branches;
            let limits = plan::Limits::new(config.max_file_bytes);
            let patterns = &registration.branches;
            let said = ax_cluster::said_by(&registration);
            let wanted = Wanted { patterns, max_branches, spread, limits, said };
            let snapshot = source.snapshot(&wanted, &stop)?;
            let took = if clones { Duration::ZERO } else { started.elapsed() };
            Ok(Looked { snapshot, refs, took })
        });
        match tokio::time::timeout(limit, looking).await {
            Ok(looked) => looked,
            Err(_) => {
                control.stop.store(true, Ordering::Relaxed); // and the thread ends when it can
                let reason = format!("it took longer than {} s", limit.as_secs());
                Err(unreachable(&self.registration, &reason))
            }
        }
    }

    /// Emits what differs between the stream and the snapshot.
    async fn bring_up(
        &mut self,
        deps: &Deps,
        config: &IngestConfig,
        control: &Control,
        snapshot: Snapshot,
    ) -> Result<SyncReport, IngestError> {
        let as_before = |settled: &Settled| {
            settled.position == snapshot.target && settled.at.elapsed() <= TRUST_FOR
        };
        let nothing = SyncReport::new(Outcome::UpToDate, VersionToken::new(deps.generation));
        if self.settled.as_ref().is_some_and(as_before) {
            return Ok(nothing);
        }
        let stored = deps.records.load(&self.name).await?;
        let log_id = deps.log.log_id().await?;
        let known = crate::checkpoint::read(stored.as_ref().map(|stored| &stored.value), &log_id);
        let step = match plan::plan(&known, &snapshot.target) {
            Step::Emit(step) => step,
            Step::Nothing if known.unreadable.listed.is_empty() => {
                self.settle(snapshot.target);
                return Ok(nothing);
            }
            Step::Nothing => match self.can_be_read_now(&snapshot, &known).await? {
                true => plan::again(&known, &snapshot.target),
                false => return Ok(nothing),
            },
        };
        let emission = emission::Emission {
            deps,
            config,
            control,
            name: &self.name,
            source: &self.registration.source,
            snapshot,
            log_id,
            known,
            stored,
        };
        let span = tracing::info_span!("append", otel.kind = "producer", repo = %self.name);
        let emission::Emitted { report, position, is_whole } =
            emission.run(step).instrument(span).await?;
        self.emissions += 1;
        self.tidy(&position).await;
        match is_whole {
            true => self.settle(position),
            false => self.settled = None, // the next look tries again
        }
        Ok(report)
    }

    /// Whether any of the files that could not be read now can. Objects come back: a repository that was
    /// being deleted is put back, an alternate is mounted, a pack is mended.
    async fn can_be_read_now(
        &self,
        snapshot: &Snapshot,
        known: &Known,
    ) -> Result<bool, IngestError> {
        let (trees, listed) = (snapshot.trees.clone(), known.unreadable.listed.clone());
        blocking(move || {
            let repo = trees.to_thread_local();
            let is_there = |blob| read_verified(&repo, blob, gix::objs::Kind::Blob).is_ok();
            Ok(listed.into_iter().any(|file| is_there(file.blob)))
        })
        .await
    }

    fn settle(&mut self, position: Position) {
        self.settled = Some(Settled { refs: None, position, at: Instant::now() });
    }

    /// Now and then, drops what a directory's past scans left behind.
    async fn tidy(&self, position: &Position) {
        const EVERY: u32 = 64;
        if !self.emissions.is_multiple_of(EVERY) {
            return;
        }
        let roots = position.branches.iter().map(|branch| branch.tree).collect::<Vec<_>>();
        let source = self.source.clone();
        let tidied = blocking(move || match source.lock().as_ref() {
            Some(Source::Directory(directory)) => directory.collect(&roots),
            _ => Ok(0),
        });
        if let Err(error) = tidied.await {
            tracing::warn!(repo = %self.name, %error, "old listings not dropped");
        }
    }
}

/// Runs blocking work away from the runtime's own threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IngestError> + Send + 'static,
) -> Result<T, IngestError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(IngestError::Internal(error.to_string())))
}

/// What a look begins with.
fn phase(source: &str, remote: bool, clones: bool) -> Phase {
    match remote {
        true if clones => Phase::Cloning,
        true => Phase::Fetching,
        false if GitRepo::looks_like_one(Path::new(source)) => Phase::Diffing,
        false => Phase::Scanning,
    }
}

fn unreachable(registration: &Registration, reason: &str) -> IngestError {
    let url = ax_model::without_secrets(&registration.source);
    IngestError::Unreachable { url, reason: reason.to_owned() }
}
