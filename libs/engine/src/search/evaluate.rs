//! Whether one document matches, by its bytes.

use super::{
    Candidate, Search,
    candidates::PartPlan,
    collect::{RANKED_LINES, Want, collect_lines, collect_text},
    compile::Node,
    hit::Hit,
    pace::Pace,
    scratch::Scratch,
};
use crate::{Result, Segment};
use std::ops::Range;

/// One document under evaluation.
pub(super) struct Document<'a> {
    pub(super) search: &'a Search<'a>,
    pub(super) segment: &'a Segment,
    pub(super) plan: &'a PartPlan,
    pub(super) doc: u32,
    pub(super) text: &'a [u8],
    pub(super) path: &'a [u8],
    /// Lines whose matches are kept.
    pub(super) max_lines: usize,
}

impl Search<'_> {
    /// Verifies one candidate. Nothing is found once the search is stopped.
    pub(super) fn evaluate(
        &self,
        candidate: &Candidate,
        scratch: &mut Scratch,
    ) -> Result<Option<Hit>> {
        scratch.clear();
        if self.is_cut() {
            return Ok(None);
        }
        let (part, doc) = (candidate.part as usize, candidate.doc);
        let segment = &*self.snapshot.parts[part].segment;
        let document = Document {
            search: self,
            segment,
            plan: &self.parts[part],
            doc,
            text: segment.text(doc),
            path: segment.keys.path(segment.docs.key(doc)),
            max_lines: match self.options.count_only {
                true => 0,
                false => self.options.max_lines_per_file.max(RANKED_LINES),
            },
        };
        let mut shown = Vec::new();
        let bytes_before = scratch.tally.num_bytes;
        let holds = document.holds(&self.plan.root, scratch, Some(&mut shown));
        scratch.tally.num_candidates += u64::from(scratch.tally.num_bytes > bytes_before);
        if !holds || self.was_cut() {
            return Ok(None);
        }
        self.hit(candidate, &document, &shown, scratch)
    }
}

