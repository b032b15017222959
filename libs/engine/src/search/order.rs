//! The order that `sort:` asks for, as a number per candidate, so that the first are verified first.

use super::Candidate;
use crate::Snapshot;
use ax_query::Sort;

/// Gives each candidate its rank: less comes first; equals are in order of score.
pub(super) fn rank(candidates: &mut [Candidate], snapshot: &Snapshot, sort: Sort) {
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
        Sort::Path => rank_by_path(candidates, snapshot),
    }
}

fn rank_by_path(candidates: &mut [Candidate], snapshot: &Snapshot) {
    let name = |candidate: &Candidate| {
        let segment = &snapshot.parts[candidate.part as usize].segment;
        let (docs, doc) = (&segment.docs, candidate.doc);
        (docs.strings.repos[docs.repo(doc) as usize].as_str(), segment.keys.path(docs.key(doc)))
    };
    candidates.sort_unstable_by(|a, b| name(a).cmp(&name(b)));
    let mut rank = 0;
    for i in 1..candidates.len() {
        rank += u64::from(name(&candidates[i - 1]) != name(&candidates[i]));
        candidates[i].rank = rank;
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
