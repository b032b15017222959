//! Leadership: one leader at a time among those who campaign for a key, each with a term that grows.
//!
//! An election only avoids waste. Between the moment a lease ends and the moment its holder learns of
//! it, two processes can believe that they lead. What makes that harmless is the term: a write through
//! [`Leadership::put`] happens only while the leader's key still stands as it was created, and whoever
//! writes elsewhere carries the term along, to be refused there when a higher one was seen.

use crate::{
    CasOutcome, Coordination, CoordinationError, Entry, Event, Expect, Guard, LeaseId, LeaseKeeper,
    Revision, Watch, Write, WriteOp,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// First pause after a failed call; each further one is twice as long, up to [`MAX_PAUSE`].
const MIN_PAUSE: Duration = Duration::from_millis(50);
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// How to become leader, and how to see who is.
pub struct Election;

impl Election {
    /// Waits until `key` is free, and takes it for `candidate`. Goes on while the store is unavailable;
    /// fails with [`CoordinationError::LeaseGone`] when the lease is lost meanwhile, and with whatever
    /// else cannot be helped by trying again. Dropped before it ends, it may leave the key taken until
    /// the lease ends. A lease is good for one campaign per key: what is tied to it counts as ours.
    pub async fn campaign(
        store: Arc<dyn Coordination>,
        key: &str,
        candidate: impl Into<Bytes>,
        lease: Arc<LeaseKeeper>,
    ) -> Result<Leadership, CoordinationError> {
        let candidate = candidate.into();
        let term = tokio::select! {
            term = win(&*store, key, &candidate, lease.id()) => term?,
            () = lease.lost() => return Err(CoordinationError::LeaseGone(lease.id())),
        };
        Ok(Leadership { store, key: key.to_owned(), term, lease })
    }

    /// Follows who leads.
    pub fn observe(store: Arc<dyn Coordination>, key: &str) -> Observer {
        Observer { store, key: key.to_owned(), watch: None, last: None }
    }
}

/// Tries, waits, and tries again. Returns the revision at which our key came to be.
async fn win(
    store: &dyn Coordination,
    key: &str,
    candidate: &Bytes,
    lease: LeaseId,
) -> Result<Revision, CoordinationError> {
    let mut pause = MIN_PAUSE;
    loop {
        match try_once(store, key, candidate, lease).await {
            Ok(Some(term)) => return Ok(term),
            Ok(None) => pause = MIN_PAUSE,
            Err(error) if error.is_retryable() => {
                tracing::debug!(%error, key, "campaign goes on");
                sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Takes the key, or waits until it may be free.
async fn try_once(
    store: &dyn Coordination,
    key: &str,
    candidate: &Bytes,
    lease: LeaseId,
) -> Result<Option<Revision>, CoordinationError> {
    match store.put(key, candidate.clone(), Expect::Absent, Some(lease)).await? {
        CasOutcome::Done(revision) => Ok(Some(revision)),
        CasOutcome::Conflict(Some(entry)) if entry.lease == Some(lease) => {
            Ok(Some(entry.created)) // ours: an earlier attempt whose outcome was unknown
        }
        CasOutcome::Conflict(Some(entry)) => {
            let mut watch = store.watch(key, Revision(entry.modified.0 + 1)).await?;
            wait_deleted(&mut *watch, key).await.map(|()| None)
        }
        CasOutcome::Conflict(None) => Ok(None),
    }
}

/// Returns when the key was deleted, or when the watch cannot tell any more.
async fn wait_deleted(watch: &mut dyn Watch, key: &str) -> Result<(), CoordinationError> {
    loop {
        let events = match watch.next().await {
            Err(CoordinationError::Compacted { .. }) => return Ok(()),
            events => events?,
        };
        let deleted =
            |event: &Event| matches!(event, Event::Deleted { key: gone, .. } if gone == key);
        if events.iter().any(deleted) {
            return Ok(());
        }
    }
}

/// The right to act as leader, until lost. Dropped, it leaves the key to end with the lease.
pub struct Leadership {
    store: Arc<dyn Coordination>,
    key: String,
    term: Revision,
    lease: Arc<LeaseKeeper>,
}

impl Leadership {
    /// Number of this leadership: greater than that of every leader before, over all time. The revision
    /// at which the leader's key came to be.
    pub fn term(&self) -> u64 {
        self.term.0
    }

    /// True once the lease must be taken for lost. A leadership taken away by deleting the key shows
    /// here not at all, but in [`lost`](Self::lost) and in every write.
    pub fn is_lost(&self) -> bool {
        self.lease.is_lost()
    }

    /// Returns when the leadership is lost: the lease is, or the key no longer is the one we created.
    pub async fn lost(&self) {
        tokio::select! {
            () = self.lease.lost() => {}
            () = self.key_lost() => {}
        }
    }

    async fn key_lost(&self) {
        loop {
            match self.key_lost_once().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, key = self.key, "cannot see whether we still lead");
                    sleep(MAX_PAUSE).await;
                }
            }
        }
    }

    /// False when it is worth another look.
    async fn key_lost_once(&self) -> Result<bool, CoordinationError> {
        let listing = self.store.list(&self.key).await?;
        let standing = listing.entries.iter().find(|entry| entry.key == self.key);
        if standing.is_none_or(|entry| entry.created != self.term) {
            return Ok(true);
        }
        let mut watch = self.store.watch(&self.key, Revision(listing.revision.0 + 1)).await?;
        wait_deleted(&mut *watch, &self.key).await.map(|()| false)
    }

    /// What has to stand for a write of this leader to happen.
    pub fn guard(&self) -> Guard {
        Guard { key: self.key.clone(), created: self.term }
    }

    /// Writes a key as leader; [`CoordinationError::GuardLost`] when somebody else is.
    pub async fn put(
        &self,
        key: &str,
        value: Bytes,
        expect: Expect,
        lease: Option<LeaseId>,
    ) -> Result<CasOutcome, CoordinationError> {
        self.write(key, WriteOp::Put { value, lease }, expect).await
    }

    /// Deletes a key as leader; [`CoordinationError::GuardLost`] when somebody else is.
    pub async fn delete(&self, key: &str, expect: Expect) -> Result<CasOutcome, CoordinationError> {
        self.write(key, WriteOp::Delete, expect).await
    }

    async fn write(
        &self,
        key: &str,
        op: WriteOp,
        expect: Expect,
    ) -> Result<CasOutcome, CoordinationError> {
        if self.is_lost() {
            return Err(CoordinationError::GuardLost { key: self.key.clone() });
        }
        let guard = Some(self.guard());
        self.store.write(Write { key: key.to_owned(), op, expect, guard }).await
    }

    /// Steps down, so that the next one need not wait for the lease to end.
    pub async fn resign(self) -> Result<(), CoordinationError> {
        let (key, op, guard) = (self.key.clone(), WriteOp::Delete, Some(self.guard()));
        match self.store.write(Write { key, op, expect: Expect::Any, guard }).await {
            Ok(_) | Err(CoordinationError::GuardLost { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Who leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leader {
    /// As it campaigned.
    pub candidate: Bytes,
    /// Its term.
    pub term: u64,
}

/// Sees who leads, and each change of it.
pub struct Observer {
    store: Arc<dyn Coordination>,
    key: String,
    watch: Option<Box<dyn Watch>>,
    last: Option<Option<Leader>>,
}

impl Observer {
    /// Who leads: at once on the first call, then whenever it is another, or nobody. A leader so short
    /// that it is gone already may be left out. Cancel-safe; after an error the next call tries again.
    pub async fn next(&mut self) -> Result<Option<Leader>, CoordinationError> {
        loop {
            let seen = self.look().await?;
            let Some(seen) = seen else { continue };
            if self.last.as_ref() != Some(&seen) {
                self.last = Some(seen.clone());
                return Ok(seen);
            }
        }
    }

    /// The present leader by a listing, or by the next changes; `None` when those are about other keys.
    async fn look(&mut self) -> Result<Option<Option<Leader>>, CoordinationError> {
        let Some(watch) = &mut self.watch else {
            let listing = self.store.list(&self.key).await?;
            let from = Revision(listing.revision.0 + 1);
            self.watch = Some(self.store.watch(&self.key, from).await?);
            let standing = listing.entries.iter().find(|entry| entry.key == self.key);
            return Ok(Some(standing.map(leader)));
        };
        match watch.next().await {
            Ok(events) => Ok(events.iter().rev().find(|event| event.key() == self.key).map(seen)),
            Err(error) => {
                self.watch = None;
                match error {
                    CoordinationError::Compacted { .. } => Ok(None),
                    error => Err(error),
                }
            }
        }
    }
}

fn seen(event: &Event) -> Option<Leader> {
    match event {
        Event::Put(entry) => Some(leader(entry)),
        Event::Deleted { .. } => None,
    }
}

fn leader(entry: &Entry) -> Leader {
    Leader { candidate: entry.value.clone(), term: entry.created.0 }
}
