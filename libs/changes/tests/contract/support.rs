//! Short words for what the cases do all the time.

use anyhow::{Context as _, ensure};
use ax_changes::{Bounds, ChangeLog, LogReader, NewRecord, ReadLimits, Record};
use ax_model::{Offset, ShardId};
use bytes::Bytes;
use std::time::{Duration, Instant};

/// Long enough for a busy machine; nothing waits for it when all is well.
pub const LONG: Duration = Duration::from_secs(60);

pub fn record(partition: u32, key: &str, value: impl Into<Vec<u8>>) -> NewRecord {
    NewRecord {
        partition: ShardId(partition),
        key: Bytes::copy_from_slice(key.as_bytes()),
        value: Some(Bytes::from(value.into())),
        headers: Vec::new(),
    }
}

/// Records `key-0` to `key-n` of partition 0, with their number as value.
pub fn numbered(numbers: std::ops::Range<usize>) -> Vec<NewRecord> {
    numbers.map(|n| record(0, &format!("key-{n}"), n.to_string())).collect()
}

pub fn at_most(max_records: usize) -> ReadLimits {
    ReadLimits { max_records, max_bytes: usize::MAX, max_wait: LONG }
}

pub fn value(record: &Record) -> String {
    String::from_utf8_lossy(record.value.as_deref().unwrap_or_default()).into_owned()
}

pub async fn reader(log: &dyn ChangeLog, partition: u32) -> anyhow::Result<Box<dyn LogReader>> {
    Ok(log.read(ShardId(partition), Offset(0), "").await?)
}

/// Reads `count` records, or fails after a while.
pub async fn take(reader: &mut dyn LogReader, count: usize) -> anyhow::Result<Vec<Record>> {
    let deadline = Instant::now() + LONG;
    let mut records = Vec::new();
    while records.len() < count {
        ensure!(Instant::now() < deadline, "{} of {count} records came", records.len());
        let before = reader.position();
        let batch = reader.next(at_most(count - records.len())).await?;
        ensure!(batch.next == reader.position(), "the batch tells the reader's position");
        let mut last = before;
        for record in &batch.records {
            ensure!(record.offset >= last, "offsets grow");
            last = Offset(record.offset.0 + 1);
        }
        ensure!(batch.next >= last, "the position is after the last record");
        records.extend(batch.records);
    }
    Ok(records)
}

/// All of a partition.
pub async fn all(log: &dyn ChangeLog, partition: u32) -> anyhow::Result<Vec<Record>> {
    let Bounds { start, end } = log.bounds(ShardId(partition)).await?;
    let mut reader = log.read(ShardId(partition), start, "").await?;
    let mut records = Vec::new();
    let deadline = Instant::now() + LONG;
    while reader.position() < end {
        ensure!(Instant::now() < deadline, "only {} of {end} was reached", reader.position());
        let limits = ReadLimits { max_wait: Duration::from_secs(1), ..at_most(1000) };
        records.extend(reader.next(limits).await?.records);
    }
    Ok(records)
}

/// Bytes that do not compress.
pub fn noise(num_bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut bytes = Vec::with_capacity(num_bytes + 8);
    while bytes.len() < num_bytes {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(num_bytes);
    bytes
}

pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> anyhow::Result<T> {
    tokio::time::timeout(LONG, future).await.with_context(|| format!("not in time: {what}"))
}
