//! From a place in a document's bytes to its line and column, and back.

use crate::Segment;
use memchr::{memchr, memrchr};
use std::ops::Range;

/// Bytes shown of a line.
const MAX_SHOWN_BYTES: usize = 400;

/// A line of a document.
pub(super) struct LineAt {
    /// From 1.
    pub(super) number: u64,
    /// Its bytes, without the line feed.
    pub(super) range: Range<usize>,
}

/// The line that holds byte `at` of a document's text.
pub(super) fn line_at(segment: &Segment, doc: u32, at: usize) -> LineAt {
    let text = segment.text(doc);
    let at = at.min(text.len());
    let start = memrchr(b'\n', &text[..at]).map_or(0, |feed| feed + 1);
    let end = memchr(b'\n', &text[at..]).map_or(text.len(), |len| at + len);
    let (text_start, blocks) = (segment.docs.text(doc).start, segment.blocks_of(doc));
    // the last block that begins at or before the place knows how many lines come before it
    let (mut low, mut high) = (blocks.start, blocks.end);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if segment.blocks.range(middle).start - text_start <= at {
            low = middle
        } else {
            high = middle
        }
    }
    let (block_start, before) = match blocks.is_empty() {
        true => (0, 0),
        false => (segment.blocks.range(low).start - text_start, segment.blocks.line(low)),
    };
    let within = crate::blocks::count_lines(&text[block_start.min(start)..start]);
    LineAt { number: u64::from(before) + u64::from(within) + 1, range: start..end }
}

/// The bytes of line `number` of a text; `None` past its end.
pub(super) fn line_of(segment: &Segment, doc: u32, number: u64) -> Option<Range<usize>> {
    let (text, blocks) = (segment.text(doc), segment.blocks_of(doc));
    let text_start = segment.docs.text(doc).start;
    let wanted = number.checked_sub(1)?;
    let (mut low, mut high) = (blocks.start, blocks.end);
    while low + 1 < high {
        let middle = low + (high - low) / 2;
        if u64::from(segment.blocks.line(middle)) <= wanted { low = middle } else { high = middle }
    }
    let (mut start, mut line) = match blocks.is_empty() {
        true => (0, 0),
        false => {
            (segment.blocks.range(low).start - text_start, u64::from(segment.blocks.line(low)))
        }
    };
    while line < wanted {
        start += memchr(b'\n', text.get(start..)?)? + 1;
        line += 1;
    }
    let end = memchr(b'\n', text.get(start..)?).map_or(text.len(), |len| start + len);
    Some(start..end)
}

/// The column of byte `at` of a line, from 1, in characters; what is no UTF-8 counts as one per run.
pub(super) fn column(line: &[u8], at: usize) -> u32 {
    let before = &line[..at.min(line.len())];
    let chars = before
        .utf8_chunks()
        .map(|chunk| chunk.valid().chars().count() + usize::from(!chunk.invalid().is_empty()));
    u32::try_from(chars.sum::<usize>()).unwrap_or(u32::MAX).saturating_add(1)
}

/// The byte of a line that column `column` begins at; one past the line is its end. `None` beyond that.
pub(super) fn byte_of(line: &[u8], column: u32) -> Option<usize> {
    let mut left = column.checked_sub(1)? as usize;
    let mut at = 0;
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            if left == 0 {
                return Some(at);
            }
            (left, at) = (left - 1, at + c.len_utf8());
        }
        if !chunk.invalid().is_empty() {
            if left == 0 {
                return Some(at);
            }
            (left, at) = (left - 1, at + chunk.invalid().len());
        }
    }
    (left == 0).then_some(at)
}

/// A line as it is shown: without the white space at its ends, cut where it is very long, and how many
/// characters were left out before it.
pub(super) fn shown(line: &[u8]) -> (String, u32) {
    let text = String::from_utf8_lossy(line);
    let trimmed = text.trim_start();
    let indent = text[..text.len() - trimmed.len()].chars().count();
    let shown = trimmed[..trimmed.floor_char_boundary(MAX_SHOWN_BYTES)].trim_end();
    (shown.to_owned(), u32::try_from(indent).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lead_back() {
        let line = "é = \u{1f41f}x".as_bytes();
        for (at, expected) in [(0, 1), (2, 2), (3, 3), (5, 5), (9, 6), (10, 7)] {
            assert_eq!(column(line, at), expected, "byte {at}");
            assert_eq!(byte_of(line, expected), Some(at), "column {expected}");
        }
        assert_eq!((byte_of(line, 0), byte_of(line, 8)), (None, None));
        assert_eq!((column(b"\xffab", 2), byte_of(b"\xffab", 3)), (3, Some(2)));
    }

    #[test]
    fn a_line_is_shown_without_its_ends() {
        assert_eq!(shown(b"\t  fn x() {  \r"), ("fn x() {".to_owned(), 3));
        assert_eq!(shown("é".repeat(500).as_bytes()).0.len(), MAX_SHOWN_BYTES);
    }
}
