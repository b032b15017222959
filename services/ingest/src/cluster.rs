//! The ports of [`crate::ports`] on the real cluster: `ax-cluster` and `ax-store`.

use crate::{
    IngestError,
    heard::after_hearing,
    ports::{BlobSink, Claim, Records, StoredCheckpoint},
};
use async_trait::async_trait;
use ax_cluster::{Cluster, ClusterError, Lock, PutOutcome, Table};
use ax_coordination::{CoordinationError, Expect, LeaseKeeper, Revision};
use ax_model::{Code, RepoName, SaidFacts, StoredBlob};
use ax_proto::cluster::{IngestCheckpoint, IngestProgress, Registration};
use bytes::Bytes;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// Longest wait for the first list of registrations.
const LOAD_FOR: Duration = Duration::from_secs(2);

#[async_trait]
impl BlobSink for ax_store::Store {
    async fn put(&self, bytes: Bytes) -> Result<StoredBlob, IngestError> {
        self.put_blob(bytes).await.map_err(|error| IngestError::Blobs {
            code: error.code(),
            reason: error.to_string(),
            retryable: error.is_retryable(),
        })
    }
}

/// [`Records`] in the coordination store.
pub struct ClusterRecords {
    cluster: Cluster,
    registrations: Table<Registration>,
    changes: Mutex<Table<Registration>>,
    /// All claims of this process hang on one lease; a lost one is replaced with the next claim.
    lease: Mutex<Option<Arc<LeaseKeeper>>>,
    holder: String,
    lease_ttl: Duration,
}

impl ClusterRecords {
    /// Records in `cluster`. `holder` names this process; its claims end `lease_ttl` after it does.
    pub fn new(cluster: Cluster, holder: impl Into<String>, lease_ttl: Duration) -> Self {
        let registrations = cluster.table();
        Self {
            changes: Mutex::new(registrations.clone()),
            registrations,
            cluster,
            lease: Mutex::default(),
            holder: holder.into(),
            lease_ttl,
        }
    }

    async fn lease(&self) -> Result<Arc<LeaseKeeper>, IngestError> {
        let mut current = self.lease.lock().await;
        if let Some(lease) = current.as_ref().filter(|lease| !lease.is_lost()) {
            return Ok(lease.clone());
        }
        let fresh = LeaseKeeper::start(self.cluster.store().clone(), self.lease_ttl).await;
        let fresh = Arc::new(fresh.map_err(coordination)?);
        *current = Some(fresh.clone());
        Ok(fresh)
    }
}

/// A lock, and the lease that it hangs on. Dropping it leaves the lock to the lease's end or, while
/// the process goes on, frees it.
struct Held {
    lock: Option<Lock>,
    lease: Arc<LeaseKeeper>,
}

impl Claim for Held {
    fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = lock.release().await {
                    tracing::debug!(%error, "a claim ends with its lease");
                }
            });
        }
    }
}

#[async_trait]
impl Records for ClusterRecords {
    async fn registrations(&self) -> Result<BTreeMap<String, Registration>, IngestError> {
        // Away at the start: say so, rather than wait; `changed` returns once they are there.
        let loaded = tokio::time::timeout(LOAD_FOR, self.registrations.loaded()).await;
        let loaded = loaded.map_err(|_| IngestError::Coordination {
            code: Code::CoordinationUnavailable,
            reason: "the registrations are not read yet".to_owned(),
        })?;
        Ok((*loaded).clone())
    }

    async fn changed(&self) {
        self.changes.lock().await.changed().await;
    }

    async fn hear(&self, name: &str, said: SaidFacts) -> Result<(), IngestError> {
        loop {
            let stored = self.cluster.get::<Registration>(name).await.map_err(cluster)?;
            let Some(stored) = stored else { return Ok(()) };
            let Some(now) = after_hearing(&stored.value, said) else { return Ok(()) };
            let put = self.cluster.put(&now, Expect::At(stored.revision), None).await;
            if let PutOutcome::Done(_) = put.map_err(cluster)? {
                return Ok(());
            }
        }
    }

    async fn forget(&self, name: &RepoName) -> Result<(), IngestError> {
        let stored = self.cluster.get::<Registration>(name.as_str()).await.map_err(cluster)?;
        let Some(stored) = stored.filter(|stored| stored.value.removed) else { return Ok(()) };
        let expect = Expect::At(stored.revision); // a renewed registration stays
        // Its progress first: one that never got as far as a checkpoint has left its failure there.
        let progress = self.cluster.delete::<IngestProgress>(name.as_str(), Expect::Any).await;
        progress.map_err(cluster)?;
        let deleted = self.cluster.delete::<Registration>(name.as_str(), expect).await;
        deleted.map(|_| ()).map_err(cluster)
    }

    async fn claim(&self, name: &RepoName) -> Result<Option<Box<dyn Claim>>, IngestError> {
        let lease = self.lease().await?;
        let key = format!("ingest/{name}");
        let lock = Lock::try_take(&self.cluster, &key, &self.holder, &lease).await;
        let lock = lock.map_err(cluster)?;
        Ok(lock.map(|lock| Box::new(Held { lock: Some(lock), lease }) as Box<dyn Claim>))
    }

    async fn load(&self, name: &RepoName) -> Result<Option<StoredCheckpoint>, IngestError> {
        let stored = self.cluster.get::<IngestCheckpoint>(name.as_str()).await.map_err(cluster)?;
        Ok(stored
            .map(|stored| StoredCheckpoint { value: stored.value, revision: stored.revision.0 }))
    }

    async fn checkpointed(&self) -> Result<Vec<String>, IngestError> {
        let all = self.cluster.list::<IngestCheckpoint>().await.map_err(cluster)?;
        Ok(all.into_iter().map(|stored| stored.value.name).collect())
    }

    async fn save(
        &self,
        checkpoint: IngestCheckpoint,
        expected: Option<u64>,
    ) -> Result<u64, IngestError> {
        let expect = expected.map_or(Expect::Absent, |at| Expect::At(Revision(at)));
        match self.cluster.put(&checkpoint, expect, None).await.map_err(cluster)? {
            PutOutcome::Done(revision) => Ok(revision.0),
            PutOutcome::Conflict => Err(IngestError::Superseded),
        }
    }

    async fn drop_checkpoint(&self, name: &RepoName, expected: u64) -> Result<(), IngestError> {
        let expect = Expect::At(Revision(expected));
        let deleted = self.cluster.delete::<IngestCheckpoint>(name.as_str(), expect).await;
        if deleted.map_err(cluster)? == PutOutcome::Conflict {
            return Err(IngestError::Superseded);
        }
        let deleted = self.cluster.delete::<IngestProgress>(name.as_str(), Expect::Any).await;
        deleted.map(|_| ()).map_err(cluster)
    }

    async fn show(&self, progress: IngestProgress) -> Result<(), IngestError> {
        self.cluster.put(&progress, Expect::Any, None).await.map(|_| ()).map_err(cluster)
    }
}

fn cluster(error: ClusterError) -> IngestError {
    IngestError::Coordination { code: error.code(), reason: error.to_string() }
}

fn coordination(error: CoordinationError) -> IngestError {
    let code = Code::CoordinationUnavailable;
    IngestError::Coordination { code, reason: error.to_string() }
}
