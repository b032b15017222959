//! Log lines on standard error: readable for a person, JSON for a machine.

use crate::TelemetryError;
use serde::{Deserialize, Serialize};
use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry::LookupSpan};

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Readable text.
    Text,
    /// One JSON object per line.
    Json,
}

/// Parses filter directives.
pub(crate) fn filter(directives: &str) -> Result<EnvFilter, TelemetryError> {
    EnvFilter::try_new(directives).map_err(|error| TelemetryError::Filter {
        filter: directives.to_owned(),
        reason: error.to_string(),
    })
}

/// The layer that writes lines.
pub(crate) fn layer<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let terminal = std::io::stderr().is_terminal();
    let json = match format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !terminal,
    };
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(terminal);
    if json {
        lines.json().flatten_event(true).with_current_span(true).boxed()
    } else {
        lines.compact().with_target(false).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_refused_by_name() {
        let error = filter("ax=notalevel").unwrap_err().to_string();
        assert!(error.contains("ax=notalevel"), "{error}");
    }
}
