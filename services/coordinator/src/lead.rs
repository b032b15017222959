//! What a leader does: plans, and writes what differs.

use crate::assign;
use ax_cluster::{Assignment, Cluster, ClusterError, Member, Published, PutOutcome, Role, Stored};
use ax_coordination::{Expect, Guard, Revision};
use std::collections::BTreeMap;

/// A leader's tenure, as far as writing assignments is concerned.
pub(crate) struct Lead {
    pub cluster: Cluster,
    pub shards: u32,
    pub term: u64,
    /// Makes every write void once the leadership has changed hands (invariant I12).
    pub guard: Guard,
}

/// What one look at the cluster led to.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    pub num_indexers: usize,
    pub num_written: usize,
    /// Somebody wrote in between: look again.
    pub conflict: bool,
}

impl Lead {
    /// Reads members and assignments as they are now, and brings the assignments into line.
    pub async fn step(&self) -> Result<Step, ClusterError> {
        let members = self.indexers().await?;
        let stored = self.cluster.list::<Assignment>().await?;
        let revisions: BTreeMap<u32, Revision> =
            stored.iter().map(|stored| (stored.value.shard, stored.revision)).collect();
        let current = stored.into_iter().map(|s| (s.value.shard, s.value)).collect();
        let seen = self.seen_epochs().await?;
        let mut step = Step { num_indexers: members.len(), ..Step::default() };
        for change in assign::plan(self.shards, &members, &current, &seen, self.term) {
            let expect = revisions.get(&change.shard).map_or(Expect::Absent, |at| Expect::At(*at));
            match self.cluster.put_guarded(&change, expect, self.guard.clone()).await? {
                PutOutcome::Done(_) => step.num_written += 1,
                PutOutcome::Conflict => step.conflict = true,
            }
            let Assignment { shard, indexer, epoch, term } = change;
            tracing::info!(shard, indexer, epoch, term, "assigned");
        }
        Ok(step)
    }

    async fn indexers(&self) -> Result<BTreeMap<String, Member>, ClusterError> {
        let members = self.cluster.list::<Member>().await?.into_iter().map(|stored| stored.value);
        let indexers = members.filter(|member| member.role() == Role::Indexer);
        Ok(indexers.map(|member| (member.id.clone(), member)).collect())
    }

    /// Epochs met in the chains, as the indexers told.
    async fn seen_epochs(&self) -> Result<BTreeMap<u32, u64>, ClusterError> {
        let hints = self.cluster.list::<Published>().await?;
        Ok(hints.into_iter().map(|Stored { value, .. }| (value.shard, value.epoch)).collect())
    }
}
