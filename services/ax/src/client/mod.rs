//! The client's side of `ax`: it speaks the HTTP API of any query node, or of the load balancer.

pub mod explain;
pub mod http;
pub mod out;
pub mod repos;
pub mod search;
pub mod shards;
pub mod sse;
pub mod status;
pub mod style;
pub mod symbols;
pub mod table;
pub mod wait;
