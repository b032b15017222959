//! Decorators that fail or wait where they are told to.

use ax_changes::{Appended, Bounds, ChangeLog, LogError, LogReader, NewRecord};
use ax_ingest::{
    IngestError,
    memory::MemoryRecords,
    ports::{Claim, Records, StoredCheckpoint},
};
use ax_model::{Code, Offset, RepoName, SaidFacts, ShardId};
use ax_proto::cluster::{IngestCheckpoint, IngestProgress, Registration};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
};
use tokio::sync::Semaphore;

/// Records whose checkpoints cannot be written after some number of writes, and whose reader panics
/// while it is told to.
pub struct FlakyRecords {
    pub inner: MemoryRecords,
    pub saves_left: AtomicI64,
    pub panics: AtomicBool,
}

#[async_trait::async_trait]
impl Records for FlakyRecords {
    async fn registrations(&self) -> Result<BTreeMap<String, Registration>, IngestError> {
        self.inner.registrations().await
    }

    async fn changed(&self) {
        self.inner.changed().await;
    }

    async fn hear(&self, name: &str, said: SaidFacts) -> Result<(), IngestError> {
        self.inner.hear(name, said).await
    }

    async fn forget(&self, name: &RepoName) -> Result<(), IngestError> {
        self.inner.forget(name).await
    }

    async fn claim(&self, name: &RepoName) -> Result<Option<Box<dyn Claim>>, IngestError> {
        self.inner.claim(name).await
    }

    async fn load(&self, name: &RepoName) -> Result<Option<StoredCheckpoint>, IngestError> {
        assert!(!self.panics.load(Ordering::SeqCst), "told to panic");
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
        if self.saves_left.fetch_sub(1, Ordering::SeqCst) <= 0 {
            let code = Code::CoordinationUnavailable;
            return Err(IngestError::Coordination { code, reason: "told to fail".into() });
        }
        self.inner.save(checkpoint, expected).await
    }

    async fn drop_checkpoint(&self, name: &RepoName, expected: u64) -> Result<(), IngestError> {
        self.inner.drop_checkpoint(name, expected).await
    }

    async fn show(&self, progress: IngestProgress) -> Result<(), IngestError> {
        self.inner.show(progress).await
    }
}

/// A log whose appends wait at a gate: a process that is stopped while it sends.
pub struct GateLog {
    pub inner: Arc<dyn ChangeLog>,
    pub gate: Semaphore,
    pub waiting: AtomicI64,
}

#[async_trait::async_trait]
impl ChangeLog for GateLog {
    fn partitions(&self) -> u32 {
        self.inner.partitions()
    }

    async fn log_id(&self) -> Result<String, LogError> {
        self.inner.log_id().await
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let _pass = self.gate.acquire().await;
        self.inner.append(records).await
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
