//! The query language from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod elsewhere;
mod facts;
mod grams;
mod parse;
mod properties;
