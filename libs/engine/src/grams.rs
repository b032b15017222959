//! The trigram index: which units hold which folded trigram. A unit is whatever its owner says: a
//! block of a document's lines, a path, a run of symbol names.
//!
//! Units, and not documents, are what the postings of the content name, because a large file holds
//! most trigrams and would be a candidate of every query; a block of 8 KiB holds few. Rejected:
//! postings in tantivy (one hash look-up per occurrence; 55 MB/s on two cores), roaring (16 bits per
//! sparse posting), positions (1.7 bytes per byte of text).
//!
//! ```text
//! keys    := (gram:u32 count:u32 start:u32)*    ascending; the last is a sentinel of gram !0
//!                                               gram = b0 << 16 | b1 << 8 | b2;
//!                                               the highest bit of count: the list is a bitmap
//! lists   := list*                              in order of gram
//! list    := bitmap | packed
//! bitmap  := bit per unit, lowest first, padded to a byte
//! packed  := skip{count / 128} group{count / 128} tail
//! skip    := last:u32 width:u8                  the group's last unit, bits per delta
//! group   := 128 strictly ascending units, bit-packed deltas (16 * width bytes)
//! tail    := delta:leb128{count % 128}          each minus the one before, the first minus the last
//!                                               of the last group, or minus nothing
//! ```

mod build;
mod eval;
mod list;

pub(crate) use build::{GramBuilder, GramSorter};
pub(crate) use eval::Units;

use crate::{
    EngineError, Result,
    format::u32_at,
    sections::{SectionWriter, Sections},
};
use ax_query::grams::Gram;
use list::List;
use tantivy::directory::OwnedBytes;

/// Bytes of one entry of the keys.
const KEY_BYTES: usize = 12;
/// Set in a count when the list is a bitmap.
const BITMAP: u32 = 1 << 31;

/// The names of the two sections of the index of `field`.
fn sections_of(field: &str) -> (String, String) {
    (format!("grams/{field}/keys"), format!("grams/{field}/lists"))
}

/// A trigram as a number that sorts as its bytes do.
fn number(gram: Gram) -> u32 {
    u32::from_be_bytes([0, gram[0], gram[1], gram[2]])
}

/// The trigram index of one field, as it lies in a segment.
#[derive(Debug)]
pub(crate) struct GramIndex {
    keys: OwnedBytes,
    lists: OwnedBytes,
    num_units: u32,
    field: &'static str,
}

impl GramIndex {
    /// Opens the index of `field`, and checks that its keys are in order.
    pub(crate) fn open(sections: &Sections, field: &'static str, num_units: u32) -> Result<Self> {
        let (keys, lists) = sections_of(field);
        let index =
            Self { keys: sections.get(&keys)?, lists: sections.get(&lists)?, num_units, field };
        if !index.keys.len().is_multiple_of(KEY_BYTES) || index.keys.is_empty() {
            return Err(index.corrupt("keys are cut"));
        }
        let grams = index.keys.chunks_exact(KEY_BYTES).map(|key| u32_at(key, 0).unwrap_or(0));
        let starts = index.keys.chunks_exact(KEY_BYTES).map(|key| u32_at(key, 8).unwrap_or(0));
        let in_bounds = starts.clone().all(|start| start as usize <= index.lists.len());
        if !grams.is_sorted() || !starts.is_sorted() || !in_bounds {
            return Err(index.corrupt("keys are out of order"));
        }
        Ok(index)
    }

    /// The units that hold `gram`; `None` when none does.
    fn find(&self, gram: Gram) -> Result<Option<List<'_>>> {
        let wanted = number(gram);
        let gram_of = |i: usize| u32_at(&self.keys, i * KEY_BYTES);
        let (mut low, mut high) = (0, self.keys.len() / KEY_BYTES - 1);
        while low < high {
            let middle = (low + high) / 2;
            if gram_of(middle)? < wanted { low = middle + 1 } else { high = middle }
        }
        if gram_of(low)? != wanted || low + 1 == self.keys.len() / KEY_BYTES {
            return Ok(None);
        }
        let start = u32_at(&self.keys, low * KEY_BYTES + 8)? as usize;
        let end = u32_at(&self.keys, (low + 1) * KEY_BYTES + 8)? as usize;
        let bytes = self.lists.get(start..end).ok_or_else(|| self.corrupt("list is cut"))?;
        let count = u32_at(&self.keys, low * KEY_BYTES + 4)?;
        let list = List::new(bytes, count, self.num_units);
        Ok(Some(list.ok_or_else(|| self.corrupt("list has a wrong length"))?))
    }

    /// The trigrams of any unit in which two bytes stand side by side.
    pub(crate) fn grams_with(&self, pair: [u8; 2]) -> Vec<Gram> {
        let grams = self.keys.chunks_exact(KEY_BYTES).map(|key| u32_at(key, 0).unwrap_or(u32::MAX));
        let grams = grams.map(u32::to_be_bytes).filter(|gram| gram[0] == 0); // not the sentinel
        let grams = grams.map(|[_, a, b, c]| [a, b, c]);
        grams.filter(|gram| gram[..2] == pair || gram[1..] == pair).collect()
    }

    /// How many units there are.
    pub(crate) fn num_units(&self) -> u32 {
        self.num_units
    }

    fn corrupt(&self, what: &str) -> EngineError {
        EngineError::corrupt(format!("grams/{}", self.field), what)
    }
}

/// Writes the two sections of one field, list by list.
struct GramWriter<'a> {
    out: &'a mut SectionWriter,
    keys: Vec<u8>,
    list: Vec<u8>,
    num_units: u32,
    written: u64,
}

impl<'a> GramWriter<'a> {
    fn begin(out: &'a mut SectionWriter, field: &str, num_units: u32) -> Self {
        out.begin(sections_of(field).1);
        Self { out, keys: Vec::new(), list: Vec::new(), num_units, written: 0 }
    }

    /// Appends the list of a gram that is greater than all before it.
    fn push(&mut self, gram: u32, units: &[u32]) -> Result<()> {
        self.list.clear();
        let count = list::encode(units, self.num_units, &mut self.list);
        self.key(gram, count)?;
        self.written += self.list.len() as u64;
        self.out.write(&self.list)
    }

    fn finish(mut self, field: &str) -> Result<()> {
        self.key(u32::MAX, 0)?;
        self.out.section(sections_of(field).0, &self.keys)
    }

    fn key(&mut self, gram: u32, count: u32) -> Result<()> {
        let start = u32::try_from(self.written)
            .map_err(|_| EngineError::SegmentFull("4 GiB of trigram postings"))?;
        for number in [gram, count, start] {
            self.keys.extend_from_slice(&number.to_le_bytes());
        }
        Ok(())
    }
}
