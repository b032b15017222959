//! The thinking of the workbench `ax perf`: what a workload is, which query comes when, what a run's
//! figures are, whether two runs differ by more than noise, and how all of it is shown. The main types
//! are [`workload::Workload`], [`Feed`], [`RunResult`] and [`compare::Comparison`]. Pure: no clock, no
//! network, no files; chance comes from seeds. Asking servers is left to the `ax` binary.

pub mod collect;
pub mod compare;
mod draw;
mod feed;
pub mod flame;
mod histogram;
pub mod html;
pub mod prometheus;
pub mod replay;
mod result;
mod schedule;
pub mod stats;
pub mod table;
pub mod words;
pub mod workload;

pub use draw::{Draw, Pick};
pub use feed::{Due, Feed};
pub use histogram::Histogram;
pub use result::{
    BaselineResult, ClassFacts, ClassResult, CorpusFacts, Cost, CostPoint, FORMAT, Figures,
    Latency, MachineFacts, RunResult, Samples, ServerFacts, Slice, SlowQuery, WorkloadFacts,
};
pub use schedule::Schedule;

/// A hash of texts in their order, as 16 hex digits.
pub fn digest(texts: &[&str]) -> String {
    format!("{:016x}", xxhash_rust::xxh3::xxh3_64(texts.join("\0").as_bytes()))
}
