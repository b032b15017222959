//! The engine from outside. What measures or takes long has a program of its own.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod atoms;
mod common;
mod compaction;
mod damage;
mod each_definition;
mod facts;
mod fold;
mod kept_inputs;
mod navigate;
mod oracle;
mod ranking;
mod reuse;
mod search;
mod unparsed;
