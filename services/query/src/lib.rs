//! The query node: searches any shard straight from the object store through a local cache of
//! segments, and answers for the whole cluster by asking a replica of every shard. The main type is
//! [`QueryNode`], which serves HTTP, gRPC and the search page; [`Root`] is the same within a process.
//! It keeps nothing that cannot be lost, and needs neither coordination nor the change stream to
//! answer. Matching text is left to `ax-engine`, and what stands in the store to `ax-store`.

pub mod admin;
pub mod answers;
pub mod cache;
pub mod cluster_view;
pub mod config;
mod grpc;
pub mod hedge;
pub mod http;
pub mod leaf;
mod membership;
mod navigate;
mod node;
mod page;
pub mod peers;
pub mod placement;
mod quarantine;
mod queries;
pub mod query_log;
pub mod ranking;
pub mod readiness;
pub mod results;
pub mod root;
pub mod scrub;
pub mod shards;
mod status;
pub mod wire;

pub use admin::{Admin, AskedRebuild, NewRepository};
pub use config::{QueryConfig, RequestLimits};
pub use node::{Deps, QueryNode, StartError};
pub use root::Root;
