//! From matched lines to what is shown: numbers, text, ranges, context.

use super::collect::Collected;
use crate::{LineHit, SearchOptions, Segment};
use memchr::{memchr, memchr_iter, memrchr};
use std::ops::Range;

/// A line of a text: its bytes without the line feed, and its number from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    range: Range<usize>,
    number: u64,
}

/// The lines to show of a document: the first that match. `best` is one more that matches, below those;
/// it takes the place of the last.
pub(super) fn show(
    segment: &Segment,
    doc: u32,
    found: &Collected,
    best: Option<&Collected>,
    options: &SearchOptions,
) -> Vec<LineHit> {
    let text = segment.text(doc);
    let mut numbers = LineNumbers::new(segment, doc);
    let mut shown: Vec<LineHit> = Vec::new();
    let mut both = Collected::default();
    let num_first = options.max_lines_per_file - usize::from(best.is_some());
    let first = &found.lines[..found.lines.len().min(num_first)];
    let ends =
        first.iter().chain(best.iter().flat_map(|best| &best.lines)).map(|end| *end as usize);
    let mut spans = found.spans.as_slice();
    if let Some(best) = best {
        both.merge(found);
        both.merge(best);
        spans = &both.spans;
    }
    let matched: Vec<Line> = ends.map(|end| numbers.line_ending_at(text, end)).collect();
    for (i, line) in matched.iter().enumerate() {
        add_before(text, line, options, &mut shown);
        while spans.first().is_some_and(|(_, end)| (*end as usize) < line.range.start) {
            spans = &spans[1..];
        }
        let ranges = ranges_on(line, spans);
        shown.push(line_hit(text, line, &ranges, options.max_line_bytes));
        let next = matched.get(i + 1).map_or(u64::MAX, |next| next.number);
        add_after(text, line, next, options, &mut shown);
    }
    shown
}

/// The parts of `spans` on a line, relative to it; overlapping ones become one.
fn ranges_on(line: &Line, spans: &[(u32, u32)]) -> Vec<(usize, usize)> {
    let Range { start, end } = line.range;
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for (from, to) in spans.iter().map(|(from, to)| (*from as usize, *to as usize)) {
        if from > end {
            break;
        }
        // a match that only reaches the line feed before this line does not touch it
        if to < start || (to == start && from < start) {
            continue;
        }
        let (from, to) = (from.max(start) - start, to.min(end).max(start) - start);
        match ranges.last_mut() {
            Some(last) if from < last.1 || (from, to) == *last => last.1 = last.1.max(to),
            _ => ranges.push((from.min(to), to)),
        }
    }
    ranges
}

fn add_before(text: &[u8], line: &Line, options: &SearchOptions, shown: &mut Vec<LineHit>) {
    let after = shown.last().map_or(0, |last| last.number);
    let mut before = Vec::new();
    let mut first = line.clone();
    while before.len() < options.context_lines && first.number > after + 1 {
        let end = first.range.start - 1;
        let start = memrchr(b'\n', &text[..end]).map_or(0, |at| at + 1);
        first = Line { range: start..end, number: first.number - 1 };
        before.push(line_hit(text, &first, &[], options.max_line_bytes));
    }
    shown.extend(before.into_iter().rev());
}

/// Context after a line, up to the next matched line.
fn add_after(
    text: &[u8],
    line: &Line,
    next: u64,
    options: &SearchOptions,
    shown: &mut Vec<LineHit>,
) {
    let mut last = line.clone();
    for _ in 0..options.context_lines {
        let start = last.range.end + 1;
        if start >= text.len() || last.number + 1 >= next {
            return;
        }
        let end = memchr(b'\n', &text[start..]).map_or(text.len(), |len| start + len);
        last = Line { range: start..end, number: last.number + 1 };
        shown.push(line_hit(text, &last, &[], options.max_line_bytes));
    }
}

fn line_hit(text: &[u8], line: &Line, ranges: &[(usize, usize)], max_bytes: usize) -> LineHit {
    let bytes = &text[line.range.clone()];
    let window = window(bytes, ranges.first().copied(), max_bytes);
    let cut = window != (0..bytes.len());
    let within = ranges.iter().filter(|(from, to)| *from <= window.end && *to >= window.start);
    let ranges: Vec<(usize, usize)> = within
        .map(|(from, to)| {
            let clip = |at: usize| at.clamp(window.start, window.end) - window.start;
            (clip(*from), clip(*to))
        })
        .collect();
    let (text, ranges) = to_text(&bytes[window], &ranges);
    LineHit { number: line.number, text, ranges, cut }
}

/// The part of a long line to show: around the first match, between characters.
fn window(bytes: &[u8], first: Option<(usize, usize)>, max_bytes: usize) -> Range<usize> {
    if bytes.len() <= max_bytes {
        return 0..bytes.len();
    }
    let wanted = first.map_or(0, |(from, _)| from.saturating_sub(max_bytes / 4));
    let start = wanted.min(bytes.len() - max_bytes);
    let is_inside = |at: usize| at < bytes.len() && bytes[at] & 0xc0 == 0x80;
    let start = (start..start + 4).find(|at| !is_inside(*at)).unwrap_or(start);
    let end = (start + max_bytes).min(bytes.len());
    let end = (end.saturating_sub(3)..=end).rev().find(|at| !is_inside(*at)).unwrap_or(end);
    start..end.max(start)
}

