//! What a run found: the JSON that `ax perf run --json` writes and `ax perf compare` reads. Times are in
//! microseconds unless their name says otherwise; `at` is counted from the beginning of the measurement.

use crate::workload::{Ask, Kind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunResult {
    /// Version of this form; others are refused.
    pub format: u32,
    /// Version of `ax`.
    pub ax: String,
    /// When it began, in milliseconds since 1970.
    pub started_at_ms: u64,
    /// What was asked.
    pub workload: WorkloadFacts,
    /// Over what.
    pub corpus: CorpusFacts,
    /// Who was asked.
    pub server: ServerFacts,
    /// Where it was asked from.
    pub machine: MachineFacts,
    /// Length of the measurement.
    pub seconds: f64,
    /// All classes together.
    pub overall: Figures,
    /// Each class.
    pub classes: Vec<ClassResult>,
    /// What it cost the server; `None` when it does not say.
    pub cost: Option<Cost>,
    /// The same over time.
    pub series: Vec<Slice>,
    /// The slowest queries, slowest first.
    pub slowest: Vec<SlowQuery>,
    /// What else answered the same; empty without.
    pub baseline: Vec<BaselineResult>,
}

/// The form that this version writes.
pub const FORMAT: u32 = 1;

/// What makes two runs comparable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadFacts {
    /// Its name.
    pub name: String,
    /// The pace in words, as in `closed loop` or `open loop, 50/s, even`.
    pub pace: String,
    /// Queries under way at the same time, at most.
    pub clients: usize,
    /// Seconds asked before.
    pub warm_up_seconds: f64,
    /// Deadline of a query.
    pub timeout_ms: u64,
    /// Kept answers were allowed.
    pub cache: bool,
    /// Of all draws.
    pub seed: u64,
    /// The classes.
    pub classes: Vec<ClassFacts>,
}

/// A class of queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassFacts {
    /// Its name.
    pub name: String,
    /// How often it is asked, relative to the others.
    pub weight: f64,
    /// How patterns become queries.
    pub kind: Kind,
    /// What is wanted of the answer.
    pub ask: Ask,
    /// How many different queries.
    pub num_queries: usize,
    /// A hash of all of them.
    pub digest: String,
}

/// What was searched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorpusFacts {
    /// As the workload names it.
    pub label: String,
    /// Commit of the corpus's folder; empty when it is no git work tree.
    pub revision: String,
    /// Files that the server has.
    pub num_files: u64,
}

/// Who answered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerFacts {
    /// Its address.
    pub url: String,
    /// It was started for this run.
    pub started_here: bool,
    /// Version token of what it searched at the end.
    pub version: String,
}

/// The machine that asked; with a server of its own, or a local one, the one that answered too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// Cores.
    pub cores: usize,
    /// Memory.
    pub memory_bytes: u64,
    /// Kernel, as `uname -sr` has it.
    pub kernel: String,
    /// Processor, as the kernel names it.
    pub processor: String,
    /// Load average over one minute before the run: over zero, somebody else worked too.
    pub load_before: f64,
}

/// Counts and times.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Queries begun.
    pub asked: u64,
    /// Answered, completely or partially.
    pub answered: u64,
    /// Answers that said that something is missing.
    pub partial: u64,
    /// Failures by their code.
    pub errors: BTreeMap<String, u64>,
    /// Answers per second.
    pub throughput: f64,
    /// Times of what was answered.
    pub latency: Latency,
}

impl Figures {
    /// Failures of all codes.
    pub fn num_errors(&self) -> u64 {
        self.errors.values().sum()
    }
}

/// Times, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Arithmetic mean.
    pub mean: f64,
    /// Half take no longer.
    pub p50: u64,
    /// Nine of ten take no longer.
    pub p90: u64,
    /// 95 of 100.
    pub p95: u64,
    /// 99 of 100.
    pub p99: u64,
    /// None took longer.
    pub max: u64,
}

/// One class.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ClassResult {
    /// Its name.
    pub name: String,
    /// Its figures.
    pub figures: Figures,
    /// Every time, for comparisons and plots.
    pub samples: Samples,
}

/// Columns of equal length, by intended start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples {
    /// Intended start.
    pub at_us: Vec<u64>,
    /// From there to the last byte of the answer.
    pub took_us: Vec<u64>,
    /// Number of the query within its class.
    pub query: Vec<u32>,
}

/// What the measurement cost the server's process.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// On all cores.
    pub cpu_seconds: f64,
    /// The most that was resident at any look, mapped files included.
    pub peak_resident_bytes: u64,
    /// The most that no file backed at any look.
    pub peak_anonymous_bytes: u64,
    /// Read from disks, page cache excluded.
    pub read_bytes: u64,
    /// Every look.
    pub looks: Vec<CostPoint>,
}

/// One look at the server's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct CostPoint {
    /// When.
    pub at_seconds: f64,
    /// Since the process began.
    pub cpu_seconds: f64,
    /// Memory, mapped files included.
    pub resident_bytes: u64,
    /// Memory that no file backs.
    pub anonymous_bytes: u64,
    /// Since the process began.
    pub read_bytes: u64,
}

/// A stretch of the measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Slice {
    /// Its beginning.
    pub at_seconds: f64,
    /// Its length.
    pub seconds: f64,
    /// Queries answered that were meant to start in it.
    pub answered: u64,
    /// Queries that failed.
    pub errors: u64,
    /// Median time; 0 when none was answered.
    pub p50_us: u64,
    /// 95 of 100 took no longer.
    pub p95_us: u64,
    /// The longest.
    pub max_us: u64,
}

/// A slow query, with what the server said of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowQuery {
    /// Its class.
    pub class: String,
    /// Its text.
    pub query: String,
    /// Intended start.
    pub at_us: u64,
    /// As the client saw it.
    pub took_us: u64,
    /// As the server saw it: the rest is waiting, the network, and reading the answer.
    pub server_us: u64,
    /// Matching files.
    pub files: u64,
    /// Matched lines.
    pub lines: u64,
    /// Documents verified on their bytes.
    pub candidates: u64,
    /// Bytes read to verify.
    pub bytes_verified: u64,
    /// Something was missing.
    pub partial: bool,
    /// Correlation id, for the server's log.
    pub request_id: String,
}

/// The same patterns by another tool.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct BaselineResult {
    /// Its name.
    pub tool: String,
    /// The class.
    pub class: String,
    /// Patterns asked, once each.
    pub num_queries: u64,
    /// Its times.
    pub latency: Latency,
    /// Median over the patterns of our median time over its time: under 1 we are faster.
    pub ratio_median: f64,
    /// The same, the worst of all patterns.
    pub ratio_worst: f64,
    /// The pattern of the worst ratio.
    pub worst_query: String,
}
