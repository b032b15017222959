//! The embedded durable log, for one machine. The main type is [`EmbeddedLog`].
//!
//! One file holds all partitions. Appends of any number of callers share one transaction and its
//! flush to disk ("group commit"), made by one thread that owns the writing; readers are woken by it
//! and never poll. Each record stands in two tables, a small head and the body, so that compaction
//! looks at heads alone. `format` has the layout.
//!
//! After a full disk the file is opened anew and the log goes on: nothing acknowledged is lost, and
//! what was not is refused with [`LogError::Storage`]. After any other failed write it refuses to
//! write until the process starts again, since the kernel may have dropped what it could not write.

mod compaction;
mod disk;
mod format;
mod reader;
mod writer;

#[cfg(test)]
mod tests;

use crate::{Appended, Bounds, ChangeLog, LogError, LogReader, NewRecord};
use ax_model::{Offset, ShardId};
use disk::Disk;
use reader::EmbeddedReader;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use writer::Writer;

pub use compaction::Compacted;

/// How the log is kept.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// The file; it and its folder are created when absent.
    pub path: PathBuf,
    /// Number of partitions, fixed when the file is created.
    pub partitions: u32,
    /// The largest record accepted: key, value and headers.
    pub max_record_bytes: usize,
    /// How long compaction keeps tombstones after their append.
    pub tombstone_retention: Duration,
    /// Bytes of memory for pages.
    pub cache_bytes: usize,
}

impl EmbeddedConfig {
    /// Defaults: records up to 4 MiB, tombstones for a week, 16 MiB of pages.
    pub fn new(path: impl Into<PathBuf>, partitions: u32) -> Self {
        Self {
            path: path.into(),
            partitions,
            max_record_bytes: 4 << 20,
            tombstone_retention: Duration::from_secs(7 * 24 * 3600),
            cache_bytes: 16 << 20,
        }
    }
}

/// A durable log in one file. The file is let go when the log and its readers are dropped;
/// [`EmbeddedLog::close`] waits for that.
#[derive(Debug)]
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    writer: Writer,
}

/// What the log, its readers and its writer have in common.
#[derive(Debug)]
struct Shared {
    config: EmbeddedConfig,
    log_id: String,
    disk: Disk,
    /// Per partition, the position after the last durable record; readers wait for it to grow.
    ends: Vec<watch::Sender<u64>>,
}

impl EmbeddedLog {
    /// Opens the file, or creates it with a new identity.
    ///
    /// # Errors
    /// [`LogError::Locked`] when another process has it open, [`LogError::Misconfigured`] when it
    /// has another number of partitions, [`LogError::Storage`] when it cannot be read or written.
    pub async fn open(config: EmbeddedConfig) -> Result<Self, LogError> {
        blocking(move || Self::open_now(config)).await
    }

    fn open_now(config: EmbeddedConfig) -> Result<Self, LogError> {
        if config.partitions == 0 {
            return Err(LogError::Misconfigured("a log has at least one partition".into()));
        }
        let disk = Disk::open(&config.path, config.cache_bytes)?;
        let log_id = disk.write(|txn| format::identify(txn, config.partitions))??;
        let ends = disk.read(|txn| format::ends(txn, config.partitions))?;
        let ends = ends.into_iter().map(|end| watch::channel(end).0).collect();
        let shared = Arc::new(Shared { config, log_id, disk, ends });
        let writer = Writer::start(&shared)?;
        Ok(Self { shared, writer })
    }

    /// Finishes the appends under way and lets the file go, unless readers still hold it.
    pub async fn close(self) {
        let Self { shared, writer } = self;
        drop(shared);
        writer.stop().await;
    }

    /// Forgets what later records of the same keys have replaced, in the part of `partition` before
    /// `upto`, and tombstones there that are older than their retention.
    ///
    /// `upto` must be a position that every reader has passed for good: the lowest published one.
    /// Offsets stay what they are. Memory is bounded, appends and reads go on meanwhile.
    pub async fn compact(&self, partition: ShardId, upto: Offset) -> Result<Compacted, LogError> {
        self.shared.check_partition(partition)?;
        let shared = self.shared.clone();
        blocking(move || compaction::compact(&shared, partition.0, upto.0, now_ms())).await
    }
}

#[async_trait::async_trait]
impl ChangeLog for EmbeddedLog {
    fn partitions(&self) -> u32 {
        self.shared.config.partitions
    }

    async fn log_id(&self) -> Result<String, LogError> {
        Ok(self.shared.log_id.clone())
    }

    async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        for record in &records {
            self.shared.check_partition(record.partition)?;
            record.check_size(self.shared.config.max_record_bytes)?;
        }
        self.writer.append(records).await
    }

    async fn bounds(&self, partition: ShardId) -> Result<Bounds, LogError> {
        Ok(Bounds { start: Offset(0), end: Offset(self.shared.end(partition)?) })
    }

    async fn read(
        &self,
        partition: ShardId,
        from: Offset,
        log_id: &str,
    ) -> Result<Box<dyn LogReader>, LogError> {
        let end = Offset(self.shared.end(partition)?);
        if !log_id.is_empty() && log_id != self.shared.log_id {
            let (expected, found) = (log_id.to_owned(), self.shared.log_id.clone());
            return Err(LogError::Recreated { expected, found, position: from });
        }
        if from > end {
            let start = Offset(0);
            return Err(LogError::OutOfRange { partition, position: from, start, end });
        }
        let forgotten = self.check_remembered(partition, from).await?;
        Ok(Box::new(EmbeddedReader::new(self.shared.clone(), partition, from, forgotten.0)))
    }
}

impl EmbeddedLog {
    /// Refuses a position that is neither the start nor after every forgotten tombstone. The position
    /// after the last of those.
    async fn check_remembered(&self, partition: ShardId, from: Offset) -> Result<Offset, LogError> {
        let shared = self.shared.clone();
        let read = move || shared.disk.read(|txn| format::cleaning(txn, partition.0));
        let forgotten = Offset(blocking(read).await?.forgotten);
        if from > Offset(0) && from < forgotten {
            return Err(LogError::Forgotten { partition, position: from, upto: forgotten });
        }
        Ok(forgotten)
    }
}

impl Shared {
    fn check_partition(&self, partition: ShardId) -> Result<(), LogError> {
        self.end(partition).map(drop)
    }

    fn end(&self, partition: ShardId) -> Result<u64, LogError> {
        let partitions = self.config.partitions;
        let end = self.ends.get(partition.0 as usize).map(|end| *end.borrow());
        end.ok_or(LogError::NoPartition { partition, partitions })
    }
}

/// Runs what waits for the disk where it does not hold up other tasks.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogError> + Send + 'static,
) -> Result<T, LogError> {
    let stopped = |error| LogError::Storage(format!("a task of the log ended early: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(stopped)?
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // A clock set before 1970 counts as 1970: the value serves measurements and retention only.
    since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
