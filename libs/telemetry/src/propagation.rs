//! A trace across processes: the W3C `traceparent` header, as text.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Name of the header, in Kafka, gRPC and HTTP alike.
pub const TRACEPARENT: &str = "traceparent";

/// The current span as a `traceparent`; `None` when spans are not recorded.
pub fn current() -> Option<String> {
    of(&Span::current())
}

/// `span` as a `traceparent`; `None` when spans are not recorded.
pub fn of(span: &Span) -> Option<String> {
    let mut carrier = Single::default();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.0
}

/// Makes `span` a child of `traceparent`. Text that is no trace context is ignored: whoever sends it
/// can only lose their own trace.
pub fn set_parent(span: &Span, traceparent: &str) {
    let carrier = Single(Some(traceparent.to_owned()));
    let parent = TraceContextPropagator::new().extract(&carrier);
    // It fails when spans are not recorded: then there is no parent to set.
    let _ = span.set_parent(parent);
}

/// Adds a link from `span` to the trace of `traceparent`: a segment has many changes as its cause.
pub fn follows(span: &Span, traceparent: &str) {
    use opentelemetry::trace::TraceContextExt;
    let carrier = Single(Some(traceparent.to_owned()));
    let cause = TraceContextPropagator::new().extract(&carrier);
    span.add_link(cause.span().span_context().clone());
}

/// A carrier of one header.
#[derive(Default)]
struct Single(Option<String>);

impl Injector for Single {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}

impl Extractor for Single {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0.as_deref()).flatten()
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_recorder_there_is_nothing_to_carry() {
        assert_eq!(current(), None);
        set_parent(&Span::current(), "not a trace context");
        follows(&Span::current(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    }
}
