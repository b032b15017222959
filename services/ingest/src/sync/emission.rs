//! From a planned step to a written checkpoint.

use super::{Control, Deps, Outcome, SyncReport, mark_pending, now_ms, worker::blocking};
use crate::{
    IngestConfig, IngestError, branches, checkpoint,
    emit::{self, Appender, Counted, Job, NumPaths, RecordMaker},
    plan::{self, Known, Position, Totals, UnreadableFiles, Written},
    ports::StoredCheckpoint,
    progress::Phase,
    snapshot::{OdbTrees, WalkError},
    source::{Snapshot, directory},
};
use ax_model::{
    BranchHead, BranchHistory, RepoName, RepositoryFacts, RepositoryInfo, without_secrets,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};

/// Everything one emission needs.
pub struct Emission<'a> {
    /// What ingest works with.
    pub deps: &'a Deps,
    /// Limits.
    pub config: &'a IngestConfig,
    /// How it is watched and ended.
    pub control: &'a Control,
    /// The repository.
    pub name: &'a RepoName,
    /// Where it is read from.
    pub source: &'a str,
    /// What it shows.
    pub snapshot: Snapshot,
    /// Identity of the stream.
    pub log_id: String,
    /// What the stream may hold.
    pub known: Known,
    /// The checkpoint that says so.
    pub stored: Option<StoredCheckpoint>,
}

/// What an emission did.
pub struct Emitted {
    /// For whoever asked for it.
    pub report: SyncReport,
    /// What the stream holds now.
    pub position: Position,
    /// Every file that is there could be read.
    pub is_whole: bool,
}

/// A step with all that was found out for it.
struct Prepared {
    step: plan::Emission,
    history: BranchHistory,
    job: Arc<Job>,
    num_paths: NumPaths,
}

