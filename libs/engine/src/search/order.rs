//! The order that `sort:` asks for, as a number per candidate, so that the first are verified first.

use super::Candidate;
use crate::{Snapshot, Stop};
use ax_query::Sort;
use std::{cmp::Reverse, collections::BinaryHeap};

/// Candidates given their place between two looks at the clock.
const PLACES_PER_CHECK: u64 = 1024;

/// Gives each candidate its rank: less comes first; equals are in order of score. Once time is up, the rest
/// has none.
pub(super) fn rank(candidates: &mut [Candidate], snapshot: &Snapshot, sort: Sort, stop: &Stop) {
    let docs = |candidate: &Candidate| &snapshot.parts[candidate.part as usize].segment.docs;
    match sort {
        Sort::Relevance => {} // the score alone
        Sort::Recency => {
            for candidate in candidates {
                candidate.rank = descending(docs(candidate).committed_at_ms(candidate.doc));
            }
        }
        Sort::Size => {
            for candidate in candidates {
                candidate.rank = !docs(candidate).num_bytes(candidate.doc);
            }
        }
        Sort::Path => rank_by_path(candidates, snapshot, stop),
    }
}

/// Within a segment keys are numbered in this order, so that names are compared between segments only.
fn rank_by_path(candidates: &mut [Candidate], snapshot: &Snapshot, stop: &Stop) {
    let segment = |candidate: &Candidate| &snapshot.parts[candidate.part as usize].segment;
    let key = |candidate: &Candidate| segment(candidate).docs.key(candidate.doc);
    let name = |candidate: &Candidate| {
        let (docs, keys) = (&segment(candidate).docs, &segment(candidate).keys);
        let repo = docs.strings.repos[docs.repo(candidate.doc) as usize].as_str();
        (repo, keys.path(key(candidate)))
    };
    candidates.sort_unstable_by_key(|candidate| (candidate.part, key(candidate)));
    let (mut first, mut ends) = (BinaryHeap::new(), Vec::new());
    let mut end = 0;
    for run in candidates.chunk_by(|a, b| a.part == b.part) {
        first.push(Reverse((name(&run[0]), end, ends.len())));
        end += run.len();
        ends.push(end);
    }
    let (mut rank, mut num_placed, mut last) = (0, 0u64, None);
    while let Some(Reverse((of, at, run))) = first.pop() {
        num_placed += 1;
        if num_placed.is_multiple_of(PLACES_PER_CHECK) && stop.is_due() {
            return;
        }
        rank += u64::from(last.replace(of).is_some_and(|last| last != of));
        candidates[at].rank = rank;
        if at + 1 < ends[run] {
            first.push(Reverse((name(&candidates[at + 1]), at + 1, run)));
        }
    }
}

/// Larger times have smaller ranks.
fn descending(time_ms: i64) -> u64 {
    !(time_ms as u64 ^ (1 << 63))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_times_come_first() {
        let times = [i64::MAX, 7, 1, 0, -1, i64::MIN];
        assert!(times.map(descending).is_sorted());
    }
}
