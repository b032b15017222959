//! The trait that both back ends fulfil; `tests/contract/` says what it promises.

use ax_model::{Offset, ShardId};
use bytes::Bytes;
use std::time::Duration;

/// Name and value of a record header, as in `traceparent`.
pub type Header = (String, Bytes);

/// A record to append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Partition, which is the shard.
    pub partition: ShardId,
    /// Key, `repo NUL path`; order is kept among the records of one key.
    pub key: Bytes,
    /// Encoded change. `None` is a tombstone: compaction drops the key some time after.
    pub value: Option<Bytes>,
    /// Headers.
    pub headers: Vec<Header>,
}

impl NewRecord {
    /// Bytes of key, value and headers: what limits and memory budgets count.
    pub fn num_bytes(&self) -> usize {
        let headers = self.headers.iter().map(|(name, value)| name.len() + value.len());
        self.key.len() + self.value.as_ref().map_or(0, Bytes::len) + headers.sum::<usize>()
    }

    /// Fails with [`LogError::TooLarge`] when the record is over `max_bytes`.
    pub(crate) fn check_size(&self, max_bytes: usize) -> Result<(), LogError> {
        match self.num_bytes() {
            num_bytes if num_bytes <= max_bytes => Ok(()),
            num_bytes => Err(LogError::TooLarge { num_bytes, max_bytes }),
        }
    }
}

/// A record as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its position.
    pub offset: Offset,
    /// Key.
    pub key: Bytes,
    /// Encoded change, or a tombstone.
    pub value: Option<Bytes>,
    /// Headers.
    pub headers: Vec<Header>,
    /// When it was appended, in milliseconds since 1970.
    pub timestamp_ms: i64,
}

/// Where an appended record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Partition.
    pub partition: ShardId,
    /// Its position. A reader whose position is greater has seen it.
    pub offset: Offset,
}

/// What a partition holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// The first position that can be read.
    pub start: Offset,
    /// The position after the last record.
    pub end: Offset,
}

/// Bounds on one read.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimits {
    /// Most records.
    pub max_records: usize,
    /// Stop after the record that reaches this many bytes of keys and values.
    pub max_bytes: usize,
    /// Longest wait for a first record.
    pub max_wait: Duration,
}

/// Consecutive records. Offsets grow but may have gaps, since compaction forgets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The records, possibly none.
    pub records: Vec<Record>,
    /// Where the next read starts: after the last record and any gap known to follow it.
    pub next: Offset,
}

/// Why the stream could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogError {
    /// The stream was deleted and created again: positions of the old one mean nothing in it.
    #[error(
        "the change stream was created again: position {position} belongs to `{expected}`, the stream is now `{found}`"
    )]
    Recreated {
        /// Identity that the caller's position belongs to.
        expected: String,
        /// Identity found.
        found: String,
        /// The caller's position.
        position: Offset,
    },
    /// The position is before the first record kept, or after the end.
    #[error(
        "partition {partition} holds [{start}, {end}), which does not include position {position}"
    )]
    OutOfRange {
        /// Partition.
        partition: ShardId,
        /// The caller's position.
        position: Offset,
        /// First position kept.
        start: Offset,
        /// Position after the last record.
        end: Offset,
    },
    /// Deletions after the position have been forgotten by compaction, or may have been, so that a
    /// reader that goes on from there would keep what they deleted. It has to read again from the start.
    #[error(
        "partition {partition} may have forgotten deletions before {upto}: position {position} cannot be resumed, read from the start"
    )]
    Forgotten {
        /// Partition.
        partition: ShardId,
        /// The caller's position.
        position: Offset,
        /// No deletion at or after this position is forgotten.
        upto: Offset,
    },
    /// There is no such partition.
    #[error("the stream has {partitions} partitions; {partition} is not one of them")]
    NoPartition {
        /// What was asked for.
        partition: ShardId,
        /// How many there are.
        partitions: u32,
    },
    /// A record is over the limit of the stream.
    #[error("a record of {num_bytes} bytes is over the stream's limit of {max_bytes}")]
    TooLarge {
        /// Size of key, value and headers.
        num_bytes: usize,
        /// The limit.
        max_bytes: usize,
    },
    /// The stream exists with other settings than ours: partitions, compaction.
    #[error("the change stream is not set up as expected: {0}")]
    Misconfigured(String),
    /// The back end cannot be reached, or answered with an error that may pass.
    #[error("the change stream is unavailable: {0}")]
    Unavailable(String),
    /// Another process holds the embedded log's file.
    #[error("another process uses the change log `{0}`")]
    Locked(String),
    /// The disk under the embedded log failed.
    #[error("the change stream's storage failed: {0}")]
    Storage(String),
}

impl LogError {
    /// True when the same call may succeed later without anyone's help.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// The stable code of the failure.
    pub fn code(&self) -> ax_model::Code {
        use ax_model::Code;
        match self {
            Self::Recreated { .. } => Code::LogRecreated,
            Self::OutOfRange { .. } | Self::Forgotten { .. } => Code::LogTruncated,
            Self::NoPartition { .. } => Code::ChangeMisrouted,
            Self::TooLarge { .. } => Code::ChangeTooLarge,
            Self::Misconfigured(_) => Code::ConfigBadValue,
            Self::Unavailable(_) => Code::LogUnavailable,
            Self::Locked(_) => Code::DataLocked,
            Self::Storage(_) => Code::StoreFull,
        }
    }
}

/// A durable log of partitions. An acknowledged append survives any crash; a reader sees the records
/// of a partition in offset order, each once.
#[async_trait::async_trait]
pub trait ChangeLog: Send + Sync + 'static {
    /// Number of partitions.
    fn partitions(&self) -> u32;

    /// Identity of the stream: another value after it was deleted and created again.
    async fn log_id(&self) -> Result<String, LogError>;

    /// Appends, and returns once every record is durable, with positions in the order given. On an
    /// error some records may have been appended: appending them again is harmless, since each
    /// holds the whole state of its key. A dropped call leaves its records appended or not.
    ///
    /// An append goes to the stream as it is now. A producer that emits only differences compares
    /// [`ChangeLog::log_id`], asked *after* the append, with the identity it started from.
    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError>;

    /// What a partition holds now.
    async fn bounds(&self, partition: ShardId) -> Result<Bounds, LogError>;

    /// Opens a reader at `from`. `log_id` is the identity that `from` belongs to; empty for a first
    /// read. Fails with [`LogError::Recreated`] or [`LogError::OutOfRange`] rather than skip.
    async fn read(
        &self,
        partition: ShardId,
        from: Offset,
        log_id: &str,
    ) -> Result<Box<dyn LogReader>, LogError>;

    /// Fails with [`LogError::Forgotten`] unless every deletion at or after `position` is still there.
    /// `complete_at_ms` (milliseconds since 1970) is a moment at which it was so: when the record
    /// before `position` was appended, or when somebody who reads from the start began.
    ///
    /// Asked once when a reader resumes. A log that knows by itself what it forgot says so in
    /// [`ChangeLog::read`], and while it reads; it has nothing to add here.
    async fn check_complete(
        &self,
        _partition: ShardId,
        _position: Offset,
        _complete_at_ms: i64,
    ) -> Result<(), LogError> {
        Ok(())
    }
}

/// A position in one partition, moving forward.
#[async_trait::async_trait]
pub trait LogReader: Send {
    /// The next records; an empty batch when none came within `limits.max_wait`. Cancel-safe: a
    /// dropped call loses no record.
    async fn next(&mut self, limits: ReadLimits) -> Result<Batch, LogError>;

    /// Where the next read starts.
    fn position(&self) -> Offset;
}
