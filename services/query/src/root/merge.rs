//! Answers of shards made into one: in the order asked for or best first, ties by repository and path.

use ax_model::{Code, Fault, Generation, Offset, ShardId, VersionToken};
use ax_proto::search::{FileMatch, Group, Missing, ShardAnswer, Summary};
use ax_query::Sort;
use std::{cmp::Ordering, collections::HashMap};

use crate::peers::ShardReply;

/// What one shard contributed, or why it did not.
pub(super) type ShardResult = Result<ShardReply, Fault>;

/// The order of files in an answer: total, and the same on every node.
pub(super) fn best_first(a: &FileMatch, b: &FileMatch) -> Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| a.repo.cmp(&b.repo))
        .then_with(|| a.path.cmp(&b.path))
        .then_with(|| a.branches.cmp(&b.branches))
}

/// The order that `sort` asks for; equals are best first.
pub(super) fn in_order(sort: Sort, a: &FileMatch, b: &FileMatch) -> Ordering {
    let asked_for = match sort {
        Sort::Relevance => Ordering::Equal,
        Sort::Recency => b.committed_at_ms.cmp(&a.committed_at_ms),
        Sort::Size => b.num_bytes.cmp(&a.num_bytes),
        Sort::Path => (&a.repo, &a.path).cmp(&(&b.repo, &b.path)),
    };
    asked_for.then_with(|| best_first(a, b))
}

/// How much of what the shards found is returned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) files: usize,
    /// Matched lines in all; the file that passes it is cut.
    pub(super) lines: usize,
    /// Bytes of the answer as it travels.
    pub(super) bytes: usize,
}

/// The first files in order that are within `bounds`, and whether anything was left out.
pub(super) fn best_files(
    replies: Vec<Vec<FileMatch>>,
    sort: Sort,
    bounds: Bounds,
) -> (Vec<FileMatch>, bool) {
    let mut files: Vec<FileMatch> = replies.into_iter().flatten().collect();
    files.sort_by(|a, b| in_order(sort, a, b));
    let fitting = files.iter().scan(0usize, |sum, file| {
        *sum += prost::Message::encoded_len(file);
        Some(*sum)
    });
    let keep = fitting.take_while(|sum| *sum <= bounds.bytes).count().min(bounds.files);
    let cut = files.len() > keep;
    files.truncate(keep);
    let cut_within = cut_lines(&mut files, bounds.lines);
    (files, cut || cut_within)
}

/// Leaves `max_lines` matched lines in all; false when there were no more.
fn cut_lines(files: &mut Vec<FileMatch>, max_lines: usize) -> bool {
    let mut left = max_lines;
    for i in 0..files.len() {
        let lines = &mut files[i].lines;
        let matched = lines.iter().enumerate().filter(|(_, line)| !line.ranges.is_empty());
        match matched.map(|(place, _)| place).nth(left) {
            None => left -= lines.iter().filter(|line| !line.ranges.is_empty()).count(),
            Some(_) if left == 0 => {
                files.truncate(i);
                return true;
            }
            Some(_) => {
                let mut kept = 0;
                lines.retain(|line| {
                    let is_within = kept < left;
                    kept += usize::from(!line.ranges.is_empty());
                    is_within
                });
                files.truncate(i + 1);
                return true;
            }
        }
    }
    false
}

/// Adds up what shards say of their answers.
pub(super) struct Tally {
    summary: Summary,
    version: VersionToken,
    faults: Vec<Fault>,
    groups: HashMap<String, Group>,
    asks_names: bool,
}

impl Tally {
    /// Nothing yet.
    pub(super) fn new(generation: Generation, request_id: &str) -> Self {
        let summary = Summary { request_id: request_id.to_owned(), ..Default::default() };
        let version = VersionToken::new(generation);
        let (faults, groups, asks_names) = (Vec::new(), HashMap::new(), false);
        Self { summary, version, faults, groups, asks_names }
    }

    /// Where definitions count, files without any yet are a hole.
    pub(super) fn asking_names(self, asks_names: bool) -> Self {
        Self { asks_names, ..self }
    }

    /// Adds one shard; its files are the caller's to merge.
    pub(super) fn add(&mut self, shard: ShardId, result: ShardResult) -> Vec<FileMatch> {
        match result {
            Ok(reply) => self.add_reply(shard, reply),
            Err(fault) => {
                self.miss(shard, fault);
                Vec::new()
            }
        }
    }

    /// Notes that files were left out.
    pub(super) fn more(&mut self, more: bool) {
        self.summary.more |= more;
    }

