//! Fuzz targets. `targets.rs` is a file of its own, since a plain test of the engine includes it to replay
//! the kept corpora.

pub mod targets;
