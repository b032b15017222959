//! One trace from a push to the manifest that shows it.
//!
//! A span has one parent, and a batch may hold the changes of many pushes. So the batch's own span is a
//! child of the push when there is one push only; else it is the root of a trace of its own, and each
//! push's trace gets a span that names the manifest and is linked to the batch's.

use crate::fold::Folded;
use ax_cluster::Cause;
use ax_model::{Manifest, ManifestVersion, ShardId};
use ax_telemetry::{Causes, propagation};
use parking_lot::Mutex;
use std::collections::VecDeque;
use tracing::{Span, field::Empty};

/// The spans of one batch, from its last record to the manifest.
pub(crate) struct BatchTrace {
    batch: Span,
    /// One in each cause's trace; none when the batch itself stands there.
    in_causes: Vec<Span>,
}

impl BatchTrace {
    /// Begins the spans of a batch of `shard`.
    pub fn begin(shard: ShardId, folded: &Folded) -> Self {
        let causes = folded.causes.contexts();
        let batch = tracing::info_span!(
            "index",
            otel.kind = "consumer",
            %shard,
            range = %folded.range,
            records = folded.num_records,
            causes = causes.len() + folded.causes.left_out(),
            manifest_version = Empty,
        );
        let in_causes = match causes {
            [cause] if folded.causes.left_out() == 0 => {
                propagation::set_parent(&batch, cause);
                Vec::new()
            }
            causes => causes.iter().map(|cause| beside(&batch, shard, cause)).collect(),
        };
        Self { batch, in_causes }
    }

    /// The span that the batch's work belongs to.
    pub fn span(&self) -> Span {
        self.batch.clone()
    }

    /// Ends the spans with the version that shows the batch.
    pub fn published(self, version: ManifestVersion) {
        for span in self.in_causes.iter().chain([&self.batch]) {
            span.record("manifest_version", tracing::field::display(version));
        }
    }
}

/// A span in the trace of `cause` that is linked to the batch's.
fn beside(batch: &Span, shard: ShardId, cause: &str) -> Span {
    let span = tracing::info_span!(
        parent: None,
        "indexed",
        otel.kind = "consumer",
        %shard,
        manifest_version = Empty,
    );
    propagation::set_parent(&span, cause);
    if let Some(batch) = propagation::of(batch) {
        propagation::follows(&span, &batch);
    }
    span
}

/// The causes of the last versions, for those who open them: a version is often overtaken by the next
/// before anybody has looked.
#[derive(Default)]
pub(crate) struct RecentCauses(Mutex<VecDeque<Cause>>);

impl RecentCauses {
    /// Adds the causes of what `manifest` was the first to show.
    pub fn add(&self, causes: &Causes, manifest: &Manifest) {
        let mut recent = self.0.lock();
        recent.extend(causes.contexts().iter().map(|context| Cause {
            traceparent: context.clone(),
            version: manifest.version.0,
            at_ms: manifest.created_at_ms,
        }));
        let excess = recent.len().saturating_sub(Causes::MAX);
        recent.drain(..excess);
    }

    /// Those that are kept, oldest first.
    pub fn list(&self) -> Vec<Cause> {
        self.0.lock().iter().cloned().collect()
    }
}
