//! The inverted index of identifier words, for ranking: a tantivy index whose documents are those of
//! the segment, in the same order. It never decides whether a document matches.

mod directory;
mod lines;
mod split;

pub(crate) use split::{Digester, Identifier, MAX_WHOLE, identifiers_of, parts_of};

use crate::{
    EngineError, Result,
    format::INDEX_PREFIX,
    sections::{SectionWriter, Sections},
};
use directory::SectionDirectory;
use lines::LineTokenizer;
use std::path::Path;
use tantivy::{
    Index, IndexBuilder, IndexSettings, SegmentReader, TantivyDocument,
    directory::{Directory, RamDirectory},
    indexer::SingleSegmentIndexWriter,
    schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions},
    store::Compressor,
    tokenizer::TokenizerManager,
};

const TOKENIZER: &str = "ax_words";
/// Sizes the first hash table only; it grows on demand.
const FIRST_TABLE_BUDGET: usize = 3_000_000;

/// The fields, each with frequencies and lengths and without positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields {
    /// Words of the text.
    pub(crate) text: Field,
    /// Words of the path.
    pub(crate) path: Field,
    /// Words of the names defined.
    pub(crate) symbol: Field,
}

fn schema() -> (Schema, Fields) {
    let mut schema = Schema::builder();
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(TOKENIZER)
        .set_index_option(IndexRecordOption::WithFreqs);
    let options = TextOptions::default().set_indexing_options(indexing);
    let text = schema.add_text_field("text", options.clone());
    let path = schema.add_text_field("path", options.clone());
    let symbol = schema.add_text_field("symbol", options);
    (schema.build(), Fields { text, path, symbol })
}

/// The words of one document, a line for each, by where they stand.
#[derive(Debug)]
pub(crate) struct Digest {
    pub(crate) text: String,
    pub(crate) path: String,
    /// The names defined.
    pub(crate) symbol: String,
}

/// Writes the index, one document after another.
pub(crate) struct WordsWriter {
    writer: SingleSegmentIndexWriter,
    fields: Fields,
}

impl WordsWriter {
    /// An empty index in memory: its files are about a tenth of the text.
    pub(crate) fn new() -> Result<Self> {
        let (schema, fields) = schema();
        let tokenizers = TokenizerManager::default();
        tokenizers.register(TOKENIZER, LineTokenizer::default());
        let settings = IndexSettings {
            docstore_compression: Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let writer = IndexBuilder::new()
            .schema(schema)
            .settings(settings)
            .tokenizers(tokenizers)
            .single_segment_index_writer(RamDirectory::create(), FIRST_TABLE_BUDGET)?;
        Ok(Self { writer, fields })
    }

    /// Adds the next documents.
    pub(crate) fn add_all(&mut self, digests: Vec<Digest>) -> Result<()> {
        digests.into_iter().try_for_each(|digest| self.add(&digest))
    }

    fn add(&mut self, digest: &Digest) -> Result<()> {
        let Digest { text, path, symbol } = digest;
        let mut doc = TantivyDocument::default();
        doc.add_text(self.fields.text, text);
        doc.add_text(self.fields.path, path);
        doc.add_text(self.fields.symbol, symbol);
        Ok(self.writer.add_document(doc)?)
    }

    /// Completes the index, in memory.
    pub(crate) fn finish(self) -> Result<FinishedWords> {
        Ok(FinishedWords(self.writer.finalize()?))
    }
}

/// A complete index in memory.
pub(crate) struct FinishedWords(Index);

impl FinishedWords {
    /// Writes one section per file of the index.
    pub(crate) fn write(self, out: &mut SectionWriter) -> Result<()> {
        let directory = self.0.directory();
        let mut files: Vec<_> = directory.list_managed_files().into_iter().collect();
        files.push(Path::new("meta.json").to_owned());
        files.sort_unstable();
        files.dedup();
        for file in files {
            let exists = directory.exists(&file).map_err(tantivy::TantivyError::from)?;
            if exists {
                let bytes = directory.atomic_read(&file).map_err(tantivy::TantivyError::from)?;
                out.section(format!("{INDEX_PREFIX}{}", file.display()), &bytes)?;
            }
        }
        Ok(())
    }
}

/// The index of a mapped segment.
pub(crate) struct Words {
    pub(crate) reader: SegmentReader,
    pub(crate) fields: Fields,
}

impl Words {
    /// Opens it over the segment's sections, whose checksums have been verified: the library's
    /// readers may panic on damaged bytes.
    pub(crate) fn open(sections: &Sections) -> Result<Self> {
        let index = Index::open(SectionDirectory::new(sections.clone()))?;
        let (expected, fields) = schema();
        let segments = index.searchable_segments()?;
        let [segment] = segments.as_slice() else {
            return Err(EngineError::corrupt("index", "does not have exactly one segment"));
        };
        if index.schema() != expected {
            return Err(EngineError::corrupt("index", "has another schema"));
        }
        let reader = SegmentReader::open(segment)?;
        if u64::from(reader.max_doc()) != sections.footer().num_docs {
            return Err(EngineError::corrupt("index", "has another number of documents"));
        }
        Ok(Self { reader, fields })
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words({} documents)", self.reader.max_doc())
    }
}
