//! The definitions of a segment: distinct names in order, each with the places that define it.
//!
//! Names are kept in runs of 32, the units of the trigram index `symbol`. In a run each name is
//! written as what it shares with the one before and the rest: large code bases have millions of
//! long names that differ at their ends.
//!
//! ```text
//! symbols/units  := (text_start:u32 places_start:u32)* sentinel        one per run of 32 names
//! symbols/text   := name*
//! name           := shared:leb len:leb rest:[len] places_len:leb       the first of a run shares 0
//! symbols/places := place*                                             by name, doc, start
//! place          := doc:leb start:leb container:leb kind:leb           doc minus the one before of
//!                                                                      the same name
//! ```
//!
//! `start` is in bytes of the document's text; the range's length is the name's. `container` is 0,
//! or 1 + a name's place in order. No name holds a line feed.

mod reader;
mod run;
mod writer;

pub(crate) use reader::{Named, Symbols};
pub(crate) use run::Run;
pub(crate) use writer::SymbolsBuilder;

/// The field of the trigram index.
const FIELD: &str = "symbol";
/// Longer names are not kept: no language has them, only mistaken parses do.
const MAX_NAME_BYTES: usize = 512;
const UNIT_BYTES: usize = 8;

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

/// A definition with the name of its kind.
pub(crate) type Kinded = (NewSymbol, String);

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        format::FORMAT,
        sections::{SectionWriter, Sections},
    };
    use ax_proto::manifest::SegmentFooter;
    use proptest::{collection::vec, prelude::*};

    fn written(symbols: &[(u32, NewSymbol)]) -> Symbols {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let mut out = SectionWriter::new(std::fs::File::create(&path).unwrap(), &path);
        let mut builder = SymbolsBuilder::default();
        symbols.iter().for_each(|(doc, symbol)| builder.add(*doc, symbol.clone()));
        builder.write(&mut out, folder.path()).unwrap();
        let footer = SegmentFooter { format: FORMAT, num_docs: 9, ..Default::default() };
        out.finish(footer).unwrap();
        Symbols::open(&Sections::open(crate::map::map(&path).unwrap()).unwrap()).unwrap()
    }

    fn symbol() -> impl Strategy<Value = (u32, NewSymbol)> {
        let name = "[a-b]{1,9}|é{1,3}a?";
        (0u32..9, name, 0u32..1_000, 0u32..3, proptest::option::of(name)).prop_map(
            |(doc, name, start, kind, container)| {
                let container = container.map(String::into_bytes);
                (doc, NewSymbol { name: name.into_bytes(), start, kind, container })
            },
        )
    }

    proptest! {
        #[test]
        fn definitions_survive(mut symbols in vec(symbol(), 0..200)) {
            let read = written(&symbols);
            let mut found = Vec::new();
            for (name, place) in read.by_doc().unwrap() {
                let name_of = |name| read.name(name).unwrap();
                let container = place.container.map(name_of);
                let Place { doc, start, kind, .. } = place;
                found.push((doc, NewSymbol { name: name_of(name), start, kind, container }));
            }
            let order = |(doc, s): &(u32, NewSymbol)| {
                (*doc, s.start, s.name.clone(), s.kind, s.container.clone())
            };
            for (_, symbol) in &symbols {
                let (number, places) = read.find(&symbol.name).unwrap().unwrap();
                prop_assert_eq!(&read.name(number).unwrap(), &symbol.name);
                let same = symbols.iter().filter(|(_, other)| other.name == symbol.name).count();
                prop_assert_eq!(places.len(), same);
            }
            let mut run = Run::default();
            for unit in 0..read.num_units() {
                run.read(&read, unit).unwrap();
                let (mut names, mut index, mut at) = (read.unit(unit), 0, 0);
                while let Some(name) = names.next_name().unwrap() {
                    let same = run.named(index);
                    prop_assert_eq!((same.number, same.name), (name.number, name.name));
                    let mut places = (Vec::new(), Vec::new());
                    name.each_place(|place| places.0.push(place)).unwrap();
                    same.each_place(|place| places.1.push(place)).unwrap();
                    prop_assert_eq!(places.0, places.1);
                    prop_assert!(run.text_from(index).starts_with(name.name));
                    prop_assert_eq!(run.name_at(0, at), index);
                    prop_assert_eq!(run.name_at(0, at + name.name.len() - 1), index);
                    (at, index) = (at + name.name.len() + 1, index + 1);
                }
                prop_assert_eq!(index, run.len());
            }
            for absent in ["", "a-", "c", "A"] {
                prop_assert!(read.find(absent.as_bytes()).unwrap().is_none());
            }
            symbols.sort_by_key(order);
            found.sort_by_key(order);
            prop_assert_eq!(found, symbols);
        }
    }

    #[test]
    fn names_that_cannot_be_kept_are_left_out() {
        let symbol = |name: Vec<u8>| (0, NewSymbol { name, start: 0, kind: 0, container: None });
        let names = [b"a\nb".to_vec(), Vec::new(), b"x".repeat(MAX_NAME_BYTES + 1)];
        assert_eq!(written(&names.map(symbol)).by_doc().unwrap(), []);
    }
}
