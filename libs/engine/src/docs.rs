//! The table of documents, and the strings that its records share.
//!
//! ```text
//! doc := key:u32 repo:u32 text_start:u64 text_len:u32 first_block:u32 branches:u32 language:u32
//!        encoding:u32 kind:u8 skip:u8 flags:u8 depth:u8 blob_len:u8 zero:[3] blob:[32] as_of:u32
//!        num_bytes:u64 committed_at_ms:i64                                       96 bytes
//! ```
//!
//! `repo`, `language`, `encoding` and `branches` are places in the tables of `strings`; `skip` is 0
//! for a document with text, else 1 + the place of its reason in `SkipReason::ALL`.

use crate::{
    EngineError, Result,
    format::{section, u32_at, u64_at},
    sections::{SectionWriter, Sections},
};
use ax_model::{BlobId, FileKind, SkipReason};
use rustc_hash::FxHashMap;
use std::ops::Range;
use tantivy::directory::OwnedBytes;

const DOC_BYTES: usize = 96;
const MAX_BLOB_BYTES: usize = 32;
const KINDS: [FileKind; 4] =
    [FileKind::Regular, FileKind::Executable, FileKind::Symlink, FileKind::Submodule];

/// Facts of a document that ranking may use, as bits.
pub(crate) mod flag {
    pub(crate) const GENERATED: u8 = 1;
    pub(crate) const VENDORED: u8 = 2;
    pub(crate) const TEST: u8 = 4;
    /// Its definitions could not be extracted within the bounds.
    pub(crate) const NO_SYMBOLS: u8 = 8;
    /// Nobody has looked for its definitions yet.
    pub(crate) const UNPARSED: u8 = 16;
}

/// One document, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DocRecord {
    pub(crate) key: u32,
    pub(crate) repo: u32,
    pub(crate) text: Range<u64>,
    pub(crate) first_block: u32,
    pub(crate) branches: u32,
    /// As of which addition of a branch `branches` speaks.
    pub(crate) as_of: u32,
    pub(crate) language: u32,
    pub(crate) encoding: u32,
    pub(crate) kind: FileKind,
    pub(crate) skip: Option<SkipReason>,
    pub(crate) flags: u8,
    pub(crate) depth: u8,
    pub(crate) blob: BlobId,
    pub(crate) num_bytes: u64,
    pub(crate) committed_at_ms: i64,
}

