//! A process that is killed at a given step: the step lands or does not, and nothing comes after it.

use super::{World, eventually};
use ax_changes::{Appended, Bounds, ChangeLog, LogError, LogReader, NewRecord};
use ax_ingest::{
    Deps, IngestError,
    memory::MemoryRecords,
    ports::{Claim, Records, StoredCheckpoint},
    sync_once,
};
use ax_model::{Offset, RepoName, SaidFacts, ShardId};
use ax_proto::cluster::{IngestCheckpoint, IngestProgress, Registration};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};

/// Steps until killed at step `n`. False when it came to its end before.
pub async fn killed(world: &World, n: i64, last_lands: bool) -> bool {
    let life = Life::of(n, last_lands);
    let (deps, config) = (life.deps(world), world.config.clone());
    let registration = world.registration.clone();
    let process = tokio::spawn(async move { sync_once(&deps, &config, &registration).await });
    let what = "it ends or is killed";
    eventually(what, async || process.is_finished() || life.is_over()).await;
    process.abort();
    let _ = process.await; // its end, or that it was aborted
    life.is_over()
}

/// Counts the steps of a life: appends, and writes of checkpoints.
pub struct Life {
    steps_left: AtomicI64,
    last_lands: bool,
    over: AtomicBool,
}

impl Life {
    /// A life that ends with step `n`, counted from zero; its last step lands or does not.
    pub fn of(n: i64, last_lands: bool) -> Arc<Self> {
        Arc::new(Self { steps_left: AtomicI64::new(n), last_lands, over: AtomicBool::new(false) })
    }

    /// True once the last step was taken.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// What a world's process works with while it lives.
    pub fn deps(self: &Arc<Self>, world: &World) -> Deps {
        let log = Arc::new(MortalLog { inner: world.deps.log.clone(), life: self.clone() });
        let records = Arc::new(MortalRecords { inner: world.records.clone(), life: self.clone() });
        Deps { log, records, ..world.deps.clone() }
    }

    async fn step<T>(&self, act: impl Future<Output = T>) -> T {
        let left = self.steps_left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 {
            return act.await;
        }
        if left == 0 && self.last_lands {
            act.await;
        }
        self.over.store(true, Ordering::SeqCst);
        std::future::pending().await // the dead do not learn what became of it
    }
}

struct MortalLog {
    inner: Arc<dyn ChangeLog>,
    life: Arc<Life>,
}

#[async_trait::async_trait]
impl ChangeLog for MortalLog {
    fn partitions(&self) -> u32 {
        self.inner.partitions()
    }

    async fn log_id(&self) -> Result<String, LogError> {
        self.inner.log_id().await
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        self.life.step(self.inner.append(records)).await
    }

    async fn bounds(&self, partition: ShardId) -> Result<Bounds, LogError> {
        self.inner.bounds(partition).await
    }

    async fn read(
        &self,
        partition: ShardId,
        from: Offset,
        log_id: &str,
    ) -> Result<Box<dyn LogReader>, LogError> {
        self.inner.read(partition, from, log_id).await
    }
}

struct MortalRecords {
    inner: MemoryRecords,
    life: Arc<Life>,
}

#[async_trait::async_trait]
impl Records for MortalRecords {
    async fn registrations(&self) -> Result<BTreeMap<String, Registration>, IngestError> {
        self.inner.registrations().await
    }

    async fn changed(&self) {
        self.inner.changed().await;
    }

    async fn hear(&self, name: &str, said: SaidFacts) -> Result<(), IngestError> {
        self.life.step(self.inner.hear(name, said)).await
    }

    async fn forget(&self, name: &RepoName) -> Result<(), IngestError> {
        self.life.step(self.inner.forget(name)).await
    }

    async fn claim(&self, name: &RepoName) -> Result<Option<Box<dyn Claim>>, IngestError> {
        self.inner.claim(name).await
    }

    async fn load(&self, name: &RepoName) -> Result<Option<StoredCheckpoint>, IngestError> {
        self.inner.load(name).await
    }

    async fn checkpointed(&self) -> Result<Vec<String>, IngestError> {
        self.inner.checkpointed().await
    }

    async fn save(
        &self,
        checkpoint: IngestCheckpoint,
        expected: Option<u64>,
    ) -> Result<u64, IngestError> {
        self.life.step(self.inner.save(checkpoint, expected)).await
    }

    async fn drop_checkpoint(&self, name: &RepoName, expected: u64) -> Result<(), IngestError> {
        self.life.step(self.inner.drop_checkpoint(name, expected)).await
    }

    async fn show(&self, progress: IngestProgress) -> Result<(), IngestError> {
        self.inner.show(progress).await
    }
}
