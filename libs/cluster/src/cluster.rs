//! Reading and writing records.

use crate::{Record, Shape, Table};
use ax_coordination::{
    CasOutcome, Coordination, CoordinationError, Expect, Guard, LeaseId, Revision, Write, WriteOp,
};
use bytes::Bytes;
use std::sync::Arc;

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The coordination store failed.
    #[error(transparent)]
    Coordination(#[from] CoordinationError),
    /// What stands under the key is not a record of this kind.
    #[error("the value of `{key}` is not what this version expects: {reason}")]
    Malformed {
        /// The key.
        key: String,
        /// Why.
        reason: String,
    },
    /// The cluster was formed with another shape.
    #[error(
        "this cluster was formed with {found} shards in generation {generation}; the configuration says {wanted}"
    )]
    OtherShape {
        /// Shards of the cluster.
        found: u32,
        /// Its generation.
        generation: u32,
        /// Shards configured.
        wanted: u32,
    },
}

impl ClusterError {
    /// True when the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Coordination(error) if error.is_retryable())
    }

    /// The stable code.
    pub fn code(&self) -> ax_model::Code {
        match self {
            Self::Coordination(CoordinationError::LeaseGone(_)) => ax_model::Code::LeaseLost,
            Self::Coordination(_) => ax_model::Code::CoordinationUnavailable,
            Self::Malformed { .. } => ax_model::Code::Internal,
            Self::OtherShape { .. } => ax_model::Code::ConfigBadValue,
        }
    }
}

/// A record and the revision at which it was last written, for a later compare-and-set.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<R> {
    /// The record.
    pub value: R,
    /// Its revision.
    pub revision: Revision,
}

/// How a conditional write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutOutcome {
    /// Written, at this revision.
    Done(Revision),
    /// Somebody else wrote in between; read again and decide anew.
    Conflict,
}

/// A typed view of the coordination store. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    store: Arc<dyn Coordination>,
}

impl Cluster {
    /// A view of `store`.
    pub fn new(store: Arc<dyn Coordination>) -> Self {
        Self { store }
    }

    /// The store under it.
    pub fn store(&self) -> &Arc<dyn Coordination> {
        &self.store
    }

    /// Forms the cluster, or joins the one that is there if it has as many shards.
    pub async fn form(&self, wanted: Shape) -> Result<Shape, ClusterError> {
        if let PutOutcome::Done(_) = self.put(&wanted, Expect::Absent, None).await? {
            return Ok(wanted);
        }
        let found = self.shape().await?.unwrap_or_else(|| wanted.clone());
        if found.shards != wanted.shards {
            return Err(ClusterError::OtherShape {
                found: found.shards,
                generation: found.generation,
                wanted: wanted.shards,
            });
        }
        Ok(found)
    }

    /// The cluster's shape, once it is formed.
    pub async fn shape(&self) -> Result<Option<Shape>, ClusterError> {
        Ok(self.get::<Shape>("shape").await?.map(|stored| stored.value))
    }

    /// One record.
    pub async fn get<R: Record>(&self, id: &str) -> Result<Option<Stored<R>>, ClusterError> {
        let key = format!("{}{id}", R::PREFIX);
        let Some(entry) = self.store.get(&key).await? else { return Ok(None) };
        Ok(Some(Stored { value: decode(&key, &entry.value)?, revision: entry.modified }))
    }

    /// Every record of a kind, in key order.
    pub async fn list<R: Record>(&self) -> Result<Vec<Stored<R>>, ClusterError> {
        let listing = self.store.list(R::PREFIX).await?;
        listing
            .entries
            .iter()
            .map(|entry| {
                Ok(Stored { value: decode(&entry.key, &entry.value)?, revision: entry.modified })
            })
            .collect()
    }

    /// Writes a record if its key is as expected.
    pub async fn put<R: Record>(
        &self,
        record: &R,
        expect: Expect,
        lease: Option<LeaseId>,
    ) -> Result<PutOutcome, ClusterError> {
        let value = Bytes::from(record.encode_to_vec());
        Ok(match self.store.put(&record.key(), value, expect, lease).await? {
            CasOutcome::Done(revision) => PutOutcome::Done(revision),
            CasOutcome::Conflict(_) => PutOutcome::Conflict,
        })
    }

    /// Writes a record if its key is as expected and the guard still stands: a leader's write, void
    /// once the leadership has changed hands.
    pub async fn put_guarded<R: Record>(
        &self,
        record: &R,
        expect: Expect,
        guard: Guard,
    ) -> Result<PutOutcome, ClusterError> {
        let op = WriteOp::Put { value: Bytes::from(record.encode_to_vec()), lease: None };
        let write = Write { key: record.key(), op, expect, guard: Some(guard) };
        Ok(match self.store.write(write).await? {
            CasOutcome::Done(revision) => PutOutcome::Done(revision),
            CasOutcome::Conflict(_) => PutOutcome::Conflict,
        })
    }

    /// Deletes a record if it is as expected.
    pub async fn delete<R: Record>(
        &self,
        id: &str,
        expect: Expect,
    ) -> Result<PutOutcome, ClusterError> {
        let key = format!("{}{id}", R::PREFIX);
        Ok(match self.store.delete(&key, expect).await? {
            CasOutcome::Done(revision) => PutOutcome::Done(revision),
            CasOutcome::Conflict(_) => PutOutcome::Conflict,
        })
    }

    /// A live copy of every record of a kind.
    pub fn table<R: Record>(&self) -> Table<R> {
        Table::follow(self.store.clone())
    }
}

/// Decodes the record that stands under `key`.
pub(crate) fn decode<R: Record>(key: &str, value: &Bytes) -> Result<R, ClusterError> {
    R::decode(value.clone())
        .map_err(|error| ClusterError::Malformed { key: key.to_owned(), reason: error.to_string() })
}