    /// The summary with at most `limit` groups, or the fault when no shard answered at all.
    pub(super) fn finish(mut self, limit: usize) -> Result<Summary, Fault> {
        if self.summary.shards.is_empty()
            && let Some(fault) = self.faults.pop()
        {
            return Err(fault);
        }
        self.summary.shards.sort_by_key(|answer| answer.shard);
        self.summary.explanation.sort_by_key(|plan| plan.shard);
        self.summary.missing.sort_by_key(|missing| missing.shard);
        self.summary.partial = !self.summary.missing.is_empty();
        self.summary.version = self.version.to_string();
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        groups.sort_by(|a, b| b.num_files.cmp(&a.num_files).then_with(|| a.name.cmp(&b.name)));
        self.summary.more |= groups.len() > limit;
        groups.truncate(limit);
        self.summary.groups = groups;
        Ok(self.summary)
    }

    fn add_reply(&mut self, shard: ShardId, reply: ShardReply) -> Vec<FileMatch> {
        let of_shard = reply.summary;
        let sum = &mut self.summary;
        sum.num_files += of_shard.num_files;
        sum.num_lines += of_shard.num_lines;
        sum.more |= of_shard.more;
        sum.num_candidates += of_shard.num_candidates;
        sum.num_bytes_verified += of_shard.num_bytes_verified;
        sum.explanation.extend(of_shard.explanation);
        if of_shard.timed_out {
            let reason = "the deadline passed before all of its files were looked at";
            self.summary.missing.push(missing(shard, Code::QueryDeadline, reason));
        }
        if let Some(answer) = of_shard.answer {
            self.note(answer);
        }
        for Group { name, num_files, num_lines } in of_shard.groups {
            let sum = self.groups.entry(name.clone()).or_default();
            (sum.name, sum.num_files) = (name, sum.num_files + num_files);
            sum.num_lines += num_lines;
        }
        reply.files
    }

    fn note(&mut self, answer: ShardAnswer) {
        self.version.raise(ShardId(answer.shard), Offset(answer.position));
        self.summary.missing.extend(answer.stale.clone());
        if self.asks_names && answer.num_unparsed > 0 {
            let ShardAnswer { shard, num_unparsed, unparsed_bytes, .. } = answer;
            let reason = format!(
                "definitions of {num_unparsed} files ({unparsed_bytes} bytes) are not extracted yet"
            );
            self.summary.missing.push(missing(ShardId(shard), Code::SymbolsLag, &reason));
        }
        self.summary.shards.push(answer);
    }

    fn miss(&mut self, shard: ShardId, fault: Fault) {
        self.summary.missing.push(missing(shard, fault.code, &fault.message));
        self.faults.push(fault);
    }
}

