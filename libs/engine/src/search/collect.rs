//! All matches of one pattern in a text, and the lines that they are on.
//!
//! A line ends at its line feed, which belongs to it; what follows the last line feed is a line only
//! if it is not empty. Lines are named here by their end: the place of the line feed, or the length
//! of the text.

use super::{
    finder::{Finder, Memory},
    pace::Pace,
};
use memchr::memchr;
use std::ops::Range;

/// Matches kept on one line: more are not legible, and a long line must not cost memory for each.
const MAX_SPANS_PER_LINE: usize = 1000;

/// What a match costs beside finding it, in units of work.
const WORK_PER_MATCH: u64 = 16;

/// Matches on so many lines of each pattern count for a file's score, however many lines are shown.
pub(super) const RANKED_LINES: usize = 100;

/// Matched lines and the matches on the first of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Collected {
    /// Ends of matched lines, ascending.
    pub(super) lines: Vec<u32>,
    /// Matches on the first lines, ascending, in bytes of the text.
    pub(super) spans: Vec<(u32, u32)>,
    /// Spans on the line matched last.
    on_line: usize,
}

impl Collected {
    /// One line by its end, without its matches.
    pub(super) fn of_line(end: usize) -> Self {
        Self { lines: vec![end as u32], ..Self::default() }
    }

    /// The matches that count for a file's score: those on the first lines, whatever else was kept.
    pub(super) fn ranked(&self) -> &[(u32, u32)] {
        let num = match self.lines.get(RANKED_LINES - 1) {
            Some(last) => self.spans.partition_point(|(start, _)| start <= last),
            None => self.spans.len(),
        };
        &self.spans[..num]
    }

    /// Forgets everything but the memory.
    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.spans.clear();
        self.on_line = 0;
    }

    /// Adds a match that is known already, lies on one line, and comes after all others.
    pub(super) fn push(&mut self, text: &[u8], start: usize, end: usize) {
        // A line may be long and have many: its end is looked for once.
        if self.lines.last().is_none_or(|last| (*last as usize) < end) {
            self.add_line(line_end(text, end, text.len()));
        }
        self.add_span(start, end, usize::MAX);
    }

    /// Adds what another pattern found.
    pub(super) fn merge(&mut self, other: &Self) {
        self.lines = union(&self.lines, &other.lines);
        self.spans.extend_from_slice(&other.spans);
        self.spans.sort_unstable();
        self.spans.dedup();
    }

    fn add_line(&mut self, end: usize) {
        if self.lines.last().is_none_or(|last| (*last as usize) < end) {
            self.lines.push(end as u32);
            self.on_line = 0;
        }
    }

    /// Adds a match; false when the rest of its line is of no interest.
    fn add_span(&mut self, start: usize, end: usize, max_lines: usize) -> bool {
        if self.lines.len() > max_lines || self.on_line == MAX_SPANS_PER_LINE {
            return false;
        }
        self.on_line += 1;
        self.spans.push((start as u32, end as u32));
        true
    }
}

/// What is in either of two ascending lists.
fn union(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut all = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let Some(next) = match (a.peek(), b.peek()) {
        (Some(x), Some(y)) if y < x => b.next(),
        (Some(_), _) => a.next(),
        (None, _) => b.next(),
    } {
        if all.last() != Some(next) {
            all.push(*next);
        }
    }
    all
}

/// How much is collected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Want {
    /// Lines whose matches are kept; all lines are counted.
    pub(super) max_lines: usize,
    /// Stop at the first match: only whether there is one matters.
    pub(super) first_only: bool,
}

/// Collects matches in `range`, which is whole lines, of a pattern that stays within a line.
pub(super) fn collect_lines(
    finder: &Finder,
    memory: &mut Memory,
    text: &[u8],
    range: Range<usize>,
    want: Want,
    pace: &Pace<'_>,
    found: &mut Collected,
) {
    if want.max_lines == 0 {
        return count_lines(finder, memory, text, range, want, pace, found);
    }
    let mut at = range.start;
    let (mut last_end, mut line) = (None, None);
    while at <= range.end {
        let Some((start, end)) = finder.find(memory, text, at, range.end, pace) else {
            return;
        };
        if start == range.end && is_line_start(text, start) {
            return; // that place belongs to the next line, or to none
        }
        if start == end && last_end == Some(end) {
            at = end + 1; // an empty match right behind a match does not count
            continue;
        }
        last_end = Some(end);
        if line.is_none_or(|line| line < end) {
            line = Some(line_end(text, end, range.end)); // once per line: it may be long
        }
        let line = line.unwrap_or(end);
        found.add_line(line);
        if want.first_only {
            return;
        }
        at = if found.add_span(start, end, want.max_lines) { end } else { line + 1 };
    }
}

/// The lines alone: where on them matches lie nobody asks.
fn count_lines(
    finder: &Finder,
    memory: &mut Memory,
    text: &[u8],
    range: Range<usize>,
    want: Want,
    pace: &Pace<'_>,
    found: &mut Collected,
) {
    let mut at = range.start;
    while at <= range.end {
        let Some(end) = finder.find_on_line(memory, text, at, range.end, pace) else {
            return;
        };
        if end == range.end && is_line_start(text, end) {
            return; // an empty match: that place belongs to the next line, or to none
        }
        let line = line_end(text, end, range.end);
        found.add_line(line);
        if want.first_only {
            return;
        }
        at = line + 1;
    }
}

/// Collects the matches of a pattern that may cross lines.
pub(super) fn collect_text(
    finder: &Finder,
    memory: &mut Memory,
    text: &[u8],
    want: Want,
    pace: &Pace<'_>,
    found: &mut Collected,
) {
    let (mut at, mut last_end) = (0, None);
    while at <= text.len() {
        let Some((start, end)) = finder.find(memory, text, at, text.len(), pace) else {
            return;
        };
        if start == text.len() && is_line_start(text, start) || !pace.go_on(WORK_PER_MATCH) {
            return;
        }
        at = end;
        if start == end && last_end == Some(end) {
            at = end + 1;
            continue;
        }
        last_end = Some(end);
        add_lines(text, start, end, found);
        if want.first_only {
            return;
        }
        found.add_span(start, end, want.max_lines);
    }
}

/// Adds every line that a match touches; a line feed belongs to the line that it ends.
fn add_lines(text: &[u8], start: usize, end: usize, found: &mut Collected) {
    let last = end.saturating_sub(1).max(start);
    if found.lines.last().is_some_and(|line| last <= *line as usize) {
        return; // the line of the match before
    }
    let mut at = start;
    loop {
        let line = line_end(text, at, text.len());
        found.add_line(line);
        if line >= last {
            return;
        }
        at = line + 1;
    }
}

/// Whether a line would start at `at`.
fn is_line_start(text: &[u8], at: usize) -> bool {
    at == 0 || text[at - 1] == b'\n'
}

/// The end of the line that `at` is on.
fn line_end(text: &[u8], at: usize, end: usize) -> usize {
    memchr(b'\n', &text[at..end]).map_or(end, |len| at + len)
}
