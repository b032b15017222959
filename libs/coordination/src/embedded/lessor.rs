//! When leases end: the leader's own book, kept apart from the replicated state.
//!
//! A deadline means something only on the clock of the process that set it, so deadlines are neither
//! replicated nor stored: a leader that starts gives every lease its full ttl again, as etcd's does.
//! When the same process opens its log again after a failed write, its clock is the same too: each lease
//! then has left what it had when answers stopped, for nobody could renew it since.
//!
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
    /// Its end was proposed once: renewing it would promise what the log is about to take back, and
    /// its holder may have heard that it is gone.
    over: bool,
    /// Its end is on its way.
    ending: bool,
}

impl Lessor {
    /// Notes a lease, with its full ttl before it.
    pub(super) fn add(&mut self, id: i64, ttl: Duration, now: Duration) {
        let deadline = now.saturating_add(ttl);
        self.leases.insert(id, Term { ttl, deadline, over: false, ending: false });
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
        let term = self.leases.get_mut(&id).filter(|term| !term.over)?;
        term.deadline = now.saturating_add(term.ttl);
        Some(term.ttl)
    }

    /// Leases whose time is over, each named once: the caller proposes their end.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<i64> {
        let is_due = |term: &Term| !term.ending && (term.over || term.deadline <= now);
        let due = self.leases.iter_mut().filter(|(_, term)| is_due(term));
        let mut ids: Vec<_> = due
            .map(|(&id, term)| {
                (term.over, term.ending) = (true, true);
                id
            })
            .collect();
        ids.sort_unstable();
        ids
    }

    /// Gives the leases that `earlier` knew what they had left there, `silence` after it last answered.
    /// What was over stays so. A lease that it did not know keeps its full ttl.
    pub(super) fn resume(&mut self, earlier: &Self, silence: Duration) {
        for (id, term) in &mut self.leases {
            if let Some(known) = earlier.leases.get(id) {
                term.deadline = known.deadline.saturating_add(silence);
                term.over = known.over;
            }
        }
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
    fn a_silence_of_the_store_takes_no_time_from_a_lease_and_revives_none() {
        let mut before = Lessor::default();
        before.add(1, TTL, at(10));
        before.add(2, TTL, at(13));
        assert_eq!(before.take_due(at(15)), [1]);
        let mut after = Lessor::default();
        for id in 1..=3 {
            after.add(id, TTL, at(115));
        }
        after.resume(&before, at(100));
        assert_eq!(after.renew(1, at(115)), None, "it was over");
        assert_eq!(after.take_due(at(115)), [1], "and its end is proposed again");
        assert!(after.take_due(at(117)).is_empty());
        assert_eq!(after.take_due(at(118)), [2], "it had three seconds left");
        assert_eq!(after.take_due(at(120)), [3], "nobody knew it before");
    }

    #[test]
    fn an_endless_ttl_does_not_overflow() {
        let mut lessor = Lessor::default();
        lessor.add(1, Duration::MAX, at(1));
        assert!(lessor.take_due(at(u64::MAX)).is_empty());
    }
}
