//! What syntax says of each document beside its definitions' names: how far each definition goes, and
//! where comments and strings stand. Both are relative to the document's text, so that a merge copies a
//! document's bytes as they are.
//!
//! ```text
//! marks/starts := start:u32* sentinel          one per document
//! marks/data   := marks*                       one per document; empty where syntax said nothing: no
//!                                              grammar, given up, definitions switched off
//! marks        := num:leb extent{num} prose*
//! extent       := gap:leb len:leb              in order of start: from the name before to the name; from
//!                                              the name's start to the end of the whole definition
//! prose        := gap:leb len:leb              from the end of the one before; a comment or a string
//! ```
//!
//! Segments written before there were marks have neither section, and read as if syntax said nothing.
//! Rejected: every occurrence of every name, which would be exact without a look at the text, and cost
//! more than the text itself; comments and strings cost about a hundredth of it.

use crate::{
    EngineError, Result,
    format::{section, u32_at},
    leb,
    sections::{SectionWriter, Sections},
};
use ax_syntax::Outline;
use std::ops::Range;
use tantivy::directory::OwnedBytes;

/// The marks of one document as they are stored.
pub(crate) fn encode(outline: &Outline) -> Vec<u8> {
    let mut out = Vec::new();
    let to_u32 = |number: usize| u32::try_from(number).unwrap_or(u32::MAX); // the budget is far below
    leb::write(to_u32(outline.definitions.len()), &mut out);
    let mut at = 0;
    for one in &outline.definitions {
        leb::write(to_u32(one.start - at), &mut out);
        leb::write(to_u32(one.whole_end.saturating_sub(one.start)), &mut out);
        at = one.start;
    }
    let mut at = 0;
    for range in &outline.prose {
        leb::write(to_u32(range.start - at), &mut out);
        leb::write(to_u32(range.len()), &mut out);
        at = range.end;
    }
    out
}

/// Gathers marks in order of document.
#[derive(Debug, Default)]
pub(crate) struct MarksBuilder {
    starts: Vec<u8>,
    data: Vec<u8>,
}

impl MarksBuilder {
    /// Appends the marks of the next document.
    pub(crate) fn push(&mut self, marks: &[u8]) -> Result<()> {
        self.push_start()?;
        self.data.extend_from_slice(marks);
        Ok(())
    }

    /// Writes both sections.
    pub(crate) fn write(mut self, out: &mut SectionWriter) -> Result<()> {
        self.push_start()?;
        out.section(section::MARK_STARTS, &self.starts)?;
        out.section(section::MARK_DATA, &self.data)
    }

    fn push_start(&mut self) -> Result<()> {
        let full = |_| EngineError::SegmentFull("4 GiB of comments' and strings' places");
        let start = u32::try_from(self.data.len()).map_err(full)?;
        self.starts.extend_from_slice(&start.to_le_bytes());
        Ok(())
    }
}

/// The marks of a mapped segment; `None` in one that was written before there were any.
#[derive(Debug)]
pub(crate) struct Marks {
    stored: Option<(OwnedBytes, OwnedBytes)>,
}

impl Marks {
    /// Opens the sections and checks that documents are within them; what a document has is checked when
    /// it is read.
    pub(crate) fn open(sections: &Sections, num_docs: u32) -> Result<Self> {
        let (Some(starts), data) =
            (sections.find(section::MARK_STARTS), sections.find(section::MARK_DATA))
        else {
            return Ok(Self { stored: None });
        };
        let data = data.ok_or_else(|| corrupt("the data is missing"))?;
        let mut all = starts.chunks_exact(4).map(|start| u32_at(start, 0).unwrap_or(u32::MAX));
        if starts.len() != (num_docs as usize + 1) * 4
            || !all.clone().is_sorted()
            || all.next_back().is_none_or(|last| last as usize != data.len())
        {
            return Err(corrupt("documents do not fill it"));
        }
        Ok(Self { stored: Some((starts, data)) })
    }

