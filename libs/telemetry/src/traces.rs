//! Spans over OTLP: our own spans only, whatever the log's filter says.

use crate::{
    TelemetryError,
    export::{Backlog, Bounded, Reporting},
};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    propagation::TraceContextPropagator,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
use std::{sync::Arc, time::Duration};
use tracing::{Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    layer::{Context, Filter},
    registry::LookupSpan,
};

/// End of the target of spans that stand in log lines and are not sent, as in `ax_ingest::untraced`: a
/// look at a repository that most often finds nothing is not worth a trace.
const UNTRACED: &str = "::untraced";

/// Spans that wait for the collector, of about a kilobyte each. More than these are lost, and said to be.
const MAX_WAITING: usize = 4096;
/// Spans sent at once.
const MAX_BATCH: usize = 512;
/// Longest time that a span waits for others.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// A collector that takes longer than this for one batch counts as away.
const SEND_WITHIN: Duration = Duration::from_secs(3);
/// Longest delay of the process's end: one batch that a collector does not take, and no second one.
const FLUSH_WITHIN: Duration = Duration::from_secs(4);

/// Flushes spans on drop.
pub(crate) struct TraceGuard(SdkTracerProvider);

impl Drop for TraceGuard {
    fn drop(&mut self) {
        if let Err(error) = self.0.shutdown_with_timeout(FLUSH_WITHIN) {
            tracing::debug!(%error, "the last spans could not be sent");
        }
    }
}

type BoxedLayer<S> = Box<dyn Layer<S> + Send + Sync>;

/// A layer that sends spans to `endpoint`, or none when it is empty. It has a thread of its own: a
/// collector that is away or slow costs spans, never time.
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
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .with_timeout(SEND_WITHIN)
        .build()
        .map_err(|error| TelemetryError::Otlp {
            endpoint: endpoint.to_owned(),
            reason: error.to_string(),
        })?;
    let backlog = Arc::new(Backlog::new(MAX_WAITING));
    let batches = BatchConfigBuilder::default()
        .with_max_queue_size(MAX_WAITING)
        .with_max_export_batch_size(MAX_BATCH)
        .with_scheduled_delay(SEND_EVERY)
        .build();
    let sender = BatchSpanProcessor::builder(Reporting::new(exporter, endpoint, backlog.clone()))
        .with_batch_config(batches)
        .build();
    let resource = Resource::builder()
        .with_service_name(format!("ax-{service}"))
        .with_attribute(KeyValue::new("service.instance.id", node.to_owned()))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Bounded::new(sender, backlog))
        .with_resource(resource)
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("ax"));
    Ok((Some(layer.with_filter(Ours).boxed()), Some(TraceGuard(provider))))
}

/// Lets our crates' spans pass only: those of the client that sends spans would be sent by it, without
/// end.
///
/// It takes no decision for good ("sometimes" is the default), so that it is asked for every span
/// right before that is made. A filter of one layer whose callsites are decided once keeps, per thread,
/// the answer to the last question, whoever asked it (as `log_enabled!` does), and drops the next span.
struct Ours;

impl<S> Filter<S> for Ours {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        let target = metadata.target();
        let is_ours = target.starts_with("ax_") && !target.ends_with(UNTRACED);
        is_ours && *metadata.level() <= LevelFilter::INFO
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tracing::{Level, span};
    use tracing_subscriber::{EnvFilter, layer::SubscriberExt};

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl<S: tracing::Subscriber> Layer<S> for Count {
        fn on_new_span(&self, _: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn our_spans_pass_whatever_was_asked_before_and_others_do_not() {
        let (traced, logged) = (Count::default(), Count::default());
        let subscriber = tracing_subscriber::registry()
            .with(traced.clone().with_filter(Ours))
            .with(logged.clone().with_filter(EnvFilter::new("warn,other=debug")));
        tracing::subscriber::with_default(subscriber, || {
            for _ in 0..3 {
                let _asked = tracing::enabled!(target: "other", Level::DEBUG);
                let _ours = tracing::info_span!(target: "ax_x", "ours");
                let _asked = tracing::enabled!(target: "third", Level::INFO);
                let _ours = tracing::info_span!(target: "ax_x", "ours too");
                let _other = tracing::info_span!(target: "other", "theirs");
                let _look = tracing::info_span!(target: "ax_x::untraced", "a look");
                let _detail = tracing::debug_span!(target: "ax_x", "a detail");
            }
        });
        assert_eq!(traced.0.load(Ordering::Relaxed), 6);
        assert_eq!(logged.0.load(Ordering::Relaxed), 3);
    }
}
