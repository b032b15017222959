//! From trees to acknowledged changes, in bounded memory.
//!
//! ```text
//! walk (1 thread) ──paths──▶ read + decode (n threads) ──records──▶ append (async) ──▶ change stream
//!                                    └── large texts ──▶ object store
//! ```
//!
//! Each path reserves its share of the memory budget before its files are read, and gives it back when
//! the stream has acknowledged it: a slow stream slows the reading down, and nothing piles up. The
//! order of the paths does not matter, since each has one change; what must come first (a deletion of
//! the repository) or last (its facts) is appended alone.

mod append;
mod budget;
mod contents;
mod pipeline;
mod records;
mod version;

pub use append::{Appender, StillOurs};
pub use budget::Budget;
pub use pipeline::{Counted, Job, NumPaths, run, walk_limits};
pub use records::RecordMaker;
