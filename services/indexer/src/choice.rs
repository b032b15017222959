//! Which segments to write again next, without IO.
//!
//! A document that nobody has looked for definitions in yet is *unparsed*. Looking takes long, and only a
//! worker whose turn it is does so: there is one turn for all shards of a process, which bounds what that
//! takes of memory.
//!
//! | asked, in this order                                       | then                                   |
//! |------------------------------------------------------------|----------------------------------------|
//! | a merge is worthwhile, and the segments are many           | it, what is unparsed stays so           |
//! | a merge is worthwhile, and it is our turn                  | it, and what is unparsed in it is parsed |
//! | a merge is worthwhile of segments that are all parsed      | it                                     |
//! | a segment has unparsed documents, and it is our turn       | it alone, the smallest, then the newest |
//! | there are unparsed documents                               | wait for a turn                        |
//!
//! So the text of a large import is written as often as without definitions: those that merge anyway are
//! parsed by the merge. Only what no merge wants is written once more. The first row gives that up where
//! parsing does not keep up with what comes, since many segments make every search slower.

use ax_engine::{MergePolicy, plan_merges};
use ax_model::SegmentEntry;
use std::ops::Range;

/// How many times the segments of a merge are many.
const CROWDED: usize = 4;

/// Something to write again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Job {
    /// The segments that become one; it may be one.
    pub range: Range<usize>,
    /// Whether its unparsed documents are parsed.
    pub parse: bool,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This.
    Write(Job),
    /// Wait for a turn to parse.
    Wait,
    /// Nothing.
    Rest,
}

/// Whose turn it is to parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Ours.
    Ours,
    /// Another shard's, as far as we know.
    Others,
    /// Nobody's: definitions are not extracted here.
    Never,
}

/// Chooses among `entries`, oldest first.
pub(crate) fn choose(entries: &[SegmentEntry], policy: &MergePolicy, turn: Turn) -> Choice {
    let merges = plan_merges(entries, policy);
    let is_parsed = |range: &Range<usize>| {
        turn == Turn::Never || entries[range.clone()].iter().all(|entry| entry.num_unparsed == 0)
    };
    let write = |range: Range<usize>, parse| Choice::Write(Job { range, parse });
    let many = CROWDED * policy.fan_in.max(2);
    if let Some(first) = merges.first()
        && (entries.len() > many || turn != Turn::Others)
    {
        let parse = turn == Turn::Ours && entries.len() <= many && !is_parsed(first);
        return write(first.clone(), parse);
    }
    if let Some(parsed) = merges.into_iter().find(is_parsed) {
        return write(parsed, false);
    }
    let unparsed = (0..entries.len()).rev().filter(|place| !is_parsed(&(*place..place + 1)));
    match (unparsed.min_by_key(|place| entries[*place].unparsed_bytes), turn) {
        (Some(place), Turn::Ours) => write(place..place + 1, true),
        (Some(_), _) => Choice::Wait,
        (None, _) => Choice::Rest,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::tests::entry;

    /// Segments as `size` or `size*`, which is unparsed; a merge takes three neighbours up to size 100.
    fn check(segments: &str, turn: Turn) -> String {
        let entries = segments.split(' ').filter(|one| !one.is_empty()).map(|one| {
            let (size, is_unparsed) = one.strip_suffix('*').map_or((one, 0), |size| (size, 1));
            let num_bytes = size.parse().unwrap();
            let unparsed_bytes = num_bytes * is_unparsed;
            let num_unparsed = is_unparsed;
            ax_model::SegmentEntry { num_unparsed, unparsed_bytes, ..entry("s", num_bytes) }
        });
        let entries: Vec<_> = entries.collect();
        let policy =
            MergePolicy { fan_in: 3, floor_bytes: 10, max_bytes: 100, ..Default::default() };
        match choose(&entries, &policy, turn) {
            Choice::Write(Job { range, parse }) => {
                format!("{}..{}{}", range.start, range.end, if parse { " parsed" } else { "" })
            }
            Choice::Wait => "wait".to_owned(),
            Choice::Rest => "rest".to_owned(),
        }
    }

    #[test]
    fn what_is_written_next() {
        use Turn::{Never, Others, Ours};
        for (segments, turn, expected) in [
            ("", Ours, "rest"),
            ("5 5", Ours, "rest"),
            ("5 5 5", Others, "0..3"),
            // a merge parses what it writes anyway, when it may
            ("5 5* 5", Ours, "0..3 parsed"),
            ("5 5* 5", Others, "wait"),
            ("5 5* 5", Never, "0..3"),
            // one that need not parse does not wait for one that must, nor takes the turn
            ("9* 9* 9* 99 5 5 5", Others, "4..7"),
            ("9* 9* 9* 99 5 5 5", Ours, "4..7"),
            ("9* 9* 9* 99 15", Ours, "0..3 parsed"),
            // what no merge wants is parsed by itself: the smallest, of equals the newest
            ("99* 20* 99", Ours, "1..2 parsed"),
            ("99* 20* 99 20*", Ours, "3..4 parsed"),
            ("99* 20* 99", Others, "wait"),
            ("99* 20* 99", Never, "rest"),
        ] {
            assert_eq!(check(segments, turn), expected, "{segments} {turn:?}");
        }
        let crowd = ["9*"; 13].join(" ");
        for turn in [Ours, Others, Never] {
            let chosen = check(&crowd, turn);
            assert!(!chosen.contains("parsed") && chosen.contains(".."), "{chosen} {turn:?}");
        }
    }

    #[test]
    fn writing_what_is_chosen_comes_to_an_end_with_everything_parsed() {
        let policy =
            MergePolicy { fan_in: 3, floor_bytes: 10, max_bytes: 100, ..Default::default() };
        for seed in 0..200u64 {
            let size = |i: u64| (seed * 31 + i * 17) % 60 + 1;
            let mut entries: Vec<_> = (0..30)
                .map(|i| {
                    let num_bytes = size(i);
                    SegmentEntry {
                        num_unparsed: i % 2,
                        unparsed_bytes: num_bytes,
                        ..entry("s", num_bytes)
                    }
                })
                .collect();
            let mut steps = 0;
            while let Choice::Write(Job { range, parse }) = choose(&entries, &policy, Turn::Ours) {
                let num_bytes = entries[range.clone()].iter().map(|entry| entry.num_bytes).sum();
                let left = entries[range.clone()].iter().map(|entry| entry.num_unparsed).sum();
                let num_unparsed = if parse { 0 } else { left };
                let unparsed_bytes = num_bytes;
                let written =
                    SegmentEntry { num_unparsed, unparsed_bytes, ..entry("s", num_bytes) };
                entries.splice(range, [written]);
                steps += 1;
                assert!(steps < 200, "seed {seed}");
            }
            assert!(entries.iter().all(|entry| entry.num_unparsed == 0), "seed {seed}");
        }
    }
}
