//! The last span of a push's trace: this node opened the manifest that has the push.

use super::view::now_ms;
use ax_cluster::Cause;
use ax_model::{ManifestVersion, ShardId};
use ax_telemetry::{Causes, propagation};
use tracing::{Span, field::Empty};

/// Spans of the versions of one shard that are known to be published and not shown yet.
pub(super) struct Openings {
    shard: ShardId,
    /// What was published before is older than this node's interest in it.
    since_ms: i64,
    /// Causes up to this version have, or had, their span.
    seen: u64,
    waiting: Vec<(u64, Span)>,
}

impl Openings {
    /// For a node that follows `shard` from now on.
    pub(super) fn new(shard: ShardId) -> Self {
        Self { shard, since_ms: now_ms(), seen: 0, waiting: Vec::new() }
    }

    /// Begins the spans of causes that are new.
    pub(super) fn begin(&mut self, causes: &[Cause]) {
        let (seen, since_ms) = (self.seen, self.since_ms);
        let news = causes.iter().filter(|cause| cause.version > seen && cause.at_ms >= since_ms);
        for Cause { traceparent, version, .. } in news {
            let shard = self.shard;
            let span = tracing::info_span!(
                parent: None,
                "open",
                %shard,
                published_version = version,
                manifest_version = Empty,
            );
            propagation::set_parent(&span, traceparent);
            self.waiting.push((*version, span));
        }
        let excess = self.waiting.len().saturating_sub(Causes::MAX);
        self.waiting.drain(..excess);
        self.skip(causes);
    }

    /// Leaves out causes of a shard that is not shown here.
    pub(super) fn skip(&mut self, causes: &[Cause]) {
        let newest = causes.iter().map(|cause| cause.version).max();
        self.seen = self.seen.max(newest.unwrap_or_default());
    }

    /// Ends the spans of what `version` shows.
    pub(super) fn shown(&mut self, version: ManifestVersion) {
        self.waiting.retain(|(published, span)| {
            let is_shown = *published <= version.0;
            if is_shown {
                span.record("manifest_version", tracing::field::display(version));
            }
            !is_shown
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_is_opened_once_and_old_ones_never() {
        let cause = |version, at_ms| Cause { traceparent: String::new(), version, at_ms };
        let mut openings = Openings::new(ShardId(0));
        let later = openings.since_ms + 1;
        let waiting =
            |o: &Openings| o.waiting.iter().map(|(version, _)| *version).collect::<Vec<_>>();
        openings.begin(&[cause(3, 0), cause(4, later), cause(5, later)]);
        openings.begin(&[cause(4, later), cause(5, later)]);
        assert_eq!(waiting(&openings), [4, 5]);
        openings.shown(ManifestVersion(4));
        assert_eq!(waiting(&openings), [5]);
        openings.skip(&[cause(6, later)]);
        openings.begin(&[cause(6, later), cause(7, later), cause(7, later)]);
        assert_eq!(waiting(&openings), [5, 7, 7]);
        openings.shown(ManifestVersion(9));
        assert!(waiting(&openings).is_empty());
        let many: Vec<_> = (100..200).map(|version| cause(version, later)).collect();
        openings.begin(&many);
        assert_eq!(openings.waiting.len(), Causes::MAX);
    }
}
