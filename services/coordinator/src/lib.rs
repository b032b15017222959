//! The coordinator: elects itself, gives every shard to one live indexer, notices the dead by their
//! leases, and removes what the object store no longer needs. The main types are [`Coordinator`], the
//! shell, and [`assign::plan`], the pure function that decides. It is never on the path of a query,
//! and safety never depends on it: that is the manifest chain's part.

pub mod assign;
mod collect;
mod lead;
mod service;

pub use service::{Coordinator, CoordinatorConfig, CoordinatorError};
