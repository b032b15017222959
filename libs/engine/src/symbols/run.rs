//! The names of a run side by side, so that all of them are searched at once.

use super::{Named, Symbols};
use crate::Result;

/// A decoded run of names. Kept from run to run for its memory.
#[derive(Default)]
pub(crate) struct Run<'a> {
    /// Each name, and a line feed behind it, which no name holds.
    text: Vec<u8>,
    /// Where each name begins; then the length of the text.
    starts: Vec<usize>,
    places: Vec<&'a [u8]>,
    first: u32,
    num_docs: u64,
}

impl<'a> Run<'a> {
    /// Reads a run in place of the one before.
    pub(crate) fn read(&mut self, symbols: &'a Symbols, unit: u32) -> Result<()> {
        self.text.clear();
        self.places.clear();
        self.starts.clear();
        self.starts.push(0);
        let mut previous = 0..0;
        let mut entries = symbols.entries(unit);
        (self.first, self.num_docs) = (entries.next, entries.num_docs);
        while let Some(entry) = entries.next_entry(previous.len())? {
            let start = self.text.len();
            self.text.extend_from_within(previous.start..previous.start + entry.shared);
            self.text.extend_from_slice(entry.rest);
            previous = start..self.text.len();
            self.text.push(b'\n');
            self.starts.push(self.text.len());
            self.places.push(entry.places);
        }
        Ok(())
    }

    /// How many names it has.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// All names, from that at `index` on.
    pub(crate) fn text_from(&self, index: usize) -> &[u8] {
        self.starts.get(index).map_or(&[], |start| &self.text[*start..])
    }

    /// Which name holds the byte so far behind the beginning of that at `index`.
    pub(crate) fn name_at(&self, index: usize, offset: usize) -> usize {
        let at = self.starts[index] + offset;
        index + self.starts[index + 1..].partition_point(|start| *start <= at)
    }

    /// The name at `index`, which is less than [`len`](Self::len).
    pub(crate) fn named(&self, index: usize) -> Named<'_> {
        let name = &self.text[self.starts[index]..self.starts[index + 1] - 1];
        let (number, num_docs) = (self.first + index as u32, self.num_docs);
        Named { number, name, places: self.places[index], num_docs }
    }
}
