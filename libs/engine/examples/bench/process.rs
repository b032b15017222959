//! What a process cost, as the kernel counts it. Zero where it does not say.

use std::time::Instant;

/// A moment, and the processor time used until then.
pub struct Clock {
    at: Instant,
    own: f64,
    children: f64,
}

/// Time between two moments, in seconds.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub struct Cost {
    /// On the wall.
    pub seconds: f64,
    /// On all cores together.
    pub cpu_seconds: f64,
}

impl Clock {
    /// Now.
    pub fn start() -> Self {
        let (own, children) = cpu_seconds();
        Self { at: Instant::now(), own, children }
    }

    /// What this process spent since.
    pub fn stop(&self) -> Cost {
        let seconds = self.at.elapsed().as_secs_f64();
        Cost { seconds, cpu_seconds: cpu_seconds().0 - self.own }
    }

    /// What child processes that ended meanwhile spent.
    pub fn stop_children(&self) -> Cost {
        let seconds = self.at.elapsed().as_secs_f64();
        Cost { seconds, cpu_seconds: cpu_seconds().1 - self.children }
    }
}

/// Processor time of this process and of its children that ended, on all cores.
fn cpu_seconds() -> (f64, f64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: Vec<f64> =
        after_name.split_whitespace().skip(11).take(4).filter_map(|n| n.parse().ok()).collect();
    let seconds = |from: usize| ticks.iter().skip(from).take(2).sum::<f64>() / 100.0;
    (seconds(0), seconds(2))
}

/// The most memory that this process ever had resident, mapped files included, in bytes.
pub fn peak_bytes() -> u64 {
    status("VmHWM:")
}

/// Memory of this process that is backed by no file, in bytes.
pub fn anonymous_bytes() -> u64 {
    status("RssAnon:")
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kb = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.unwrap_or(0) * 1024
}
