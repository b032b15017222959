//! What the kernel says of this process: time on cores, memory, reads. Linux has all of it in `/proc`; what
//! cannot be read there is left out, as on other systems.

use nix::sys::resource::{UsageWho, getrusage};
use std::fs;

/// Sets the gauges. Costs three small reads of `/proc`, some tens of microseconds.
pub(crate) fn note() {
    if let Some(seconds) = cpu_seconds() {
        // A counter of this library holds whole numbers only.
        metrics::gauge!("process_cpu_seconds_total").set(seconds);
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(bytes) = kilobytes(&status, "VmRSS:") {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Some(bytes) = kilobytes(&status, "RssAnon:") {
        metrics::gauge!("process_anonymous_memory_bytes").set(bytes);
    }
    if let Some(bytes) = kilobytes(&status, "VmHWM:") {
        metrics::gauge!("process_peak_resident_memory_bytes").set(bytes);
    }
    if let Some(threads) = field(&status, "Threads:") {
        metrics::gauge!("process_threads").set(threads);
    }
    let io = fs::read_to_string("/proc/self/io").unwrap_or_default();
    if let Some(bytes) = field(&io, "read_bytes:") {
        metrics::gauge!("process_read_bytes_total").set(bytes);
    }
}

/// User and system time on all cores, to the microsecond.
fn cpu_seconds() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let seconds =
        |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Some(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// The number behind `name`, as in `VmRSS:     1234 kB`, in bytes.
fn kilobytes(text: &str, name: &str) -> Option<f64> {
    field(text, name).map(|number| number * 1024.0)
}

fn field(text: &str, name: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let status = "Name:\tax\nVmRSS:\t    1234 kB\nRssAnon:\t 1000 kB\nThreads:\t7\n";
        assert_eq!(kilobytes(status, "VmRSS:"), Some(1_263_616.0));
        assert_eq!(field(status, "Threads:"), Some(7.0));
        assert_eq!(field(status, "VmHWM:"), None);
        assert_eq!(field("read_bytes: 4096\n", "read_bytes:"), Some(4096.0));
    }

    #[test]
    fn a_process_has_used_its_cores() {
        assert!(cpu_seconds().unwrap() > 0.0);
    }
}
