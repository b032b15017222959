//! The workbench's parts from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod compare;
mod workloads;
