//! Reading one partition forward.

use super::client::Context;
use super::config::partition_number;
use super::{Shared, drop_elsewhere, errors, offset};
use crate::{Batch, Bounds, LogError, LogReader, ReadLimits, Record};
use ax_model::{Offset, ShardId};
use bytes::Bytes;
use futures::FutureExt;
use rdkafka::Message;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers};
use rdkafka::topic_partition_list::{Offset as At, TopicPartitionList};
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout_at;

/// An idle reader looks this often whether the stream is still the same one.
const IDLE_CHECK: Duration = Duration::from_secs(1);

/// A position in one partition, with a connection of its own.
pub(super) struct KafkaReader {
    shared: Arc<Shared>,
    partition: ShardId,
    /// The stream that the position belongs to.
    log_id: String,
    position: Offset,
    /// Received, not yet handed out; they follow `position`.
    pending: VecDeque<Record>,
    pending_bytes: usize,
    received_at: Instant,
    consumer: Option<StreamConsumer<Context>>,
}

impl KafkaReader {
    /// A reader at `from`, which was checked against the bounds of the stream `log_id`.
    pub fn open(
        shared: Arc<Shared>,
        partition: ShardId,
        from: Offset,
        log_id: String,
    ) -> Result<Self, LogError> {
        let mut reader = Self {
            shared,
            partition,
            log_id,
            position: from,
            pending: VecDeque::new(),
            pending_bytes: 0,
            received_at: Instant::now(),
            consumer: None,
        };
        reader.connect()?;
        Ok(reader)
    }

    /// Opens the connection where what was received ends, unless there is one.
    fn connect(&mut self) -> Result<(), LogError> {
        if self.consumer.is_some() {
            return Ok(());
        }
        let from = self.pending.back().map_or(self.position, |last| Offset(last.offset.0 + 1));
        let consumer = self.assign(from);
        let consumer = consumer.map_err(|error| errors::of_request(&self.shared.config, &error))?;
        self.consumer = Some(consumer);
        Ok(())
    }

    fn assign(&self, from: Offset) -> KafkaResult<StreamConsumer<Context>> {
        let config = &self.shared.config;
        let consumer: StreamConsumer<Context> =
            StreamConsumer::from_config_and_context(&config.reading(), Context)?;
        let mut place = TopicPartitionList::new();
        let at = At::Offset(i64::try_from(from.0).unwrap_or(i64::MAX));
        place.add_partition_offset(&config.topic, partition_number(self.partition), at)?;
        consumer.assign(&place)?;
        Ok(consumer)
    }

    fn disconnect(&mut self) {
        drop_elsewhere(self.consumer.take());
    }

    /// Receives what is there, up to `limits`; waits only for the first record.
    async fn receive(&mut self, limits: ReadLimits) -> Result<(), LogError> {
        let deadline = tokio::time::Instant::now() + limits.max_wait;
        while self.has_room(limits) {
            self.connect()?;
            let Some(consumer) = &self.consumer else { return Ok(()) };
            let received = if self.pending.is_empty() {
                timeout_at(deadline, consumer.recv()).await.ok()
            } else {
                consumer.recv().now_or_never()
            };
            match received {
                None => return Ok(()),
                Some(Ok(message)) => {
                    let record = record(&message);
                    drop(message);
                    self.take_in(record);
                }
                Some(Err(error)) => self.recover(&error).await?,
            }
        }
        Ok(())
    }

    fn has_room(&self, limits: ReadLimits) -> bool {
        self.pending.len() < limits.max_records.max(1)
            && self.pending_bytes < limits.max_bytes.max(1)
    }

    fn take_in(&mut self, record: Record) {
        self.pending_bytes += num_bytes(&record);
        self.pending.push_back(record);
        self.received_at = Instant::now();
    }

    /// Errors that the library retries are left to it. The others end the connection; the next one
    /// starts where this one came to.
    async fn recover(&mut self, error: &KafkaError) -> Result<(), LogError> {
        tracing::debug!(%error, partition = %self.partition, "reading was interrupted");
        if errors::is_out_of_range(error) {
            self.disconnect();
            return Err(self.explain_range().await);
        }
        if errors::is_absent(error) || errors::is_fatal(error) {
            self.disconnect();
            self.check_identity(Instant::now()).await?;
            return Err(errors::of_request(&self.shared.config, error));
        }
        Ok(())
    }

    /// Why the position is not there: another stream, or a shorter one.
    async fn explain_range(&self) -> LogError {
        let bounds = self.shared.bounds(self.partition).await;
        if let Err(error) = self.check_identity(Instant::now()).await {
            return error;
        }
        let (partition, position) = (self.partition, self.position);
        match bounds {
            Ok(Bounds { start, end }) if position < start || position > end => {
                LogError::OutOfRange { partition, position, start, end }
            }
            Ok(_) => LogError::Unavailable(format!("position {position} could not be read")),
            Err(error) => error,
        }
    }

    async fn check_identity(&self, earliest: Instant) -> Result<(), LogError> {
        let found = self.shared.identity.as_of(earliest).await?;
        if found == self.log_id {
            return Ok(());
        }
        let (expected, position) = (self.log_id.clone(), self.position);
        Err(LogError::Recreated { expected, found, position })
    }

    fn hand_out(&mut self, limits: ReadLimits) -> Batch {
        let mut records = Vec::new();
        let mut handed_bytes = 0;
        while records.len() < limits.max_records.max(1) && handed_bytes < limits.max_bytes.max(1) {
            let Some(record) = self.pending.pop_front() else { break };
            handed_bytes += num_bytes(&record);
            self.position = Offset(record.offset.0 + 1);
            records.push(record);
        }
        self.pending_bytes -= handed_bytes;
        Batch { records, next: self.position }
    }
}

#[async_trait::async_trait]
impl LogReader for KafkaReader {
    async fn next(&mut self, limits: ReadLimits) -> Result<Batch, LogError> {
        // A dropped call leaves in `pending` what it received; `hand_out` does not wait.
        self.receive(limits).await?;
        if self.pending.is_empty() {
            let recently = Instant::now().checked_sub(IDLE_CHECK).unwrap_or(self.received_at);
            self.check_identity(recently).await?;
        } else {
            self.check_identity(self.received_at).await?;
        }
        Ok(self.hand_out(limits))
    }

    fn position(&self) -> Offset {
        self.position
    }
}

impl Drop for KafkaReader {
    fn drop(&mut self) {
        self.disconnect();
    }
}

fn record(message: &BorrowedMessage<'_>) -> Record {
    Record {
        offset: offset(message.offset()),
        key: Bytes::copy_from_slice(message.key().unwrap_or_default()),
        value: message.payload().map(Bytes::copy_from_slice),
        headers: headers(message),
        timestamp_ms: message.timestamp().to_millis().unwrap_or(0),
    }
}

fn headers(message: &BorrowedMessage<'_>) -> Vec<crate::Header> {
    let Some(headers) = message.headers() else { return Vec::new() };
    let copy = || {
        let copied = headers.iter().map(|header| {
            (header.key.to_owned(), Bytes::copy_from_slice(header.value.unwrap_or_default()))
        });
        copied.collect()
    };
    // The library's wrapper panics on a header name that is not UTF-8, which any producer may send.
    // Headers are not worth a reader: such a record goes on without them.
    std::panic::catch_unwind(AssertUnwindSafe(copy)).unwrap_or_default()
}

fn num_bytes(record: &Record) -> usize {
    record.key.len() + record.value.as_ref().map_or(0, Bytes::len)
}
