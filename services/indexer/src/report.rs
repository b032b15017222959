//! What a worker tells the others: the published hint, metrics, and why a shard stands still.

use crate::lag::Lag;
use ax_cluster::{Cluster, Published, RebuildProgress};
use ax_coordination::Expect;
use ax_model::{Manifest, Rebuild};

/// What the hint takes from a manifest and the lag behind it.
pub(crate) fn hint(manifest: &Manifest, lag: Option<Lag>) -> Published {
    Published {
        shard: manifest.shard.0,
        generation: manifest.generation.0,
        version: manifest.version.0,
        position: manifest.position().0,
        epoch: manifest.epoch.0,
        lag: lag.map_or(0, |lag| lag.records),
        rebuild: manifest.rebuild.as_ref().map(progress),
        rebuilt: manifest.rebuilt.0,
        ..Published::default()
    }
}

/// Shows what a manifest holds, and how much of it is searchable whose definitions are not known yet.
pub(crate) fn show(manifest: &Manifest) {
    let (shard, (num, bytes)) = (manifest.shard.to_string(), manifest.unparsed());
    let num_segments = manifest.segments.len() as f64;
    metrics::gauge!("ax_indexer_segments", "shard" => shard.clone()).set(num_segments);
    metrics::gauge!("ax_indexer_manifest_version", "shard" => shard.clone())
        .set(manifest.version.0 as f64);
    metrics::gauge!("ax_indexer_unparsed_files", "shard" => shard.clone()).set(num as f64);
    metrics::gauge!("ax_indexer_unparsed_bytes", "shard" => shard).set(bytes as f64);
}

/// Tells query nodes and `ax status` of a manifest. Losing it costs time only: query nodes poll the
/// store as well, so a failure is logged and forgotten.
pub(crate) async fn published(cluster: &Cluster, hint: Published, lag: Option<Lag>) {
    let shard = hint.shard.to_string();
    if let Some(Lag { records, ms }) = lag {
        metrics::gauge!("ax_indexer_lag_records", "shard" => shard.clone()).set(records as f64);
        metrics::gauge!("ax_indexer_lag_seconds", "shard" => shard.clone()).set(ms as f64 / 1000.0);
    }
    let blocked = if hint.failure.is_empty() { 0.0 } else { 1.0 };
    metrics::gauge!("ax_indexer_blocked", "shard" => shard.clone()).set(blocked);
    let rebuilding = if hint.rebuild.is_some() { 1.0 } else { 0.0 };
    metrics::gauge!("ax_indexer_rebuilding", "shard" => shard).set(rebuilding);
    if let Err(error) = cluster.put(&hint, Expect::Any, None).await {
        tracing::debug!(%error, shard = hint.shard, "the published hint was not written");
    }
}

fn progress(rebuild: &Rebuild) -> RebuildProgress {
    RebuildProgress {
        number: rebuild.number.0,
        position: rebuild.position().0,
        target: rebuild.target.0,
        began_at_ms: rebuild.began_at_ms,
        reason: rebuild.reason.clone(),
    }
}

/// Counts a published link and its freshness.
pub(crate) fn count(manifest: &Manifest, num_records: usize, num_segments: usize, now_ms: i64) {
    let shard = manifest.shard.to_string();
    metrics::counter!("ax_indexer_changes_total", "shard" => shard).increment(num_records as u64);
    metrics::counter!("ax_indexer_segments_total").increment(num_segments as u64);
    metrics::counter!("ax_indexer_publications_total").increment(1);
    if manifest.committed_at_ms > 0 {
        let age = (now_ms - manifest.committed_at_ms).max(0) as f64 / 1000.0;
        metrics::gauge!("ax_indexer_newest_commit_age_seconds").set(age);
    }
}

/// Counts the time from emission to publication.
pub(crate) fn count_freshness(emitted_at_ms: i64, now_ms: i64) {
    if emitted_at_ms > 0 {
        let seconds = (now_ms - emitted_at_ms).max(0) as f64 / 1000.0;
        metrics::histogram!("ax_indexer_emitted_to_published_seconds").record(seconds);
    }
}
