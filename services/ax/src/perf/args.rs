//! What can be typed after `ax perf`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Arguments of `ax perf`.
#[derive(Debug, Args)]
pub struct PerfArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: PerfAction,
}

/// The workbench's commands.
#[derive(Debug, Subcommand)]
pub enum PerfAction {
    /// Measure a server under a workload: latencies, throughput, CPU, memory. See docs/perf.md.
    Run(RunArgs),
    /// Compare two results of `run`. Exit status: 0 not worse, 1 worse, 2 cannot tell or bad input.
    Compare(CompareArgs),
    /// Gather the queries that people ask a node, for `replay`.
    Record(RecordArgs),
    /// Ask recorded queries again, at their times; with `--shadow` compare two servers' answers.
    Replay(ReplayArgs),
    /// Measure how long after a push its files are found, on a server started for it.
    Push(PushArgs),
    /// Draw where a running node spends its time, as a flame graph.
    Inspect(InspectArgs),
    /// Measure how good the ranking is, and look for better parameters. See docs/relevance.md.
    Relevance(crate::relevance::RelevanceArgs),
}

/// Arguments of `ax perf run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The workload, as those in tests/bench/workloads.
    pub workload: PathBuf,
    /// Lay a setting over the workload, as in `--set corpus.path=/src/linux`; can be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<ax_perf::workload::Setting>,
    /// Where to write the result.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Files for a result.
#[derive(Debug, Clone, Default, Args)]
pub struct OutputArgs {
    /// Write everything as JSON, for `compare`.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report with plots: one HTML file that needs no other.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Arguments of `ax perf compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Result before the change.
    pub before: PathBuf,
    /// Result after it.
    pub after: PathBuf,
    /// Smaller differences do not matter.
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = percent)]
    pub threshold: f64,
    /// An interval of a larger half width tells nothing.
    #[arg(long, value_name = "PERCENT", default_value = "25%", value_parser = percent)]
    pub noise: f64,
    /// Compare runs of different corpora, workloads or machines nevertheless.
    #[arg(long)]
    pub force: bool,
    /// Where to write the comparison.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `ax perf record`.
#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Node whose queries are gathered; its configuration must say `query_log.live = true`.
    #[arg(long, env = "AX_SERVER", default_value = "http://127.0.0.1:7080", value_name = "URL")]
    pub server: String,
    /// For how long.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = span)]
    pub seconds: std::time::Duration,
    /// Where to write the queries.
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,
}

/// Arguments of `ax perf replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// A query log, or what `record` wrote.
    pub file: PathBuf,
    /// Server to ask.
    #[arg(long, env = "AX_SERVER", default_value = "http://127.0.0.1:7080", value_name = "URL")]
    pub server: String,
    /// Ask faster or slower than it was recorded.
    #[arg(long, value_name = "FACTOR", default_value = "1x", value_parser = factor)]
    pub speed: f64,
    /// Ask as fast as the clients can, whatever the times.
    #[arg(long, conflicts_with = "speed")]
    pub fast: bool,
    /// Queries under way at the same time, at most.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub clients: u16,
    /// Let the server answer from what it keeps of earlier answers.
    #[arg(long)]
    pub cache: bool,
    /// Ask this server too and compare the answers. Exit status: 0 all alike, 1 differences, 2 error.
    #[arg(long, value_name = "URL")]
    pub shadow: Option<String>,
    /// Where to write the result; not with `--shadow`.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Arguments of `ax perf push`.
#[derive(Debug, Args)]
pub struct PushArgs {
    /// A git repository, or a folder, that is copied and pushed to; it is left alone.
    pub repo: PathBuf,
    /// How often is pushed.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pushes: u32,
    /// New files in each push.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub files: u32,
    /// Write all times as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

/// Arguments of `ax perf inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The node, as in `http://127.0.0.1:7080`: any role's address for health and metrics.
    pub node: String,
    /// Look at who holds memory, instead of where time goes.
    #[arg(long)]
    pub heap: bool,
    /// For how long.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = span, conflicts_with = "heap")]
    pub seconds: std::time::Duration,
    /// Where to draw the flame graph.
    #[arg(long, short, value_name = "FILE", default_value = "flame.svg")]
    pub output: PathBuf,
    /// Write the stacks as text too, one `a;b;c COUNT` per line; bytes with `--heap`.
    #[arg(long, value_name = "FILE")]
    pub folded: Option<PathBuf>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim().parse::<f64>();
    let number = number.ok().filter(|number| (0.0..=1000.0).contains(number));
    number.map(|number| number / 100.0).ok_or_else(|| "expected a share as in `5%`".to_owned())
}

fn factor(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('x').parse::<f64>();
    number
        .ok()
        .filter(|number| (0.001..=1000.0).contains(number))
        .ok_or_else(|| "expected a factor as in `2x` or `0.5x`".to_owned())
}

fn span(text: &str) -> Result<std::time::Duration, String> {
    ax_perf::workload::duration(text)
        .filter(|span| !span.is_zero())
        .ok_or_else(|| "expected a time as in `500ms`, `10s` or `2m`".to_owned())
}
