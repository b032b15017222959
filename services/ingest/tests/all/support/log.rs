//! A change stream in memory whose appends can be made to fail.

use ax_changes::{
    Appended, Batch, Bounds, ChangeLog, LogError, LogReader, NewRecord, ReadLimits, Record,
};
use ax_model::{Offset, ShardId};
use parking_lot::Mutex;

/// Records of all partitions; only appends and bounds are there, tests read it whole.
pub struct MemoryLog {
    partitions: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Vec<(ShardId, Record)>,
    ends: std::collections::BTreeMap<ShardId, u64>,
    appends: u64,
    fail_at: Option<u64>,
    keep_half: bool,
}

impl MemoryLog {
    pub fn new(partitions: u32) -> Self {
        Self { partitions, state: Mutex::default() }
    }

    pub fn records(&self) -> Vec<(ShardId, Record)> {
        self.state.lock().records.clone()
    }

    pub fn num_appends(&self) -> u64 {
        self.state.lock().appends
    }

    /// Makes every append from the `nth` one on fail, counted from now; the first of them still lands
    /// in half, when asked, as an append whose answer was lost does.
    pub fn fail_from(&self, nth: Option<u64>, keep_half: bool) {
        let mut state = self.state.lock();
        state.fail_at = nth.map(|nth| state.appends + nth);
        state.keep_half = keep_half;
    }
}

impl State {
    fn push(&mut self, records: Vec<NewRecord>) -> Vec<Appended> {
        let mut appended = Vec::new();
        for record in records {
            let end = self.ends.entry(record.partition).or_default();
            let offset = Offset(*end);
            *end += 1;
            let NewRecord { partition, key, value, headers } = record;
            let record = Record { offset, key, value, headers, timestamp_ms: 0 };
            self.records.push((partition, record));
            appended.push(Appended { partition, offset });
        }
        appended
    }
}

#[async_trait::async_trait]
impl ChangeLog for MemoryLog {
    fn partitions(&self) -> u32 {
        self.partitions
    }

    async fn log_id(&self) -> Result<String, LogError> {
        Ok("memory".into())
    }

    async fn append(&self, mut records: Vec<NewRecord>) -> Result<Vec<Appended>, LogError> {
        let mut state = self.state.lock();
        state.appends += 1;
        match state.fail_at {
            Some(at) if state.appends > at => {
                if state.appends == at + 1 && state.keep_half {
                    records.truncate(records.len().div_ceil(2));
                    state.push(records);
                }
                Err(LogError::Unavailable("told to fail".into()))
            }
            _ => Ok(state.push(records)),
        }
    }

    async fn bounds(&self, partition: ShardId) -> Result<Bounds, LogError> {
        let end = self.state.lock().ends.get(&partition).copied().unwrap_or_default();
        Ok(Bounds { start: Offset(0), end: Offset(end) })
    }

    async fn read(&self, _: ShardId, _: Offset, _: &str) -> Result<Box<dyn LogReader>, LogError> {
        Ok(Box::new(Nothing))
    }
}

struct Nothing;

#[async_trait::async_trait]
impl LogReader for Nothing {
    async fn next(&mut self, _: ReadLimits) -> Result<Batch, LogError> {
        Ok(Batch { records: Vec::new(), next: Offset(0) })
    }

    fn position(&self) -> Offset {
        Offset(0)
    }
}
