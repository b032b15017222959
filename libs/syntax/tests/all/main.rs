//! Syntax from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod definitions;
mod rules;
