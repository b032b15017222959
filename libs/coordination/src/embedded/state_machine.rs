//! The replicated state: keys, leases, revisions. Pure: the same commands in the same order give the
//! same state on every replica and in every run.

use super::{
    LogError,
    history::{History, HistoryLimits},
    wire::{
        Command, GrantCommand, GuardCommand, KeyImage, LeaseImage, Op, PutCommand, RevokeCommand,
        StateImage, WriteCommand,
    },
};
use crate::{CasOutcome, Entry, Event, LeaseId, Listing, Revision};
use bytes::Bytes;
use prost::Message;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    time::Duration,
};

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Applied {
    /// A write, or what stood in its way.
    Written(CasOutcome),
    /// The guard of a write did not stand: nothing done.
    GuardLost,
    /// The lease of a write does not exist: nothing done.
    LeaseGone(LeaseId),
    /// A lease was made.
    Granted(LeaseId, Duration),
    /// A lease ended, now or before.
    Revoked(LeaseId),
}

/// Keys and leases.
#[derive(Debug)]
pub(super) struct State {
    revision: u64,
    last_lease: i64,
    keys: BTreeMap<String, Record>,
    leases: BTreeMap<i64, Lease>,
    history: History,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    value: Bytes,
    created: u64,
    modified: u64,
    /// Zero for none.
    lease: i64,
}

#[derive(Debug)]
struct Lease {
    ttl_ms: u64,
    keys: BTreeSet<String>,
}

impl State {
    /// Nothing yet.
    pub(super) fn new(limits: HistoryLimits) -> Self {
        Self {
            revision: 0,
            last_lease: 0,
            keys: BTreeMap::new(),
            leases: BTreeMap::new(),
            history: History::after(0, limits),
        }
    }

    /// Does a command. An error means that the log holds what this program cannot have written.
    pub(super) fn apply(&mut self, command: Command) -> Result<Applied, LogError> {
        match command.op {
            Some(Op::Write(write)) => Ok(self.write(write)),
            Some(Op::Grant(grant)) => Ok(self.grant(&grant)),
            Some(Op::Revoke(revoke)) => Ok(self.revoke(&revoke)),
            None => Err(LogError::Unsupported("a command that this version does not know")),
        }
    }

    fn write(&mut self, write: WriteCommand) -> Applied {
        if !write.guard.as_ref().is_none_or(|guard| self.stands(guard)) {
            return Applied::GuardLost;
        }
        let modified = self.keys.get(&write.key).map_or(0, |record| record.modified);
        if write.expect.is_some_and(|expected| expected != modified) {
            return Applied::Written(CasOutcome::Conflict(self.get(&write.key)));
        }
        match write.put {
            Some(put) => self.put(write.key, put),
            None => self.delete(write.key),
        }
    }

    fn stands(&self, guard: &GuardCommand) -> bool {
        self.keys.get(&guard.key).is_some_and(|record| record.created == guard.created)
    }

    fn put(&mut self, key: String, put: PutCommand) -> Applied {
        if put.lease != 0 && !self.leases.contains_key(&put.lease) {
            return Applied::LeaseGone(LeaseId(put.lease));
        }
        self.revision += 1;
        let revision = self.revision;
        let before = self.keys.get(&key).map(|record| (record.created, record.lease));
        if let Some((_, lease)) = before {
            self.untie(lease, &key);
        }
        if let Some(lease) = self.leases.get_mut(&put.lease) {
            lease.keys.insert(key.clone());
        }
        let created = before.map_or(revision, |(created, _)| created);
        let record = Record { value: put.value, created, modified: revision, lease: put.lease };
        self.history.push(vec![Event::Put(entry(&key, &record))]);
        self.keys.insert(key, record);
        Applied::Written(CasOutcome::Done(Revision(revision)))
    }

    fn delete(&mut self, key: String) -> Applied {
        if let Some(record) = self.keys.remove(&key) {
            self.revision += 1;
            self.untie(record.lease, &key);
            self.history.push(vec![Event::Deleted { key, revision: Revision(self.revision) }]);
        }
        Applied::Written(CasOutcome::Done(Revision(self.revision)))
    }

