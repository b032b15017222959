//! The change stream on Kafka. The main type is [`KafkaLog`].
//!
//! Readers assign a partition by hand at the position they are given: no group is joined, nothing is
//! committed, and no offset is ever reset silently. The stream's identity is the topic id that the
//! cluster gives at creation. It is asked for *after* records have come in and before they are handed
//! out: as ids never come back, records that came in before the id was seen unchanged belong to the
//! stream that the reader started on. (The client library itself goes on at the old position when a
//! topic is deleted and created again.) The answer comes from one broker; while another broker learns of
//! the change earlier than that one, for milliseconds, a reader may be told a moment late.
//!
//! Rejected: a marker record in each partition, which compaction, races between creators and creators
//! that die halfway make unreliable.

mod client;
mod config;
mod errors;
mod identity;
mod producer;
mod reader;
mod retention;
mod topic;
mod topic_id;

use crate::{Appended, Bounds, ChangeLog, LogError, LogReader, NewRecord};
use ax_model::{Offset, ShardId};
use client::Client;
use identity::Identity;
use producer::Producer;
use reader::KafkaReader;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use config::KafkaConfig;

/// Between two questions while the answer is on its way: the cluster settles within some 100 ms.
const PAUSE: Duration = Duration::from_millis(50);

/// A topic as a change log. Cheap to share: one producer, whatever the number of callers; each reader
/// has a connection of its own.
///
/// While no broker can be reached, calls fail with [`LogError::Unavailable`], after
/// [`KafkaConfig::request_timeout`] at the latest (a reader: `max_wait` and that), appends after
/// [`KafkaConfig::delivery_timeout`]. Log and readers go on by themselves when a broker is back.
pub struct KafkaLog {
    shared: Arc<Shared>,
}

/// What the log and its readers have in common.
struct Shared {
    config: KafkaConfig,
    asking: Arc<Client>,
    identity: Identity,
    producer: Producer,
}

impl KafkaLog {
    /// Connects, creates the topic when it is absent, and checks its settings when it is not.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the brokers cannot be reached, [`LogError::Misconfigured`] when
    /// the topic is not what `config` says, or `config` is not valid.
    pub async fn connect(config: KafkaConfig) -> Result<Self, LogError> {
        config.check()?;
        let asking = Arc::new(Client::asking(&config)?);
        topic::ensure(&config, &asking).await?;
        let identity = Identity::new(config.clone(), asking.clone());
        let producer = Producer::new(config.clone())?;
        Ok(Self { shared: Arc::new(Shared { config, asking, identity, producer }) })
    }
}

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLog").field("topic", &self.shared.config.topic).finish_non_exhaustive()
    }
}

#[async_trait::async_trait]
impl ChangeLog for KafkaLog {
    fn partitions(&self) -> u32 {
        self.shared.config.partitions
    }

    async fn log_id(&self) -> Result<String, LogError> {
        self.shared.identity.as_of(Instant::now()).await
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        for record in &records {
            self.shared.check_partition(record.partition)?;
            record.check_size(self.shared.config.max_record_bytes)?;
        }
        self.shared.producer.append(records).await
    }

    async fn bounds(&self, partition: ShardId) -> Result<Bounds, LogError> {
        self.shared.bounds(partition).await
    }

    async fn read(
        &self,
        partition: ShardId,
        from: Offset,
        log_id: &str,
    ) -> Result<Box<dyn LogReader>, LogError> {
        self.shared.check_partition(partition)?;
        // First the bounds, then the identity: an identity that is as expected vouches for them.
        let bounds = self.shared.bounds(partition).await;
        let found = self.shared.identity.as_of(Instant::now()).await?;
        if !log_id.is_empty() && found != log_id {
            let expected = log_id.to_owned();
            return Err(LogError::Recreated { expected, found, position: from });
        }
        let Bounds { start, end } = bounds?;
        if from < start || from > end {
            return Err(LogError::OutOfRange { partition, position: from, start, end });
        }
        Ok(Box::new(KafkaReader::open(self.shared.clone(), partition, from, found)?))
    }

    async fn check_complete(
        &self,
        partition: ShardId,
        position: Offset,
        complete_at_ms: i64,
    ) -> Result<(), LogError> {
        self.check_age(partition, position, complete_at_ms).await
    }
}

impl Shared {
    fn check_partition(&self, partition: ShardId) -> Result<(), LogError> {
        let partitions = self.config.partitions;
        if partition.0 < partitions {
            return Ok(());
        }
        Err(LogError::NoPartition { partition, partitions })
    }

    async fn bounds(&self, partition: ShardId) -> Result<Bounds, LogError> {
        self.check_partition(partition)?;
        let deadline = Instant::now() + self.config.request_timeout;
        loop {
            match self.asking.watermarks(&self.config, partition).await {
                Ok((start, end)) => return Ok(Bounds { start: offset(start), end: offset(end) }),
                Err(error) if errors::is_passing(&error) && Instant::now() < deadline => {
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => return Err(errors::of_request(&self.config, &error)),
            }
        }
    }
}

/// Runs a call that waits for the network where it does not hold up other tasks.
async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> Result<T, rdkafka::error::KafkaError> + Send + 'static,
) -> Result<T, rdkafka::error::KafkaError> {
    let ended = |_| rdkafka::error::KafkaError::Canceled;
    tokio::task::spawn_blocking(call).await.map_err(ended)?
}

/// Closing a client waits for its threads: off the async workers when there is a runtime.
fn drop_elsewhere<T: Send + 'static>(value: T) {
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn_blocking(move || drop(value));
    }
}

/// Kafka counts from zero; its negative numbers are names for "unknown".
fn offset(raw: i64) -> Offset {
    Offset(u64::try_from(raw).unwrap_or(0))
}
