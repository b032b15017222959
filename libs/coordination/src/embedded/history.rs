//! The last changes, for watches.
//!
//! Bounded in revisions and bytes. Not part of snapshots: it would make them larger by itself, and a
//! watcher that asks for what a restart forgot is told [`Forgotten`], after which it lists: the same as
//! it must do for any revision that is too old.

use crate::{Event, Revision};
use std::collections::VecDeque;

/// Most events handed out at once, so that one slow watcher cannot hold the driver up.
const MAX_BATCH_EVENTS: usize = 1_000;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct HistoryLimits {
    /// In revisions.
    pub(super) num_revisions: usize,
    /// In bytes of keys and values.
    pub(super) num_bytes: usize,
}

/// The revisions after [`oldest`](Self::oldest), each with its events, without a gap.
#[derive(Debug)]
pub(super) struct History {
    limits: HistoryLimits,
    oldest: u64,
    revisions: VecDeque<Vec<Event>>,
    num_bytes: usize,
}

/// Events of a prefix, and the first revision that was not looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) events: Vec<Event>,
    pub(super) next: Revision,
}

/// A revision is gone; this is the oldest that is there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Forgotten {
    pub(super) oldest: Revision,
}

impl History {
    /// Begins after `revision`.
    pub(super) fn after(revision: u64, limits: HistoryLimits) -> Self {
        Self { limits, oldest: revision + 1, revisions: VecDeque::new(), num_bytes: 0 }
    }

    /// Adds the events of the next revision.
    pub(super) fn push(&mut self, events: Vec<Event>) {
        self.num_bytes += num_bytes(&events);
        self.revisions.push_back(events);
        self.forget();
    }

    /// Puts before this history what `earlier`, of the same log, still knows of the time before it.
    pub(super) fn resume(&mut self, earlier: Self) {
        let missing = self.oldest.saturating_sub(earlier.oldest);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        if missing > earlier.revisions.len() {
            return; // there is a gap between the two
        }
        for events in earlier.revisions.into_iter().take(missing).rev() {
            self.num_bytes += num_bytes(&events);
            self.revisions.push_front(events);
            self.oldest -= 1;
        }
        self.forget();
    }

    fn forget(&mut self) {
        while self.is_over() {
            let Some(events) = self.revisions.pop_front() else { return };
            self.num_bytes -= num_bytes(&events);
            self.oldest += 1;
        }
    }

    /// The last revision is kept whatever its size: a watcher that is up to date must get it.
    fn is_over(&self) -> bool {
        let over_bytes = self.num_bytes > self.limits.num_bytes;
        self.revisions.len() > 1 && (over_bytes || self.revisions.len() > self.limits.num_revisions)
    }

    /// Events under `prefix` from revision `from` on, whole revisions only.
    pub(super) fn since(&self, from: Revision, prefix: &str) -> Result<Batch, Forgotten> {
        let Some(skip) = from.0.checked_sub(self.oldest) else {
            return Err(Forgotten { oldest: Revision(self.oldest) });
        };
        let mut batch = Batch { events: Vec::new(), next: from };
        for events in self.revisions.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)) {
            let wanted = events.iter().filter(|event| event.key().starts_with(prefix));
            batch.events.extend(wanted.cloned());
            batch.next.0 += 1;
            if batch.events.len() >= MAX_BATCH_EVENTS {
                break;
            }
        }
        Ok(batch)
    }
}

fn num_bytes(events: &[Event]) -> usize {
    let size = |event: &Event| match event {
        Event::Put(entry) => entry.key.len() + entry.value.len(),
        Event::Deleted { key, .. } => key.len(),
    };
    events.iter().map(|event| size_of::<Event>() + size(event)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deleted(revision: u64, key: &str) -> Vec<Event> {
        vec![Event::Deleted { key: key.to_owned(), revision: Revision(revision) }]
    }

    fn history(num_revisions: usize, num_bytes: usize) -> History {
        let mut history = History::after(4, HistoryLimits { num_revisions, num_bytes });
        for revision in 5..=9 {
            history.push(deleted(revision, if revision % 2 == 0 { "a/x" } else { "b/x" }));
        }
        history
    }

    #[test]
    fn a_batch_has_the_prefix_only_and_moves_past_the_rest() {
        let batch = history(100, 1 << 20).since(Revision(6), "b/").unwrap();
        assert_eq!(batch.events, [deleted(7, "b/x"), deleted(9, "b/x")].concat());
        assert_eq!(batch.next, Revision(10));
    }

    #[test]
    fn a_revision_ahead_is_waited_for() {
        let batch = history(100, 1 << 20).since(Revision(12), "").unwrap();
        assert_eq!(batch, Batch { events: vec![], next: Revision(12) });
    }

    #[test]
    fn old_revisions_are_forgotten_by_number_and_by_bytes() {
        for history in [history(2, 1 << 20), history(100, 2 * (size_of::<Event>() + 3))] {
            assert_eq!(history.since(Revision(7), ""), Err(Forgotten { oldest: Revision(8) }));
            assert_eq!(history.since(Revision(8), "").unwrap().events.len(), 2);
        }
    }

    #[test]
    fn a_history_read_anew_takes_over_what_the_last_one_knew() {
        let limits = HistoryLimits { num_revisions: 4, num_bytes: 1 << 20 };
        for (after, oldest) in [(4, 6), (7, 6), (9, 6), (10, 11)] {
            let mut anew = History::after(after, limits);
            (after + 1..=9).for_each(|revision| anew.push(deleted(revision, "b/x")));
            anew.resume(history(100, 1 << 20));
            assert_eq!(anew.oldest, oldest, "read from the snapshot at {after}");
            let first = Revision(oldest);
            let num_revisions = anew.since(first, "").unwrap().next.0 - oldest;
            assert_eq!(num_revisions, 10_u64.saturating_sub(oldest));
        }
    }

    #[test]
    fn the_last_revision_is_kept_even_when_it_is_over_the_limit() {
        assert_eq!(history(100, 1).since(Revision(9), "").unwrap().events.len(), 1);
    }
}
