//! Settings of the topic and of the clients.

use crate::LogError;
use ax_model::ShardId;
use rdkafka::ClientConfig;
use std::collections::BTreeMap;
use std::time::Duration;

/// What each client of a reader may hold in advance, in KiB: an indexer has many readers.
const READ_AHEAD_KIB: usize = 16 << 10;
/// Room for what the broker adds to a record.
const RECORD_OVERHEAD_BYTES: usize = 64 << 10;

/// Properties that correctness rests on, which `extra` must not name.
const RESERVED: &[&str] = &[
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
    "group.instance.id",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "request.required.acks",
    "transactional.id",
];

/// How to reach the topic, and what it is to be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Brokers to ask first, `host:port` separated by commas.
    pub bootstrap: String,
    /// The topic.
    pub topic: String,
    /// Number of partitions, which is the number of shards.
    pub partitions: u32,
    /// Copies of each partition when the topic is created; `None` for the brokers' default.
    pub replication: Option<u16>,
    /// The largest record accepted: key, value and headers.
    pub max_record_bytes: usize,
    /// How long compaction keeps tombstones, when the topic is created.
    pub tombstone_retention: Duration,
    /// Longest wait for an answer about the topic.
    pub request_timeout: Duration,
    /// Longest wait for an append to be durable, retries included. Longer than `request_timeout`.
    pub delivery_timeout: Duration,
    /// Bytes of records on their way; callers wait beyond that.
    pub queue_bytes: usize,
    /// Further properties of the client library, as for TLS and SASL.
    pub extra: BTreeMap<String, String>,
}

impl KafkaConfig {
    /// Defaults: the brokers' replication, records up to 4 MiB, tombstones for a week, 5 s for a
    /// request, 30 s for a delivery, 32 MiB on their way.
    pub fn new(bootstrap: impl Into<String>, topic: impl Into<String>, partitions: u32) -> Self {
        Self {
            bootstrap: bootstrap.into(),
            topic: topic.into(),
            partitions,
            replication: None,
            max_record_bytes: 4 << 20,
            tombstone_retention: Duration::from_secs(7 * 24 * 3600),
            request_timeout: Duration::from_secs(5),
            delivery_timeout: Duration::from_secs(30),
            queue_bytes: 32 << 20,
            extra: BTreeMap::new(),
        }
    }

    /// Refuses what cannot work.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let problem = if self.partitions == 0 || i32::try_from(self.partitions).is_err() {
            Some("`partitions` must be at least 1 and fit 31 bits".to_owned())
        } else if self.topic.is_empty() || self.topic.contains('\0') {
            Some("`topic` must be a name".to_owned())
        } else if self.max_record_bytes > self.queue_bytes || self.queue_bytes > 1 << 30 {
            Some("`queue_bytes` must hold a record and be at most 1 GiB".to_owned())
        } else if self.delivery_timeout <= self.request_timeout {
            Some("`delivery_timeout` must be longer than `request_timeout`".to_owned())
        } else {
            let reserved = self.extra.keys().find(|key| RESERVED.contains(&key.as_str()));
            reserved.map(|key| format!("`{key}` is decided by the log and cannot be set"))
        };
        problem.map_or(Ok(()), |problem| Err(LogError::Misconfigured(problem)))
    }

    /// The topic's `max.message.bytes`.
    pub(super) fn max_message_bytes(&self) -> usize {
        self.max_record_bytes + RECORD_OVERHEAD_BYTES
    }

    /// Properties of a client that asks and creates. It is not the one that appends: requests of one
    /// connection wait for each other, and readers must not wait for appends that are slow.
    pub(super) fn asking(&self) -> ClientConfig {
        let mut client = self.common();
        client.set("allow.auto.create.topics", "false");
        client
    }

    /// Properties of a client that appends.
    pub(super) fn producing(&self) -> ClientConfig {
        let mut client = self.common();
        client
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // With more than one, a batch may be refused while the next one is accepted, if the
            // partition is so new that any sequence number will do; the library then takes the
            // refused batch for delivered ("implicitly acked").
            .set("max.in.flight", "1")
            .set("compression.type", "zstd")
            .set("linger.ms", "5")
            .set("message.timeout.ms", self.delivery_timeout.as_millis().to_string())
            // Rejected: the default, by which a producer that outlives its topic has the broker create
            // another one, with settings of the broker's choice.
            .set("allow.auto.create.topics", "false");
        client
    }

    /// Properties of a client that reads one partition.
    pub(super) fn reading(&self) -> ClientConfig {
        let max_bytes = self.max_message_bytes();
        let mut client = self.common();
        client
            // The library wants a name to assign partitions; nobody joins this group.
            .set("group.id", "ax-readers")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("isolation.level", "read_committed")
            .set("fetch.message.max.bytes", max_bytes.to_string())
            .set("fetch.max.bytes", (2 * max_bytes).to_string())
            .set("queued.max.messages.kbytes", READ_AHEAD_KIB.to_string())
            // How soon to look for room again. With the default, a second, catching up took nine times
            // as long.
            .set("fetch.queue.backoff.ms", "10")
            .set("allow.auto.create.topics", "false");
        client
    }

    fn common(&self) -> ClientConfig {
        let max_bytes = self.max_message_bytes();
        let mut client = ClientConfig::new();
        client
            .set("client.id", "ax")
            // Back within a second of the broker, whatever the length of the outage.
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.keepalive.enable", "true");
        for (key, value) in &self.extra {
            client.set(key, value);
        }
        client
            .set("bootstrap.servers", &self.bootstrap)
            .set("message.max.bytes", max_bytes.to_string())
            .set("receive.message.max.bytes", (4 * max_bytes + (1 << 20)).to_string());
        client
    }
}

/// The library's number of a partition that was checked against [`KafkaConfig::partitions`].
pub(super) fn partition_number(partition: ShardId) -> i32 {
    i32::try_from(partition.0).expect("a checked partition is below a checked number of partitions")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_extra(key: &str) -> KafkaConfig {
        let extra = [(key.to_owned(), "x".to_owned())].into();
        KafkaConfig { extra, ..KafkaConfig::new("localhost:9092", "topic", 4) }
    }

    #[test]
    fn what_correctness_rests_on_cannot_be_set() {
        assert!(with_extra("sasl.username").check().is_ok());
        for key in RESERVED {
            assert!(matches!(with_extra(key).check(), Err(LogError::Misconfigured(_))), "{key}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        let good = || KafkaConfig::new("localhost:9092", "topic", 4);
        assert!(good().check().is_ok());
        let queue_bytes = good().max_record_bytes - 1;
        for bad in [
            KafkaConfig { partitions: 0, ..good() },
            KafkaConfig { topic: String::new(), ..good() },
            KafkaConfig { delivery_timeout: good().request_timeout, ..good() },
            KafkaConfig { queue_bytes, ..good() },
        ] {
            assert!(matches!(bad.check(), Err(LogError::Misconfigured(_))), "{bad:?}");
        }
    }
}
