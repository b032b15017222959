//! The coordinator process: a candidate, and while it leads, the one who assigns and collects.

use crate::{collect, lead::Lead};
use ax_cluster::{Cluster, ClusterError, Member, Membership, Published};
use ax_coordination::election::Election;
use ax_model::Generation;
use ax_store::Store;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Key of the election.
const ELECTION_KEY: &str = "election/coordinator";
/// Wait after a change of members, so that a rolling start moves shards once and not once per node.
const SETTLE: Duration = Duration::from_millis(100);
/// Longest time between two looks, in case a change was missed.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Wait after a failure of coordination.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How a coordinator works.
#[derive(Debug, Clone)]
pub struct CoordinatorConfig {
    /// Number of shards.
    pub shards: u32,
    /// Generation in use.
    pub generation: Generation,
    /// Lease of the member and of the leadership.
    pub lease_ttl: Duration,
    /// Time between collections.
    pub collect_every: Duration,
    /// How long what nobody needs any more is kept for slow readers.
    pub keep: Duration,
    /// How long an upload that no manifest names is kept.
    pub orphan_grace: Duration,
}

/// Why a coordinator stopped.
#[derive(Debug, thiserror::Error)]
pub enum CoordinatorError {
    /// Coordination failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The election failed.
    #[error(transparent)]
    Coordination(#[from] ax_coordination::CoordinationError),
}

/// A coordinator process.
pub struct Coordinator {
    cluster: Cluster,
    store: Store,
    config: CoordinatorConfig,
    member: Member,
}

impl Coordinator {
    /// A coordinator that the others see as `member`.
    pub fn new(cluster: Cluster, store: Store, config: CoordinatorConfig, member: Member) -> Self {
        Self { cluster, store, config, member }
    }

    /// Campaigns, leads, campaigns again, until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), CoordinatorError> {
        while !shutdown.is_cancelled() {
            let tenure = tokio::select! {
                () = shutdown.cancelled() => break,
                tenure = self.tenure() => tenure,
            };
            if let Err(error) = tenure {
                metrics::counter!("ax_coordinator_errors_total").increment(1);
                tracing::warn!(%error, "not coordinating; trying again");
            }
            tokio::select! {
                () = shutdown.cancelled() => break,
                () = tokio::time::sleep(RETRY_AFTER) => {}
            }
        }
        Ok(())
    }

    /// From joining to the loss of the lease.
    async fn tenure(&self) -> Result<(), CoordinatorError> {
        let ttl = self.config.lease_ttl;
        let joined = Membership::join(&self.cluster, self.member.clone(), ttl).await?;
        let store = self.cluster.store().clone();
        let (candidate, lease) = (self.member.id.clone(), joined.lease().clone());
        let leadership = Election::campaign(store, ELECTION_KEY, candidate, lease).await?;
        let term = leadership.term();
        tracing::info!(term, "leading");
        metrics::gauge!("ax_coordinator_leading").set(1.0);
        metrics::gauge!("ax_coordinator_term").set(term as f64);
        let lead = Lead {
            cluster: self.cluster.clone(),
            shards: self.config.shards,
            term,
            guard: leadership.guard(),
        };
        let result = tokio::select! {
            () = leadership.lost() => {
                tracing::warn!(term, "the leadership is lost");
                Ok(())
            }
            result = self.lead(&lead) => result,
            () = collect::run(&self.store, &self.config) => Ok(()),
        };
        metrics::gauge!("ax_coordinator_leading").set(0.0);
        result
    }

    /// Keeps the assignments in line with the members.
    async fn lead(&self, lead: &Lead) -> Result<(), CoordinatorError> {
        let mut members = self.cluster.table::<Member>();
        let mut hints = self.cluster.table::<Published>();
        loop {
            let looked = tokio::time::Instant::now();
            let step = lead.step().await?;
            metrics::histogram!("ax_coordinator_plan_seconds").record(looked.elapsed());
            metrics::counter!("ax_coordinator_assignments_total")
                .increment(step.num_written as u64);
            metrics::gauge!("ax_coordinator_indexers").set(step.num_indexers as f64);
            if step.conflict {
                continue;
            }
            tokio::select! {
                () = members.changed() => {}
                () = fenced(&mut hints) => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            tokio::time::sleep(SETTLE).await;
        }
    }
}

/// Returns when some shard's writer was fenced: then an assignment may be behind its chain.
async fn fenced(hints: &mut ax_cluster::Table<Published>) {
    let code = ax_model::Code::Fenced.as_str();
    loop {
        hints.changed().await;
        if hints.rows().values().any(|hint| hint.failure.starts_with(code)) {
            return;
        }
    }
}
