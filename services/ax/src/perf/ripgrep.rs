//! The same patterns by ripgrep, after the measurement, on the same machine.

use super::{PerfError, ask::Query};
use ax_perf::{
    BaselineResult, ClassResult,
    collect::beside,
    workload::{Ask, Baseline, Class, Kind},
};
use std::{path::Path, process::Stdio, time::Instant};
use tokio::process::Command;

/// Each class of literals or expressions that asks for everything; a page of the best files is nothing that
/// ripgrep does.
pub async fn measure(
    baseline: &Baseline,
    classes: &[Class],
    results: &[ClassResult],
    patterns: &[Vec<String>],
    queries: &[Vec<Query>],
) -> Result<Vec<BaselineResult>, PerfError> {
    let mut found = Vec::new();
    let comparable =
        |class: &Class| class.kind != Kind::Query && matches!(class.ask, Ask::All | Ask::Count);
    for (number, class) in classes.iter().enumerate().filter(|(_, class)| comparable(class)) {
        eprintln!("ripgrep: {} patterns of `{}`", patterns[number].len(), class.name);
        count(&baseline.path, class, "a pattern that warms the page cache").await?;
        let mut theirs = Vec::new();
        for (query, pattern) in patterns[number].iter().enumerate() {
            let took = count(&baseline.path, class, pattern).await?;
            let query_number = u32::try_from(query).unwrap_or(u32::MAX);
            theirs.push((query_number, queries[number][query].text.clone(), took));
        }
        found.push(beside("ripgrep", &results[number], &theirs));
    }
    Ok(found)
}

/// Counts matched lines in all files; returns the time in microseconds, the start of the process included.
/// Files with a NUL byte are left out, as the engine does.
async fn count(folder: &Path, class: &Class, pattern: &str) -> Result<u64, PerfError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let mut command = Command::new("rg");
    command.args(["--no-config", "-uu", "--count", "--no-filename", "--threads", &threads]);
    command.arg(if class.case_sensitive { "--case-sensitive" } else { "--ignore-case" });
    if class.kind == Kind::Literal {
        command.arg("--fixed-strings");
    } else if crosses_lines(pattern) {
        command.arg("--multiline");
    }
    command.args(["-e", pattern]).arg(folder).stdin(Stdio::null()).kill_on_drop(true);
    let began = Instant::now();
    let output = command.output().await.map_err(|error| {
        PerfError::Other(format!(
            "rg does not start: {error}\nInstall ripgrep, or leave out [baseline]."
        ))
    })?;
    let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    match output.status.code() {
        Some(0 | 1) => Ok(took),
        _ => Err(PerfError::Other(format!("rg: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

/// As docs/query.md has it: what names a newline may match one.
fn crosses_lines(pattern: &str) -> bool {
    ["\\n", "\n", "(?s", "[\\s\\S]"].iter().any(|part| pattern.contains(part))
}
