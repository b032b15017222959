//! Records gathered into one batch for one segment.

use ax_changes::{Batch, LogError, LogReader, ReadLimits};
use std::time::Duration;
use tokio::time::Instant;

/// How long and how much to gather.
#[derive(Debug, Clone, Copy)]
pub(crate) struct IntakeLimits {
    /// A batch is full at this many bytes of keys and values.
    pub max_bytes: usize,
    /// A batch is full at this many records.
    pub max_records: usize,
    /// A batch is closed when nothing has come for this long: the wait that a lone push sees.
    pub quiet: Duration,
    /// A batch is closed this long after its first record, however busy the stream is.
    pub max_age: Duration,
}

/// Longest wait within one call to the stream. It bounds nothing that a user sees.
const IDLE_WAIT: Duration = Duration::from_secs(1);

/// Gathers batches. What was read stays here until it is taken, so that waiting can be abandoned for
/// something more urgent without losing a record.
pub(crate) struct Intake {
    reader: Box<dyn LogReader>,
    limits: IntakeLimits,
    pending: Vec<Batch>,
    num_bytes: usize,
    num_records: usize,
    opened_at: Option<Instant>,
}

impl Intake {
    /// Gathers from `reader`.
    pub fn new(reader: Box<dyn LogReader>, limits: IntakeLimits) -> Self {
        let pending = Vec::new();
        Self { reader, limits, pending, num_bytes: 0, num_records: 0, opened_at: None }
    }

    /// Returns once there is something to take and no reason to wait for more. Cancel-safe.
    pub async fn ready(&mut self) -> Result<(), LogError> {
        loop {
            if self.is_full() {
                return Ok(());
            }
            let before = self.reader.position();
            let batch = self.reader.next(self.read_limits()).await?;
            let (empty, moved) = (batch.records.is_empty(), batch.next > before);
            if !empty || moved {
                self.add(batch);
            }
            if empty && !self.pending.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes what was gathered.
    pub fn take(&mut self) -> Vec<Batch> {
        (self.num_bytes, self.num_records, self.opened_at) = (0, 0, None);
        std::mem::take(&mut self.pending)
    }

    fn add(&mut self, batch: Batch) {
        let size = |r: &ax_changes::Record| r.key.len() + r.value.as_ref().map_or(0, |v| v.len());
        self.num_bytes += batch.records.iter().map(size).sum::<usize>();
        self.num_records += batch.records.len();
        self.opened_at.get_or_insert_with(Instant::now);
        self.pending.push(batch);
    }

    fn is_full(&self) -> bool {
        self.num_bytes >= self.limits.max_bytes
            || self.num_records >= self.limits.max_records
            || self.opened_at.is_some_and(|at| at.elapsed() >= self.limits.max_age)
    }

    fn read_limits(&self) -> ReadLimits {
        let max_wait = if self.pending.is_empty() { IDLE_WAIT } else { self.limits.quiet };
        ReadLimits {
            max_records: self.limits.max_records.saturating_sub(self.num_records).max(1),
            max_bytes: self.limits.max_bytes.saturating_sub(self.num_bytes).max(1),
            max_wait,
        }
    }
}
