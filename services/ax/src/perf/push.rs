//! `ax perf push`: how long after a push its files are found.
//!
//! A server is started on a repository of its own, a copy of the one given, so that the measured commits
//! are nobody's history. A push is the move of the branch; the clock runs from there until a search finds every file
//! of it. Pushes come at random distances: at even ones each would meet the server at the same moment of its rounds.

mod repository;

use super::{
    PerfError,
    args::PushArgs,
    ask::{Asker, Query},
    files,
    target::Server,
};
use crate::client::out::line;
use ax_perf::{
    Histogram,
    collect::{Outcome, latency},
    workload::spelt,
};
use indicatif::{ProgressBar, ProgressStyle};
use rand::{Rng, SeedableRng, rngs::StdRng};
use repository::Repository;
use serde_json::json;
use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

/// Between two searches for what was pushed.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// What is not found by then is lost.
const FOUND_WITHIN: Duration = Duration::from_secs(120);
/// Pauses between two pushes, in milliseconds.
const PAUSES: std::ops::Range<u64> = 300..2_000;

/// Runs the command.
pub async fn run(args: PushArgs) -> Result<ExitCode, PerfError> {
    let repository = Repository::copy_of(&args.repo).await?;
    let server = Server::serving(&[repository.path()]).await?;
    let asker = Asker::new(&server.url, FOUND_WITHIN)?;
    let mut random = StdRng::seed_from_u64(1);
    let mut delays = Vec::new();
    let bar = ProgressBar::new(args.pushes.into());
    if let Ok(style) = ProgressStyle::with_template("pushing {bar:30} {pos} of {len}, {eta} left") {
        bar.set_style(style);
    }
    for push in 0..args.pushes {
        let marker = format!("axperfpush{:016x}", random.random::<u64>());
        let commit = repository.prepare(push, args.files, &marker).await?;
        tokio::time::sleep(Duration::from_millis(random.random_range(PAUSES))).await;
        let began = Instant::now();
        repository.push(&commit).await?;
        let found = once_found(&asker, &marker, args.files.into(), began);
        delays.push(found.await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    show(&args, &delays)?;
    Ok(ExitCode::SUCCESS)
}

/// The time since `began` at which all `files` are found.
async fn once_found(
    asker: &Asker,
    marker: &str,
    files: u64,
    began: Instant,
) -> Result<Duration, PerfError> {
    let query = Query::count(&format!("content:\"{marker}\" case:yes"), Duration::from_secs(10));
    let mut last = "no answer".to_owned();
    while began.elapsed() < FOUND_WITHIN {
        match asker.ask(&query).await {
            (Outcome::Answered(said), done) if said.files == files => return Ok(done - began),
            (Outcome::Answered(said), _) => last = format!("{} files found", said.files),
            (Outcome::Failed(code), _) => last = code,
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    let within = FOUND_WITHIN.as_secs();
    Err(PerfError::Other(format!(
        "a push of {files} files is not searchable after {within} s: {last}"
    )))
}

fn show(args: &PushArgs, delays: &[Duration]) -> Result<(), PerfError> {
    let micros = |delay: &Duration| u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
    let times: Vec<u64> = delays.iter().map(micros).collect();
    let figures = latency(&times.iter().copied().collect::<Histogram>());
    line(format_args!(
        "{} pushes of {} files, from the push until all are found:",
        args.pushes, args.files
    ));
    let rows = [
        ("p50", figures.p50),
        ("p90", figures.p90),
        ("p95", figures.p95),
        ("p99", figures.p99),
        ("max", figures.max),
    ];
    for (name, micros) in rows {
        line(format_args!("  {name}  {:>9}", spelt(micros as f64)));
    }
    let Some(path) = &args.json else { return Ok(()) };
    let result = json!({"pushes": args.pushes, "files": args.files, "latency_us": figures, "times_us": times});
    files::write(path, &result.to_string())
}
