//! Reading definitions. Whatever the bytes, reading gives names and places or a typed error.

use super::{FIELD, Kinded, MAX_NAME_BYTES, NewSymbol, Place, UNIT_BYTES};
use crate::{
    EngineError, Result,
    format::{NAMES_PER_UNIT, section, u32_at},
    grams::GramIndex,
    leb,
    sections::Sections,
};
use std::ops::Range;
use tantivy::directory::OwnedBytes;

/// The definitions of a mapped segment.
#[derive(Debug)]
pub(crate) struct Symbols {
    units: OwnedBytes,
    text: OwnedBytes,
    places: OwnedBytes,
    num_units: u32,
    num_docs: u64,
    /// Runs of 32 names by trigram.
    pub(crate) grams: GramIndex,
}

impl Symbols {
    /// Opens the sections and checks that the runs are within them; what is in a run is checked
    /// when it is read.
    pub(crate) fn open(sections: &Sections) -> Result<Self> {
        let units = sections.get(section::SYMBOL_UNITS)?;
        if !units.len().is_multiple_of(UNIT_BYTES) || units.is_empty() {
            return Err(corrupt("runs are cut"));
        }
        let num_units = u32::try_from(units.len() / UNIT_BYTES - 1);
        let num_units = num_units.map_err(|_| corrupt("too many runs"))?;
        let symbols = Self {
            units,
            text: sections.get(section::SYMBOL_TEXT)?,
            places: sections.get(section::SYMBOL_PLACES)?,
            num_units,
            num_docs: sections.footer().num_docs,
            grams: GramIndex::open(sections, FIELD, num_units)?,
        };
        let starts = |field| (0..=num_units).map(move |unit| (unit, field));
        let number = |(unit, field)| symbols.start(unit, field);
        if !starts(0).map(number).is_sorted() || !starts(4).map(number).is_sorted() {
            return Err(corrupt("runs are out of order"));
        }
        let ends = (symbols.start(num_units, 0), symbols.start(num_units, 4));
        if ends != (symbols.text.len(), symbols.places.len()) {
            return Err(corrupt("runs do not fill their sections"));
        }
        Ok(symbols)
    }

    /// How many runs of names there are.
    pub(crate) fn num_units(&self) -> u32 {
        self.num_units
    }

    /// The names of a run.
    pub(crate) fn unit(&self, unit: u32) -> Unit<'_> {
        Unit { entries: self.entries(unit), name: Vec::with_capacity(MAX_NAME_BYTES) }
    }

    /// The names of a run as they are stored.
    pub(super) fn entries(&self, unit: u32) -> Entries<'_> {
        let range = |field| self.start(unit, field)..self.start(unit + 1, field);
        Entries {
            text: &self.text[range(0)],
            places: &self.places[range(4)],
            next: unit * NAMES_PER_UNIT as u32,
            num_docs: self.num_docs,
        }
    }

    /// The name at a place in order.
    pub(crate) fn name(&self, number: u32) -> Result<Vec<u8>> {
        let mut unit = self.unit_of(number)?;
        while let Some(found) = unit.next_name()? {
            if found.number == number {
                return Ok(found.name.to_vec());
            }
        }
        Err(corrupt("a name is not there"))
    }

    /// The run that holds the name at a place in order.
    fn unit_of(&self, number: u32) -> Result<Unit<'_>> {
        let unit = number / NAMES_PER_UNIT as u32;
        if unit >= self.num_units {
            return Err(corrupt("a name is not there"));
        }
        Ok(self.unit(unit))
    }

    /// Where the name at a place in order is defined.
    pub(crate) fn places(&self, number: u32) -> Result<Vec<Place>> {
        let mut unit = self.unit_of(number)?;
        while let Some(named) = unit.next_name()? {
            if named.number == number {
                let mut places = Vec::new();
                named.each_place(|place| places.push(place))?;
                return Ok(places);
            }
        }
        Err(corrupt("a name is not there"))
    }

    /// The runs that hold every name that begins so, and few others.
    pub(crate) fn units_beginning(&self, beginning: &[u8]) -> Result<Range<u32>> {
        let is_behind = |name: &[u8]| name > beginning && !name.starts_with(beginning);
        Ok(self.unit_before(beginning)?..self.first_unit(is_behind)?)
    }

    /// The last run that begins with `name` or before it; the first if none does.
    fn unit_before(&self, name: &[u8]) -> Result<u32> {
        Ok(self.first_unit(|first| first > name)?.saturating_sub(1))
    }

    /// The first run whose first name is so, which all behind it are; their number if none is.
    fn first_unit(&self, is_so: impl Fn(&[u8]) -> bool) -> Result<u32> {
        let (mut low, mut high) = (0, self.num_units);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut unit = self.unit(middle);
            if unit.next_name()?.is_some_and(|first| is_so(first.name)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        Ok(low)
    }

    /// The place of a name in order, and where it is defined; `None` if nothing has it.
    pub(crate) fn find(&self, name: &[u8]) -> Result<Option<(u32, Vec<Place>)>> {
        let low = self.unit_before(name)?;
        if low == self.num_units {
            return Ok(None);
        }
        let mut unit = self.unit(low);
        while let Some(named) = unit.next_name()? {
            if named.name == name {
                let mut places = Vec::new();
                named.each_place(|place| places.push(place))?;
                return Ok(Some((named.number, places)));
            }
        }
        Ok(None)
    }

    /// Every place with its name, in order of document and start.
    pub(crate) fn by_doc(&self) -> Result<Vec<(u32, Place)>> {
        let mut all = Vec::new();
        for unit in 0..self.num_units {
            let mut unit = self.unit(unit);
            while let Some(found) = unit.next_name()? {
                let number = found.number;
                found.each_place(|place| all.push((number, place)))?;
            }
        }
        all.sort_unstable_by_key(|(_, place)| (place.doc, place.start));
        Ok(all)
    }

    /// The definition of `name` at a place, as it was when the segment was built; `kinds` are the segment's.
    pub(crate) fn restore(&self, name: Vec<u8>, place: Place, kinds: &[String]) -> Result<Kinded> {
        let container = place.container.map(|number| self.name(number)).transpose()?;
        // the kind is numbered anew from its name
        let symbol = NewSymbol { name, start: place.start, kind: 0, container };
        Ok((symbol, kinds.get(place.kind as usize).cloned().unwrap_or_default()))
    }

    fn start(&self, unit: u32, field: usize) -> usize {
        u32_at(&self.units, unit as usize * UNIT_BYTES + field).unwrap_or(0) as usize
    }
}

