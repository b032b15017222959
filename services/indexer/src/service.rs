//! The indexer process: a member that works on the shards it is assigned.

use crate::{
    IndexerError,
    intake::IntakeLimits,
    lag::LagClock,
    trace::RecentCauses,
    worker::{End, Worker},
};
use ax_changes::ChangeLog;
use ax_cluster::{Assignment, Cluster, Member, Membership, RebuildRequest, Rows, Table};
use ax_engine::MergePolicy;
use ax_model::{Epoch, Generation, ShardId};
use ax_store::{Neighbours, Store};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// What an indexer works with.
#[derive(Clone)]
pub struct IndexerDeps {
    /// The cluster's records.
    pub cluster: Cluster,
    /// The change stream.
    pub log: Arc<dyn ChangeLog>,
    /// The object store.
    pub store: Store,
    /// The generation in use.
    pub generation: Generation,
}

/// How an indexer works.
#[derive(Debug, Clone)]
pub struct IndexerConfig {
    /// Folder for segments being built or merged.
    pub scratch: PathBuf,
    /// Whether definitions are extracted.
    pub symbols: bool,
    /// A segment whose definitions would take longer to extract, on all cores, is published without them;
    /// they are added soon afterwards.
    pub symbols_within: Duration,
    /// Who holds its permit extracts such definitions: as many shards at a time as there are permits. Shared
    /// by all shards of a process, since each takes as much memory as a merge.
    pub parsing: Arc<Semaphore>,
    /// Lease of the member: a dead indexer is noticed after this.
    pub lease_ttl: Duration,
    /// Most bytes of records in one batch.
    pub max_batch_bytes: usize,
    /// Most records in one batch.
    pub max_batch_records: usize,
    /// Most bytes of text in one segment, before merging.
    pub max_segment_text_bytes: u64,
    /// A batch is closed when nothing came for this long.
    pub quiet: Duration,
    /// A batch is closed this long after its first record.
    pub max_batch_age: Duration,
    /// When segments are merged.
    pub merge: MergePolicy,
    /// Who on this machine may have segments that a merge needs.
    pub neighbours: Neighbours,
}

impl IndexerConfig {
    /// The defaults, with `scratch` as working folder.
    pub fn new(scratch: PathBuf) -> Self {
        Self {
            scratch,
            symbols: true,
            symbols_within: Duration::from_secs(1),
            parsing: Arc::new(Semaphore::new(1)),
            lease_ttl: Duration::from_secs(3),
            max_batch_bytes: 32 << 20,
            max_batch_records: 50_000,
            max_segment_text_bytes: 64 << 20,
            quiet: Duration::from_millis(20),
            max_batch_age: Duration::from_secs(1),
            merge: MergePolicy::default(),
            neighbours: Neighbours::default(),
        }
    }

    pub(crate) fn intake(&self) -> IntakeLimits {
        IntakeLimits {
            max_bytes: self.max_batch_bytes,
            max_records: self.max_batch_records,
            quiet: self.quiet,
            max_age: self.max_batch_age,
        }
    }
}

/// An indexer process.
pub struct Indexer {
    deps: IndexerDeps,
    config: IndexerConfig,
    member: Member,
    wishes: Table<RebuildRequest>,
    workers: BTreeMap<u32, Running>,
    ended: JoinSet<(u32, u64, End)>,
}

/// A worker that was started, under which epoch, and how to stop it.
struct Running {
    epoch: u64,
    stop: CancellationToken,
}

impl Indexer {
    /// An indexer that the others see as `member`. To be made within a tokio runtime.
    pub fn new(deps: IndexerDeps, config: IndexerConfig, member: Member) -> Self {
        let wishes = deps.cluster.table();
        let (workers, ended) = (BTreeMap::new(), JoinSet::new());
        Self { deps, config, member, wishes, workers, ended }
    }

