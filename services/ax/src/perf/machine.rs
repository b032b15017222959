//! The machine that asks, and the corpus on it.

use ax_perf::MachineFacts;
use std::{fs, path::Path};
use tokio::process::Command;

/// What the kernel says; what it does not say is left empty.
pub fn facts() -> MachineFacts {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
    let kilobytes = memory.trim_end_matches(" kB").parse::<u64>().unwrap_or(0);
    let kernel = format!(
        "{} {}",
        read("/proc/sys/kernel/ostype").trim(),
        read("/proc/sys/kernel/osrelease").trim()
    );
    let load = read("/proc/loadavg");
    MachineFacts {
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes: kilobytes * 1024,
        kernel,
        processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_default(),
        load_before: load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0),
    }
}

/// Commit of a git work tree; empty for any other folder, or without git.
pub async fn revision(path: &Path) -> String {
    let head = Command::new("git").arg("-C").arg(path).args(["rev-parse", "HEAD"]).output().await;
    let head = head.ok().filter(|head| head.status.success());
    head.map(|head| String::from_utf8_lossy(&head.stdout).trim().to_owned()).unwrap_or_default()
}
