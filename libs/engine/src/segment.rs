//! A segment opened for reading.

use crate::{
    Result,
    blocks::Blocks,
    builder::entry,
    docs::Docs,
    format::section,
    grams::GramIndex,
    keys::{Keys, read_dead},
    map::map,
    marks::Marks,
    repositories,
    sections::Sections,
    symbols::Symbols,
    words::Words,
};
use ax_model::{
    ContentHash, Generation, OffsetRange, RepositoryInfo, SegmentEntry, SegmentId, ShardId,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use tantivy::directory::OwnedBytes;

/// A mapped segment. Opening it verifies every section but the content, and the structure of each.
#[derive(Debug)]
pub struct Segment {
    path: PathBuf,
    sections: Sections,
    checksum: OnceLock<ContentHash>,
    pub(crate) content: OwnedBytes,
    pub(crate) blocks: Blocks,
    pub(crate) docs: Docs,
    pub(crate) keys: Keys,
    pub(crate) dead: Vec<u32>,
    /// Places of the keys that delete a repository.
    pub(crate) deletions: Vec<u32>,
    pub(crate) repositories: Vec<RepositoryInfo>,
    pub(crate) symbols: Symbols,
    pub(crate) marks: Marks,
    pub(crate) content_grams: GramIndex,
    pub(crate) path_grams: GramIndex,
    pub(crate) words: Words,
}

impl Segment {
    /// Maps and checks the file at `path`, which must not change while the segment lives; it may be
    /// unlinked. Reads the index once (about a fifth of the text), and not the text.
    ///
    /// # Errors
    /// [`crate::EngineError::Corrupt`] whatever the bytes, if they are not a segment.
    pub fn open(path: &Path) -> Result<Arc<Self>> {
        let sections = Sections::open(map(path)?)?;
        sections.verify(|name| name != section::CONTENT)?;
        let content = sections.get(section::CONTENT)?;
        let text_len = content.len() as u64;
        let keys = Keys::open(&sections)?;
        let docs = Docs::open(&sections, keys.num(), text_len)?;
        let blocks = Blocks::open(&sections, text_len, docs.num())?;
        check_blocks(&docs, &blocks)?;
        Ok(Arc::new(Self {
            path: path.to_owned(),
            checksum: OnceLock::new(),
            content,
            dead: read_dead(&sections)?,
            deletions: keys.deletions(),
            repositories: repositories::read(&sections)?,
            symbols: Symbols::open(&sections)?,
            marks: Marks::open(&sections, docs.num())?,
            content_grams: GramIndex::open(&sections, "content", blocks.num())?,
            path_grams: GramIndex::open(&sections, "path", keys.num())?,
            words: Words::open(&sections)?,
            keys,
            docs,
            blocks,
            sections,
        }))
    }

    /// Compares every section with its checksum, the content included: reads the whole file.
    pub fn verify(&self) -> Result<()> {
        self.sections.verify(|_| true)
    }

    /// Its manifest entry, rebuilt from the file alone. The first call hashes the whole file.
    pub fn entry(&self) -> SegmentEntry {
        let checksum = *self.checksum.get_or_init(|| ContentHash::of(self.sections.file()));
        SegmentEntry { num_bytes: self.num_bytes(), checksum, ..entry(self.sections.footer()) }
    }

    /// Its name.
    pub fn id(&self) -> SegmentId {
        SegmentId(self.sections.footer().id.clone())
    }

    /// The shard it was built for.
    pub fn shard(&self) -> ShardId {
        ShardId(self.sections.footer().shard)
    }

    /// The generation it was built for.
    pub fn generation(&self) -> Generation {
        Generation(self.sections.footer().generation)
    }

    /// The rules by which all its definitions were extracted; zero when there are none in common.
    pub(crate) fn rules(&self) -> u32 {
        self.sections.footer().rules
    }

    /// The positions whose changes it holds.
    pub fn offsets(&self) -> OffsetRange {
        entry(self.sections.footer()).range
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of its file.
    pub fn num_bytes(&self) -> u64 {
        self.sections.file().len() as u64
    }

    /// Documents inside, live or dead.
    pub fn num_docs(&self) -> u64 {
        self.sections.footer().num_docs
    }

    /// Bytes of text inside.
    pub fn text_bytes(&self) -> u64 {
        self.sections.footer().text_bytes
    }

    /// The sections with their sizes in bytes, in order.
    pub fn section_sizes(&self) -> Vec<(String, u64)> {
        let sections = &self.sections.footer().sections;
        sections.iter().map(|section| (section.name.clone(), section.num_bytes)).collect()
    }

    /// The text of a document, as stored.
    pub(crate) fn text(&self, doc: u32) -> &[u8] {
        &self.content[self.docs.text(doc)]
    }

    /// The blocks of a document.
    pub(crate) fn blocks_of(&self, doc: u32) -> std::ops::Range<u32> {
        let end = if doc + 1 < self.docs.num() {
            self.docs.first_block(doc + 1)
        } else {
            self.blocks.num()
        };
        self.docs.first_block(doc)..end
    }
}

/// Blocks and documents must agree on which block is whose, or lines would be read across files.
fn check_blocks(docs: &Docs, blocks: &Blocks) -> Result<()> {
    let bad = || crate::EngineError::corrupt(section::BLOCKS, "do not fit the documents");
    let mut block = 0;
    for doc in 0..docs.num() {
        let (text, first) = (docs.text(doc), docs.first_block(doc));
        if first != block {
            return Err(bad());
        }
        let mut at = text.start;
        while block < blocks.num() && blocks.doc(block) == doc {
            let range = blocks.range(block);
            if range.start != at || range.is_empty() {
                return Err(bad());
            }
            at = range.end;
            block += 1;
        }
        if at != text.end {
            return Err(bad());
        }
    }
    if block == blocks.num() { Ok(()) } else { Err(bad()) }
}
