//! Kafka: the broker dies, the topic is made anew, trimmed, or was made by other hands.

use crate::backends::{Backend as _, OnKafka, PARTITIONS};
use crate::support::{LONG, all, at_most, noise, numbered, reader, record, take, value};
use anyhow::{Context as _, Result, bail, ensure};
use ax_changes::kafka::KafkaLog;
use ax_changes::{ChangeLog, LogError, LogReader, NewRecord, ReadLimits};
use ax_harness::{Kafka, eventually};
use ax_model::{Offset, ShardId};
use rdkafka::ClientConfig;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>> {
    Ok(ClientConfig::new().set("bootstrap.servers", bootstrap).create()?)
}

async fn recreate(stream: &OnKafka) -> Result<()> {
    let admin = admin(&stream.config.bootstrap)?;
    let topic = [stream.config.topic.as_str()];
    let deleted = admin.delete_topics(&topic, &AdminOptions::new()).await?;
    ensure!(deleted[0].is_ok(), "{deleted:?}");
    eventually(LONG, "the topic is made anew", async || {
        Ok(KafkaLog::connect(stream.config.clone()).await.map(drop)?)
    })
    .await
}

/// Reads until an error that is not about reachability.
async fn next_error(reader: &mut dyn LogReader) -> Result<LogError> {
    let limits = ReadLimits { max_wait: Duration::from_millis(500), ..at_most(100) };
    eventually(LONG, "the reader says what happened", async || match reader.next(limits).await {
        Ok(batch) => bail!("it read {} records", batch.records.len()),
        Err(error) if error.is_retryable() => Err(error.into()),
        Err(error) => Ok(error),
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_made_anew_is_another_stream() -> Result<()> {
    let stream = OnKafka::fresh().await?;
    let log = stream.log();
    let old = log.log_id().await?;
    log.append(numbered(0..10)).await?;
    let mut behind = log.read(ShardId(0), Offset(5), &old).await?;
    let mut idle = reader(&*log, 0).await?;
    take(&mut *idle, 10).await?;
    recreate(&stream).await?;
    // The new stream has positions 5 and 10 too: going on there would skip what is before.
    eventually(LONG, "appends go on", async || Ok(log.append(numbered(0..20)).await.map(drop)?))
        .await?;
    for live in [&mut behind, &mut idle] {
        let error = next_error(&mut **live).await?;
        ensure!(matches!(error, LogError::Recreated { .. }), "{error}");
    }
    let error = log.read(ShardId(0), Offset(5), &old).await.err().context("another stream")?;
    ensure!(matches!(error, LogError::Recreated { position: Offset(5), .. }), "{error}");
    ensure!(log.log_id().await? != old);
    Ok(())
}

fn megabytes(of: &str, count: u64) -> Vec<NewRecord> {
    (0..count).map(|n| record(0, of, noise(1 << 20, n))).collect()
}

/// A reader with a full buffer does not fetch, so it sleeps through the change and wakes up with the
/// new topic under its old position.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_slept_through_it_mixes_no_streams() -> Result<()> {
    let stream = OnKafka::fresh().await?;
    let log = stream.log();
    log.append(megabytes("old", 40)).await?;
    let mut slow = reader(&*log, 0).await?;
    take(&mut *slow, 1).await?;
    recreate(&stream).await?;
    let again = || log.append(megabytes("new", 60));
    eventually(LONG, "appends go on", async || Ok(again().await.map(drop)?)).await?;
    let error = loop {
        match slow.next(at_most(1)).await {
            Ok(batch) => ensure!(batch.records.iter().all(|record| record.key == "old")),
            Err(error) if error.is_retryable() => {}
            Err(error) => break error,
        }
    };
    ensure!(matches!(error, LogError::Recreated { .. }), "{error}");
    Ok(())
}

/// Forgets what is before `offset`, which takes a policy that the log itself would refuse.
async fn trim(stream: &OnKafka, offset: i64) -> Result<()> {
    let (admin, topic) = (admin(&stream.config.bootstrap)?, stream.config.topic.as_str());
    let limit = (stream.config.max_record_bytes * 2).to_string();
    let policy = AlterConfig::new(ResourceSpecifier::Topic(topic))
        .set("cleanup.policy", "compact,delete")
        .set("max.message.bytes", &limit);
    let altered = admin.alter_configs([&policy], &AdminOptions::new()).await?;
    ensure!(altered[0].is_ok(), "{altered:?}");
    let mut before = TopicPartitionList::new();
    before.add_partition_offset(topic, 0, rdkafka::Offset::Offset(offset))?;
    eventually(LONG, "the policy has arrived", async || {
        let trimmed = admin.delete_records(&before, &AdminOptions::new()).await?;
        Ok(trimmed.elements()[0].error()?)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_before_the_start_is_refused_not_skipped() -> Result<()> {
    let stream = OnKafka::fresh().await?;
    let log = stream.log();
    log.append(megabytes("k", 40)).await?;
    let mut live = reader(&*log, 0).await?;
    take(&mut *live, 1).await?;
    trim(&stream, 39).await?;
    let error = log.read(ShardId(0), Offset(38), "").await.err().context("it was trimmed")?;
    let range = LogError::OutOfRange {
        partition: ShardId(0),
        position: Offset(38),
        start: Offset(39),
        end: Offset(40),
    };
    ensure!(error == range, "{error}");
    let error = loop {
        let before = live.position();
        match live.next(at_most(1)).await {
            Ok(batch) => ensure!(batch.records.iter().all(|record| record.offset == before)),
            Err(error) if error.is_retryable() => {}
            Err(error) => break error,
        }
    };
    ensure!(matches!(error, LogError::OutOfRange { start: Offset(39), .. }), "{error}");
    ensure!(live.position() < Offset(39), "nothing was skipped");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_create_one_topic() -> Result<()> {
    let first = OnKafka::fresh().await?;
    let mut config = first.config.clone();
    config.topic += ".raced";
    let connecting = (0..6).map(|_| tokio::spawn(KafkaLog::connect(config.clone())));
    let mut ids = BTreeSet::new();
    for log in connecting.collect::<Vec<_>>() {
        ids.insert(log.await??.log_id().await?);
    }
    ensure!(ids.len() == 1, "{ids:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_compacted_is_refused() -> Result<()> {
    use rdkafka::admin::{NewTopic, TopicReplication};
    let first = OnKafka::fresh().await?;
    let mut config = first.config.clone();
    config.topic += ".plain";
    let topic = NewTopic::new(&config.topic, PARTITIONS as i32, TopicReplication::Fixed(1));
    let admin = admin(&config.bootstrap)?;
    let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
    ensure!(created[0].is_ok(), "{created:?}");
    let error = KafkaLog::connect(config).await.err().context("not compacted")?;
    ensure!(matches!(&error, LogError::Misconfigured(why) if why.contains("cleanup")), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_loses_nothing_and_readers_go_on() -> Result<()> {
    let mut broker = Kafka::start().await?;
    let stream = OnKafka::fresh_on(&broker).await?;
    let log = stream.log();
    let mut live = reader(&*log, 0).await?;
    log.append(numbered(0..50)).await?;
    take(&mut *live, 30).await?;
    let appending = tokio::spawn(append_one_by_one(log.clone(), 50..80));
    broker.kill9()?;
    let in_the_dark = numbered(80..90);
    let waiting = tokio::spawn({
        let log = log.clone();
        async move { log.append(in_the_dark).await }
    });
    let error = log.bounds(ShardId(0)).await.err().context("the broker is down")?;
    ensure!(error.is_retryable(), "{error}");
    broker.restart().await?;
    waiting.await?.context("an append that met the outage ends well after it")?;
    let acknowledged = appending.await??;
    let numbers: Vec<_> = all(&*log, 0).await?.iter().map(value).collect();
    for number in (0..50).chain(acknowledged).chain(80..90) {
        let count = numbers.iter().filter(|seen| **seen == number.to_string()).count();
        ensure!(count == 1, "{number} stands {count} times in {numbers:?}");
    }
    // The reader of before goes on where it was.
    let rest = eventually(LONG, "the reader is back", async || {
        live.next(at_most(1)).await?.records.pop().context("nothing yet")
    })
    .await?;
    ensure!(rest.offset == Offset(30) && value(&rest) == "30");
    take(&mut *live, numbers.len() - 31).await?;
    ensure!(live.position() == log.bounds(ShardId(0)).await?.end);
    Ok(())
}

async fn append_one_by_one(
    log: Arc<dyn ChangeLog>,
    numbers: std::ops::Range<usize>,
) -> Result<Vec<usize>> {
    let mut acknowledged = Vec::new();
    for number in numbers {
        if log.append(numbered(number..number + 1)).await.is_ok() {
            acknowledged.push(number);
        }
    }
    Ok(acknowledged)
}

/// The leader of a new partition refuses what comes a moment too early. The client library took such
/// a record for delivered when the next one was accepted.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_new_topic_refused_is_not_acknowledged() -> Result<()> {
    for round in 0..25 {
        let stream = OnKafka::fresh().await?;
        let log = stream.log();
        let appended = log.append(megabytes("k", 6)).await?;
        let places: Vec<_> = appended.iter().map(|place| place.offset.0).collect();
        let end = log.bounds(ShardId(0)).await?.end;
        ensure!(end == Offset(6) && places == [0, 1, 2, 3, 4, 5], "{round}: {end}, {places:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_broker_is_unavailable() -> Result<()> {
    let port = ax_harness::free_port()?;
    let mut config = ax_changes::kafka::KafkaConfig::new(format!("127.0.0.1:{port}"), "t", 1);
    config.request_timeout = Duration::from_millis(500);
    let error = KafkaLog::connect(config).await.err().context("nobody listens")?;
    ensure!(matches!(error, LogError::Unavailable(_)) && error.is_retryable(), "{error}");
    Ok(())
}
