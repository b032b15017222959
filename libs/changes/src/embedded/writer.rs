//! The thread that writes: it takes what has come in since the last flush, and makes it durable in
//! one transaction.

use super::{Shared, format, now_ms};
use crate::{Appended, LogError, NewRecord};
use ax_model::{Offset, ShardId};
use redb::{Table, WriteTransaction};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Bytes that wait to be written; callers wait beyond that, so that memory stays bounded.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Bytes in one transaction: many small appends share a flush, none waits long for the others.
const MAX_GROUP_BYTES: usize = 8 << 20;
/// Appends that wait. Bytes are bounded above; this bounds the bookkeeping of empty ones.
const MAX_WAITING: usize = 4096;

/// Handle of the writing thread, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Append>,
    budget: Arc<Semaphore>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Append {
    records: Vec<NewRecord>,
    num_bytes: usize,
    done: oneshot::Sender<Result<Vec<Appended>, LogError>>,
    _budget: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the thread. It holds `shared` only while it writes, so that dropping the log lets the
    /// file go.
    pub fn start(shared: &Arc<Shared>) -> Result<Self, LogError> {
        let (queue, inbox) = mpsc::channel(MAX_WAITING);
        let shared = Arc::downgrade(shared);
        let thread = std::thread::Builder::new().name("ax-change-log".into());
        let thread = thread.spawn(move || serve(&shared, inbox));
        let thread = thread.map_err(|error| LogError::Storage(format!("no thread: {error}")))?;
        Ok(Self { queue, budget: Arc::new(Semaphore::new(MAX_WAITING_BYTES)), thread })
    }

    /// Appends `records`, whose partitions and sizes are checked. A caller that goes away leaves
    /// them appended or not.
    pub async fn append(&self, records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let started = Instant::now();
        let num_records = records.len() as u64;
        let num_bytes: usize = records.iter().map(NewRecord::num_bytes).sum();
        let share = u32::try_from(num_bytes.min(MAX_WAITING_BYTES)).expect("the cap fits a u32");
        let budget = self.budget.clone().acquire_many_owned(share).await.map_err(|_| stopped())?;
        let (done, outcome) = oneshot::channel();
        let append = Append { records, num_bytes, done, _budget: budget };
        self.queue.send(append).await.map_err(|_| stopped())?;
        let appended = outcome.await.map_err(|_| stopped())??;
        metrics::histogram!("ax_changes_append_seconds").record(started.elapsed());
        metrics::counter!("ax_changes_appended_records_total").increment(num_records);
        Ok(appended)
    }

    /// Ends the thread after what is under way.
    pub async fn stop(self) {
        let Self { queue, thread, .. } = self;
        drop(queue);
        let _ = tokio::task::spawn_blocking(move || thread.join()).await;
    }
}

fn stopped() -> LogError {
    LogError::Storage("the writer of the change log has stopped".into())
}

fn serve(shared: &Weak<Shared>, mut inbox: mpsc::Receiver<Append>) {
    while let Some(first) = inbox.blocking_recv() {
        let group = gather(first, &mut inbox);
        let Some(shared) = shared.upgrade() else { return };
        commit(&shared, group);
    }
}

fn gather(first: Append, inbox: &mut mpsc::Receiver<Append>) -> Vec<Append> {
    let mut num_bytes = first.num_bytes;
    let mut group = vec![first];
    while num_bytes < MAX_GROUP_BYTES {
        let Ok(next) = inbox.try_recv() else { break };
        num_bytes += next.num_bytes;
        group.push(next);
    }
    group
}

fn commit(shared: &Shared, group: Vec<Append>) {
    let timestamp_ms = now_ms();
    let outcome = shared.disk.write(|txn| insert_all(txn, &group, timestamp_ms));
    let written = match outcome {
        Ok(written) => written,
        Err(error) => {
            tracing::warn!(%error, num_appends = group.len(), "appends were refused");
            return refuse(group, &error);
        }
    };
    for (partition, end) in written.ends {
        if let Some(known) = shared.ends.get(partition as usize) {
            known.send_replace(end);
        }
    }
    for (append, appended) in group.into_iter().zip(written.appended) {
        // A caller that went away does not want to know.
        let _ = append.done.send(Ok(appended));
    }
}

fn refuse(group: Vec<Append>, error: &LogError) {
    for append in group {
        let _ = append.done.send(Err(error.clone()));
    }
}

struct Written {
    appended: Vec<Vec<Appended>>,
    ends: BTreeMap<u32, u64>,
}

fn insert_all(
    txn: &WriteTransaction,
    group: &[Append],
    timestamp_ms: i64,
) -> Result<Written, redb::Error> {
    let mut tables = Tables {
        heads: txn.open_table(format::HEADS)?,
        bodies: txn.open_table(format::BODIES)?,
        stored_ends: txn.open_table(format::ENDS)?,
        ends: BTreeMap::new(),
    };
    let mut appended = Vec::with_capacity(group.len());
    for append in group {
        let insert = |record: &NewRecord| tables.insert(record, timestamp_ms);
        appended.push(append.records.iter().map(insert).collect::<Result<_, _>>()?);
    }
    let ends = tables.finish()?;
    Ok(Written { appended, ends })
}

struct Tables<'txn> {
    heads: Table<'txn, (u32, u64), &'static [u8]>,
    bodies: Table<'txn, (u32, u64), &'static [u8]>,
    stored_ends: Table<'txn, u32, u64>,
    ends: BTreeMap<u32, u64>,
}

impl Tables<'_> {
    fn insert(&mut self, record: &NewRecord, timestamp_ms: i64) -> Result<Appended, redb::Error> {
        let ShardId(partition) = record.partition;
        let offset = self.end(partition)?;
        let (head, body) = format::to_bytes(record, timestamp_ms);
        self.heads.insert((partition, offset), head.as_slice())?;
        if let Some(body) = body {
            self.bodies.insert((partition, offset), body.as_ref())?;
        }
        self.ends.insert(partition, offset + 1);
        Ok(Appended { partition: record.partition, offset: Offset(offset) })
    }

    /// Read from the file rather than kept in memory: after a failed commit nothing has to be undone.
    fn end(&self, partition: u32) -> Result<u64, redb::Error> {
        use redb::ReadableTable;
        match self.ends.get(&partition) {
            Some(end) => Ok(*end),
            None => Ok(self.stored_ends.get(partition)?.map_or(0, |end| end.value())),
        }
    }

    fn finish(mut self) -> Result<BTreeMap<u32, u64>, redb::Error> {
        for (partition, end) in &self.ends {
            self.stored_ends.insert(partition, end)?;
        }
        Ok(self.ends)
    }
}