impl Emission<'_> {
    /// Emits, and returns what was done.
    pub async fn run(self, step: plan::Emission) -> Result<Emitted, IngestError> {
        let home = self.deps.router.home_of_repo(self.name);
        self.deps.log.bounds(home).await?; // away? then leave no intent behind for nothing
        self.control.progress.enter(Phase::Diffing, "");
        let Prepared { step, history, job, num_paths } = self.prepare(step).await?;
        self.control.progress.expect(num_paths.all);
        let _turn = self.control.capacity.turn(num_paths.all, &self.control.stop).await;
        let target = Written { position: self.snapshot.target.clone(), as_of: step.as_of };
        let revision = self.save_intent(step.needs_intent, &target).await?;
        let result = self.emit(&step, history, job, num_paths, revision).await;
        if result.is_err() {
            mark_pending(self.deps, self.name, &self.log_id, &target).await;
        }
        result
    }

    /// Counts what there is to emit; starts anew when a tree emitted earlier is gone.
    async fn prepare(&self, step: plan::Emission) -> Result<Prepared, IngestError> {
        let history = self.history(&step).await?;
        let job = Arc::new(self.job(&step, &history));
        match count(&job).await? {
            Ok(num_paths) => Ok(Prepared { step, history, job, num_paths }),
            Err(reason) => {
                tracing::warn!(repo = %self.name, reason, "emitting anew; files are missing until the end");
                let step = plan::anew(&self.known, &self.snapshot.target);
                let history = BranchHistory { number: step.as_of, origins: Vec::new() };
                let job = Arc::new(self.job(&step, &history));
                let num_paths = count(&job).await?.map_err(IngestError::Corrupt)?;
                Ok(Prepared { step, history, job, num_paths })
            }
        }
    }

    /// How the branches will have come to be. What is written whole, needs no history.
    async fn history(&self, step: &plan::Emission) -> Result<BranchHistory, IngestError> {
        let complete = self.known.complete.as_ref().map(|(position, _)| position.clone());
        let (Some(complete), None, false) = (complete, &step.wipe, step.everything) else {
            return Ok(BranchHistory { number: step.as_of, origins: Vec::new() });
        };
        let (trees, target) = (self.snapshot.trees.clone(), self.snapshot.target.clone());
        let (before, as_of, added) = (self.known.history.clone(), step.as_of, step.added.clone());
        let limits = emit::walk_limits(self.config, false);
        blocking(move || {
            let repo = crate::source::thread_handle(&trees);
            let (positions, additions) = ((&complete, &target), (as_of, added.as_slice()));
            branches::history(&OdbTrees(&repo), limits, &before, positions, additions)
                .map_err(|error| IngestError::Corrupt(error.to_string()))
        })
        .await
    }

    fn job(&self, step: &plan::Emission, history: &BranchHistory) -> Job {
        let target = &self.snapshot.target;
        let (branches, mut roots) = branches::roots(target, &step.olds, history);
        let UnreadableFiles { listed, more } = &self.known.unreadable;
        if step.wipe.is_none() && !more {
            roots.also = listed.iter().map(|file| file.path.clone()).collect();
        }
        let complete = self.known.complete.as_ref().map(|(position, _)| position);
        let times = &self.snapshot.committed_at_ms;
        let now_ms = now_ms();
        let old_spreads = step.olds.iter().map(|old| old.position.spread);
        let old_spreads: BTreeSet<u32> = old_spreads.filter(|old| *old != target.spread).collect();
        Job {
            trees: self.snapshot.trees.clone(),
            files: self.snapshot.files.clone(),
            roots,
            branches,
            as_of: step.as_of,
            everything: step.everything,
            sizes: step.sizes,
            recount: step.recount,
            old_max_file_bytes: complete.map_or(0, |position| position.limits.max_file_bytes),
            unreadable: listed.clone(),
            records: RecordMaker {
                repo: self.name.clone(),
                router: self.deps.router,
                spread: target.spread,
                old_spreads,
                committed_at_ms: plan::moved_at_ms(target, times, complete, now_ms),
                emitted_at_ms: now_ms,
                traceparents: self.control.traceparents(),
            },
            blobs: self.deps.blobs.clone(),
            config: self.config.clone(),
            stop: self.control.stop.clone(),
        }
    }

    async fn save_intent(
        &self,
        needed: bool,
        target: &Written,
    ) -> Result<Option<u64>, IngestError> {
        let revision = self.stored.as_ref().map(|stored| stored.revision);
        if !needed {
            return Ok(revision);
        }
        let before = self.stored.as_ref().map(|stored| stored.value.clone());
        let intent = checkpoint::with_pending(self.name, &self.log_id, before, target);
        self.deps.records.save(intent, revision).await.map(Some)
    }

    async fn emit(
        &self,
        step: &plan::Emission,
        history: BranchHistory,
        job: Arc<Job>,
        num_paths: NumPaths,
        revision: Option<u64>,
    ) -> Result<Emitted, IngestError> {
        let Control { still_ours, progress, capacity, .. } = self.control;
        let Deps { log, generation, .. } = self.deps;
        let mut appender = Appender::new(log.clone(), still_ours.clone(), *generation, self.config);
        if let Some(spreads) = &step.wipe {
            appender.append(job.records.wipe(spreads)).await?;
        }
        progress.enter(Phase::Emitting, "");
        let memory = capacity.memory();
        let counted = emit::run(job.clone(), num_paths, &mut appender, memory, progress).await?;
        let totals = self.snapshot.totals.unwrap_or_else(|| add(step.base, &counted));
        let facts = self.facts(&job.records, totals, history.clone());
        appender.append(job.records.facts(&facts, self.needs_copies(step))).await?;
        let position = self.emitted_position().await?;
        let token = appender.token().clone();
        let unreadable = self.unreadable(step, &counted);
        let is_whole = unreadable.listed.is_empty();
        let (name, found) = (self.name, (totals, &unreadable));
        let target = (&position, &history);
        let done = checkpoint::complete(name, &self.log_id, target, found, &token, now_ms());
        self.deps.records.save(done, revision).await?;
        progress.enter(Phase::Done, &token.to_string());
        let report = SyncReport {
            outcome: Outcome::Emitted,
            token,
            files_emitted: counted.emitted(),
            bytes_emitted: progress.done().1,
            totals,
            committed_at_ms: job.records.committed_at_ms,
            took: Duration::ZERO,
            traceparent: job.records.traceparents.first().cloned(),
        };
        Ok(Emitted { report, position, is_whole })
    }

    /// The files that cannot be read as of now. Those known were all tried again, unless there are more
    /// than are known.
    fn unreadable(&self, step: &plan::Emission, counted: &Counted) -> UnreadableFiles {
        let mut now = counted.unreadable();
        let known = &self.known.unreadable;
        if known.more && step.wipe.is_none() && !step.everything {
            known.listed.iter().for_each(|file| now.add(file.clone()));
            now.more = true;
        }
        now
    }

    fn facts(
        &self,
        records: &RecordMaker,
        totals: Totals,
        history: BranchHistory,
    ) -> RepositoryInfo {
        let heads = self.snapshot.target.branches.iter().filter(|branch| !branch.name.is_empty());
        RepositoryInfo {
            name: self.name.clone(),
            source: without_secrets(self.source),
            default_branch: self.snapshot.default_branch.clone(),
            branches: heads
                .map(|at| BranchHead { name: at.name.clone(), commit: at.commit.clone() })
                .collect(),
            history,
            branches_left_out: self.snapshot.left_out.clone(),
            num_files: totals.num_files,
            num_bytes: totals.num_bytes,
            num_skipped: totals.num_skipped,
            spread: self.snapshot.target.spread,
            committed_at_ms: self
                .snapshot
                .committed_at_ms
                .iter()
                .copied()
                .max()
                .unwrap_or_default(),
            indexed_at_ms: records.emitted_at_ms,
            facts: self.snapshot.target.facts,
            is_copy: false,
        }
    }

    /// Whether a shard of the spread may hold documents that name other branches than there are now, or
    /// know other facts of the repository, or another default branch. After a wipe there are none, and what is
    /// not known counts as nothing said; of a single branch nobody has to say that it is the default.
    fn needs_copies(&self, step: &plan::Emission) -> bool {
        let target = &self.snapshot.target;
        if step.wipe.is_some() {
            return target.facts != RepositoryFacts::default() || target.names().nth(1).is_some();
        }
        let now: BTreeSet<&str> = target.names().collect();
        let differ = |old: &Written| {
            old.position.facts != target.facts
                || old.position.names().next() != target.names().next()
                || old.position.names().collect::<BTreeSet<_>>() != now
        };
        step.everything || step.olds.iter().any(differ)
    }

    /// The target, with the files of a directory that moved under our hands as they were emitted.
    async fn emitted_position(&self) -> Result<Position, IngestError> {
        let mut position = self.snapshot.target.clone();
        let Some(files) = &self.snapshot.files else { return Ok(position) };
        let moved = files.moved();
        if moved.is_empty() {
            return Ok(position);
        }
        for branch in &mut position.branches {
            let (trees, moved, root) = (self.snapshot.trees.clone(), moved.clone(), branch.tree);
            branch.tree = blocking(move || directory::corrected(&trees, root, &moved)).await?;
        }
        Ok(position)
    }
}

/// Counts a job's paths. The inner error says that a tree of an old position is gone.
async fn count(job: &Arc<Job>) -> Result<Result<NumPaths, String>, IngestError> {
    let job = job.clone();
    blocking(move || match job.count() {
        Ok(num_paths) => Ok(Ok(num_paths)),
        Err(WalkError::OldGone(error)) => Ok(Err(error.to_string())),
        Err(WalkError::Stopped) => Err(IngestError::Stopped),
        Err(error) => Err(IngestError::Corrupt(error.to_string())),
    })
    .await
}

fn add(base: Totals, counted: &Counted) -> Totals {
    let (files, bytes, skipped) = counted.deltas();
    Totals {
        num_files: base.num_files.saturating_add_signed(files),
        num_bytes: base.num_bytes.saturating_add_signed(bytes),
        num_skipped: base.num_skipped.saturating_add_signed(skipped),
    }
}
