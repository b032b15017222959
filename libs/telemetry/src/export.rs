//! What stands between a span that ends and the collector: a bound on what waits, counts of what is
//! sent and lost, and one log line when spans begin to be lost and one when that is over.
//!
//! The SDK's own processor drops what its queue cannot hold without a word that our logs would show.
//! So the bound is kept here, where a loss can be counted; the SDK's queue is never full.

use opentelemetry::Context;
use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{Span, SpanData, SpanExporter, SpanProcessor},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Spans that ended and are not sent yet.
#[derive(Debug)]
pub(crate) struct Backlog {
    max: usize,
    waiting: AtomicUsize,
    /// Lost for want of room since the last report.
    overflowed: AtomicU64,
}

impl Backlog {
    /// Room for `max` spans.
    pub(crate) fn new(max: usize) -> Self {
        Self { max, waiting: AtomicUsize::new(0), overflowed: AtomicU64::new(0) }
    }

    /// Takes a span in; false when there is no room.
    fn enter(&self) -> bool {
        let more = |waiting: usize| (waiting < self.max).then_some(waiting + 1);
        let entered = self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if !entered {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    fn leave(&self, num_spans: usize) {
        self.waiting.fetch_sub(num_spans, Ordering::Relaxed);
    }

    /// At most half full: the collector keeps up.
    fn is_short(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) <= self.max / 2
    }
}

/// A processor that passes on no more spans than the backlog has room for. It logs nothing: a span ends
/// inside the log's own machinery.
#[derive(Debug)]
pub(crate) struct Bounded<P> {
    next: P,
    backlog: Arc<Backlog>,
}

impl<P> Bounded<P> {
    /// Bounds what `next` gets.
    pub(crate) fn new(next: P, backlog: Arc<Backlog>) -> Self {
        Self { next, backlog }
    }
}

impl<P: SpanProcessor> SpanProcessor for Bounded<P> {
    fn on_start(&self, span: &mut Span, context: &Context) {
        self.next.on_start(span, context);
    }

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.backlog.enter() {
            self.next.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

/// An exporter that counts, and says once that spans are lost and once that they are not any more.
#[derive(Debug)]
pub(crate) struct Reporting<E> {
    next: E,
    endpoint: String,
    backlog: Arc<Backlog>,
    in_trouble: AtomicBool,
    /// Lost since it said so.
    lost: AtomicU64,
}

impl<E> Reporting<E> {
    /// Reports on `next`, which sends to `endpoint`.
    pub(crate) fn new(next: E, endpoint: &str, backlog: Arc<Backlog>) -> Self {
        let (in_trouble, lost) = (AtomicBool::new(false), AtomicU64::new(0));
        Self { next, endpoint: endpoint.to_owned(), backlog, in_trouble, lost }
    }

    fn note(&self, num_spans: usize, result: &OTelSdkResult) {
        self.backlog.leave(num_spans);
        let overflowed = self.backlog.overflowed.swap(0, Ordering::Relaxed);
        match result {
            Ok(()) => {
                metrics::counter!("ax_telemetry_spans_sent_total").increment(num_spans as u64);
                if overflowed > 0 {
                    self.note_lost(overflowed, "it takes them too slowly");
                } else if self.backlog.is_short() {
                    self.note_well();
                }
            }
            Err(error) => self.note_lost(overflowed + num_spans as u64, &error.to_string()),
        }
    }

    fn note_lost(&self, num_spans: u64, reason: &str) {
        metrics::counter!("ax_telemetry_spans_lost_total").increment(num_spans);
        self.lost.fetch_add(num_spans, Ordering::Relaxed);
        if !self.in_trouble.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                collector = self.endpoint,
                reason,
                "the collector does not take spans; they are lost until it does, nothing else is"
            );
        }
    }

    fn note_well(&self) {
        if self.in_trouble.swap(false, Ordering::Relaxed) {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            tracing::info!(collector = self.endpoint, lost, "the collector takes spans again");
        }
    }
}

impl<E: SpanExporter> SpanExporter for Reporting<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let num_spans = batch.len();
        let result = self.next.export(batch).await;
        self.note(num_spans, &result);
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.next.shutdown_with_timeout(timeout)
    }

    fn shutdown(&self) -> OTelSdkResult {
        self.next.shutdown()
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.next.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.next.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
