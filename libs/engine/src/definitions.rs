//! Going through all definitions, for those who draw from them.

use crate::{Result, Snapshot, docs::flag};

/// A definition in a live document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefinedName<'a> {
    /// Its name; bytes that are not UTF-8 make it empty.
    pub name: &'a str,
    /// The name of its kind, as in `function`.
    pub kind: &'a str,
    /// The document's place in the sequence of [`Snapshot::documents`].
    pub document: usize,
    /// The document is a test.
    pub is_test: bool,
}

impl Snapshot {
    /// Gives every definition to `found`, in no order that means anything. Reads all of the symbols.
    pub fn each_definition(&self, mut found: impl FnMut(DefinedName<'_>)) -> Result<()> {
        let mut first = 0;
        for part in &self.parts {
            let docs = &part.segment.docs;
            let mut places = vec![None; docs.num() as usize];
            let live = (first..).zip(part.live.iter());
            live.for_each(|(place, doc)| places[doc as usize] = Some(place));
            first += part.live.count() as usize;
            let symbols = &part.segment.symbols;
            for unit in 0..symbols.num_units() {
                let mut unit = symbols.unit(unit);
                while let Some(named) = unit.next_name()? {
                    let name = std::str::from_utf8(named.name).unwrap_or_default();
                    named.each_place(|place| {
                        let Some(document) = places[place.doc as usize] else { return };
                        let kind = docs.strings.symbol_kinds.get(place.kind as usize);
                        let is_test = docs.prior_facts(place.doc).0 & flag::TEST != 0;
                        let kind = kind.map_or("", String::as_str);
                        found(DefinedName { name, kind, document, is_test });
                    })?;
                }
            }
        }
        Ok(())
    }
}
