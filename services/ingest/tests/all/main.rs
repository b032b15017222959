//! What ingest does, from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod adversary;
mod branches;
mod cluster;
mod facts;
mod faults;
mod git;
mod kills;
mod places;
mod remotes;
mod retries;
mod service;
mod support;
