//! Coordination records and blobs in memory, for tests and measurements.

use crate::{
    IngestError,
    heard::after_hearing,
    ports::{BlobSink, Claim, Records, StoredCheckpoint},
};
use async_trait::async_trait;
use ax_model::{ContentHash, RepoName, SaidFacts, StoredBlob};
use ax_proto::cluster::{IngestCheckpoint, IngestProgress, Registration};
use bytes::Bytes;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Notify;

/// [`Records`] in memory. Clones share their content.
#[derive(Clone, Default)]
pub struct MemoryRecords(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    revision: u64,
    registrations: BTreeMap<String, Registration>,
    checkpoints: BTreeMap<String, StoredCheckpoint>,
    progress: BTreeMap<String, IngestProgress>,
    claims: BTreeMap<String, Arc<()>>,
}

impl MemoryRecords {
    /// Registers a repository, or changes its registration.
    pub fn register(&self, registration: Registration) {
        let name = registration.name.clone();
        self.0.state.lock().registrations.insert(name, registration);
        self.0.changed.notify_one();
    }

    /// The last progress shown.
    pub fn progress(&self, name: &str) -> Option<IngestProgress> {
        self.0.state.lock().progress.get(name).cloned()
    }
}

struct Held(Arc<()>);

impl Claim for Held {
    fn is_lost(&self) -> bool {
        Arc::strong_count(&self.0) < 2 // the registry let go of it
    }
}

#[async_trait]
impl Records for MemoryRecords {
    async fn registrations(&self) -> Result<BTreeMap<String, Registration>, IngestError> {
        Ok(self.0.state.lock().registrations.clone())
    }

    async fn changed(&self) {
        self.0.changed.notified().await;
    }

    async fn hear(&self, name: &str, said: SaidFacts) -> Result<(), IngestError> {
        let known = self.0.state.lock().registrations.get(name).cloned();
        if let Some(now) = known.and_then(|known| after_hearing(&known, said)) {
            self.register(now);
        }
        Ok(())
    }

    async fn forget(&self, name: &RepoName) -> Result<(), IngestError> {
        let mut state = self.0.state.lock();
        if state.registrations.get(name.as_str()).is_some_and(|registration| registration.removed) {
            state.progress.remove(name.as_str());
            state.registrations.remove(name.as_str());
        }
        Ok(())
    }

    async fn claim(&self, name: &RepoName) -> Result<Option<Box<dyn Claim>>, IngestError> {
        let claims = &mut self.0.state.lock().claims;
        if claims.get(name.as_str()).is_some_and(|held| Arc::strong_count(held) > 1) {
            return Ok(None);
        }
        let held = Arc::new(());
        claims.insert(name.to_string(), held.clone());
        Ok(Some(Box::new(Held(held))))
    }

    async fn load(&self, name: &RepoName) -> Result<Option<StoredCheckpoint>, IngestError> {
        Ok(self.0.state.lock().checkpoints.get(name.as_str()).cloned())
    }

    async fn checkpointed(&self) -> Result<Vec<String>, IngestError> {
        Ok(self.0.state.lock().checkpoints.keys().cloned().collect())
    }

    async fn save(
        &self,
        checkpoint: IngestCheckpoint,
        expected: Option<u64>,
    ) -> Result<u64, IngestError> {
        let mut state = self.0.state.lock();
        let found = state.checkpoints.get(&checkpoint.name).map(|stored| stored.revision);
        if found != expected {
            return Err(IngestError::Superseded);
        }
        state.revision += 1;
        let revision = state.revision;
        let name = checkpoint.name.clone();
        state.checkpoints.insert(name, StoredCheckpoint { value: checkpoint, revision });
        Ok(revision)
    }

    async fn drop_checkpoint(&self, name: &RepoName, expected: u64) -> Result<(), IngestError> {
        let mut state = self.0.state.lock();
        match state.checkpoints.get(name.as_str()) {
            Some(stored) if stored.revision != expected => return Err(IngestError::Superseded),
            _ => {}
        }
        state.checkpoints.remove(name.as_str());
        state.progress.remove(name.as_str());
        Ok(())
    }

    async fn show(&self, progress: IngestProgress) -> Result<(), IngestError> {
        self.0.state.lock().progress.insert(progress.name.clone(), progress);
        Ok(())
    }
}

/// [`BlobSink`] in memory. Clones share their content.
#[derive(Clone, Default)]
pub struct MemoryBlobs(Arc<Mutex<BTreeMap<[u8; 32], Bytes>>>);

impl MemoryBlobs {
    /// A stored blob.
    pub fn get(&self, blob: &StoredBlob) -> Option<Bytes> {
        self.0.lock().get(&blob.hash).cloned()
    }
}

#[async_trait]
impl BlobSink for MemoryBlobs {
    async fn put(&self, bytes: Bytes) -> Result<StoredBlob, IngestError> {
        let hash = ContentHash::of(&bytes).0;
        let num_bytes = bytes.len() as u64;
        self.0.lock().insert(hash, bytes);
        Ok(StoredBlob { hash, num_bytes })
    }
}
