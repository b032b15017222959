//! Being a member, and being seen as one.

use crate::{Cluster, ClusterError, Member, PutOutcome, Record};
use ax_coordination::{Expect, LeaseKeeper};
use std::{sync::Arc, time::Duration};

/// A process's place among the members. Dropping it ends the lease, and with it the record.
pub struct Membership {
    cluster: Cluster,
    member: Member,
    lease: Arc<LeaseKeeper>,
}

impl Membership {
    /// Joins with a lease of `ttl`. When the lease is lost (a long stall, an unreachable store),
    /// [`Membership::lost`] returns: whatever was done in the member's name must stop, and joining
    /// again makes a new tenure.
    pub async fn join(
        cluster: &Cluster,
        member: Member,
        ttl: Duration,
    ) -> Result<Self, ClusterError> {
        let lease = Arc::new(LeaseKeeper::start(cluster.store().clone(), ttl).await?);
        cluster.put(&member, Expect::Any, Some(lease.id())).await?;
        Ok(Self { cluster: cluster.clone(), member, lease })
    }

    /// What the others see.
    pub fn member(&self) -> &Member {
        &self.member
    }

    /// Tells the others that this process is on its way out.
    pub async fn drain(&mut self) -> Result<(), ClusterError> {
        self.member.draining = true;
        self.cluster.put(&self.member, Expect::Any, Some(self.lease.id())).await?;
        Ok(())
    }

    /// True once the lease must be taken for lost.
    pub fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Returns when the lease must be taken for lost.
    pub async fn lost(&self) {
        self.lease.lost().await;
    }

    /// The lease, to tie other records to this tenure.
    pub fn lease(&self) -> &Arc<LeaseKeeper> {
        &self.lease
    }

    /// Leaves at once rather than when the lease ends.
    pub async fn leave(self) -> Result<PutOutcome, ClusterError> {
        self.cluster.delete::<Member>(&Record::id(&self.member), Expect::Any).await
    }
}
