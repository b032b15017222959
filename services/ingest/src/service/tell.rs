//! What of a step's end goes to the log and to the metrics.

use super::now_ms;
use crate::{IngestError, Outcome, SyncReport};

/// Tells of a step's end. One that found nothing is told only when the one before it failed.
pub(super) fn tell(name: &str, result: &Result<SyncReport, IngestError>, was_failed: bool) {
    match result {
        Ok(report) if report.outcome == Outcome::UpToDate => {
            if was_failed {
                tracing::info!(repo = name, "well again");
            }
        }
        Ok(report) => {
            if report.committed_at_ms > 0 {
                let age = now_ms().saturating_sub(report.committed_at_ms).max(0);
                metrics::histogram!("ax_ingest_freshness_seconds").record(age as f64 / 1000.0);
            }
            tracing::info!(
                repo = name,
                files = report.files_emitted,
                bytes = report.bytes_emitted,
                token = %report.token,
                took_ms = report.took.as_millis() as u64,
                "{}", if report.outcome == Outcome::Removed { "removed" } else { "emitted" }
            );
        }
        Err(error) => {
            metrics::counter!("ax_ingest_errors_total", "code" => error.code().as_str())
                .increment(1);
            tracing::warn!(repo = name, code = %error.code(), %error, "to be repeated");
        }
    }
}
