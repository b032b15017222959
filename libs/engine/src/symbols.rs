//! The definitions of a segment: distinct names in order, each with the places that define it.
//!
//! ```text
//! symbols/text   := (name LF)*                  ascending; no name holds a line feed
//! symbols/names  := (start:u32 place:u32)* sentinel
//! symbols/places := (doc:u32 start:u32 container:u32 kind:u32)*     by name, then doc, then start
//! ```
//!
//! `start` is in bytes of the document's text; the range's length is the name's. `container` is a
//! name's place, or !0. Names are found by the trigram index `symbol`, whose units are runs of 32.

use crate::{
    EngineError, Result,
    format::{NAMES_PER_UNIT, section, u32_at},
    grams::{GramBuilder, GramIndex, GramSorter},
    sections::{SectionWriter, Sections},
};
use rustc_hash::FxHashMap;
use std::{ops::Range, path::Path};
use tantivy::directory::OwnedBytes;

/// The field of the trigram index.
const FIELD: &str = "symbol";
/// Longer names are not kept: no language has them, only mistaken parses do.
const MAX_NAME_BYTES: usize = 512;
const NO_CONTAINER: u32 = u32::MAX;
const NAME_BYTES: usize = 8;
const PLACE_BYTES: usize = 16;

/// A definition to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewSymbol {
    /// The name, as it stands in the text.
    pub(crate) name: Vec<u8>,
    /// First byte of the name in the document's text.
    pub(crate) start: u32,
    /// Place of the kind's name among the strings.
    pub(crate) kind: u32,
    /// Name of what it is defined in.
    pub(crate) container: Option<Vec<u8>>,
}

/// A place that defines a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The document.
    pub(crate) doc: u32,
    /// First byte of the name in the document's text.
    pub(crate) start: u32,
    /// Place of the container among the names.
    pub(crate) container: Option<u32>,
    /// Place of the kind's name among the strings.
    pub(crate) kind: u32,
}

/// Gathers definitions.
#[derive(Debug, Default)]
pub(crate) struct SymbolsBuilder {
    numbers: FxHashMap<Vec<u8>, u32>,
    places: Vec<(u32, Place)>,
}

impl SymbolsBuilder {
    /// Adds a definition of `doc`; one whose name cannot be kept is left out.
    pub(crate) fn add(&mut self, doc: u32, symbol: NewSymbol) {
        let Some(name) = self.number_of(symbol.name) else {
            return;
        };
        let container = symbol.container.and_then(|container| self.number_of(container));
        let place = Place { doc, start: symbol.start, container, kind: symbol.kind };
        self.places.push((name, place));
    }

    fn number_of(&mut self, name: Vec<u8>) -> Option<u32> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(&b'\n') {
            return None;
        }
        let next = u32::try_from(self.numbers.len()).ok()?;
        Some(*self.numbers.entry(name).or_insert(next))
    }

    /// Writes the sections of symbols and their trigram index.
    pub(crate) fn write(mut self, out: &mut SectionWriter, scratch_dir: &Path) -> Result<()> {
        let mut names: Vec<(Vec<u8>, u32)> = self.numbers.into_iter().collect();
        names.sort_unstable();
        let mut ranks = vec![0; names.len()];
        for (rank, (_, number)) in names.iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        for (name, place) in &mut self.places {
            *name = ranks[*name as usize];
            place.container = place.container.map(|number| ranks[number as usize]);
        }
        self.places.sort_unstable_by_key(|(name, place)| (*name, place.doc, place.start));
        write_places(&self.places, out)?;
        write_names(&names, &self.places, out)?;
        write_grams(&names, out, scratch_dir)
    }
}

fn write_places(places: &[(u32, Place)], out: &mut SectionWriter) -> Result<()> {
    out.begin(section::SYMBOL_PLACES);
    for (_, place) in places {
        let container = place.container.unwrap_or(NO_CONTAINER);
        for number in [place.doc, place.start, container, place.kind] {
            out.write(&number.to_le_bytes())?;
        }
    }
    Ok(())
}

fn write_names(
    names: &[(Vec<u8>, u32)],
    places: &[(u32, Place)],
    out: &mut SectionWriter,
) -> Result<()> {
    out.begin(section::SYMBOL_TEXT);
    let (mut start, mut place) = (0u32, 0);
    let mut records = Vec::with_capacity((names.len() + 1) * NAME_BYTES);
    for (rank, (name, _)) in names.iter().enumerate() {
        records.extend_from_slice(&start.to_le_bytes());
        records.extend_from_slice(&(place as u32).to_le_bytes());
        out.write(name)?;
        out.write(b"\n")?;
        start = start
            .checked_add(name.len() as u32 + 1)
            .ok_or(EngineError::SegmentFull("4 GiB of symbol names"))?;
        place += places[place..].iter().take_while(|(name, _)| *name == rank as u32).count();
    }
    records.extend_from_slice(&start.to_le_bytes());
    records.extend_from_slice(&(place as u32).to_le_bytes());
    out.section(section::SYMBOL_NAMES, &records)
}