impl Document<'_> {
    /// Whether `node` holds. With `shown`, the patterns that contribute are appended to it: all that
    /// match under a disjunction, none under a conjunction that fails, none under a negation.
    fn holds(&self, node: &Node, scratch: &mut Scratch, shown: Option<&mut Vec<usize>>) -> bool {
        match node {
            Node::And(members) => self.all_hold(members, scratch, shown),
            Node::Or(members) => self.any_holds(members, scratch, shown),
            Node::Not(inner) => !self.holds(inner, scratch, None),
            Node::Text(i) => self.text_matches(*i, scratch, shown),
            Node::Symbol(i) => self.symbol_matches(*i, scratch, shown),
            Node::File(i) => self.file_matches(*i, scratch, shown.is_some()),
            Node::Repo(i) => self.plan.repos[*i][self.segment.docs.repo(self.doc) as usize],
            Node::Branch(i) => self.plan.branches[*i].has(self.doc),
            Node::Language(i) => {
                self.plan.languages[*i] == Some(self.segment.docs.language(self.doc))
            }
            Node::Size(range) => range.holds(self.segment.docs.num_bytes(self.doc)),
        }
    }

    fn all_hold(
        &self,
        members: &[Node],
        scratch: &mut Scratch,
        mut shown: Option<&mut Vec<usize>>,
    ) -> bool {
        let (num_shown, num_ranges) =
            (shown.as_ref().map_or(0, |s| s.len()), scratch.path_ranges.len());
        let all = members.iter().all(|member| self.holds(member, scratch, shown.as_deref_mut()));
        if !all {
            scratch.path_ranges.truncate(num_ranges);
            shown.into_iter().for_each(|shown| shown.truncate(num_shown));
        }
        all
    }

    fn any_holds(
        &self,
        members: &[Node],
        scratch: &mut Scratch,
        mut shown: Option<&mut Vec<usize>>,
    ) -> bool {
        let mut any = false;
        let before = shown.as_ref().map_or(0, |shown| shown.len());
        for member in members {
            any |= self.holds(member, scratch, shown.as_deref_mut());
            match &mut shown {
                Some(shown) => scratch.gather(shown, before),
                None if any => break,
                None => {}
            }
        }
        any
    }

    fn text_matches(
        &self,
        i: usize,
        scratch: &mut Scratch,
        shown: Option<&mut Vec<usize>>,
    ) -> bool {
        let in_path = self.path_matches(i, scratch, shown.is_some());
        let Some(shown) = shown else {
            return in_path || self.text_holds(i, scratch);
        };
        self.collect(i, scratch, Want { max_lines: self.max_lines, first_only: false });
        if scratch.found[i].lines.is_empty() {
            return in_path;
        }
        shown.push(i);
        true
    }

    fn path_matches(&self, i: usize, scratch: &mut Scratch, keep: bool) -> bool {
        let atom = &self.search.plan.texts[i];
        if !atom.in_path {
            return false;
        }
        let stop = || self.search.is_cut();
        let (memory, pace) = (&mut scratch.text_memory[i], Pace::new(&stop));
        let found = atom.finder.find_some(memory, self.path, &pace);
        if let (Some((start, end)), true) = (found, keep) {
            scratch.path_ranges.push((start as u32, end as u32));
        }
        found.is_some()
    }

    /// Whether the pattern matches in the text at all: it stands under a negation.
    fn text_holds(&self, i: usize, scratch: &mut Scratch) -> bool {
        self.collect(i, scratch, Want { max_lines: 0, first_only: true });
        !scratch.found[i].lines.is_empty()
    }

    fn collect(&self, i: usize, scratch: &mut Scratch, want: Want) {
        let atom = &self.search.plan.texts[i];
        let (memory, found) = (&mut scratch.text_memory[i], &mut scratch.found[i]);
        let stop = || self.search.is_cut();
        let pace = Pace::new(&stop);
        found.clear();
        if atom.multi_line {
            if self.plan.may_hold(i, self.doc) && !self.search.is_cut() {
                scratch.tally.num_bytes += self.text.len() as u64;
                collect_text(&atom.finder, memory, self.text, want, &pace, found);
            }
            return;
        }
        let blocks = self.plan.candidate_blocks(i, self.segment, self.doc);
        for range in self.ranges(&blocks, atom.finder.blocks_at_once()) {
            if self.search.is_cut() || (want.first_only && !found.lines.is_empty()) {
                return;
            }
            scratch.tally.num_bytes += range.len() as u64;
            if !atom.finder.may_be_in(&self.text[range.clone()]) {
                continue;
            }
            collect_lines(&atom.finder, memory, self.text, range, want, &pace, found);
        }
    }

    /// Blocks as ranges of the text, so many neighbours joined at most.
    fn ranges(&self, blocks: &[u32], at_once: u32) -> Vec<Range<usize>> {
        let text_start = self.segment.docs.text(self.doc).start;
        let bytes = |block: u32| {
            let range = self.segment.blocks.range(block);
            range.start - text_start..range.end - text_start
        };
        let together = blocks.chunk_by(|a, b| a + 1 == *b && !b.is_multiple_of(at_once));
        together
            .filter_map(|run| Some(bytes(*run.first()?).start..bytes(*run.last()?).end))
            .collect()
    }

    fn symbol_matches(
        &self,
        i: usize,
        scratch: &mut Scratch,
        shown: Option<&mut Vec<usize>>,
    ) -> bool {
        let hits = self.plan.symbols_of(i, self.doc);
        let place = self.search.plan.texts.len() + i;
        if let (Some(shown), false) = (shown, hits.is_empty()) {
            let found = &mut scratch.found[place];
            found.clear();
            for hit in hits {
                let end = (hit.end as usize).min(self.text.len());
                found.push(self.text, (hit.start as usize).min(end), end);
            }
            shown.push(place);
        }
        !hits.is_empty()
    }

    fn file_matches(&self, i: usize, scratch: &mut Scratch, keep: bool) -> bool {
        let atom = &self.search.plan.files[i];
        let stop = || self.search.is_cut();
        let (memory, pace) = (&mut scratch.file_memory[i], Pace::new(&stop));
        if atom.finder.find(memory, self.path, 0, self.path.len(), &pace).is_none() {
            return false;
        }
        if keep && let Some((start, end)) = atom.finder.find_some(memory, self.path, &pace) {
            scratch.path_ranges.push((start as u32, end as u32));
        }
        true
    }
}