/// A run of names, read from its start.
pub(crate) struct Unit<'a> {
    entries: Entries<'a>,
    name: Vec<u8>,
}

/// What is left of a run as it is stored.
pub(super) struct Entries<'a> {
    text: &'a [u8],
    places: &'a [u8],
    /// The next name's place among all names in order.
    pub(super) next: u32,
    pub(super) num_docs: u64,
}

/// A name as it is stored.
pub(super) struct Entry<'a> {
    /// Bytes that it shares with the one before.
    pub(super) shared: usize,
    /// Its bytes behind those.
    pub(super) rest: &'a [u8],
    pub(super) places: &'a [u8],
}

/// A name, until the next is read.
pub(crate) struct Named<'u> {
    /// Its place among all names in order.
    pub(crate) number: u32,
    /// Its bytes.
    pub(crate) name: &'u [u8],
    pub(super) places: &'u [u8],
    pub(super) num_docs: u64,
}

impl Unit<'_> {
    /// The next name; `None` after the last.
    pub(crate) fn next_name(&mut self) -> Result<Option<Named<'_>>> {
        let Self { entries, name } = self;
        let number = entries.next;
        let Some(entry) = entries.next_entry(name.len())? else { return Ok(None) };
        name.truncate(entry.shared);
        name.extend_from_slice(entry.rest);
        Ok(Some(Named { number, name, places: entry.places, num_docs: entries.num_docs }))
    }
}

impl<'a> Entries<'a> {
    /// The next name, whose predecessor has so many bytes; `None` after the last.
    pub(super) fn next_entry(&mut self, previous_len: usize) -> Result<Option<Entry<'a>>> {
        if self.text.is_empty() {
            return Ok(None);
        }
        self.next += 1;
        self.read(previous_len).ok_or_else(|| corrupt("a name is cut")).map(Some)
    }

    fn read(&mut self, previous_len: usize) -> Option<Entry<'a>> {
        let (shared, len) = (leb::read(&mut self.text)? as usize, leb::read(&mut self.text)?);
        let (rest, after) = self.text.split_at_checked(len as usize)?;
        self.text = after;
        if shared > previous_len || shared + rest.len() > MAX_NAME_BYTES {
            return None;
        }
        let places_len = leb::read(&mut self.text)?;
        let (places, after) = self.places.split_at_checked(places_len as usize)?;
        self.places = after;
        Some(Entry { shared, rest, places })
    }
}

impl Named<'_> {
    /// Gives every place that defines the name to `found`.
    pub(crate) fn each_place(&self, mut found: impl FnMut(Place)) -> Result<()> {
        let (mut rest, mut doc) = (self.places, 0u32);
        while !rest.is_empty() {
            let place = read_place(&mut rest, doc).ok_or_else(|| corrupt("a place is cut"))?;
            doc = place.doc;
            if u64::from(doc) >= self.num_docs {
                return Err(corrupt("a document is not there"));
            }
            found(place);
        }
        Ok(())
    }
}

fn read_place(rest: &mut &[u8], previous: u32) -> Option<Place> {
    let doc = previous.checked_add(leb::read(rest)?)?;
    let start = leb::read(rest)?;
    let container = leb::read(rest)?.checked_sub(1);
    Some(Place { doc, start, container, kind: leb::read(rest)? })
}

fn corrupt(what: &str) -> EngineError {
    EngineError::corrupt("symbols", what)
}
