//! Whether one document matches, by its bytes, and what of it is shown.

use super::{
    Candidate, Search,
    candidates::PartPlan,
    collect::{Collected, Want, collect_lines, collect_text},
    compile::{Node, Plan},
    finder::Memory,
    lines::show,
    pace::Pace,
};
use crate::{
    FileHit, LineHit, Result, Segment,
    rank::{Spans, score_of_matches},
};
use ax_model::{BlobId, DocKey};
use memchr::{memchr, memrchr};
use std::{cmp::Ordering, ops::Range};

/// Matched lines kept for patterns one by one.
const MANY_LINES: usize = 1 << 18;

/// What one thread needs to verify documents; kept from document to document.
pub(super) struct Scratch {
    text_memory: Vec<Memory>,
    file_memory: Vec<Memory>,
    found: Vec<Collected>,
    /// What several patterns found in one document, together.
    merged: Collected,
    path_ranges: Vec<(u32, u32)>,
    tally: Tally,
}

/// What verification cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) num_candidates: u64,
    pub(super) num_bytes: u64,
}

/// A document that matches.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) candidate: Candidate,
    pub(super) num_lines: u64,
    /// None when only counting.
    pub(super) file: Option<Box<FileHit>>,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.num_candidates += other.num_candidates;
        self.num_bytes += other.num_bytes;
    }
}

impl Hit {
    /// In the order asked for, then best first; equals in order of key.
    pub(super) fn order(a: &Self, b: &Self) -> Ordering {
        let place = |hit: &Self| (hit.candidate.part, hit.candidate.doc);
        let by_score = b.candidate.score.total_cmp(&a.candidate.score);
        let by_rank = a.candidate.rank.cmp(&b.candidate.rank).then(by_score);
        by_rank.then_with(|| a.name().cmp(&b.name())).then_with(|| place(a).cmp(&place(b)))
    }
}

impl Hit {
    fn name(&self) -> Option<(&DocKey, &BlobId)> {
        self.file.as_ref().map(|file| (&file.key, &file.blob))
    }
}

impl Scratch {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let (texts, files) = (plan.texts.len(), plan.files.len());
        Self {
            text_memory: (0..texts).map(|_| Memory::default()).collect(),
            file_memory: (0..files).map(|_| Memory::default()).collect(),
            found: vec![Collected::default(); texts + plan.symbols.len()],
            merged: Collected::default(),
            path_ranges: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn clear(&mut self) {
        self.found.iter_mut().for_each(Collected::clear);
        self.path_ranges.clear();
    }

    /// Makes one of what several patterns found, once it is much: all of it is shown together, and a
    /// thousand patterns over a million lines would fill the memory.
    fn gather(&mut self, shown: &mut Vec<usize>, from: usize) {
        let num_lines = |found: &[Collected], shown: &[usize]| -> usize {
            shown.iter().map(|i| found[*i].lines.len()).sum()
        };
        if shown.len() < from + 2 || num_lines(&self.found, &shown[from..]) < MANY_LINES {
            return;
        }
        let mut all = std::mem::take(&mut self.found[shown[from]]);
        for other in shown.drain(from + 1..) {
            all.merge(&std::mem::take(&mut self.found[other]));
        }
        self.found[shown[from]] = all;
    }

    /// What verification cost since the last call.
    pub(super) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }
}

/// One document under evaluation.
struct Document<'a> {
    search: &'a Search<'a>,
    segment: &'a Segment,
    plan: &'a PartPlan,
    doc: u32,
    text: &'a [u8],
    path: &'a [u8],
    max_lines: usize,
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
            max_lines: if self.options.count_only { 0 } else { self.options.max_lines_per_file },
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

    fn hit(
        &self,
        candidate: &Candidate,
        document: &Document<'_>,
        shown: &[usize],
        scratch: &mut Scratch,
    ) -> Result<Option<Hit>> {
        let Scratch { found, merged, path_ranges, text_memory, .. } = scratch;
        if shown.len() != 1 {
            merged.clear();
            for one in shown {
                if self.is_cut() {
                    return Ok(None);
                }
                merged.merge(&found[*one]);
            }
        }
        let all = if let [one] = shown { &found[*one] } else { &*merged };
        let num_lines = all.lines.len() as u64;
        if self.options.count_only {
            return Ok(Some(Hit { candidate: *candidate, num_lines, file: None }));
        }
        path_ranges.sort_unstable();
        path_ranges.dedup();
        let spans: Vec<Spans<'_>> = shown.iter().map(|one| found[*one].spans.as_slice()).collect();
        let (parameters, terms) = (&self.options.ranking, &self.plan.terms);
        let score = score_of_matches(parameters, terms, document.path, document.text, &spans);
        let candidate = Candidate { score: candidate.score + score, ..*candidate };
        let definition = document.line_of_definition(shown, all, text_memory);
        let lines = show(document.segment, document.doc, all, definition.as_ref(), self.options);
        let file = self.file(&candidate, document, lines, num_lines, path_ranges)?;
        Ok(Some(Hit { candidate, num_lines, file: Some(Box::new(file)) }))
    }

    fn file(
        &self,
        candidate: &Candidate,
        document: &Document<'_>,
        lines: Vec<LineHit>,
        num_matched_lines: u64,
        path_ranges: &[(u32, u32)],
    ) -> Result<FileHit> {
        let part = &self.snapshot.parts[candidate.part as usize];
        let record = document.segment.docs.record(document.doc)?;
        Ok(FileHit {
            key: document.segment.keys.decode(record.key)?,
            branches: part.branch_names(document.doc),
            language: document.segment.docs.strings.language(record.language).to_owned(),
            blob: record.blob,
            score: f64::from(candidate.score),
            lines,
            num_matched_lines,
            num_bytes: document.segment.docs.num_bytes(document.doc),
            committed_at_ms: record.committed_at_ms,
            path_ranges: path_ranges.to_vec(),
        })
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

    /// The line on which the document defines what the query names, if it matches and is not among the
    /// first, which are shown anyway.
    fn line_of_definition(
        &self,
        shown: &[usize],
        all: &Collected,
        memory: &mut [Memory],
    ) -> Option<Collected> {
        if all.lines.len() <= self.max_lines || self.max_lines == 0 {
            return None;
        }
        let start = self.plan.definition(self.doc)?;
        let place = all.lines.partition_point(|end| *end < start);
        let end = *all.lines.get(place).filter(|_| place >= self.max_lines)? as usize;
        let before = self.text.get(start as usize..end)?;
        if memchr(b'\n', before).is_some() {
            return None; // that is a later line
        }
        let line_start = memrchr(b'\n', &self.text[..start as usize]).map_or(0, |at| at + 1);
        let line = line_start..(end + 1).min(self.text.len());
        let mut found = Collected::of_line(end);
        let stop = || self.search.is_cut();
        let pace = Pace::new(&stop);
        for i in shown.iter().copied() {
            let Some(atom) = self.search.plan.texts.get(i).filter(|atom| !atom.multi_line) else {
                continue; // all matches of a symbol are known, and a match over lines is its first line's
            };
            let (want, mut of_atom) =
                (Want { max_lines: 1, first_only: false }, Collected::default());
            let (finder, range) = (&atom.finder, line.clone());
            collect_lines(finder, &mut memory[i], self.text, range, want, &pace, &mut of_atom);
            found.merge(&of_atom);
        }
        Some(found)
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