impl DocRecord {
    fn encode(&self, out: &mut Vec<u8>) {
        let text_len = (self.text.end - self.text.start) as u32;
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(0);
        let skip = SkipReason::ALL.iter().position(|reason| Some(*reason) == self.skip);
        let mut blob = [0; MAX_BLOB_BYTES];
        blob[..self.blob.0.len()].copy_from_slice(&self.blob.0);
        out.extend_from_slice(&self.key.to_le_bytes());
        out.extend_from_slice(&self.repo.to_le_bytes());
        out.extend_from_slice(&self.text.start.to_le_bytes());
        for number in [text_len, self.first_block, self.branches, self.language, self.encoding] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let skip = skip.map_or(0, |place| place as u8 + 1);
        out.extend_from_slice(&[kind as u8, skip, self.flags, self.depth]);
        out.extend_from_slice(&[self.blob.0.len() as u8, 0, 0, 0]);
        out.extend_from_slice(&blob);
        out.extend_from_slice(&self.as_of.to_le_bytes());
        out.extend_from_slice(&self.num_bytes.to_le_bytes());
        out.extend_from_slice(&self.committed_at_ms.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Result<Self> {
        let bad = |what: &str| EngineError::corrupt(section::DOCS, what);
        let bytes: &[u8; DOC_BYTES] = bytes.try_into().map_err(|_| bad("record is cut"))?;
        let text_start = u64_at(bytes, 8)?;
        let text_end = text_start.checked_add(u32_at(bytes, 16)?.into());
        let skip = match bytes[37] {
            0 => None,
            n => Some(*SkipReason::ALL.get(n as usize - 1).ok_or_else(|| bad("skip reason"))?),
        };
        let blob = bytes[44..].get(..bytes[40] as usize).ok_or_else(|| bad("length of blob id"))?;
        Ok(Self {
            key: u32_at(bytes, 0)?,
            repo: u32_at(bytes, 4)?,
            text: text_start..text_end.ok_or_else(|| bad("range of text"))?,
            first_block: u32_at(bytes, 20)?,
            branches: u32_at(bytes, 24)?,
            language: u32_at(bytes, 28)?,
            encoding: u32_at(bytes, 32)?,
            kind: *KINDS.get(bytes[36] as usize).ok_or_else(|| bad("kind"))?,
            skip,
            flags: bytes[38],
            depth: bytes[39],
            blob: BlobId(blob.to_vec()),
            as_of: u32_at(bytes, 76)?,
            num_bytes: u64_at(bytes, 80)?,
            committed_at_ms: u64_at(bytes, 88)? as i64,
        })
    }
}

/// Writes the section `docs`.
pub(crate) fn write_docs(docs: &[DocRecord], out: &mut SectionWriter) -> Result<()> {
    let mut bytes = Vec::with_capacity(docs.len() * DOC_BYTES);
    docs.iter().for_each(|doc| doc.encode(&mut bytes));
    out.section(section::DOCS, &bytes)
}

/// Whether a blob's id has a length that a record can hold.
pub(crate) fn is_storable(blob: &BlobId) -> bool {
    blob.0.len() <= MAX_BLOB_BYTES
}

/// The documents of a mapped segment.
#[derive(Debug)]
pub(crate) struct Docs {
    bytes: OwnedBytes,
    num: u32,
    pub(crate) strings: Strings,
}

impl Docs {
    /// Opens the table, checks every record, and so that texts follow one another up to `text_len`.
    pub(crate) fn open(sections: &Sections, num_keys: u32, text_len: u64) -> Result<Self> {
        let bytes = sections.get(section::DOCS)?;
        let bad = |what: &str| EngineError::corrupt(section::DOCS, what);
        let num = u32::try_from(bytes.len() / DOC_BYTES).map_err(|_| bad("too many"))?;
        if !bytes.len().is_multiple_of(DOC_BYTES) || u64::from(num) != sections.footer().num_docs {
            return Err(bad("length does not fit the number of documents"));
        }
        let docs = Self { bytes, num, strings: Strings::open(sections)? };
        let (mut text_end, mut block) = (0, 0);
        for doc in 0..num {
            let record = docs.record(doc)?;
            let follows = record.text.start == text_end && record.first_block >= block;
            if record.key >= num_keys || !follows || !docs.strings.has_all_of(&record) {
                return Err(bad("record points outside of its tables"));
            }
            (text_end, block) = (record.text.end, record.first_block);
        }
        if text_end == text_len { Ok(docs) } else { Err(bad("texts do not fill the content")) }
    }

    /// How many there are.
    pub(crate) fn num(&self) -> u32 {
        self.num
    }

    /// The record of a document.
    pub(crate) fn record(&self, doc: u32) -> Result<DocRecord> {
        let at = doc as usize * DOC_BYTES;
        let bytes = self.bytes.get(at..at + DOC_BYTES);
        DocRecord::decode(bytes.ok_or_else(|| EngineError::corrupt(section::DOCS, "no such"))?)
    }

    /// Its key's place among the keys.
    pub(crate) fn key(&self, doc: u32) -> u32 {
        self.number(doc, 0)
    }

    /// Git's id of its blob.
    pub(crate) fn blob(&self, doc: u32) -> &[u8] {
        let at = doc as usize * DOC_BYTES;
        let len = usize::from(self.bytes[at + 40]);
        self.bytes.get(at + 44..at + 44 + len).unwrap_or_default()
    }

    /// Its repository's place among the strings.
    pub(crate) fn repo(&self, doc: u32) -> u32 {
        self.number(doc, 4)
    }

    /// Its set of branches.
    pub(crate) fn branches(&self, doc: u32) -> u32 {
        self.number(doc, 24)
    }

    /// As of which addition of a branch its set of branches speaks.
    pub(crate) fn as_of(&self, doc: u32) -> u32 {
        self.number(doc, 76)
    }

    /// Its language.
    pub(crate) fn language(&self, doc: u32) -> u32 {
        self.number(doc, 28)
    }

    /// Its facts for ranking: flags, and how deep in folders it lies.
    pub(crate) fn prior_facts(&self, doc: u32) -> (u8, u8) {
        let at = doc as usize * DOC_BYTES;
        (self.bytes[at + 38], self.bytes[at + 39])
    }

    /// Its size in bytes: of the text, or of the blob when there is no text.
    pub(crate) fn num_bytes(&self, doc: u32) -> u64 {
        let is_skipped = self.bytes[doc as usize * DOC_BYTES + 37] != 0;
        if is_skipped { self.long(doc, 80) } else { self.number(doc, 16).into() }
    }

    /// When the newest commit involved was made, in milliseconds since 1970.
    pub(crate) fn committed_at_ms(&self, doc: u32) -> i64 {
        self.long(doc, 88) as i64
    }

    /// Where its text lies in the content.
    pub(crate) fn text(&self, doc: u32) -> Range<usize> {
        let start = self.long(doc, 8) as usize;
        start..start + self.number(doc, 16) as usize
    }

    /// Its first block.
    pub(crate) fn first_block(&self, doc: u32) -> u32 {
        self.number(doc, 20)
    }

    fn long(&self, doc: u32, offset: usize) -> u64 {
        let at = doc as usize * DOC_BYTES + offset;
        self.bytes[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b))
    }

    fn number(&self, doc: u32, offset: usize) -> u32 {
        let at = doc as usize * DOC_BYTES + offset;
        self.bytes[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b))
    }
}

