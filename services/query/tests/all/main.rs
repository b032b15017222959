//! What a query node does, from outside. Queries of death have a program of their own, since they look at
//! how long others take beside them.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod api;
mod facts;
mod members;
mod navigate;
mod nodes;
mod page;
mod ranking;
mod readers;
mod rebuilding;
mod results;
mod scrub;
mod support;
