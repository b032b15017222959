//! A store of our own, for clusters without etcd: Raft with a durable log. The main type is
//! [`EmbeddedStore`]. So far there is one voter, in this process; log, snapshots, restart and reads go
//! the way that several voters need.
//!
//! A full or failing disk does not end it: it refuses with [`CoordinationError::Unavailable`] until its
//! log can be opened and written again, and goes on from there (see `driver`).
//!
//! Not for large values or many writes: the whole state is kept in memory, and each snapshot writes all
//! of it.

mod clock;
mod driver;
mod error;
mod handle;
mod health;
mod history;
mod lessor;
mod log_file;
mod log_store;
mod node;
mod raft_log;
mod state_machine;
mod watch;
mod wire;

pub use clock::{Clock, ManualClock, SystemClock};

use crate::{
    CasOutcome, Coordination, CoordinationError, Entry, Expect, LeaseId, Listing, Revision, Watch,
    Write, WriteOp,
};
use async_trait::async_trait;
use driver::{Disk, Driver};
use error::LogError;
use history::HistoryLimits;
use state_machine::Applied;
use std::{path::PathBuf, sync::Arc, time::Duration};
use wire::{GrantCommand, GuardCommand, Op, PutCommand, RevokeCommand, WriteCommand};

/// Where the store keeps its log, and how.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// Folder of the log; made when it is not there. One process at a time.
    pub dir: PathBuf,
    /// A call that takes longer is [`CoordinationError::Unavailable`].
    pub timeout: Duration,
    /// How often the clock is looked at: a lease ends up to this much late.
    pub tick: Duration,
    /// Log entries after which a snapshot replaces them.
    pub snapshot_every: u64,
    /// Bytes of commands after which it does so too.
    pub snapshot_every_bytes: u64,
    /// Revisions kept for watches.
    pub history_revisions: usize,
    /// Bytes kept for watches.
    pub history_bytes: usize,
    /// Time, for leases.
    pub clock: Arc<dyn Clock>,
    /// Chooses the election timeout, which several voters need to differ in.
    pub seed: u64,
}

impl EmbeddedConfig {
    /// A store in `dir` with the usual limits.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            timeout: Duration::from_secs(10),
            tick: Duration::from_millis(50),
            snapshot_every: 10_000,
            snapshot_every_bytes: 64 << 20,
            history_revisions: 10_000,
            history_bytes: 16 << 20,
            clock: Arc::new(SystemClock::default()),
            seed: 0,
        }
    }

    fn history(&self) -> HistoryLimits {
        HistoryLimits { num_revisions: self.history_revisions, num_bytes: self.history_bytes }
    }
}

/// A store in this process. Closes when dropped, some milliseconds later; [`close`](Self::close) waits.
pub struct EmbeddedStore {
    driver: Driver,
}

impl EmbeddedStore {
    /// Opens the store, or makes one. [`CoordinationError::DataLocked`] when another process has it
    /// open, [`CoordinationError::Unavailable`] when the disk is full, [`CoordinationError::Broken`]
    /// when the log cannot be read.
    pub async fn open(config: EmbeddedConfig) -> Result<Self, CoordinationError> {
        let disk = Disk::of(&config);
        Self::open_on(config, disk).await
    }

    async fn open_on(config: EmbeddedConfig, disk: Disk) -> Result<Self, CoordinationError> {
        Ok(Self { driver: Driver::start(config, disk).await? })
    }

    /// Stops, and returns when the folder is free for another process. Later calls fail with
    /// [`CoordinationError::Unavailable`].
    pub async fn close(&self) {
        self.driver.close().await;
    }

    async fn propose(&self, op: Op) -> Result<Applied, CoordinationError> {
        self.driver.handle.propose(op).await
    }
}

#[async_trait]
impl Coordination for EmbeddedStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>, CoordinationError> {
        let key = key.to_owned();
        self.driver.handle.read(move |view| view.state.get(&key)).await
    }

    async fn list(&self, prefix: &str) -> Result<Listing, CoordinationError> {
        let prefix = prefix.to_owned();
        self.driver.handle.read(move |view| view.state.list(&prefix)).await
    }

    async fn write(&self, write: Write) -> Result<CasOutcome, CoordinationError> {
        write.check_size()?;
        let guard_key = write.guard.as_ref().map(|guard| guard.key.clone());
        match self.propose(Op::Write(command(write))).await? {
            Applied::Written(outcome) => Ok(outcome),
            Applied::GuardLost => {
                Err(CoordinationError::GuardLost { key: guard_key.unwrap_or_default() })
            }
            Applied::LeaseGone(lease) => Err(CoordinationError::LeaseGone(lease)),
            other => Err(unexpected(&other)),
        }
    }

    async fn grant(&self, ttl: Duration) -> Result<LeaseId, CoordinationError> {
        let ttl_ms = u64::try_from(ttl.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        match self.propose(Op::Grant(GrantCommand { ttl_ms })).await? {
            Applied::Granted(id, _) => Ok(id),
            other => Err(unexpected(&other)),
        }
    }

    async fn renew(&self, lease: LeaseId) -> Result<Duration, CoordinationError> {
        let renew = move |view: &mut node::View<'_>| view.lessor.renew(lease.0, view.now);
        let left = self.driver.handle.read(renew).await?;
        left.ok_or(CoordinationError::LeaseGone(lease))
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), CoordinationError> {
        self.propose(Op::Revoke(RevokeCommand { id: lease.0 })).await.map(drop)
    }

    async fn watch(
        &self,
        prefix: &str,
        from: Revision,
    ) -> Result<Box<dyn Watch>, CoordinationError> {
        Ok(Box::new(watch::EmbeddedWatch::new(self.driver.handle.clone(), prefix, from)))
    }
}

fn command(write: Write) -> WriteCommand {
    let put =
        |value, lease: Option<LeaseId>| PutCommand { value, lease: lease.map_or(0, |id| id.0) };
    WriteCommand {
        key: write.key,
        put: match write.op {
            WriteOp::Put { value, lease } => Some(put(value, lease)),
            WriteOp::Delete => None,
        },
        expect: match write.expect {
            Expect::Any => None,
            Expect::Absent => Some(0),
            Expect::At(at) => Some(at.0),
        },
        guard: write.guard.map(|guard| GuardCommand { key: guard.key, created: guard.created.0 }),
    }
}

fn unexpected(outcome: &Applied) -> CoordinationError {
    CoordinationError::Broken(format!("the state machine answered {outcome:?}"))
}

#[cfg(test)]
mod tests;
