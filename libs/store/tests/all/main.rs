//! The store from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod contract;
mod interleavings;
mod rebuild;
mod support;
