//! House rules that the compiler does not check: how long a file may be, what test code may not do, which
//! crate may know which, that contracts are commented and errors catalogued. [`Tree`] is the repository
//! as text; each rule is a pure function from texts to complaints, and `tests/tidy.rs` applies them to
//! this repository. A complaint names the place and what to do about it.

#![forbid(unsafe_code)]

mod catalogue;
mod crates;
mod layers;
mod metrics;
mod proto;
mod rules;
mod rust;
mod tree;

pub use catalogue::{catalogue_and_code_agree, mentioned_codes_exist};
pub use crates::{Manifest, every_crate_is_described};
pub use layers::dependencies_point_down;
pub use metrics::metrics_are_documented;
pub use proto::contracts_are_commented;
pub use rules::{
    coordination_knows_no_nouns, files_are_short, no_loose_ends, no_machine_paths,
    no_sleep_in_tests, no_unwrap,
};
pub use rust::Rust;
pub use tree::{File, Tree};

/// What is wrong, where, and what to do.
pub type Complaints = Vec<String>;
