//! The layout of a segment's object, version 1. Numbers are little-endian.
//!
//! ```text
//! segment  := section* footer trailer
//! section  := bytes                     named, with start, length and CRC-32 (IEEE), by the footer
//! footer   := ax.manifest.v1.SegmentFooter (protobuf)
//! trailer  := footer_len:u32 footer_crc:u32 format:u32 magic:[8]
//!
//! content            := the texts of all documents, one after another, as they are
//! blocks             := block* sentinel              in order of start; none is empty
//! block              := start:u64 line:u32 doc:u32   a run of whole lines of one document,  8 KiB
//!                                                    or one long line; `line`: line feeds before it
//! docs               := doc*                         see `docs`
//! strings            := table{4}                     repositories, languages, encodings, branch sets
//! table              := count:u32 (len:u32 bytes)*   a branch set is its names joined by NUL
//! keys               := key* sentinel                in order of the encoded key; see `keys`
//! keytext            := the encoded keys, one after another
//! dead               := doc:u32*                     superseded within the segment itself, ascending
//! repositories       := (len:u32 ax.search.v1.Repository)*
//! symbols/units      := (text_start:u32 places_start:u32)* sentinel   runs of 32 names
//! symbols/text       := the distinct names in order, see `symbols`
//! symbols/places     := where they are defined, see `symbols`
//! marks/starts       := start:u32* sentinel         per document, in marks/data; see `marks`
//! marks/data         := how far definitions go, and where comments and strings stand; both sections are
//!                       missing in segments written before there were any
//! grams/F/keys       := (gram:u32 count:u32 start:u32)*  ascending; F: content, path, symbol
//! grams/F/lists      := see `grams`; units are blocks, keys, and runs of 32 names
//! index/NAME         := the file NAME of a tantivy index whose documents are those of `docs`
//! ```
//!
//! Every section but `content` is verified when a segment is opened; `content` holds no structure,
//! so that damage to it cannot mislead a reader; `Segment::verify` checks it too.

use crate::{EngineError, Result};
use ax_proto::manifest::SegmentFooter;
use prost::Message;

/// The version that this code writes and reads.
pub(crate) const FORMAT: u32 = 1;
/// The last eight bytes of every segment.
pub(crate) const MAGIC: [u8; 8] = *b"ax-segm\n";
/// Bytes of the trailer.
pub(crate) const TRAILER_BYTES: usize = 20;
/// Bytes that a block of lines aims at.
pub(crate) const BLOCK_BYTES: usize = 8 << 10;
/// Names of symbols that share one unit of the trigram index.
pub(crate) const NAMES_PER_UNIT: usize = 32;
/// The prefix of the sections that are files of the inverted index.
pub(crate) const INDEX_PREFIX: &str = "index/";

/// Names of sections.
pub(crate) mod section {
    pub(crate) const CONTENT: &str = "content";
    pub(crate) const BLOCKS: &str = "blocks";
    pub(crate) const DOCS: &str = "docs";
    pub(crate) const STRINGS: &str = "strings";
    pub(crate) const KEYS: &str = "keys";
    pub(crate) const KEYTEXT: &str = "keytext";
    pub(crate) const DEAD: &str = "dead";
    pub(crate) const REPOSITORIES: &str = "repositories";
    pub(crate) const SYMBOL_TEXT: &str = "symbols/text";
    pub(crate) const SYMBOL_UNITS: &str = "symbols/units";
    pub(crate) const SYMBOL_PLACES: &str = "symbols/places";
    pub(crate) const MARK_STARTS: &str = "marks/starts";
    pub(crate) const MARK_DATA: &str = "marks/data";
}

/// The footer and trailer as bytes.
pub(crate) fn encode_tail(footer: &SegmentFooter) -> Vec<u8> {
    let mut bytes = footer.encode_to_vec();
    let len = u32::try_from(bytes.len()).expect("a footer names a few dozen sections");
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&len.to_le_bytes());
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&MAGIC);
    bytes
}

/// Reads the footer from the end of a segment's bytes and checks that each of its sections lies
/// before it.
pub(crate) fn decode_tail(segment: &[u8]) -> Result<SegmentFooter> {
    let bad = |what: &str| EngineError::corrupt("trailer", what);
    let at = segment.len().checked_sub(TRAILER_BYTES).ok_or_else(|| bad("too short"))?;
    let (rest, trailer) = segment.split_at(at);
    if trailer[12..] != MAGIC {
        return Err(bad("magic bytes are missing"));
    }
    let format = u32_at(trailer, 8)?;
    if format != FORMAT {
        return Err(bad(&format!("format {format}, but this program reads format {FORMAT}")));
    }
    let start = rest.len().checked_sub(u32_at(trailer, 0)? as usize);
    let start = start.ok_or_else(|| bad("footer is longer than the file"))?;
    let footer = &rest[start..];
    if crc32fast::hash(footer) != u32_at(trailer, 4)? {
        return Err(bad("footer does not match its checksum"));
    }
    let footer = SegmentFooter::decode(footer)
        .map_err(|error| EngineError::corrupt("footer", error.to_string()))?;
    for section in &footer.sections {
        let end = section.start.checked_add(section.num_bytes);
        if end.is_none_or(|end| end > start as u64) {
            return Err(EngineError::corrupt(&section.name, "lies outside of the file"));
        }
    }
    Ok(footer)
}

/// The `u32` at byte `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Result<u32> {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    bytes.map(|b| u32::from_le_bytes(*b)).ok_or_else(too_short)
}

/// The `u64` at byte `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Result<u64> {
    let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>());
    bytes.map(|b| u64::from_le_bytes(*b)).ok_or_else(too_short)
}

fn too_short() -> EngineError {
    EngineError::corrupt("section", "is too short")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_survives_and_its_damage_is_found() {
        let footer = SegmentFooter { id: "s".into(), format: FORMAT, ..Default::default() };
        let bytes = encode_tail(&footer);
        assert_eq!(decode_tail(&bytes).unwrap(), footer);
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(decode_tail(&damaged).is_err(), "byte {at}");
            assert!(decode_tail(&bytes[..at]).is_err(), "cut at {at}");
        }
    }
}
