//! Reading one partition forward.
//!
//! Compaction may forget deletions ahead of a reader, when it was told too large a position. The
//! reader finds that in the same view of the file from which it reads, so that no document whose
//! deletion is gone is ever handed out beside it.

use super::{Shared, blocking, format};
use crate::{Batch, LogError, LogReader, ReadLimits, Record};
use ax_model::{Offset, ShardId};
use format::Head;
use redb::ReadTransaction;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// A position in one partition.
pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    partition: u32,
    position: u64,
    /// Position after the last deletion that was forgotten before the first record was handed out:
    /// what it deleted was gone as well, so that this reader does not miss it.
    forgotten: u64,
    end: watch::Receiver<u64>,
}

/// What one look at the file gives.
enum Look {
    /// Records, and what the reader may take for forgotten without harm.
    Batch(Batch, u64),
    /// Deletions ahead of the reader are gone; up to where.
    Forgotten(u64),
    Damaged,
}

impl EmbeddedReader {
    /// A reader at `from`; `partition` was checked, and that nothing is `forgotten` after `from`
    /// unless that is the start.
    pub fn new(shared: Arc<Shared>, partition: ShardId, from: Offset, forgotten: u64) -> Self {
        let end = shared.ends[partition.0 as usize].subscribe();
        Self { shared, partition: partition.0, position: from.0, forgotten, end }
    }

    /// False when nothing came before `deadline`.
    async fn wait_for_records(&mut self, deadline: Instant) -> bool {
        let position = self.position;
        timeout_at(deadline, self.end.wait_for(|end| *end > position)).await.is_ok()
    }
}

#[async_trait::async_trait]
impl LogReader for EmbeddedReader {
    async fn next(&mut self, limits: ReadLimits) -> Result<Batch, LogError> {
        let deadline = Instant::now() + limits.max_wait;
        while self.wait_for_records(deadline).await {
            let (shared, partition, from) = (self.shared.clone(), self.partition, self.position);
            let known = self.forgotten;
            let read = move || shared.disk.read(|txn| look(txn, partition, from, known, limits));
            // The position moves with the result and not before, so a dropped call reads again.
            let batch = match blocking(read).await? {
                Look::Batch(batch, forgotten) => {
                    self.forgotten = forgotten;
                    batch
                }
                Look::Damaged => return Err(damaged(partition, from)),
                Look::Forgotten(upto) => {
                    let (partition, position) = (ShardId(partition), Offset(from));
                    return Err(LogError::Forgotten { partition, position, upto: Offset(upto) });
                }
            };
            self.position = batch.next.0;
            if !batch.records.is_empty() {
                return Ok(batch);
            }
        }
        Ok(Batch { records: Vec::new(), next: Offset(self.position) })
    }

    fn position(&self) -> Offset {
        Offset(self.position)
    }
}

/// The file holds something that is not a record.
pub(super) fn damaged(partition: u32, from: u64) -> LogError {
    LogError::Storage(format!("partition {partition} has a damaged record at or after {from}"))
}

/// Records from `from` on, unless deletions among them were forgotten since the reader began.
fn look(
    txn: &ReadTransaction,
    partition: u32,
    from: u64,
    known: u64,
    limits: ReadLimits,
) -> Result<Look, redb::Error> {
    let forgotten = format::cleaning(txn, partition)?.forgotten;
    let known = if from == 0 { forgotten } else { known };
    if forgotten > known && forgotten > from {
        return Ok(Look::Forgotten(forgotten));
    }
    let batch = read_batch(txn, partition, from, limits)?;
    Ok(batch.map_or(Look::Damaged, |batch| Look::Batch(batch, known)))
}

/// Records from `from` on; `None` when one of them is damaged.
fn read_batch(
    txn: &ReadTransaction,
    partition: u32,
    from: u64,
    limits: ReadLimits,
) -> Result<Option<Batch>, redb::Error> {
    let heads = txn.open_table(format::HEADS)?;
    let bodies = txn.open_table(format::BODIES)?;
    let end = txn.open_table(format::ENDS)?.get(partition)?.map_or(0, |end| end.value());
    let mut records: Vec<Record> = Vec::new();
    let mut num_bytes = 0;
    for entry in heads.range((partition, from)..(partition, end))? {
        let (place, head) = entry?;
        let (_, offset) = place.value();
        if records.len() >= limits.max_records.max(1) || num_bytes >= limits.max_bytes.max(1) {
            let next = after(&records, from);
            return Ok(Some(Batch { records, next }));
        }
        let Some(head) = Head::from_bytes(head.value()) else { return Ok(None) };
        num_bytes += head.num_bytes();
        let body = bodies.get((partition, offset))?;
        let body = body.as_ref().map(|body| body.value());
        let Some(record) = head.with_body(Offset(offset), body) else { return Ok(None) };
        records.push(record);
    }
    // Everything was read: a gap that compaction left at the end is passed too.
    Ok(Some(Batch { records, next: Offset(end.max(from)) }))
}

fn after(records: &[Record], from: u64) -> Offset {
    Offset(records.last().map_or(from, |record| record.offset.0 + 1))
}
