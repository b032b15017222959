//! Logs, metrics and traces: set up once by the binary, used everywhere through `tracing` and
//! `metrics`. The main type is [`Telemetry`], the guard that flushes what is left on exit;
//! [`propagation`] carries a trace across Kafka and gRPC. What is worth measuring is left to the roles.

mod causes;
mod export;
mod logs;
mod metric;
mod process;
pub mod propagation;
mod traces;

pub use causes::Causes;
pub use logs::LogFormat;
pub use metric::MetricsHandle;

use serde::{Deserialize, Serialize};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

/// What to log, and where to send spans.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryConfig {
    /// Form of the log lines on standard error.
    pub log_format: LogFormat,
    /// Filter directives, as in `info,ax_indexer=debug`.
    pub log_filter: String,
    /// OTLP endpoint over gRPC, as in `http://127.0.0.1:4317`; empty sends no spans. What is logged
    /// does not change which spans are sent.
    pub otlp_endpoint: String,
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            log_format: LogFormat::Auto,
            log_filter: "info".to_owned(),
            otlp_endpoint: String::new(),
        }
    }
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter directives cannot be parsed.
    #[error("log_filter `{filter}` is not valid: {reason}")]
    Filter {
        /// What was given.
        filter: String,
        /// Why it is refused.
        reason: String,
    },
    /// The OTLP endpoint is not usable.
    #[error("otlp_endpoint `{endpoint}` is not usable: {reason}")]
    Otlp {
        /// What was given.
        endpoint: String,
        /// Why it is refused.
        reason: String,
    },
    /// Another subscriber or recorder is installed already.
    #[error("telemetry is set up already: {0}")]
    Installed(String),
}

/// Keeps telemetry going; on drop, spans not yet sent are flushed.
pub struct Telemetry {
    metrics: MetricsHandle,
    _traces: Option<traces::TraceGuard>,
}

impl Telemetry {
    /// Sets up logs on standard error, the metrics recorder and, when configured, spans over OTLP.
    /// `service` names the role; `node` the process. To be called once, within a tokio runtime.
    pub fn install(
        config: &TelemetryConfig,
        service: &str,
        node: &str,
    ) -> Result<Self, TelemetryError> {
        let filter = logs::filter(&config.log_filter)?;
        let (trace_layer, guard) = traces::layer(&config.otlp_endpoint, service, node)?;
        let installed = match trace_layer {
            // One filter for all where there is one layer only: it is the cheaper and the simpler way.
            None => tracing_subscriber::registry()
                .with(filter)
                .with(logs::layer(config.log_format))
                .try_init(),
            Some(traces) => tracing_subscriber::registry()
                .with(traces)
                .with(logs::layer(config.log_format).with_filter(filter))
                .try_init(),
        };
        installed.map_err(|error| TelemetryError::Installed(error.to_string()))?;
        Ok(Self { metrics: metric::install()?, _traces: guard })
    }

    /// Renders the metrics of this process.
    pub fn metrics(&self) -> MetricsHandle {
        self.metrics.clone()
    }
}
