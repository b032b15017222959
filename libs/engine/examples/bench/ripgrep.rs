//! ripgrep on the same folder, for comparison: as many threads, all files, matched lines counted.

use crate::process::{Clock, Cost};
use anyhow::{Context, Result};
use std::{path::Path, process::Command};

/// What ripgrep found and what it cost, its start included (a few milliseconds).
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct Ripgrep {
    pub cost: Cost,
    /// Matched lines, or for a pattern over lines matches.
    pub num_lines: u64,
}

/// Counts matched lines. ripgrep leaves out files with a NUL byte, as the engine does.
pub fn count(folder: &Path, pattern: &str, flags: &[&str]) -> Result<Ripgrep> {
    let threads = std::thread::available_parallelism()?.get().to_string();
    let clock = Clock::start();
    let output = Command::new("rg")
        .args(["--no-config", "-uu", "--count", "--no-filename", "--threads", &threads])
        .args(flags)
        .args(["-e", pattern])
        .arg(folder)
        .output()
        .context("rg does not start; `tests/servers/install.sh tools` installs it")?;
    let cost = clock.stop_children();
    anyhow::ensure!(output.status.code() != Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    let counts = String::from_utf8_lossy(&output.stdout);
    let num_lines = counts.lines().filter_map(|line| line.parse::<u64>().ok()).sum();
    Ok(Ripgrep { cost, num_lines })
}