    fn untie(&mut self, lease: i64, key: &str) {
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.keys.remove(key);
        }
    }

    fn grant(&mut self, grant: &GrantCommand) -> Applied {
        self.last_lease += 1;
        let lease = Lease { ttl_ms: grant.ttl_ms, keys: BTreeSet::new() };
        self.leases.insert(self.last_lease, lease);
        Applied::Granted(LeaseId(self.last_lease), Duration::from_millis(grant.ttl_ms))
    }

    /// All keys of a lease go in one revision.
    fn revoke(&mut self, revoke: &RevokeCommand) -> Applied {
        let keys = self.leases.remove(&revoke.id).map(|lease| lease.keys).unwrap_or_default();
        if !keys.is_empty() {
            self.revision += 1;
            let revision = Revision(self.revision);
            let delete = |key: String| {
                self.keys.remove(&key);
                Event::Deleted { key, revision }
            };
            self.history.push(keys.into_iter().map(delete).collect());
        }
        Applied::Revoked(LeaseId(revoke.id))
    }

    /// Revision of the last change.
    pub(super) fn revision(&self) -> Revision {
        Revision(self.revision)
    }

    /// One key.
    pub(super) fn get(&self, key: &str) -> Option<Entry> {
        self.keys.get(key).map(|record| entry(key, record))
    }

    /// Keys under a prefix.
    pub(super) fn list(&self, prefix: &str) -> Listing {
        let from = (Bound::Included(prefix), Bound::Unbounded);
        let keys = self.keys.range::<str, _>(from);
        let keys = keys.take_while(|(key, _)| key.starts_with(prefix));
        let entries = keys.map(|(key, record)| entry(key, record)).collect();
        Listing { entries, revision: self.revision() }
    }

    /// The last changes.
    pub(super) fn history(&self) -> &History {
        &self.history
    }

    /// The last changes, when the rest is not needed any more.
    pub(super) fn into_history(self) -> History {
        self.history
    }

    /// Adds the changes that an earlier reading of the same log remembers.
    pub(super) fn resume_history(&mut self, earlier: History) {
        self.history.resume(earlier);
    }

    /// Leases and their ttl.
    pub(super) fn leases(&self) -> impl Iterator<Item = (i64, Duration)> {
        self.leases.iter().map(|(&id, lease)| (id, Duration::from_millis(lease.ttl_ms)))
    }

    /// A snapshot's bytes: a [`StateImage`].
    pub(super) fn encode(&self) -> Vec<u8> {
        let key = |(key, record): (&String, &Record)| KeyImage {
            key: key.clone(),
            value: record.value.clone(),
            created: record.created,
            modified: record.modified,
            lease: record.lease,
        };
        let lease = |(&id, lease): (&i64, &Lease)| LeaseImage { id, ttl_ms: lease.ttl_ms };
        StateImage {
            revision: self.revision,
            last_lease: self.last_lease,
            keys: self.keys.iter().map(key).collect(),
            leases: self.leases.iter().map(lease).collect(),
        }
        .encode_to_vec()
    }

    /// The state in a snapshot.
    pub(super) fn decode(data: &[u8], limits: HistoryLimits) -> Result<Self, LogError> {
        let image = StateImage::decode(data)?;
        let lease =
            |lease: LeaseImage| (lease.id, Lease { ttl_ms: lease.ttl_ms, keys: BTreeSet::new() });
        let mut state = Self {
            revision: image.revision,
            last_lease: image.last_lease,
            keys: BTreeMap::new(),
            leases: image.leases.into_iter().map(lease).collect(),
            history: History::after(image.revision, limits),
        };
        image.keys.into_iter().for_each(|key| state.restore(key));
        Ok(state)
    }

    fn restore(&mut self, image: KeyImage) {
        let KeyImage { key, value, created, modified, lease } = image;
        if let Some(lease) = self.leases.get_mut(&lease) {
            lease.keys.insert(key.clone());
        }
        self.keys.insert(key, Record { value, created, modified, lease });
    }
}

fn entry(key: &str, record: &Record) -> Entry {
    Entry {
        key: key.to_owned(),
        value: record.value.clone(),
        created: Revision(record.created),
        modified: Revision(record.modified),
        lease: (record.lease != 0).then_some(LeaseId(record.lease)),
    }
}

#[cfg(test)]
mod tests;
