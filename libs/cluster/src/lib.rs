//! What the roles say to one another through coordination: who is there, who indexes which shard,
//! which repositories to keep and how far each was read. The main types are [`Cluster`], a typed view
//! of a [`ax_coordination::Coordination`] store, and [`Table`], a live copy of one kind of record that
//! outlives the store's absence. Deciding anything from these records is left to the services.

mod cluster;
mod facts;
mod lock;
mod membership;
mod record;
mod table;

pub use cluster::{Cluster, ClusterError, PutOutcome, Stored};
pub use facts::{facts_to_wire, said_by, said_of, said_to_wire};
pub use lock::Lock;
pub use membership::Membership;
pub use record::{Record, shard_key};
pub use table::{Rows, Table};

pub use ax_proto::cluster::{
    Assignment, BranchPosition, Cause, IngestCheckpoint, IngestProgress, Member, PendingEmission,
    Published, RebuildProgress, RebuildRequest, Registration, RepositoryFacts, Role, Shape,
};
