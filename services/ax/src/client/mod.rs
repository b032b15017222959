//! The client's side of `ax`: it speaks the HTTP API of any query node, or of the load balancer.
#![allow(clippy::print_stdout)] // printing is what a command line is for

pub mod http;
pub mod repos;
pub mod search;
pub mod shards;
pub mod sse;
pub mod status;
pub mod style;
pub mod table;
