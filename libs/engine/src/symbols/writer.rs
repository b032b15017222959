//! Gathering definitions and writing their sections.

use super::{FIELD, MAX_NAME_BYTES, NewSymbol};
use crate::{
    EngineError, Result,
    format::{NAMES_PER_UNIT, section},
    grams::{GramBuilder, GramSorter},
    leb,
    sections::SectionWriter,
};
use rustc_hash::{FxHashMap, FxHasher};
use std::{hash::Hasher, path::Path};

/// Gathers definitions. Names are held once, in one buffer: there are millions of them.
#[derive(Debug, Default)]
pub(crate) struct SymbolsBuilder {
    names: Names,
    places: Vec<RawPlace>,
}

/// A place whose name and container are numbers of [`Names`]; container 0 is none, others count
/// from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct RawPlace {
    name: u32,
    doc: u32,
    start: u32,
    container: u32,
    kind: u32,
}

impl SymbolsBuilder {
    /// Adds a definition of `doc`; one whose name cannot be kept is left out.
    pub(crate) fn add(&mut self, doc: u32, symbol: NewSymbol) {
        let Some(name) = self.names.number_of(&symbol.name) else {
            return;
        };
        let container = symbol.container.and_then(|container| self.names.number_of(&container));
        let container = container.map_or(0, |number| number + 1);
        self.places.push(RawPlace { name, doc, start: symbol.start, container, kind: symbol.kind });
    }

    /// Writes the sections of symbols and their trigram index.
    pub(crate) fn write(mut self, out: &mut SectionWriter, scratch_dir: &Path) -> Result<()> {
        self.names.numbers = FxHashMap::default(); // not needed any more
        let order = self.names.in_order();
        let mut ranks = vec![0; order.len()];
        for (rank, number) in order.iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        for place in &mut self.places {
            place.name = ranks[place.name as usize];
            if place.container > 0 {
                place.container = ranks[place.container as usize - 1] + 1;
            }
        }
        self.places.sort_unstable();
        write_runs(&self.names, &order, &self.places, out)?;
        write_grams(&self.names, &order, out, scratch_dir)
    }
}

/// Distinct names, numbered in order of first appearance.
#[derive(Debug, Default)]
struct Names {
    text: Vec<u8>,
    ends: Vec<u32>,
    /// By hash; a name whose hash is taken by another stands under the next free one.
    numbers: FxHashMap<u64, u32>,
}

impl Names {
    fn number_of(&mut self, name: &[u8]) -> Option<u32> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(&b'\n') {
            return None;
        }
        let mut hasher = FxHasher::default();
        hasher.write(name);
        let mut hash = hasher.finish();
        while let Some(number) = self.numbers.get(&hash) {
            if self.get(*number) == name {
                return Some(*number);
            }
            hash = hash.wrapping_add(1);
        }
        let end = u32::try_from(self.text.len() + name.len()).ok()?;
        let number = u32::try_from(self.ends.len()).ok()?;
        self.text.extend_from_slice(name);
        self.ends.push(end);
        self.numbers.insert(hash, number);
        Some(number)
    }

    fn get(&self, number: u32) -> &[u8] {
        let number = number as usize;
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.text[start as usize..self.ends[number] as usize]
    }

    fn in_order(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.ends.len() as u32).collect();
        order.sort_unstable_by(|a, b| self.get(*a).cmp(self.get(*b)));
        order
    }
}

fn write_runs(
    names: &Names,
    order: &[u32],
    mut places: &[RawPlace],
    out: &mut SectionWriter,
) -> Result<()> {
    let (mut units, mut text, mut encoded) = (Vec::new(), Vec::new(), Vec::new());
    let mut previous: &[u8] = &[];
    out.begin(section::SYMBOL_PLACES);
    let mut places_start = 0u64;
    for (rank, number) in order.iter().enumerate() {
        if rank.is_multiple_of(NAMES_PER_UNIT) {
            push_unit(&mut units, text.len() as u64, places_start)?;
            previous = &[];
        }
        let name = names.get(*number);
        let of_name = places.partition_point(|place| place.name as usize <= rank);
        encoded.clear();
        encode_places(&places[..of_name], &mut encoded);
        places = &places[of_name..];
        let shared = previous.iter().zip(name).take_while(|(a, b)| a == b).count();
        leb::write(shared as u32, &mut text);
        leb::write((name.len() - shared) as u32, &mut text);
        text.extend_from_slice(&name[shared..]);
        leb::write(encoded.len() as u32, &mut text);
        out.write(&encoded)?;
        places_start += encoded.len() as u64;
        previous = name;
    }
    push_unit(&mut units, text.len() as u64, places_start)?;
    out.section(section::SYMBOL_TEXT, &text)?;
    out.section(section::SYMBOL_UNITS, &units)
}

fn push_unit(units: &mut Vec<u8>, text_start: u64, places_start: u64) -> Result<()> {
    for start in [text_start, places_start] {
        let start =
            u32::try_from(start).map_err(|_| EngineError::SegmentFull("4 GiB of definitions"))?;
        units.extend_from_slice(&start.to_le_bytes());
    }
    Ok(())
}

fn encode_places(places: &[RawPlace], out: &mut Vec<u8>) {
    let mut previous = 0;
    for place in places {
        leb::write(place.doc - previous, out);
        leb::write(place.start, out);
        leb::write(place.container, out);
        leb::write(place.kind, out);
        previous = place.doc;
    }
}

fn write_grams(
    names: &Names,
    order: &[u32],
    out: &mut SectionWriter,
    scratch_dir: &Path,
) -> Result<()> {
    /// Units sorted at a time.
    const UNITS_PER_RUN: usize = 1 << 15;
    let mut grams = GramBuilder::new(scratch_dir);
    let mut sorter = GramSorter::new();
    for (unit, run) in order.chunks(NAMES_PER_UNIT).enumerate() {
        let text = run.iter().map(|number| names.get(*number)).collect::<Vec<_>>().join(&b'\n');
        sorter.add(unit as u32, &text, text.len());
        if (unit + 1).is_multiple_of(UNITS_PER_RUN) {
            grams.push(&sorter.take_run())?;
        }
    }
    grams.push(&sorter.take_run())?;
    grams.finish(out, FIELD, order.len().div_ceil(NAMES_PER_UNIT) as u32)
}
