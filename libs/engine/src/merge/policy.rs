//! Which segments to merge: a pure function of their sizes. What it costs is in `docs/compaction.md`,
//! and a simulation holds it to that.
//!
//! Goals, in order: (a) only neighbours merge, since newer segments supersede older ones; (b) the
//! number of segments stays below `fan_in`, and a few that halve in size from one to the next, but for
//! those near `max_bytes`; (c) a byte is rewritten about once per size class: a large segment is not
//! rewritten for the sake of small ones behind it; (d) none grows over `max_bytes`. Merging what the
//! plan says, and planning again, comes to an end.
//!
//! A merge drops what died within its range. What is near `max_bytes` merges no more; its dead are the
//! matter of [`super::plan_weeding`].

use ax_model::SegmentEntry;
use std::ops::Range;

/// When segments are merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergePolicy {
    /// How many neighbours of a size class make a merge; at least 2.
    pub fan_in: usize,
    /// Segments up to this many bytes are one class; each further class is `fan_in` times larger.
    pub floor_bytes: u64,
    /// No merge makes a segment of more than this. Merging takes as much memory where there are many
    /// definitions, else half of it.
    pub max_bytes: u64,
    /// A segment is looked at for dead documents once the changes since the last look are so many
    /// percent of all documents.
    pub weed_percent: u64,
    /// Such a segment is written anew without its dead when they are so many percent of it.
    pub dead_percent: u64,
}

impl Default for MergePolicy {
    fn default() -> Self {
        Self {
            fan_in: 8,
            floor_bytes: 4 << 20,
            max_bytes: 512 << 20,
            weed_percent: 25,
            dead_percent: 25,
        }
    }
}

impl MergePolicy {
    /// The size class of a segment.
    fn class(&self, num_bytes: u64) -> u32 {
        let mut class = 0;
        let mut bound = self.floor_bytes.max(1);
        while num_bytes > bound {
            bound = bound.saturating_mul(self.fan_in.max(2) as u64);
            class += 1;
        }
        class
    }
}

/// The ranges of `entries` (oldest first) to merge now, disjoint, the one with the fewest bytes first: it
/// is soon done, and small segments do not pile up behind a large merge that nobody waits for.
pub fn plan_merges(entries: &[SegmentEntry], policy: &MergePolicy) -> Vec<Range<usize>> {
    let sizes: Vec<u64> = entries.iter().map(|entry| entry.num_bytes).collect();
    let Some(highest) = sizes.iter().map(|size| policy.class(*size)).max() else {
        return Vec::new();
    };
    let mut planned: Vec<Range<usize>> = Vec::new();
    for class in 0..=highest {
        for run in runs(&sizes, |i| policy.class(sizes[i]) <= class && !is_in(&planned, i)) {
            planned.extend(fit(&sizes, run, policy));
        }
    }
    planned.sort_by_key(|range| (sizes[range.clone()].iter().sum::<u64>(), range.start));
    planned
}

fn is_in(ranges: &[Range<usize>], i: usize) -> bool {
    ranges.iter().any(|range| range.contains(&i))
}

/// The longest runs of neighbours that are all `wanted`.
fn runs(sizes: &[u64], wanted: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for i in (0..sizes.len()).filter(|i| wanted(*i)) {
        match runs.last_mut() {
            Some(run) if run.end == i => run.end += 1,
            _ => runs.push(i..i + 1),
        }
    }
    runs
}

/// The part of a run that is worth merging: without old segments that outweigh all behind them.
/// Where the whole is over the bound, neighbours that together fill more than half of it.
fn fit(sizes: &[u64], run: Range<usize>, policy: &MergePolicy) -> Option<Range<usize>> {
    let mut range = run;
    while range.len() >= policy.fan_in.max(2) {
        let fitting = within(sizes, range.clone(), policy.max_bytes);
        let total: u64 = sizes[fitting.clone()].iter().sum();
        let is_worth = fitting == range || (fitting.len() > 1 && total > policy.max_bytes / 2);
        let oldest = sizes[range.start];
        if is_worth && oldest <= total - oldest {
            return Some(fitting);
        }
        range.start += 1;
    }
    None
}

/// The longest beginning of `range` that is within the bound, and at least its first segment.
fn within(sizes: &[u64], range: Range<usize>, max_bytes: u64) -> Range<usize> {
    let mut total = sizes[range.start];
    let mut end = range.start + 1;
    while end < range.end && total + sizes[end] <= max_bytes {
        total += sizes[end];
        end += 1;
    }
    range.start..end
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::{ContentHash, Offset, OffsetRange, SegmentId, Stored};
    use proptest::prelude::*;

    const POLICY: MergePolicy = MergePolicy {
        fan_in: 4,
        floor_bytes: 10,
        max_bytes: 1_000,
        weed_percent: 25,
        dead_percent: 25,
    };

    fn entries(sizes: &[u64]) -> Vec<SegmentEntry> {
        let entry = |(i, size): (usize, &u64)| SegmentEntry {
            id: SegmentId(i.to_string()),
            num_bytes: *size,
            checksum: ContentHash::default(),
            stored: Stored::Raw,
            num_docs: 1,
            text_bytes: *size,
            num_tombstones: 0,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: OffsetRange::empty_at(Offset(0)),
            weeded_to: Offset(0),
        };
        sizes.iter().enumerate().map(entry).collect()
    }

    fn check(sizes: &[u64], expected: &[Range<usize>]) {
        assert_eq!(plan_merges(&entries(sizes), &POLICY), expected, "{sizes:?}");
    }

    #[test]
    #[allow(clippy::single_range_in_vec_init)] // lists of ranges, some of them short
    fn neighbours_of_a_class_merge() {
        check(&[], &[]);
        check(&[1, 1, 1], &[]);
        check(&[1, 1, 1, 1], &[0..4]);
        check(&[500, 1, 1, 1], &[]);
        check(&[500, 1, 1, 1, 1], &[1..5]);
        check(&[30, 30, 30, 30, 1, 1], &[0..6]);
        check(&[400, 400, 400, 400], &[0..2]);
        check(&[800, 800, 600, 600], &[]);
        check(&[1, 1, 1, 1, 900, 2, 2, 2, 2], &[0..4, 5..9]);
    }

    proptest! {
        #[test]
        fn merging_ends_with_few_segments(mut sizes in proptest::collection::vec(1u64..200, 0..60)) {
            for _ in 0..60 {
                let Some(range) = plan_merges(&entries(&sizes), &POLICY).into_iter().next() else {
                    break;
                };
                prop_assert!(range.len() > 1);
                let total: u64 = sizes[range.clone()].iter().sum();
                prop_assert!(total <= POLICY.max_bytes);
                sizes.splice(range, [total]);
            }
            prop_assert!(plan_merges(&entries(&sizes), &POLICY).is_empty());
        }
    }
}
