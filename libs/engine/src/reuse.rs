//! Definitions that earlier segments have already: of a text that comes again, by a rename, on another
//! branch, in a copy of a repository, after a revert, or when a shard is built anew, they are copied, since
//! parsing is five sixths of a build.
//!
//! A segment keeps definitions by name, so that those of one document are found by going through the names
//! of all. That pays for a large batch, and not for one file: see [`NAMES_PER_PARSED_BYTE`]. Rejected: a
//! second table of definitions by document, which would make the index larger for the sake of small
//! batches, whose parsing takes no time that anybody waits for.
//!
//! Not copied: what was given up, since the next try may be luckier; what nobody has looked at yet; and anything from a segment whose
//! definitions were extracted by other rules ([`ax_syntax::RULES`]), or by several.

use crate::{
    Result,
    bits::Bits,
    builder::{Definitions, Wanted},
    docs::{Docs, flag},
    format::section,
    map::map,
    marks::Marks,
    sections::Sections,
    symbols::{self, Place, Symbols},
};
use rustc_hash::FxHashMap;
use std::{path::Path, sync::Arc};
use tantivy::directory::OwnedBytes;

/// Bytes of names and places that are gone through in the time in which one byte of text is parsed.
const NAMES_PER_PARSED_BYTE: u64 = 16;
/// The sections that are verified. The texts are not: a wrong one is equal to none.
const SECTIONS: [&str; 7] = [
    section::DOCS,
    section::STRINGS,
    section::SYMBOL_TEXT,
    section::SYMBOL_UNITS,
    section::SYMBOL_PLACES,
    section::MARK_STARTS,
    section::MARK_DATA,
];

/// A segment's file, opened for the definitions in it.
#[derive(Debug)]
pub struct KnownSegment {
    docs: Docs,
    content: OwnedBytes,
    symbols: Symbols,
    marks: Marks,
    names_bytes: u64,
}

impl KnownSegment {
    /// Maps the file at `path`, as [`crate::Segment::open`] does, and reads a part of it only. `None` when
    /// its definitions are not as today's rules would have them.
    pub fn open(path: &Path) -> Result<Option<Arc<Self>>> {
        let sections = Sections::open(map(path)?)?;
        if sections.footer().rules != ax_syntax::RULES {
            return Ok(None);
        }
        sections.verify(|name| SECTIONS.contains(&name))?;
        let content = sections.get(section::CONTENT)?;
        // which keys the documents have is not asked here
        let docs = Docs::open(&sections, u32::MAX, content.len() as u64)?;
        let marks = Marks::open(&sections, docs.num())?;
        let names = [section::SYMBOL_TEXT, section::SYMBOL_PLACES];
        let names_bytes = names.iter().filter_map(|name| sections.find(name));
        let names_bytes = names_bytes.map(|bytes| bytes.len() as u64).sum();
        let symbols = Symbols::open(&sections)?;
        Ok(Some(Arc::new(Self { docs, content, symbols, marks, names_bytes })))
    }

    /// The definitions of those of `texts` that stand here, by their places; none when they are so few
    /// that parsing them costs less than looking.
    pub(crate) fn definitions_of(
        &self,
        texts: &[(usize, Wanted<'_>)],
    ) -> Result<FxHashMap<usize, Definitions>> {
        let there = self.equal(texts);
        let num_bytes: u64 = there.iter().map(|(_, doc)| self.docs.text(*doc).len() as u64).sum();
        if there.is_empty() || num_bytes.saturating_mul(NAMES_PER_PARSED_BYTE) < self.names_bytes {
            return Ok(FxHashMap::default());
        }
        let mut docs = Bits::none(self.docs.num());
        there.iter().for_each(|(_, doc)| docs.insert(*doc));
        let mut symbols = self.symbols_in(&docs)?;
        let read = |(place, doc): (usize, u32)| {
            let symbols = symbols.remove(&doc).unwrap_or_default();
            let marks = self.marks.bytes(doc)?.to_vec();
            Ok((place, Definitions { symbols, marks, ..Definitions::default() }))
        };
        there.into_iter().map(read).collect()
    }

    /// For each text that stands here its place, and one document that has it: no document twice, since
    /// no text is wanted twice.
    fn equal(&self, texts: &[(usize, Wanted<'_>)]) -> Vec<(usize, u32)> {
        let mut by_blob: FxHashMap<&[u8], Vec<(usize, Wanted<'_>)>> = FxHashMap::default();
        for (place, wanted) in texts.iter().filter(|(_, wanted)| !wanted.blob.0.is_empty()) {
            by_blob.entry(&wanted.blob.0).or_default().push((*place, *wanted));
        }
        let mut found = Vec::new();
        for doc in 0..self.docs.num() {
            let Some(of_blob) = by_blob.get_mut(self.docs.blob(doc)) else { continue };
            if let Some(at) = of_blob.iter().position(|(_, wanted)| self.has(doc, wanted)) {
                found.push((of_blob.swap_remove(at).0, doc));
            }
        }
        found
    }

    fn has(&self, doc: u32, wanted: &Wanted<'_>) -> bool {
        let is_known = self.docs.prior_facts(doc).0 & (flag::NO_SYMBOLS | flag::UNPARSED) == 0;
        let language = self.docs.strings.language(self.docs.language(doc));
        is_known
            && language == wanted.language.name
            && self.content[self.docs.text(doc)] == *wanted.text
    }

    fn symbols_in(&self, docs: &Bits) -> Result<FxHashMap<u32, Vec<symbols::Kinded>>> {
        let mut places: Vec<(Place, Vec<u8>)> = Vec::new();
        for unit in 0..self.symbols.num_units() {
            let mut unit = self.symbols.unit(unit);
            while let Some(named) = unit.next_name()? {
                named.each_place(|place| {
                    if docs.has(place.doc) {
                        places.push((place, named.name.to_vec()));
                    }
                })?;
            }
        }
        places.sort_by_key(|(place, _)| (place.doc, place.start));
        let mut found: FxHashMap<u32, Vec<_>> = FxHashMap::default();
        for (place, name) in places {
            let symbol = self.symbols.restore(name, place, &self.docs.strings.symbol_kinds)?;
            found.entry(place.doc).or_default().push(symbol);
        }
        Ok(found)
    }
}
