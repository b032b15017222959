//! Ranges and combinations that no type expresses.

use super::{Config, address};
use ax_model::{Code, Fault};

/// Refuses what cannot work, naming the key.
pub fn validate(config: &Config) -> Result<(), Fault> {
    within("cluster.shards", config.cluster.shards.into(), 1, 4096)?;
    within("cluster.lease_ttl_ms", config.cluster.lease_ttl_ms, 500, 600_000)?;
    within("query.replicas", config.query.replicas.into(), 1, 16)?;
    within("query.timeout_ms", config.query.timeout_ms, 1, 600_000)?;
    within("query.max_requests", config.query.max_requests.into(), 1, 65_536)?;
    within("query.max_queued", config.query.max_queued.into(), 0, 1 << 20)?;
    within("query.reader_timeout_ms", config.query.reader_timeout_ms, 100, 3_600_000)?;
    within("query.answer_bytes", config.query.answer_bytes, 16 << 20, 1 << 40)?;
    within("query.cache_bytes", config.query.cache_bytes, 64 << 20, u64::MAX)?;
    within("query.result_cache_bytes", config.query.result_cache_bytes, 0, 1 << 40)?;
    within("query.result_cache_seconds", config.query.result_cache_seconds, 1, 86_400)?;
    within("query.poll_ms", config.query.poll_ms, 50, 3_600_000)?;
    within("query.scrub_seconds", config.query.scrub_seconds, 0, 30 * 86_400)?;
    within("query_log.max_bytes", config.query_log.max_bytes, 64 << 10, 1 << 40)?;
    within("query_log.keep", config.query_log.keep.into(), 0, 1000)?;
    let scrub = config.query.scrub_bytes_per_second;
    within("query.scrub_bytes_per_second", scrub, 1 << 20, 16 << 30)?;
    // Below a minute, clocks that disagree with the store's would shorten it to nothing.
    within("store.orphan_grace_seconds", config.store.orphan_grace_seconds, 60, 30 * 86_400)?;
    within("store.compression_level", config.store.compression_level.into(), 1, 19)?;
    within("store.keep_seconds", config.store.keep_seconds, 0, 30 * 86_400)?;
    within("coordinator.collect_seconds", config.coordinator.collect_seconds, 1, 86_400)?;
    within("ingest.max_file_bytes", config.ingest.max_file_bytes, 1024, 256 << 20)?;
    within("ingest.max_branches", config.ingest.max_branches.into(), 1, 1024)?;
    within("ingest.spread", config.ingest.spread.into(), 1, 4096)?;
    within("ingest.concurrency", config.ingest.concurrency.into(), 1, 64)?;
    within("ingest.poll_local_ms", config.ingest.poll_local_ms, 50, 3_600_000)?;
    within("ingest.poll_remote_seconds", config.ingest.poll_remote_seconds, 1, 86_400)?;
    within("ingest.silence_seconds", config.ingest.silence_seconds, 1, 3600)?;
    within("ingest.fetch_seconds", config.ingest.fetch_seconds, 1, 7 * 86_400)?;
    within(
        "indexer.max_segment_text_bytes",
        config.indexer.max_segment_text_bytes,
        1 << 20,
        1 << 30,
    )?;
    within("indexer.symbols_within_ms", config.indexer.symbols_within_ms, 0, 3_600_000)?;
    for (key, address) in listeners(config) {
        address::spelt_out(key, address)?;
    }
    backends(config)
}

fn listeners(config: &Config) -> [(&'static str, &str); 5] {
    [
        ("ingest.listen", &config.ingest.listen),
        ("indexer.listen", &config.indexer.listen),
        ("coordinator.listen", &config.coordinator.listen),
        ("query.listen", &config.query.listen),
        ("query.grpc_listen", &config.query.grpc_listen),
    ]
}

fn backends(config: &Config) -> Result<(), Fault> {
    one_of("store.compression", &config.store.compression, &["zstd", "none"])?;
    one_of("changes.backend", &config.changes.backend, &["embedded", "kafka"])?;
    one_of("coordination.backend", &config.coordination.backend, &["embedded", "etcd"])?;
    if config.changes.backend == "kafka" && config.changes.bootstrap.is_empty() {
        return Err(bad("changes.bootstrap", "Kafka needs at least one broker".to_owned()));
    }
    if config.coordination.backend == "etcd" && config.coordination.endpoints.is_empty() {
        return Err(bad("coordination.endpoints", "etcd needs at least one endpoint".to_owned()));
    }
    Ok(())
}

fn within(key: &str, value: u64, least: u64, most: u64) -> Result<(), Fault> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(bad(key, format!("{value} is not between {least} and {most}")))
}

fn one_of(key: &str, value: &str, known: &[&str]) -> Result<(), Fault> {
    if known.contains(&value) {
        return Ok(());
    }
    Err(bad(key, format!("`{value}` is not one of: {}", known.join(", "))))
}

fn bad(key: &str, message: String) -> Fault {
    Fault::new(Code::ConfigBadValue, format!("{key}: {message}")).in_field(key)
}