/// Gives equal strings one number.
#[derive(Debug, Default)]
pub(crate) struct Interner {
    numbers: FxHashMap<String, u32>,
    strings: Vec<String>,
}

impl Interner {
    /// The number of `text`.
    pub(crate) fn number_of(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.strings.len()).expect("fewer strings than documents");
        self.numbers.insert(text.to_owned(), number);
        self.strings.push(text.to_owned());
        number
    }

    /// Bytes held.
    pub(crate) fn into_strings(self) -> Vec<String> {
        self.strings
    }
}

/// The tables of strings. A set of branches is its names joined by NUL, which no name holds.
#[derive(Debug, Default)]
pub(crate) struct Strings {
    pub(crate) repos: Vec<String>,
    pub(crate) languages: Vec<String>,
    pub(crate) encodings: Vec<String>,
    pub(crate) branch_sets: Vec<String>,
    pub(crate) symbol_kinds: Vec<String>,
}

impl Strings {
    /// Writes the section `strings`.
    pub(crate) fn write(&self, out: &mut SectionWriter) -> Result<()> {
        out.begin(section::STRINGS);
        for table in self.tables() {
            out.write(&(table.len() as u32).to_le_bytes())?;
            for text in table {
                out.write(&(text.len() as u32).to_le_bytes())?;
                out.write(text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The names in a set of branches.
    pub(crate) fn branches(&self, set: u32) -> impl Iterator<Item = &str> {
        let set = self.branch_sets.get(set as usize).map_or("", String::as_str);
        set.split('\0').filter(|name| !name.is_empty())
    }

    /// The name of a language; empty when unknown.
    pub(crate) fn language(&self, language: u32) -> &str {
        self.languages.get(language as usize).map_or("", String::as_str)
    }

    fn tables(&self) -> [&Vec<String>; 5] {
        let Self { repos, languages, encodings, branch_sets, symbol_kinds } = self;
        [repos, languages, encodings, branch_sets, symbol_kinds]
    }

    fn open(sections: &Sections) -> Result<Self> {
        let bytes = sections.get(section::STRINGS)?;
        let mut rest = bytes.as_slice();
        let mut table = || read_table(&mut rest);
        Ok(Self {
            repos: table()?,
            languages: table()?,
            encodings: table()?,
            branch_sets: table()?,
            symbol_kinds: table()?,
        })
    }

    fn has_all_of(&self, doc: &DocRecord) -> bool {
        (doc.repo as usize) < self.repos.len()
            && (doc.language as usize) < self.languages.len()
            && (doc.encoding as usize) < self.encodings.len()
            && (doc.branches as usize) < self.branch_sets.len()
    }
}

fn read_table(rest: &mut &[u8]) -> Result<Vec<String>> {
    let count = read_u32(rest)?;
    (0..count)
        .map(|_| {
            let len = read_u32(rest)? as usize;
            let bad = || EngineError::corrupt(section::STRINGS, "is cut or not UTF-8");
            let (text, after) = rest.split_at_checked(len).ok_or_else(bad)?;
            *rest = after;
            String::from_utf8(text.to_vec()).map_err(|_| bad())
        })
        .collect()
}

fn read_u32(rest: &mut &[u8]) -> Result<u32> {
    let number = u32_at(rest, 0)?;
    *rest = &rest[4..];
    Ok(number)
}
