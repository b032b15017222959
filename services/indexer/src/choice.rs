//! Which segments to write again next, without IO.
//!
//! A document that nobody has looked for definitions in yet is *unparsed*. Looking takes long, and longer still
//! while searches are answered; so a shard merges and parses side by side, and neither waits for the other:
//!
//! | work  | takes                                                  | leaves alone                       |
//! |-------|--------------------------------------------------------|------------------------------------|
//! | merge | what the policy wants; what is unparsed in it stays so | the segment that is being parsed   |
//! | parse | one segment, the smallest, then the newest             | what is merged, or about to be     |
//!
//! Either leaves alone for a while what it has failed on ([`crate::setbacks`]). What cannot be merged meanwhile is
//! not about to be.
//!
//! Rejected: merges that parse. An import's text was written once less, but its segments stayed many until all
//! was parsed, and with twenty of them instead of two a search took 40 % more of the cores.

use ax_engine::{MergePolicy, plan_merges};
use ax_model::{SegmentEntry, SegmentId};
use std::ops::Range;

/// The merge to begin among `entries`, oldest first. What is taken takes no part: it is parsed, or merging it has
/// failed.
pub(crate) fn next_merge(
    entries: &[SegmentEntry],
    policy: &MergePolicy,
    is_taken: impl Fn(&SegmentId) -> bool,
) -> Option<Range<usize>> {
    let num_bytes = |range: &Range<usize>| -> u64 {
        entries[range.clone()].iter().map(|entry| entry.num_bytes).sum()
    };
    merges(entries, policy, is_taken).min_by_key(num_bytes)
}

/// The segment of `entries` to parse. Merges go first, but for those of what merges only later; what is taken is
/// left alone: it is merged, or parsing it has failed.
pub(crate) fn next_to_parse(
    entries: &[SegmentEntry],
    policy: &MergePolicy,
    merges_later: impl Fn(&SegmentId) -> bool,
    is_taken: impl Fn(&SegmentId) -> bool,
) -> Option<usize> {
    let merges: Vec<_> = merges(entries, policy, merges_later).collect();
    let is_free = |place: &usize| {
        !merges.iter().any(|range| range.contains(place)) && !is_taken(&entries[*place].id)
    };
    let unparsed = (0..entries.len()).rev().filter(|place| entries[*place].num_unparsed > 0);
    unparsed.filter(is_free).min_by_key(|place| entries[*place].unparsed_bytes)
}

