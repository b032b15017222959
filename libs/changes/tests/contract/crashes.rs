//! What each back end does when the ground moves: the broker dies, the stream is made anew.

mod embedded {
    use crate::backends::{Backend as _, Embedded};
    use crate::support::{numbered, reader};
    use anyhow::{Result, ensure};
    use ax_changes::LogError;
    use ax_changes::embedded::{EmbeddedConfig, EmbeddedLog};
    use ax_model::{Offset, ShardId};

    #[tokio::test]
    async fn a_file_removed_and_made_anew_is_another_stream() -> Result<()> {
        let mut stream = Embedded::fresh().await?;
        stream.log().append(numbered(0..10)).await?;
        let old = stream.log().log_id().await?;
        stream.close().await?;
        std::fs::remove_file(stream.path())?;
        stream.reopen().await?;
        let log = stream.log();
        log.append(numbered(0..20)).await?;
        let error = log.read(ShardId(0), Offset(10), &old).await.err().expect("another stream");
        ensure!(matches!(error, LogError::Recreated { position: Offset(10), .. }), "{error}");
        Ok(())
    }

    #[tokio::test]
    async fn a_file_removed_under_the_log_is_noticed_before_an_acknowledgement() -> Result<()> {
        let stream = Embedded::fresh().await?;
        stream.log().append(numbered(0..1)).await?;
        std::fs::remove_file(stream.path())?;
        for _ in 0..2 {
            let error = stream.log().append(numbered(1..2)).await.unwrap_err();
            ensure!(matches!(error, LogError::Storage(_)), "{error}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn only_one_log_has_the_file() -> Result<()> {
        let stream = Embedded::fresh().await?;
        let second = EmbeddedLog::open(EmbeddedConfig::new(stream.path(), 3)).await.unwrap_err();
        ensure!(matches!(second, LogError::Locked(_)), "{second}");
        ensure!(second.code() == ax_model::Code::DataLocked);
        Ok(())
    }

    #[tokio::test]
    async fn what_is_not_a_log_is_refused() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("changes.log");
        std::fs::write(&path, "this is not a log")?;
        let error = EmbeddedLog::open(EmbeddedConfig::new(&path, 3)).await.unwrap_err();
        ensure!(matches!(error, LogError::Storage(_)), "{error}");
        ensure!(std::fs::read(&path)? == b"this is not a log", "it is left as it was");
        Ok(())
    }

    #[tokio::test]
    async fn readers_outlive_the_log() -> Result<()> {
        let mut stream = Embedded::fresh().await?;
        stream.log().append(numbered(0..3)).await?;
        let mut reader = reader(&*stream.log(), 0).await?;
        stream.close().await?;
        ensure!(crate::support::take(&mut *reader, 3).await?.len() == 3);
        Ok(())
    }
}

mod kafka {
    use crate::backends::{Backend as _, OnKafka, PARTITIONS};
    use crate::support::{LONG, all, at_most, numbered, reader, take, value};
    use anyhow::{Context as _, Result, bail, ensure};
    use ax_changes::kafka::KafkaLog;
    use ax_changes::{ChangeLog, LogError, LogReader, ReadLimits};
    use ax_harness::{Kafka, eventually};
    use ax_model::{Offset, ShardId};
    use rdkafka::ClientConfig;
    use rdkafka::admin::{AdminClient, AdminOptions};
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
        eventually(LONG, "the reader says what happened", async || {
            match reader.next(limits).await {
                Ok(batch) => bail!("it read {} records", batch.records.len()),
                Err(error) if error.is_retryable() => Err(error.into()),
                Err(error) => Ok(error),
            }
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
        eventually(LONG, "appends go on", async || {
            Ok(log.append(numbered(0..20)).await.map(drop)?)
        })
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
        ensure!(
            matches!(&error, LogError::Misconfigured(why) if why.contains("cleanup")),
            "{error}"
        );
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
            Ok(live.next(at_most(1)).await?.records.pop().context("nothing yet")?)
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

    #[tokio::test(flavor = "multi_thread")]
    async fn no_broker_is_unavailable() -> Result<()> {
        let port = ax_harness::free_port()?;
        let mut config = ax_changes::kafka::KafkaConfig::new(format!("127.0.0.1:{port}"), "t", 1);
        config.request_timeout = Duration::from_millis(500);
        let error = KafkaLog::connect(config).await.err().context("nobody listens")?;
        ensure!(matches!(error, LogError::Unavailable(_)) && error.is_retryable(), "{error}");
        Ok(())
    }
}