fn missing(shard: ShardId, code: Code, reason: &str) -> Missing {
    Missing { shard: shard.0, code: code.as_str().to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_proto::search::{LeafSummary, Line, Span};
    use proptest::prelude::*;

    fn file(score: f64, path: &str) -> FileMatch {
        FileMatch { score, path: path.into(), ..Default::default() }
    }

    fn reply(shard: u32, position: u64) -> ShardReply {
        let answer = ShardAnswer { shard, position, manifest_version: 1, ..Default::default() };
        let summary =
            LeafSummary { answer: Some(answer), num_files: 2, num_lines: 3, ..Default::default() };
        ShardReply { files: vec![], summary }
    }

    #[test]
    fn counts_add_up_and_holes_are_named() {
        let mut tally = Tally::new(Generation(1), "r");
        tally.add(ShardId(2), Ok(reply(2, 7)));
        tally.add(ShardId(0), Ok(reply(0, 42)));
        tally.add(ShardId(1), Err(Fault::new(Code::ShardUnavailable, "gone")));
        let mut slow = reply(3, 1);
        slow.summary.timed_out = true;
        tally.add(ShardId(3), Ok(slow));
        let summary = tally.finish(50).unwrap();
        assert_eq!((summary.num_files, summary.num_lines), (6, 9));
        assert_eq!(summary.version, "g1.0:42,2:7,3:1");
        assert!(summary.partial);
        let missing: Vec<_> = summary.missing.iter().map(|m| (m.shard, m.code.as_str())).collect();
        assert_eq!(missing, [(1, "AX-S001"), (3, "AX-Q006")]);
    }

    #[test]
    fn a_stale_shard_makes_an_answer_partial() {
        let mut tally = Tally::new(Generation(1), "r");
        let mut stale = reply(1, 7);
        let hole = missing(ShardId(1), Code::ShardRebuilding, "it is being rebuilt");
        stale.summary.answer.as_mut().unwrap().stale = Some(hole.clone());
        tally.add(ShardId(0), Ok(reply(0, 42)));
        tally.add(ShardId(1), Ok(stale));
        let summary = tally.finish(50).unwrap();
        assert!(summary.partial);
        assert_eq!((summary.missing, summary.num_files), (vec![hole], 4));
    }

    #[test]
    fn files_without_definitions_are_a_hole_where_names_are_asked() {
        for asks_names in [false, true] {
            let mut tally = Tally::new(Generation(1), "r").asking_names(asks_names);
            let mut young = reply(1, 7);
            young.summary.answer.as_mut().unwrap().num_unparsed = 3;
            tally.add(ShardId(0), Ok(reply(0, 42)));
            tally.add(ShardId(1), Ok(young));
            let summary = tally.finish(50).unwrap();
            assert_eq!(summary.partial, asks_names);
            let missing: Vec<_> = summary.missing.iter().map(|m| (m.shard, &*m.code)).collect();
            assert_eq!(missing, if asks_names { vec![(1, "AX-S009")] } else { vec![] });
        }
    }

    #[test]
    fn nothing_but_holes_is_an_error() {
        let mut tally = Tally::new(Generation(1), "r");
        tally.add(ShardId(0), Err(Fault::new(Code::Overloaded, "full")));
        assert_eq!(tally.finish(50).unwrap_err().code, Code::Overloaded);
    }

    #[test]
    fn bytes_bound_an_answer() {
        let one = prost::Message::encoded_len(&file(1.0, "a"));
        let (files, cut) = best_files(
            vec![vec![file(1.0, "a"), file(2.0, "b")]],
            Sort::Relevance,
            Bounds { files: 10, lines: 9, bytes: one },
        );
        assert_eq!(files, vec![file(2.0, "b")]);
        assert!(cut);
    }

    #[test]
    fn groups_of_shards_add_up_and_the_largest_stay() {
        let mut tally = Tally::new(Generation(1), "r");
        let group = |name: &str, num_files| Group { name: name.into(), num_files, num_lines: 1 };
        for (shard, groups) in
            [vec![group("a", 1), group("b", 2)], vec![group("c", 2), group("a", 2)]]
                .into_iter()
                .enumerate()
        {
            let mut of_shard = reply(shard as u32, 1);
            of_shard.summary.groups = groups;
            tally.add(ShardId(shard as u32), Ok(of_shard));
        }
        let summary = tally.finish(2).unwrap();
        let a = Group { name: "a".into(), num_files: 3, num_lines: 2 };
        assert_eq!(summary.groups, [a, group("b", 2)]);
        assert!(summary.more);
    }

    proptest! {
        #[test]
        fn merging_the_best_of_each_gives_the_best_of_all(
            files in proptest::collection::vec((0u8..5, "[a-c]{1,2}", 0u8..4), 0..40),
            limit in 0usize..12,
            max_lines in 0usize..20,
            sort in proptest::sample::select(vec![
                Sort::Relevance, Sort::Recency, Sort::Size, Sort::Path,
            ]),
        ) {
            let of = |(score, path, facts): &(u8, String, u8)| {
                // what no order looks at would tell equals apart
                let facts = if matches!(sort, Sort::Recency | Sort::Size) { *facts } else { 0 };
                let (committed_at_ms, num_bytes) = (facts.into(), facts.into());
                let lines = vec![Line { ranges: vec![Span::default()], ..Line::default() }; path.len()];
                FileMatch { committed_at_ms, num_bytes, lines, ..file(f64::from(*score), path) }
            };
            let mut all: Vec<_> = files.iter().map(of).collect();
            let mut shards = vec![Vec::new(); 3];
            for (i, file) in all.iter().enumerate() {
                shards[i % 3].push(file.clone());
            }
            for shard in &mut shards {
                shard.sort_by(|a, b| in_order(sort, a, b));
                shard.truncate(limit);
                cut_lines(shard, max_lines);
            }
            all.sort_by(|a, b| in_order(sort, a, b));
            all.truncate(limit);
            cut_lines(&mut all, max_lines);
            let bounds = Bounds { files: limit, lines: max_lines, bytes: usize::MAX };
            prop_assert_eq!(best_files(shards, sort, bounds).0, all);
        }
    }
}