    /// Works until `shutdown`, then finishes what is in hand, and leaves.
    ///
    /// Losing the member's lease does not stop the workers. When coordination is away nobody else can
    /// be assigned, so going on is right; when it was this process that stalled, the first PUT finds
    /// the new owner's fence. Rejected: stopping with the lease, which turns every blip of
    /// coordination into a stop of indexing and makes nothing safer.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), IndexerError> {
        wipe(&self.config.scratch).await?;
        let mut assignments = self.deps.cluster.table::<Assignment>();
        while !shutdown.is_cancelled() {
            let joined = tokio::select! {
                () = shutdown.cancelled() => break,
                joined = self.join() => joined,
            };
            self.follow(&joined, &mut assignments, &shutdown).await;
            if shutdown.is_cancelled() {
                self.leave(joined).await;
            }
        }
        self.stop_all().await;
        Ok(())
    }

    /// Joins, trying until it works; meanwhile the workers go on.
    async fn join(&self) -> Membership {
        loop {
            let joined =
                Membership::join(&self.deps.cluster, self.member.clone(), self.config.lease_ttl);
            match joined.await {
                Ok(joined) => return joined,
                Err(error) => tracing::warn!(%error, "cannot join the members; trying again"),
            }
            tokio::time::sleep(self.config.lease_ttl / 3).await;
        }
    }

    /// Keeps the workers as assigned until the lease is lost or the process is to end.
    async fn follow(
        &mut self,
        joined: &Membership,
        assignments: &mut ax_cluster::Table<Assignment>,
        shutdown: &CancellationToken,
    ) {
        loop {
            self.reconcile(&assignments.rows());
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = joined.lost() => {
                    tracing::warn!("the member's lease is lost; joining again");
                    return;
                }
                () = assignments.changed() => {}
                Some(ended) = self.ended.join_next() => self.note_end(ended),
            }
        }
    }

    /// Stops workers that are not assigned here any more, and starts those that are.
    fn reconcile(&mut self, assignments: &Rows<Assignment>) {
        let mine: BTreeMap<u32, u64> = assignments
            .values()
            .filter(|assignment| assignment.indexer == self.member.id)
            .map(|assignment| (assignment.shard, assignment.epoch))
            .collect();
        self.workers.retain(|shard, running| {
            let keep = mine.get(shard) == Some(&running.epoch);
            if !keep {
                running.stop.cancel();
            }
            keep
        });
        for (shard, epoch) in mine {
            if !self.workers.contains_key(&shard) {
                self.start(shard, epoch);
            }
        }
    }

    fn start(&mut self, shard: u32, epoch: u64) {
        let stop = CancellationToken::new();
        let worker = Worker {
            deps: self.deps.clone(),
            config: self.config.clone(),
            indexer: self.member.id.clone(),
            shard: ShardId(shard),
            epoch: Epoch(epoch),
            wishes: self.wishes.clone(),
            lag: LagClock::default(),
            causes: RecentCauses::default(),
        };
        let work = worker.run(stop.clone());
        self.ended.spawn(async move { (shard, epoch, work.await) });
        self.workers.insert(shard, Running { epoch, stop });
        metrics::gauge!("ax_indexer_shards").set(self.workers.len() as f64);
    }

    /// A fenced worker stays in the list, so that it is not started again under the same epoch; the
    /// coordinator sees the newer epoch in the published hint and assigns anew.
    fn note_end(&mut self, ended: Result<(u32, u64, End), tokio::task::JoinError>) {
        match ended {
            Ok((shard, epoch, End::Fenced)) => tracing::warn!(shard, epoch, "worker ended: fenced"),
            Ok((shard, epoch, End::Stopped)) => tracing::info!(shard, epoch, "worker stopped"),
            Err(error) => {
                // Which shard it was is not known from a panic: start every worker again.
                tracing::error!(%error, "a worker panicked; all workers start again");
                for running in self.workers.values() {
                    running.stop.cancel();
                }
                self.workers.clear();
            }
        }
    }

    async fn leave(&mut self, mut joined: Membership) {
        if let Err(error) = joined.drain().await {
            tracing::debug!(%error, "could not announce the departure");
        }
        self.stop_all().await;
        if let Err(error) = joined.leave().await {
            tracing::debug!(%error, "could not leave; the lease will end by itself");
        }
    }

    async fn stop_all(&mut self) {
        for running in self.workers.values() {
            running.stop.cancel();
        }
        self.workers.clear();
        while self.ended.join_next().await.is_some() {}
    }
}

/// Nothing of an earlier run is worth keeping: what counts is in the store.
async fn wipe(scratch: &std::path::Path) -> Result<(), IndexerError> {
    match tokio::fs::remove_dir_all(scratch).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(tokio::fs::create_dir_all(scratch).await?),
    }
}
