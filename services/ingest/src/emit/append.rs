//! Batches to the change stream, several in flight, with patience for one that is away.

use super::budget::Reserved;
use crate::{IngestConfig, IngestError, progress::Progress};
use ax_changes::{ChangeLog, LogError, NewRecord};
use ax_model::{Generation, Offset, VersionToken};
use futures::{StreamExt, stream::FuturesUnordered};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Says whether this process still holds the claim on the repository.
pub type StillOurs = Arc<dyn Fn() -> bool + Send + Sync>;

/// The records of one path on their way.
pub struct Outgoing {
    /// Records.
    pub records: Vec<NewRecord>,
    /// Bytes of text in them or in the object store.
    pub text_bytes: u64,
    /// Their share of the memory budget.
    pub reserved: Reserved,
}

/// Appends, and keeps the version token of what is acknowledged.
pub struct Appender {
    log: Arc<dyn ChangeLog>,
    still_ours: StillOurs,
    batch_bytes: usize,
    max_in_flight: usize,
    patience: Duration,
    token: VersionToken,
}

/// Records sent together, and what they stand for.
#[derive(Default)]
struct Batch {
    records: Vec<NewRecord>,
    reserved: Vec<Reserved>,
    text_bytes: u64,
}

impl Appender {
    /// An appender to `log`.
    pub fn new(
        log: Arc<dyn ChangeLog>,
        still_ours: StillOurs,
        generation: Generation,
        config: &IngestConfig,
    ) -> Self {
        Self {
            log,
            still_ours,
            batch_bytes: config.batch_bytes,
            max_in_flight: config.max_batches_in_flight.max(1),
            patience: config.append_patience,
            token: VersionToken::new(generation),
        }
    }

    /// The token of everything acknowledged so far.
    pub fn token(&self) -> &VersionToken {
        &self.token
    }

    /// Appends a few records and waits for them.
    pub async fn append(&mut self, records: Vec<NewRecord>) -> Result<(), IngestError> {
        let batch = Batch { records, ..Batch::default() };
        let (result, _) = self.send(batch).await;
        merge_token(&mut self.token, &result?);
        Ok(())
    }

    /// Appends what comes until the channel closes. After a failure the channel is closed, so that
    /// readers stop, and what is in flight is waited for: once this returns, nothing of this emission
    /// can reach the stream any more.
    pub async fn drain(
        &mut self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        progress: &Progress,
    ) -> Result<(), IngestError> {
        let mut in_flight = FuturesUnordered::new();
        let mut failure = None;
        let mut open = true;
        loop {
            tokio::select! {
                Some((result, batch)) = in_flight.next() => match result {
                    Ok(token) => {
                        merge_token(&mut self.token, &token);
                        acknowledge(progress, &batch);
                    }
                    Err(error) => {
                        failure.get_or_insert(error);
                        outgoing.close();
                        open = false;
                    }
                },
                next = outgoing.recv(), if open && in_flight.len() < self.max_in_flight => match next {
                    Some(first) => in_flight.push(self.send(self.gather(first, &mut outgoing))),
                    None => open = false,
                },
                else => break,
            }
        }
        failure.map_or(Ok(()), Err)
    }

    /// Takes what is ready, up to the size of a batch. It does not wait for more: while batches are in
    /// flight, more gathers by itself.
    fn gather(&self, first: Outgoing, outgoing: &mut mpsc::Receiver<Outgoing>) -> Batch {
        let mut batch = Batch::default();
        let mut num_bytes = 0;
        let mut next = Some(first);
        while let Some(path) = next {
            num_bytes += path.records.iter().map(NewRecord::num_bytes).sum::<usize>();
            batch.records.extend(path.records);
            batch.reserved.push(path.reserved);
            batch.text_bytes += path.text_bytes;
            next = if num_bytes < self.batch_bytes { outgoing.try_recv().ok() } else { None };
        }
        batch
    }

    /// Sends a batch, again and again while the stream is away, up to the patience configured.
    fn send(
        &self,
        batch: Batch,
    ) -> impl Future<Output = (Result<VersionToken, IngestError>, Batch)> + use<> {
        let (log, still_ours) = (self.log.clone(), self.still_ours.clone());
        let (patience, generation) = (self.patience, self.token.generation);
        async move {
            let started = Instant::now();
            let mut wait = Duration::from_millis(50);
            loop {
                if !still_ours() {
                    return (Err(IngestError::Superseded), batch);
                }
                match log.append(batch.records.clone()).await {
                    Ok(appended) => {
                        let mut token = VersionToken::new(generation);
                        for at in appended {
                            token.raise(at.partition, Offset(at.offset.0 + 1));
                        }
                        return (Ok(token), batch);
                    }
                    Err(error) if error.is_retryable() && started.elapsed() < patience => {
                        note_retry(&error);
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(Duration::from_secs(2));
                    }
                    Err(error) => return (Err(error.into()), batch),
                }
            }
        }
    }
}

fn merge_token(token: &mut VersionToken, reached: &VersionToken) {
    token.merge(reached);
}

fn acknowledge(progress: &Progress, batch: &Batch) {
    let num_files = batch.reserved.len() as u64; // one reservation per path
    progress.add(num_files, batch.text_bytes);
    metrics::counter!("ax_ingest_files_total").increment(num_files);
    metrics::counter!("ax_ingest_text_bytes_total").increment(batch.text_bytes);
}

fn note_retry(error: &LogError) {
    metrics::counter!("ax_ingest_append_retries_total").increment(1);
    tracing::debug!(%error, "append refused; trying again");
}
