use super::*;
use opentelemetry::trace::{Span as _, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::{error::OTelSdkError, trace::SdkTracerProvider};
use std::sync::Mutex;
use tracing_subscriber::{Layer, layer::SubscriberExt};

/// A collector that works or does not, as told.
#[derive(Debug, Clone, Default)]
struct Collector {
    away: Arc<AtomicBool>,
}

impl SpanExporter for Collector {
    async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
        match self.away.load(Ordering::Relaxed) {
            true => Err(OTelSdkError::InternalFailure("refused".to_owned())),
            false => Ok(()),
        }
    }
}

/// Keeps the messages of log lines.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{}={value:?} ", field.name());
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        self.0.lock().unwrap().push(message.0);
    }
}

/// Ended spans, as many as asked.
fn spans(num: usize) -> Vec<SpanData> {
    #[derive(Debug, Clone, Default)]
    struct Keep(Arc<Mutex<Vec<SpanData>>>);
    impl SpanProcessor for Keep {
        fn on_start(&self, _: &mut Span, _: &Context) {}
        fn on_end(&self, span: SpanData) {
            self.0.lock().unwrap().push(span);
        }
        fn force_flush(&self) -> OTelSdkResult {
            Ok(())
        }
        fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
            Ok(())
        }
    }
    let keep = Keep::default();
    let provider = SdkTracerProvider::builder().with_span_processor(keep.clone()).build();
    for _ in 0..num {
        provider.tracer("test").start("span").end();
    }
    keep.0.lock().unwrap().clone()
}

#[derive(Debug, Clone, Default)]
struct Passed(Arc<AtomicUsize>);

impl SpanProcessor for Passed {
    fn on_start(&self, _: &mut Span, _: &Context) {}
    fn on_end(&self, _: SpanData) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }
    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[tokio::test]
async fn an_outage_is_said_once_and_its_end_once() {
    let lines = Lines::default();
    let _guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let collector = Collector::default();
    let backlog = Arc::new(Backlog::new(100));
    let exporter = Reporting::new(collector.clone(), "http://collector", backlog.clone());
    for away in [false, true, true, true, false, false] {
        collector.away.store(away, Ordering::Relaxed);
        let batch = spans(3);
        batch.iter().for_each(|_| assert!(backlog.enter()));
        assert_eq!(exporter.export(batch).await.is_err(), away);
    }
    let lines = lines.0.lock().unwrap().clone();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].contains("does not take spans") && lines[0].contains("refused"), "{lines:#?}");
    assert!(lines[1].contains("takes spans again") && lines[1].contains("lost=9"), "{lines:#?}");
}

#[tokio::test]
async fn what_waits_is_bounded_and_a_slow_collector_is_said_to_be_slow() {
    let lines = Lines::default();
    let _guard =
        tracing::subscriber::set_default(tracing_subscriber::registry().with(lines.clone()));
    let backlog = Arc::new(Backlog::new(10));
    let passed = Passed::default();
    let processor = Bounded::new(passed.clone(), backlog.clone());
    let ended = spans(25);
    ended.iter().for_each(|span| processor.on_end(span.clone()));
    assert_eq!(passed.0.load(Ordering::Relaxed), 10);
    let exporter = Reporting::new(Collector::default(), "x", backlog.clone());
    exporter.export(ended[..4].to_vec()).await.unwrap();
    exporter.export(ended[4..10].to_vec()).await.unwrap();
    assert!(backlog.enter(), "there is room again");
    let lines = lines.0.lock().unwrap().clone();
    assert!(lines[0].contains("too slowly"), "{lines:#?}");
    assert!(lines[1].contains("lost=15"), "{lines:#?}");
}
