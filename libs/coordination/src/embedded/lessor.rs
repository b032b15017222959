//! When leases end: the leader's own book, kept apart from the replicated state.
//!
//! A deadline means something only on the clock of the process that set it, so deadlines are neither
//! replicated nor stored: a leader that starts gives every lease its full ttl again, as etcd's does.
//! That is safe. A lease that ends late costs its successor some waiting; one that ended early, because
//! a wall clock jumped between two runs, would break what its holder may believe. It also means that
//! a renewal is not a write: it costs no disk access.

use std::{collections::HashMap, time::Duration};

/// Deadlines by lease. Pure: time comes in as an argument.
#[derive(Debug, Default)]
pub(super) struct Lessor {
    leases: HashMap<i64, Term>,
}

#[derive(Debug)]
struct Term {
    ttl: Duration,
    deadline: Duration,
    /// Its end is proposed: renewing it now would promise what the log is about to take back.
    ending: bool,
}

impl Lessor {
    /// Notes a lease, with its full ttl before it.
    pub(super) fn add(&mut self, id: i64, ttl: Duration, now: Duration) {
        let deadline = now.saturating_add(ttl);
        self.leases.insert(id, Term { ttl, deadline, ending: false });
    }

    /// Forgets a lease that ended.
    pub(super) fn remove(&mut self, id: i64) {
        self.leases.remove(&id);
    }

    /// Forgets all: we do not lead any more.
    pub(super) fn clear(&mut self) {
        self.leases.clear();
    }

    /// Renews a lease and returns its ttl; `None` when it ended or is about to.
    pub(super) fn renew(&mut self, id: i64, now: Duration) -> Option<Duration> {
        let term = self.leases.get_mut(&id).filter(|term| !term.ending)?;
        term.deadline = now.saturating_add(term.ttl);
        Some(term.ttl)
    }

    /// Leases whose time is over, each named once: the caller proposes their end.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<i64> {
        let due = self.leases.iter_mut().filter(|(_, term)| !term.ending && term.deadline <= now);
        let mut ids: Vec<_> = due
            .map(|(&id, term)| {
                term.ending = true;
                id
            })
            .collect();
        ids.sort_unstable();
        ids
    }

    /// The end could not be proposed: it is due again.
    pub(super) fn put_back(&mut self, id: i64) {
        if let Some(term) = self.leases.get_mut(&id) {
            term.ending = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(5);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_lease_is_due_a_ttl_after_its_last_renewal_and_once_only() {
        let mut lessor = Lessor::default();
        lessor.add(7, TTL, at(10));
        assert_eq!(lessor.renew(7, at(12)), Some(TTL));
        assert!(lessor.take_due(at(16)).is_empty());
        assert_eq!(lessor.take_due(at(17)), [7]);
        assert!(lessor.take_due(at(17)).is_empty());
        assert_eq!(lessor.renew(7, at(17)), None, "its end is proposed already");
        lessor.put_back(7);
        assert_eq!(lessor.take_due(at(18)), [7]);
    }

    #[test]
    fn an_endless_ttl_does_not_overflow() {
        let mut lessor = Lessor::default();
        lessor.add(1, Duration::MAX, at(1));
        assert!(lessor.take_due(at(u64::MAX)).is_empty());
    }
}
