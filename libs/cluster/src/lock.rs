//! A lock by lease, to avoid doing the same work twice. It is no fence: a holder that stalls past its
//! lease may wake while another holds the lock, so whatever must be safe is safe by compare-and-set.

use crate::{Cluster, ClusterError};
use ax_coordination::{CasOutcome, Expect, LeaseKeeper};
use bytes::Bytes;

/// Prefix of lock keys.
const PREFIX: &str = "locks/";

/// A lock held under somebody's lease, until released or the lease ends.
pub struct Lock {
    cluster: Cluster,
    key: String,
    at: ax_coordination::Revision,
}

impl Lock {
    /// Takes the lock `name` if it is free; `None` when another holds it.
    pub async fn try_take(
        cluster: &Cluster,
        name: &str,
        holder: &str,
        lease: &LeaseKeeper,
    ) -> Result<Option<Self>, ClusterError> {
        let key = format!("{PREFIX}{name}");
        let value = Bytes::copy_from_slice(holder.as_bytes());
        let taken = cluster.store().put(&key, value, Expect::Absent, Some(lease.id())).await?;
        Ok(match taken {
            CasOutcome::Done(at) => Some(Self { cluster: cluster.clone(), key, at }),
            CasOutcome::Conflict(_) => None,
        })
    }

    /// Grows with each taking of the lock: a fencing number for who needs one.
    pub fn tenure(&self) -> u64 {
        self.at.0
    }

    /// Frees the lock, if it is still ours.
    pub async fn release(self) -> Result<(), ClusterError> {
        self.cluster.store().delete(&self.key, Expect::At(self.at)).await?;
        Ok(())
    }
}