    /// The marks of a document as they are stored; empty where syntax said nothing.
    pub(crate) fn bytes(&self, doc: u32) -> Result<&[u8]> {
        let Some((starts, data)) = &self.stored else { return Ok(&[]) };
        let start = u32_at(starts, doc as usize * 4)?;
        let end = u32_at(starts, doc as usize * 4 + 4)?;
        data.get(start as usize..end as usize).ok_or_else(|| corrupt("a document is not there"))
    }

    /// The marks of a document; `None` where syntax said nothing.
    pub(crate) fn of(&self, doc: u32) -> Result<Option<DocMarks>> {
        match self.bytes(doc)? {
            [] => Ok(None),
            bytes => DocMarks::read(bytes).map(Some).ok_or_else(|| corrupt("a document is cut")),
        }
    }
}

/// What syntax says of one document, in bytes of its text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DocMarks {
    /// Definitions from their names' starts to their ends, in order of start.
    extents: Vec<Range<u32>>,
    /// Comments and strings, ascending.
    prose: Vec<Range<u32>>,
}

impl DocMarks {
    fn read(mut rest: &[u8]) -> Option<Self> {
        let num = leb::read(&mut rest)? as usize;
        let (mut extents, mut prose, mut at) = (Vec::new(), Vec::new(), 0u32);
        for _ in 0..num {
            at = at.checked_add(leb::read(&mut rest)?)?;
            extents.push(at..at.checked_add(leb::read(&mut rest)?)?);
        }
        at = 0;
        while !rest.is_empty() {
            let start = at.checked_add(leb::read(&mut rest)?)?;
            at = start.checked_add(leb::read(&mut rest)?)?;
            prose.push(start..at);
        }
        Some(Self { extents, prose })
    }

    /// Where the definition ends whose name starts at `start`.
    pub(crate) fn end_of(&self, start: u32) -> Option<u32> {
        let place = self.extents.binary_search_by_key(&start, |extent| extent.start).ok()?;
        Some(self.extents[place].end)
    }

    /// The starts of the names of the definitions that enclose `at`, outermost first; not of the one whose
    /// name begins there.
    pub(crate) fn scopes_at(&self, at: u32) -> Vec<u32> {
        let before = self.extents.partition_point(|extent| extent.start < at);
        let enclosing = self.extents[..before].iter().filter(|extent| at < extent.end);
        enclosing.map(|extent| extent.start).collect()
    }

    /// Whether a comment or a string stands at `at`.
    pub(crate) fn is_prose(&self, at: u32) -> bool {
        let after = self.prose.partition_point(|range| range.end <= at);
        self.prose.get(after).is_some_and(|range| range.start <= at)
    }
}

fn corrupt(what: &str) -> EngineError {
    EngineError::corrupt("marks", what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_syntax::{Budget, find_language, outline};

    fn marks(text: &str) -> DocMarks {
        let outline = outline(find_language("rust").unwrap(), text.as_bytes(), &Budget::default());
        let bytes = encode(&outline.unwrap().unwrap());
        for cut in 1..bytes.len() {
            let _ = DocMarks::read(&bytes[..cut]); // whatever the bytes, no panic
        }
        DocMarks::read(&bytes).unwrap()
    }

    #[test]
    fn marks_say_what_encloses_a_place_and_what_is_prose() {
        let text = "mod a {\n  // b\n  fn c() { d(\"e\") }\n}\nfn f() {}\n";
        let at = |part: &str| text.find(part).unwrap() as u32;
        let marks = marks(text);
        assert_eq!(marks.scopes_at(at("d(")), [at("a {"), at("c()")]);
        assert_eq!(marks.scopes_at(at("// b")), [at("a {")]);
        assert_eq!(marks.scopes_at(at("c()")), [at("a {")]);
        assert!(marks.scopes_at(0).is_empty());
        assert_eq!(marks.end_of(at("c()")), Some(at(" }\n}") + 2));
        assert_eq!(marks.end_of(1), None);
        let prose = ["// b", "b\n", "e\""];
        assert!(prose.iter().all(|part| marks.is_prose(at(part))));
        assert!(["mod", "d(", "f()", "c()"].iter().all(|part| !marks.is_prose(at(part))));
        assert!(!marks.is_prose(text.len() as u32 + 9));
    }
}
