//! A document that matches: its score, and the lines of it that are shown.

use super::{
    Candidate, Search,
    collect::{Collected, Want, collect_lines},
    evaluate::Document,
    finder::Memory,
    lines::show,
    pace::Pace,
    scratch::Scratch,
};
use crate::{
    FileHit, LineHit, Result,
    rank::{Spans, signals_of_matches},
};
use ax_model::{BlobId, DocKey};
use memchr::{memchr, memrchr};
use std::{cmp, sync::atomic::Ordering};

/// A document that matches.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) candidate: Candidate,
    pub(super) num_lines: u64,
    /// None when only counting.
    pub(super) file: Option<Box<FileHit>>,
}

impl Hit {
    /// In the order asked for, then best first; equals in order of key.
    pub(super) fn order(a: &Self, b: &Self) -> cmp::Ordering {
        let place = |hit: &Self| (hit.candidate.part, hit.candidate.doc);
        let by_score = b.candidate.score.total_cmp(&a.candidate.score);
        let by_rank = a.candidate.rank.cmp(&b.candidate.rank).then(by_score);
        by_rank.then_with(|| a.name().cmp(&b.name())).then_with(|| place(a).cmp(&place(b)))
    }

    /// Matched lines that are shown of it.
    pub(super) fn num_shown(&self) -> usize {
        self.file.as_ref().map_or(0, |file| file.num_shown())
    }

    fn name(&self) -> Option<(&DocKey, &BlobId)> {
        self.file.as_ref().map(|file| (&file.key, &file.blob))
    }
}

/// Leaves `max_lines` matched lines in all; false when there were no more.
pub(super) fn cut(hits: &mut Vec<Hit>, max_lines: usize) -> bool {
    let mut left = max_lines;
    for i in 0..hits.len() {
        let num_shown = hits[i].num_shown();
        if num_shown <= left {
            left -= num_shown;
            continue;
        }
        if let Some(file) = &mut hits[i].file {
            file.keep_lines(left);
        }
        hits.truncate(i + usize::from(left > 0));
        return true;
    }
    false
}

impl Search<'_> {
    /// What is found of a document that matches by the patterns `shown`.
    pub(super) fn hit(
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
        let spans: Vec<Spans<'_>> = shown.iter().map(|one| found[*one].ranked()).collect();
        let (parameters, terms) = (&self.options.ranking, &self.plan.terms);
        let added = signals_of_matches(parameters, terms, document.path, &spans);
        let score = candidate.score + added.iter().map(|signal| signal.value).sum::<f32>();
        let candidate = Candidate { score, ..*candidate };
        let definition = document.line_of_definition(shown, all, text_memory);
        let lines = show(document.segment, document.doc, all, definition.as_ref(), self.options);
        let mut file = self.file(&candidate, document, lines, num_lines, path_ranges)?;
        if self.options.explain
            && let Some(ranking) = &self.ranking
        {
            let known = &document.plan.known;
            file.signals = ranking.signals(document.segment, document.doc, known)?;
            file.signals.extend(added);
        }
        self.held.fetch_add(file.memory_bytes(), Ordering::Relaxed);
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
            signals: Vec::new(),
        })
    }
}

impl Document<'_> {
    /// The line on which the document defines what the query names, if it matches and is not among the
    /// first, which are shown anyway.
    fn line_of_definition(
        &self,
        shown: &[usize],
        all: &Collected,
        memory: &mut [Memory],
    ) -> Option<Collected> {
        let max_lines = self.search.options.max_lines_per_file;
        if all.lines.len() <= max_lines || max_lines == 0 {
            return None;
        }
        let start = self.plan.definition(self.doc)?;
        let place = all.lines.partition_point(|end| *end < start);
        let end = *all.lines.get(place).filter(|_| place >= max_lines)? as usize;
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
}
