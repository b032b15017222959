//! Spans over OTLP.

use crate::TelemetryError;
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{Layer, registry::LookupSpan};

/// Flushes spans on drop.
pub(crate) struct TraceGuard(SdkTracerProvider);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown() {
            tracing::debug!(%error, "the last spans could not be sent");
        }
    }
}

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// A layer that sends spans to `endpoint`, or none when it is empty.
pub(crate) fn layer<S>(
    endpoint: &str,
    service: &str,
    node: &str,
) -> Result<(Option<BoxedLayer<S>>, Option<TraceGuard>), TelemetryError>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
{
    if endpoint.is_empty() {
        return Ok((None, None));
    }
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let exporter =
        SpanExporter::builder().with_tonic().with_endpoint(endpoint).build().map_err(|error| {
            TelemetryError::Otlp { endpoint: endpoint.to_owned(), reason: error.to_string() }
        })?;
    let resource = Resource::builder()
        .with_service_name(service.to_owned())
        .with_attribute(KeyValue::new("service.instance.id", node.to_owned()))
        .build();
    let provider =
        SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("ax"));
    Ok((Some(layer.boxed()), Some(TraceGuard(provider))))
}
