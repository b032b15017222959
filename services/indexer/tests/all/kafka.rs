//! A deletion that Kafka's cleaner really removed while nobody read: the file is gone all the same.

use crate::support::{PATIENCE, SHARD, World, delete, put, set};
use anyhow::{Context, Result, ensure};
use ax_changes::{
    ChangeLog, ReadLimits, Record,
    kafka::{KafkaConfig, KafkaLog},
};
use ax_harness::{Kafka, eventually};
use ax_model::Offset;
use ax_store::{Store, StoreConfig};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
    client::DefaultClientContext,
};
use std::{sync::Arc, time::Duration};

const TOPIC: &str = "ax.changes";

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_was_compacted_away_while_nobody_read_is_not_missed() -> Result<()> {
    let broker = Kafka::start().await?;
    let config = KafkaConfig {
        tombstone_retention: Duration::from_millis(1),
        ..KafkaConfig::new(broker.bootstrap(), TOPIC, 1)
    };
    let log = Arc::new(KafkaLog::connect(config.clone()).await?);
    clean_at_once(&config).await?;
    let folder = tempfile::tempdir()?;
    let url = format!("file://{}", folder.path().join("store").display());
    let store = Store::open(&StoreConfig::new(url))?;
    let world = World::of(folder, log.clone(), store.clone(), store).await?;
    world.assign("a", 1).await?;
    let first = world.start("a");
    let at = world.append(vec![put("x", "one"), put("y", "two")]).await?;
    ensure!(world.paths_at(at).await? == set(&["x", "y"]));
    first.stop().await?;
    world.append(vec![delete("x")]).await?;
    let at = eventually(PATIENCE, "the cleaner removes the deletion", async || {
        let at = world.append(vec![put("filler", "rolls the segment")]).await?;
        let key = |record: &Record| record.key.ends_with(b"x");
        let found = all(&log).await?.into_iter().filter(key).count();
        ensure!(found == 0, "{found} records of x");
        Ok(at)
    })
    .await?;
    // To go on from the old position would be possible, and would keep x for ever.
    let position = world.shard().head().await?.context("a head")?.manifest.position();
    ensure!(log.read(SHARD, position, &log.log_id().await?).await.is_ok());
    world.assign("b", 2).await?;
    let _second = world.start("b");
    ensure!(world.paths_rebuilt(1, at).await? == set(&["filler", "y"]));
    Ok(())
}

/// A stream that nobody wrote to is not old, and neither is one whose next record is young.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_is_not_taken_for_old() -> Result<()> {
    let broker = Kafka::start().await?;
    let log = KafkaLog::connect(KafkaConfig::new(broker.bootstrap(), TOPIC, 1)).await?;
    log.append(vec![put("x", "one")]).await?;
    const LONG_AGO_MS: i64 = 1_000;
    log.check_complete(SHARD, Offset(1), LONG_AGO_MS).await?;
    log.append(vec![put("y", "two")]).await?;
    log.check_complete(SHARD, Offset(1), LONG_AGO_MS).await?;
    Ok(())
}

/// Rolls a segment with each append and lets the cleaner take what is not the last one.
async fn clean_at_once(config: &KafkaConfig) -> Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &config.bootstrap).create()?;
    let limit = (config.max_record_bytes * 2).to_string();
    let settings = AlterConfig::new(ResourceSpecifier::Topic(TOPIC))
        .set("cleanup.policy", "compact")
        .set("message.timestamp.type", "LogAppendTime")
        .set("max.message.bytes", &limit)
        .set("delete.retention.ms", "1")
        .set("segment.ms", "1")
        .set("min.cleanable.dirty.ratio", "0.0");
    let altered = admin.alter_configs([&settings], &AdminOptions::new()).await?;
    ensure!(altered[0].is_ok(), "{altered:?}");
    Ok(())
}

async fn all(log: &KafkaLog) -> Result<Vec<Record>> {
    let bounds = log.bounds(SHARD).await?;
    let mut reader = log.read(SHARD, bounds.start, "").await?;
    let limits =
        ReadLimits { max_records: 1_000, max_bytes: usize::MAX, max_wait: Duration::from_secs(5) };
    let mut records = Vec::new();
    while reader.position() < bounds.end {
        let batch = reader.next(limits).await?;
        ensure!(!batch.records.is_empty(), "nothing came at {}", reader.position());
        records.extend(batch.records);
    }
    Ok(records)
}
