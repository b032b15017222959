//! Blocks: runs of whole lines of one document, the units of the content's trigram index.
//!
//! Since a block starts and ends at line ends, a pattern that cannot match a line feed finds all its
//! matches within single blocks, and only blocks that hold its trigrams are read. The line feeds
//! before each block are stored, so that a line's number costs a look at its block only.

use crate::{
    EngineError, Result,
    format::{BLOCK_BYTES, section, u32_at, u64_at},
    sections::{SectionWriter, Sections},
};
use memchr::{memchr, memchr_iter, memrchr};
use std::ops::Range;
use tantivy::directory::OwnedBytes;

const RECORD_BYTES: usize = 16;

/// The blocks of a text: ends in bytes, ascending, the last at its length. None for an empty text.
pub(crate) fn split(text: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let rest = &text[start..];
        let len = if rest.len() <= BLOCK_BYTES + BLOCK_BYTES / 2 {
            rest.len()
        } else if let Some(at) = memrchr(b'\n', &rest[..BLOCK_BYTES]) {
            at + 1
        } else {
            memchr(b'\n', rest).map_or(rest.len(), |at| at + 1)
        };
        start += len;
        ends.push(start);
    }
    ends
}

/// How many line feeds are in `text`.
pub(crate) fn count_lines(text: &[u8]) -> u32 {
    u32::try_from(memchr_iter(b'\n', text).count()).unwrap_or(u32::MAX)
}

/// Gathers the records of a segment's blocks.
#[derive(Debug, Default)]
pub(crate) struct BlocksBuilder {
    records: Vec<u8>,
    num: u32,
}

impl BlocksBuilder {
    /// Appends a block.
    pub(crate) fn push(&mut self, start: u64, line: u32, doc: u32) {
        self.records.extend_from_slice(&start.to_le_bytes());
        self.records.extend_from_slice(&line.to_le_bytes());
        self.records.extend_from_slice(&doc.to_le_bytes());
        self.num += 1;
    }

    /// How many there are.
    pub(crate) fn num(&self) -> u32 {
        self.num
    }

    /// Writes the section `blocks`.
    pub(crate) fn write(mut self, text_len: u64, out: &mut SectionWriter) -> Result<()> {
        self.push(text_len, 0, u32::MAX);
        out.section(section::BLOCKS, &self.records)
    }
}

/// The blocks of a mapped segment.
#[derive(Debug)]
pub(crate) struct Blocks {
    records: OwnedBytes,
    num: u32,
}

impl Blocks {
    /// Opens the table and checks that blocks follow one another up to `text_len`.
    pub(crate) fn open(sections: &Sections, text_len: u64, num_docs: u32) -> Result<Self> {
        let records = sections.get(section::BLOCKS)?;
        let bad = |what: &str| EngineError::corrupt(section::BLOCKS, what);
        if !records.len().is_multiple_of(RECORD_BYTES) || records.is_empty() {
            return Err(bad("records are cut"));
        }
        let num = u32::try_from(records.len() / RECORD_BYTES - 1).map_err(|_| bad("too many"))?;
        let blocks = Self { records, num };
        let docs_are_there = (0..num).all(|block| blocks.doc(block) < num_docs);
        let starts = (0..=num).map(|block| blocks.start(block));
        let fills = num == 0 || blocks.start(0) == 0;
        if !docs_are_there
            || !fills
            || !starts.is_sorted()
            || blocks.start(num) != text_len as usize
        {
            return Err(bad("do not fill the content"));
        }
        Ok(blocks)
    }

    /// How many there are.
    pub(crate) fn num(&self) -> u32 {
        self.num
    }

    /// Its bytes in the content.
    pub(crate) fn range(&self, block: u32) -> Range<usize> {
        self.start(block)..self.start(block + 1)
    }

    /// The line feeds of its document before it.
    pub(crate) fn line(&self, block: u32) -> u32 {
        u32_at(&self.records, block as usize * RECORD_BYTES + 8).unwrap_or(0)
    }

    /// Its document.
    pub(crate) fn doc(&self, block: u32) -> u32 {
        u32_at(&self.records, block as usize * RECORD_BYTES + 12).unwrap_or(u32::MAX)
    }

    fn start(&self, block: u32) -> usize {
        u64_at(&self.records, block as usize * RECORD_BYTES).unwrap_or(0) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lens(text: &[u8]) -> Vec<usize> {
        let ends = split(text);
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts.zip(&ends).map(|(start, end)| end - start).collect()
    }

    #[test]
    fn blocks_are_whole_lines() {
        assert!(split(b"").is_empty());
        assert_eq!(lens(b"a\nb"), [3]);
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        let text = line.repeat(400);
        assert_eq!(lens(&text), [8_100, 8_100, 8_100, 8_100, 7_600]);
        let long = [b"y".repeat(50_000), line.repeat(100)].concat();
        assert_eq!(lens(&long), [50_100, 9_900]);
        assert_eq!(lens(&b"z".repeat(60_000)), [60_000]);
    }
}