/// What the policy wants to merge of each run of neighbours that are not taken.
fn merges(
    entries: &[SegmentEntry],
    policy: &MergePolicy,
    is_taken: impl Fn(&SegmentId) -> bool,
) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    let runs = entries.split(move |entry| is_taken(&entry.id));
    runs.flat_map(move |run| {
        let start = end;
        end += run.len() + 1;
        let place = move |range: Range<usize>| range.start + start..range.end + start;
        plan_merges(run, policy).into_iter().map(place)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::tests::entry;

    const POLICY: MergePolicy = MergePolicy {
        fan_in: 3,
        floor_bytes: 10,
        max_bytes: 100,
        weed_percent: 25,
        dead_percent: 25,
    };

    /// Segments as `size`, or `size*` when it is unparsed, or `size!` when work on it is under way.
    fn segments(text: &str) -> (Vec<SegmentEntry>, Vec<SegmentId>) {
        let (mut entries, mut busy) = (Vec::new(), Vec::new());
        for (number, one) in text.split(' ').filter(|one| !one.is_empty()).enumerate() {
            let size = one.trim_end_matches(['*', '!']);
            let (id, num_bytes) = (number.to_string(), size.parse().unwrap());
            let num_unparsed = one.contains('*').into();
            let unparsed_bytes = num_bytes * num_unparsed;
            entries.push(SegmentEntry { num_unparsed, unparsed_bytes, ..entry(&id, num_bytes) });
            if one.contains('!') {
                busy.push(SegmentId(id));
            }
        }
        (entries, busy)
    }

    #[test]
    fn merges_do_not_wait_for_what_is_parsed() {
        for (text, expected) in [
            ("", None),
            ("5 5", None),
            ("5 5* 5", Some(0..3)),
            ("5 5 5 5*!", Some(0..3)),
            ("5*! 5 5 5", Some(1..4)),
            ("5 5*! 5", None),
            ("99 9 9 9 50*! 5 5 5", Some(5..8)),
            ("99 4 4 4 50*! 5 5 5", Some(1..4)),
            ("99! 9! 9! 9! 50*! 5 5 5", Some(5..8)), // a merge of the first has failed
            ("5! 5! 5 5 4! 5 5 5!", None),
        ] {
            let (entries, busy) = segments(text);
            assert_eq!(next_merge(&entries, &POLICY, |id| busy.contains(id)), expected, "{text}");
        }
    }

    #[test]
    fn what_no_merge_wants_is_parsed_the_smallest_first() {
        for (text, expected) in [
            ("", None),
            ("99 20", None),
            ("99* 20* 99", Some(1)),
            ("99* 20* 99 20*", Some(3)),
            ("99* 5* 5 5", Some(0)), // the others are about to be merged
            ("99* 20*! 20!", Some(0)),
            ("5* 5 5", None),
        ] {
            let (entries, busy) = segments(text);
            let found = next_to_parse(&entries, &POLICY, |_| false, |id| busy.contains(id));
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_merged_is_parsed() {
        let (entries, _) = segments("99* 5* 5 5");
        let found = next_to_parse(&entries, &POLICY, |id| id.0 == "2", |_| false);
        assert_eq!(found, Some(1), "not before the merge is tried again");
    }

    /// Merges and parses side by side, each ending at a time that the seed decides.
    #[test]
    fn it_comes_to_an_end_with_everything_parsed() {
        for seed in 0..300u64 {
            let text: Vec<String> = (0..30u64)
                .map(|i| format!("{}{}", (seed * 31 + i * 17) % 60 + 1, ["", "*"][i as usize % 2]))
                .collect();
            let (mut entries, _) = segments(&text.join(" "));
            let (mut merging, mut parsing): (Vec<SegmentId>, Option<SegmentId>) =
                Default::default();
            for step in 0.. {
                assert!(step < 400, "seed {seed}");
                if merging.is_empty()
                    && let Some(range) =
                        next_merge(&entries, &POLICY, |id| parsing.as_ref() == Some(id))
                {
                    merging = entries[range].iter().map(|entry| entry.id.clone()).collect();
                }
                if parsing.is_none() {
                    let place =
                        next_to_parse(&entries, &POLICY, |_| false, |id| merging.contains(id));
                    parsing = place.map(|place| entries[place].id.clone());
                }
                if merging.is_empty() && parsing.is_none() {
                    break;
                }
                assert!(!parsing.as_ref().is_some_and(|id| merging.contains(id)), "seed {seed}");
                let merge_ends = parsing.is_none() || (seed + step) % 3 > 0;
                if merge_ends && !merging.is_empty() {
                    let first = entries.iter().position(|entry| entry.id == merging[0]).unwrap();
                    let range = first..first + merging.len();
                    assert!(entries[range.clone()].iter().map(|entry| &entry.id).eq(&merging));
                    let sum =
                        |of: fn(&SegmentEntry) -> u64| entries[range.clone()].iter().map(of).sum();
                    let merged = SegmentEntry {
                        num_unparsed: sum(|entry| entry.num_unparsed),
                        unparsed_bytes: sum(|entry| entry.unparsed_bytes),
                        ..entry(&format!("m{step}"), sum(|entry| entry.num_bytes))
                    };
                    entries.splice(range, [merged]);
                    merging.clear();
                } else if let Some(id) = parsing.take() {
                    let parsed = entries.iter_mut().find(|entry| entry.id == id).unwrap();
                    (parsed.num_unparsed, parsed.unparsed_bytes) = (0, 0);
                    parsed.id = SegmentId(format!("p{step}"));
                }
            }
            assert!(entries.iter().all(|entry| entry.num_unparsed == 0), "seed {seed}");
        }
    }
}
