//! What coordination last said, kept while it is away.

use ax_cluster::{Assignment, Cluster, IngestProgress, Member, Published, Registration, Table};

/// Live copies of the records that a query node shows or acts on.
pub struct ClusterView {
    /// Every process of the cluster.
    pub members: Table<Member>,
    /// Who indexes what.
    pub assignments: Table<Assignment>,
    /// Repositories that the cluster is told to keep.
    pub registrations: Table<Registration>,
    /// How imports go.
    pub progress: Table<IngestProgress>,
    /// Hints of new manifests.
    pub published: Table<Published>,
}

impl ClusterView {
    /// Starts following `cluster`. To be called within a tokio runtime.
    pub fn follow(cluster: &Cluster) -> Self {
        Self {
            members: cluster.table(),
            assignments: cluster.table(),
            registrations: cluster.table(),
            progress: cluster.table(),
            published: cluster.table(),
        }
    }
}