/// The bytes as text, with ranges moved to where they now are, and to the bounds of characters.
fn to_text(bytes: &[u8], ranges: &[(usize, usize)]) -> (String, Vec<(u32, u32)>) {
    let mut text = String::with_capacity(bytes.len());
    // for each chunk: where its bytes start, where its text starts, how many bytes are as they were
    let mut chunks = Vec::new();
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        chunks.push((at, text.len(), chunk.valid().len()));
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        if !chunk.invalid().is_empty() {
            chunks.push((at, text.len(), 0));
            text.push(char::REPLACEMENT_CHARACTER);
            at += chunk.invalid().len();
        }
    }
    chunks.push((at, text.len(), 0));
    let moved = |place: usize| {
        let i = chunks.partition_point(|(start, _, _)| *start <= place).saturating_sub(1);
        let (start, to, valid) = chunks[i];
        to + (place - start).min(valid)
    };
    let floor = |mut place: usize| {
        while !text.is_char_boundary(place) {
            place -= 1;
        }
        place
    };
    let ceil = |mut place: usize| {
        while !text.is_char_boundary(place) {
            place += 1;
        }
        place
    };
    let ends = |to: usize| chunks.iter().find(|(start, _, _)| *start >= to).map(|(_, at, _)| *at);
    let is_valid_end = |to: usize| {
        let i = chunks.partition_point(|(start, _, _)| *start < to).saturating_sub(1);
        to <= chunks[i].0 + chunks[i].2
    };
    let ranges = ranges.iter().map(|(from, to)| {
        let start = floor(moved(*from));
        // the end of a match inside of bytes that are not UTF-8 is the end of their stand-in
        let end = if is_valid_end(*to) { moved(*to) } else { ends(*to).unwrap_or(text.len()) };
        (start as u32, ceil(end.max(start)) as u32)
    });
    let ranges = ranges.collect();
    (text, ranges)
}

/// Finds the numbers of ascending lines, looking only at the blocks that they are in.
struct LineNumbers<'a> {
    segment: &'a Segment,
    blocks: Range<u32>,
    text_start: usize,
    /// A line start and the line feeds before it.
    known: (usize, u64),
}

impl<'a> LineNumbers<'a> {
    fn new(segment: &'a Segment, doc: u32) -> Self {
        let text_start = segment.docs.text(doc).start;
        Self { segment, blocks: segment.blocks_of(doc), text_start, known: (0, 0) }
    }

    fn line_ending_at(&mut self, text: &[u8], end: usize) -> Line {
        let start = memrchr(b'\n', &text[..end]).map_or(0, |at| at + 1);
        let block = self.block_of(start);
        let block_start = self.segment.blocks.range(block).start.saturating_sub(self.text_start);
        if block_start > self.known.0 {
            self.known = (block_start, u64::from(self.segment.blocks.line(block)));
        }
        let feeds = memchr_iter(b'\n', &text[self.known.0.min(start)..start]).count() as u64;
        self.known = (start, self.known.1 + feeds);
        Line { range: start..end, number: self.known.1 + 1 }
    }

    /// The last block that starts at or before a place of the text.
    fn block_of(&self, place: usize) -> u32 {
        let (mut low, mut high) = (self.blocks.start, self.blocks.end);
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            let starts_before = self.segment.blocks.range(middle).start <= self.text_start + place;
            if starts_before { low = middle } else { high = middle }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], ranges: &[(usize, usize)], text: &str, expected: &[(u32, u32)]) {
        let (shown, moved) = to_text(bytes, ranges);
        assert_eq!((shown.as_str(), moved.as_slice()), (text, expected));
    }

    #[test]
    fn ranges_move_with_the_bytes_that_are_not_text() {
        check(b"abc", &[(1, 2), (3, 3)], "abc", &[(1, 2), (3, 3)]);
        check(b"a\xffb", &[(0, 1), (1, 2), (2, 3)], "a\u{fffd}b", &[(0, 1), (1, 4), (4, 5)]);
        check(b"\xf0\x9f\x92", &[(1, 2)], "\u{fffd}", &[(0, 3)]);
        check("aéb".as_bytes(), &[(2, 3)], "aéb", &[(1, 3)]);
        check("aéb".as_bytes(), &[(2, 2)], "aéb", &[(1, 3)]);
    }

    #[test]
    fn a_long_line_is_shown_around_its_match() {
        let line = [b"x".repeat(10_000), "né".into(), b"y".repeat(10_000)].concat();
        let shown = window(&line, Some((10_000, 10_003)), 100);
        assert_eq!(shown, 9_975..10_075);
        assert_eq!(window(&line, Some((20_000, 20_001)), 100), 19_903..20_003);
        assert_eq!(window("ééé".as_bytes(), None, 3), 0..2);
        assert_eq!(window(b"short", None, 5), 0..5);
    }
}