fn write_grams(
    names: &[(Vec<u8>, u32)],
    out: &mut SectionWriter,
    scratch_dir: &Path,
) -> Result<()> {
    let mut grams = GramBuilder::new(scratch_dir);
    let mut sorter = GramSorter::new();
    for (unit, names) in names.chunks(NAMES_PER_UNIT).enumerate() {
        let text = names.iter().map(|(name, _)| name.as_slice()).collect::<Vec<_>>().join(&b'\n');
        sorter.add(unit as u32, &text, text.len());
    }
    grams.push(&sorter.take_run())?;
    grams.finish(out, FIELD, names.len().div_ceil(NAMES_PER_UNIT) as u32)
}

/// The definitions of a mapped segment.
#[derive(Debug)]
pub(crate) struct Symbols {
    text: OwnedBytes,
    names: OwnedBytes,
    places: OwnedBytes,
    num_names: u32,
    /// Runs of 32 names by trigram.
    pub(crate) grams: GramIndex,
}

impl Symbols {
    /// Opens the sections and checks that they fit one another.
    pub(crate) fn open(sections: &Sections) -> Result<Self> {
        let names = sections.get(section::SYMBOL_NAMES)?;
        let bad = |what: &str| EngineError::corrupt(section::SYMBOL_NAMES, what);
        if !names.len().is_multiple_of(NAME_BYTES) || names.is_empty() {
            return Err(bad("records are cut"));
        }
        let num_names = u32::try_from(names.len() / NAME_BYTES - 1).map_err(|_| bad("too many"))?;
        let num_units = num_names.div_ceil(NAMES_PER_UNIT as u32);
        let grams = GramIndex::open(sections, FIELD, num_units)?;
        let (text, places) =
            (sections.get(section::SYMBOL_TEXT)?, sections.get(section::SYMBOL_PLACES)?);
        let symbols = Self { text, names, places, num_names, grams };
        symbols.check(sections.footer().num_docs)?;
        Ok(symbols)
    }

    /// How many distinct names there are.
    pub(crate) fn num_names(&self) -> u32 {
        self.num_names
    }

    /// The name at a place in order.
    pub(crate) fn name(&self, name: u32) -> &[u8] {
        let (start, end) = (self.number(name, 0) as usize, self.number(name + 1, 0) as usize);
        &self.text[start..end - 1]
    }

    /// The places that define the name.
    pub(crate) fn places(&self, name: u32) -> impl Iterator<Item = Place> + '_ {
        let places: Range<u32> = self.number(name, 4)..self.number(name + 1, 4);
        places.map(|place| self.place(place))
    }

    /// Every place with its name, in order of document and start.
    pub(crate) fn by_doc(&self) -> Vec<(u32, Place)> {
        let names = 0..self.num_names;
        let mut all: Vec<(u32, Place)> =
            names.flat_map(|name| self.places(name).map(move |place| (name, place))).collect();
        all.sort_unstable_by_key(|(_, place)| (place.doc, place.start));
        all
    }

    fn place(&self, place: u32) -> Place {
        let number = |i: usize| {
            u32_at(&self.places, place as usize * PLACE_BYTES + i * 4).unwrap_or(NO_CONTAINER)
        };
        let container = Some(number(2)).filter(|container| *container < self.num_names);
        Place { doc: number(0), start: number(1), container, kind: number(3) }
    }

    fn number(&self, name: u32, offset: usize) -> u32 {
        u32_at(&self.names, name as usize * NAME_BYTES + offset).unwrap_or(0)
    }

    fn check(&self, num_docs: u64) -> Result<()> {
        let bad = |what: &str| EngineError::corrupt(section::SYMBOL_NAMES, what);
        let num_places = self.places.len() / PLACE_BYTES;
        let starts = (0..=self.num_names).map(|name| self.number(name, 0));
        let firsts = (0..=self.num_names).map(|name| self.number(name, 4));
        let grows = starts.clone().zip(starts.skip(1)).all(|(start, end)| start < end);
        if !grows || !firsts.is_sorted() || self.number(0, 0) != 0 {
            return Err(bad("are out of order"));
        }
        let text_end = self.number(self.num_names, 0) as usize;
        let place_end = self.number(self.num_names, 4) as usize;
        if text_end != self.text.len() || place_end != num_places {
            return Err(bad("do not fill their text or their places"));
        }
        let docs_are_there =
            (0..num_places as u32).all(|place| u64::from(self.place(place).doc) < num_docs);
        if docs_are_there { Ok(()) } else { Err(bad("name documents that are not there")) }
    }
}
