//! A disk that fails when it is told to, as Linux makes a file system look: what a failed flush lost
//! is still seen by reads, and gone after a power failure.

use redb::{BackendError, Builder, StorageBackend};
use std::{
    io::{Error, ErrorKind},
    ops::{Bound, Range},
    sync::{Arc, Mutex, MutexGuard},
};

use crate::embedded::log_file::Mount;

/// A disk with one file. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(super) struct FailingDisk(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// What reads see: the kernel's cache.
    seen: Vec<u8>,
    /// What is there after a power failure.
    kept: Vec<u8>,
    unsynced: Vec<Change>,
    /// Writes, flushes and changes of length so far.
    num_steps: u64,
    failing: Range<u64>,
}

#[derive(Debug, Clone)]
enum Change {
    Length(usize),
    Bytes(usize, Vec<u8>),
}

impl Change {
    fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Length(length) => file.resize(*length, 0),
            Self::Bytes(offset, bytes) => {
                let end = offset + bytes.len();
                file.resize(file.len().max(end), 0);
                file[*offset..end].copy_from_slice(bytes);
            }
        }
    }
}

impl FailingDisk {
    /// From `after` steps from now on, `num_steps` steps fail.
    pub fn fail(&self, after: u64, num_steps: u64) {
        let mut state = self.state();
        let from = state.num_steps + after;
        state.failing = from..from.saturating_add(num_steps);
    }

    /// Every step fails from now on, until healed.
    pub fn fill(&self) {
        self.fail(0, u64::MAX);
    }

    pub fn heal(&self) {
        self.fail(0, 0);
    }

    /// True when steps that were to fail have come.
    pub fn has_failed(&self) -> bool {
        let state = self.state();
        state.num_steps > state.failing.start
    }

    /// The disk as a power failure at this moment leaves it: of what was not flushed, something.
    pub fn after_power_failure(&self) -> Self {
        let state = self.state();
        let mut kept = state.kept.clone();
        state.unsynced.iter().step_by(2).for_each(|change| change.apply(&mut kept));
        Self(Arc::new(Mutex::new(State { seen: kept.clone(), kept, ..State::default() })))
    }

    pub fn mount(&self) -> Mount {
        let disk = self.clone();
        Arc::new(move |builder: &Builder, _| builder.create_with_backend(disk.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn step(&mut self) -> Result<(), Error> {
        let now = self.num_steps;
        self.num_steps += 1;
        match self.failing.contains(&now) {
            true => Err(Error::from(ErrorKind::StorageFull)),
            false => Ok(()),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.seen);
        self.unsynced.push(change);
    }
}

impl StorageBackend for FailingDisk {
    fn len(&self) -> Result<u64, Error> {
        Ok(self.state().seen.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        let state = self.state();
        let from = usize::try_from(offset).unwrap();
        let bytes = state.seen.get(from..from + out.len());
        out.copy_from_slice(bytes.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        let mut state = self.state();
        state.step()?;
        state.change(Change::Length(usize::try_from(len).unwrap()));
        Ok(())
    }

    /// A flush that fails has written something, and what it has not is not tried again.
    fn sync_data(&self) -> Result<(), Error> {
        let mut state = self.state();
        let outcome = state.step();
        let changes = std::mem::take(&mut state.unsynced);
        for (n, change) in changes.iter().enumerate() {
            if outcome.is_ok() || n % 2 == 1 || matches!(change, Change::Length(_)) {
                change.apply(&mut state.kept);
            }
        }
        outcome
    }

    /// A write that fails has written its first half.
    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Error> {
        let mut state = self.state();
        let outcome = state.step();
        let num_bytes = if outcome.is_ok() { data.len() } else { data.len() / 2 };
        let offset = usize::try_from(offset).unwrap();
        state.change(Change::Bytes(offset, data[..num_bytes].to_vec()));
        outcome
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true) // a store at a time: the tests see to that
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
