//! Single values out of Prometheus' text format.

use crate::CostPoint;

/// The value of a metric without labels.
pub fn value(text: &str, name: &str) -> Option<f64> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    lines.filter_map(|rest| rest.split_whitespace().next()?.parse().ok()).next()
}

/// What a server's process has used; `None` when it does not say.
pub fn cost(text: &str, at_seconds: f64) -> Option<CostPoint> {
    let bytes = |name| value(text, name).unwrap_or(0.0) as u64;
    Some(CostPoint {
        at_seconds,
        cpu_seconds: value(text, "process_cpu_seconds_total")?,
        resident_bytes: bytes("process_resident_memory_bytes"),
        anonymous_bytes: bytes("process_anonymous_memory_bytes"),
        read_bytes: bytes("process_read_bytes_total"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_their_whole_name() {
        let text = "# TYPE a_total counter\na_total 7\n\na_total_more 8\nb{x=\"1\"} 9\n\
                    process_cpu_seconds_total 1.25\nprocess_read_bytes_total 4096\n";
        assert_eq!(value(text, "a_total"), Some(7.0));
        assert_eq!((value(text, "a"), value(text, "b")), (None, None));
        let cost = cost(text, 3.0).unwrap();
        assert_eq!((cost.cpu_seconds, cost.read_bytes, cost.resident_bytes), (1.25, 4096, 0));
        assert!(super::cost("", 0.0).is_none());
    }
}
