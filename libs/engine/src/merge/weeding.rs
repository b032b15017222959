//! Which segments to look at for dead documents: a pure function of what a manifest says.
//!
//! A segment near the policy's `max_bytes` takes part in no merge any more, and a manifest does not say
//! how many of its documents newer segments have replaced: only opening them all tells. But no more can
//! have died than there were changes since. So a look is due when the changes since the last one are
//! `weed_percent` of all documents of the shard, and until then at most so many are dead and not known
//! to be. What a look finds decides what is written anew (`dead_percent`).
//!
//! Rejected: to write such segments anew without a look, which would rewrite all of a shard that only
//! grows; and a count of the dead in each manifest, which whoever indexes would have to open every
//! segment for. A deleted repository is one change, however many files it had: they are found dead when
//! the other changes make a look due.

use crate::MergePolicy;
use ax_model::{Offset, SegmentEntry};

/// The places in `entries` (oldest first) to look at now: the oldest whose look is due and, since they
/// are opened with it, all newer ones. Segments up to the floor are left out: they merge soon.
pub fn plan_weeding(entries: &[SegmentEntry], policy: &MergePolicy) -> Vec<usize> {
    let all: u64 = entries.iter().map(|entry| entry.num_docs).sum();
    let is_large = |i: &usize| {
        let entry = &entries[*i];
        entry.num_docs > 0 && entry.num_bytes > policy.floor_bytes
    };
    let is_due = |i: &usize| {
        let changes = changes_since(entries[*i].weeded_to, &entries[i + 1..]);
        let enough = u128::from(all) * u128::from(policy.weed_percent);
        changes > 0 && u128::from(changes) * 100 >= enough
    };
    let oldest = (0..entries.len()).filter(is_large).find(is_due);
    oldest.map_or_else(Vec::new, |oldest| (oldest..entries.len()).filter(is_large).collect())
}

/// How many changes `newer` hold of positions from `position` on. Those of a segment are taken to lie
/// evenly over its range.
fn changes_since(position: Offset, newer: &[SegmentEntry]) -> u64 {
    let changes = newer.iter().map(|entry| {
        let (from, to) = (entry.range.from.0, entry.range.to.0);
        let all = u128::from(entry.num_docs) + u128::from(entry.num_tombstones);
        let behind = u128::from(to.saturating_sub(position.0.max(from)));
        let length = u128::from(to.saturating_sub(from)).max(1);
        u64::try_from((all * behind).div_ceil(length)).unwrap_or(u64::MAX)
    });
    changes.fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::{ContentHash, OffsetRange, SegmentId, Stored};

    const POLICY: MergePolicy = MergePolicy {
        fan_in: 8,
        floor_bytes: 10,
        max_bytes: 1_000,
        weed_percent: 25,
        dead_percent: 25,
    };

    /// A segment of `num_bytes` with the changes of `range`, one document each.
    fn entry(num_bytes: u64, range: (u64, u64), weeded_to: u64) -> SegmentEntry {
        SegmentEntry {
            id: SegmentId("x".into()),
            num_bytes,
            checksum: ContentHash::default(),
            stored: Stored::Raw,
            num_docs: range.1 - range.0,
            text_bytes: 0,
            num_tombstones: 0,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: OffsetRange { from: Offset(range.0), to: Offset(range.1) },
            weeded_to: Offset(weeded_to),
        }
    }

    fn check(entries: &[SegmentEntry], due: &[usize]) {
        assert_eq!(plan_weeding(entries, &POLICY), due, "{entries:?}");
    }

    #[test]
    fn a_look_is_due_after_a_quarter_of_changes() {
        let old = entry(900, (0, 300), 300);
        check(std::slice::from_ref(&old), &[]);
        check(&[old.clone(), entry(5, (300, 399), 399)], &[]);
        check(&[old.clone(), entry(5, (300, 400), 400)], &[0]);
        check(&[old.clone(), entry(5, (300, 350), 350), entry(5, (350, 400), 400)], &[0]);
        let deletions = SegmentEntry { num_docs: 0, num_tombstones: 75, ..entry(5, (300, 375), 0) };
        check(&[old, deletions], &[0]); // a deletion is a change
    }

    #[test]
    fn what_is_opened_anyway_is_looked_at_too() {
        let (seen, newer) = (entry(900, (300, 350), 400), entry(900, (350, 400), 400));
        check(&[entry(900, (0, 300), 300), seen.clone(), newer.clone()], &[0, 1, 2]);
        check(&[seen, entry(900, (0, 300), 300), newer], &[]);
    }

    #[test]
    fn changes_before_the_last_look_do_not_count() {
        let newer = entry(5, (300, 400), 400);
        for (weeded_to, due) in [(300, &[0][..]), (301, &[]), (400, &[]), (u64::MAX, &[])] {
            check(&[entry(900, (0, 300), weeded_to), newer.clone()], due);
        }
    }

    #[test]
    fn what_is_small_or_empty_is_left_out() {
        let newer = entry(900, (300, 900), 900);
        for old in [entry(10, (0, 300), 300), entry(900, (0, 0), 0)] {
            check(&[old, newer.clone()], &[]);
        }
        check(&[], &[]);
        let never = MergePolicy { weed_percent: u64::MAX, ..POLICY };
        assert!(plan_weeding(&[entry(900, (0, 300), 300), newer], &never).is_empty());
    }
}
