//! The Prometheus recorder.

use crate::TelemetryError;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Bucket bounds of durations, in seconds: from a cached answer to a long import.
const SECONDS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Renders the metrics of this process in Prometheus' text format. Cheap to clone.
#[derive(Clone)]
pub struct MetricsHandle(PrometheusHandle);

impl MetricsHandle {
    /// The text for `/metrics`. What the kernel says of the process is asked now, since nobody counts it.
    pub fn render(&self) -> String {
        crate::process::note();
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Installs the recorder. Histograms whose name ends in `_seconds` get buckets in seconds.
pub(crate) fn install() -> Result<MetricsHandle, TelemetryError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
        .and_then(PrometheusBuilder::install_recorder)
        .map(MetricsHandle)
        .map_err(|error| TelemetryError::Installed(error.to_string()))
}
