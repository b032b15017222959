//! Building a segment from changes, in bounded memory.

mod chunk;
mod extraction;
mod finish;
mod threads;

use extraction::{Budget, CommonRules};
pub(crate) use extraction::{Definitions, Wanted};
pub use extraction::{Extraction, Texts};
pub(crate) use finish::entry;

use crate::{
    BuildOptions, BuiltSegment, Doc, EngineError, Result,
    blocks::BlocksBuilder,
    docs::{DocRecord, Interner, flag, is_storable},
    format::section,
    grams::{GramBuilder, GramSorter},
    keys::{KeyKind, KeysBuilder},
    languages,
    marks::MarksBuilder,
    path,
    reuse::KnownSegment,
    sections::SectionWriter,
    symbols::SymbolsBuilder,
    words::{Digest, WordsWriter},
};
use ax_model::{DocKey, OffsetRange, RepoName, RepositoryInfo};
use ax_syntax::Language;
use bytes::Bytes;
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};
use tempfile::TempPath;
use threads::Crew;

/// Text gathered before it is indexed: large enough to keep all cores busy, small enough to hold.
const CHUNK_BYTES: usize = 32 << 20;
/// Documents gathered before they are indexed, however small.
const CHUNK_DOCS: usize = 1 << 15;
/// Most documents of a segment; leaves room for sentinels in 32 bits.
const MAX_DOCS: usize = 1 << 30;
/// Most text of a segment: its postings stay under 4 GiB with a wide margin.
const MAX_TEXT_BYTES: u64 = 8 << 30;

/// Builds one segment. Text is written to its file as it comes; postings are spilled; what stays in
/// memory is the table of documents, the words for ranking, names with their places, the marks, and a chunk of
/// 32 MiB with its digests. What stays grows with the text, which whoever builds bounds (64 MiB by default in the
/// indexer; merges up to [`MergePolicy::max_bytes`](crate::MergePolicy)).
///
/// It blocks, and works on a pool of threads that all builders share: call it off the async runtime.
pub struct SegmentBuilder {
    options: BuildOptions,
    file: TempPath,
    out: SectionWriter,
    keys: KeysBuilder,
    docs: Vec<DocRecord>,
    tables: Tables,
    blocks: BlocksBuilder,
    grams: GramBuilder,
    sorters: Vec<GramSorter>,
    words: WordsWriter,
    /// Of the last chunk, not yet in `words`.
    digests: Vec<Digest>,
    symbols: SymbolsBuilder,
    marks: MarksBuilder,
    known: Vec<Arc<KnownSegment>>,
    rules: CommonRules,
    budget: Budget,
    extraction: Extraction,
    crew: Crew,
    repositories: BTreeMap<RepoName, RepositoryInfo>,
    pending: Vec<Pending>,
    pending_bytes: usize,
    text_bytes: u64,
}

/// The strings that records share.
#[derive(Debug, Default)]
struct Tables {
    repos: Interner,
    languages: Interner,
    encodings: Interner,
    branch_sets: Interner,
    symbol_kinds: Interner,
}

/// A document that is in the table already, and waits to be indexed.
struct Pending {
    doc: u32,
    path: String,
    text: Bytes,
    /// Only one that has definitions.
    language: Option<&'static Language>,
    known: Option<Definitions>,
}

impl SegmentBuilder {
    /// Opens a temporary file in the scratch directory.
    pub fn new(options: BuildOptions) -> Result<Self> {
        let scratch = options.scratch_dir.clone();
        let file = tempfile::Builder::new()
            .prefix("segment-")
            .tempfile_in(&scratch)
            .map_err(EngineError::io(&scratch))?;
        let (file, path) = file.into_parts();
        let mut out = SectionWriter::new(file, &path);
        out.begin(section::CONTENT);
        let num_sorters = rayon::current_num_threads().clamp(1, 4);
        Ok(Self {
            out,
            file: path,
            keys: KeysBuilder::default(),
            docs: Vec::new(),
            tables: Tables::default(),
            blocks: BlocksBuilder::default(),
            grams: GramBuilder::new(&scratch),
            sorters: (0..num_sorters).map(|_| GramSorter::new()).collect(),
            words: WordsWriter::new()?,
            digests: Vec::new(),
            symbols: SymbolsBuilder::default(),
            marks: MarksBuilder::default(),
            known: Vec::new(),
            rules: CommonRules::default(),
            budget: Budget::default(),
            extraction: Extraction::default(),
            crew: Crew::Fresh,
            repositories: BTreeMap::new(),
            pending: Vec::new(),
            pending_bytes: 0,
            text_bytes: 0,
            options,
        })
    }

    /// Definitions of texts that stand in `known` too are copied from there where that is cheaper than
    /// to parse again; the first that has one gives it.
    pub fn reuse(&mut self, known: Vec<Arc<KnownSegment>>) {
        self.known = known;
    }

    /// These are now all live versions of `key`: it is replaced in older segments, and earlier in
    /// this one. No version at all deletes it.
    ///
    /// # Errors
    /// [`EngineError::Unindexable`] when the key is a repository's or a text is over 4 GiB; nothing
    /// has changed then. After any other error the builder is of no more use.
    pub fn put(&mut self, key: &DocKey, versions: Vec<Doc>) -> Result<()> {
        let versions = versions.into_iter().map(|doc| (doc, None)).collect();
        self.put_known(key, versions)
    }

    /// As [`Self::put`], with definitions that are known already: a merge parses nothing again.
    pub(crate) fn put_known(
        &mut self,
        key: &DocKey,
        versions: Vec<(Doc, Option<Definitions>)>,
    ) -> Result<()> {
        if versions.is_empty() {
            return self.delete(key);
        }
        self.check(key, &versions)?;
        let first = self.docs.len() as u32;
        let number =
            self.keys.set(key.encode(), KeyKind::Put, first..first + versions.len() as u32);
        for (doc, known) in versions {
            self.add_doc(key, number, doc, known);
        }
        if self.pending_bytes >= CHUNK_BYTES || self.pending.len() >= CHUNK_DOCS {
            self.flush()?;
        }
        Ok(())
    }

    /// The key is gone from every branch.
    ///
    /// # Errors
    /// [`EngineError::Unindexable`] when the key is a repository's.
    pub fn delete(&mut self, key: &DocKey) -> Result<()> {
        check_is_file(key)?;
        self.keys.set(key.encode(), KeyKind::Deleted, 0..0);
        Ok(())
    }

    /// Everything of the repository before this is gone.
    pub fn delete_repository(&mut self, repo: &RepoName) {
        self.repositories.remove(repo);
        self.keys.delete_repository(DocKey::prefix_of(repo));
    }

    /// The repository's own facts; they replace older ones.
    pub fn repository(&mut self, info: &RepositoryInfo) {
        self.repositories.insert(info.name.clone(), info.clone());
    }

    /// Documents so far, also those superseded within this segment.
    pub fn num_docs(&self) -> u64 {
        self.docs.len() as u64
    }

    /// Bytes of text so far.
    pub fn text_bytes(&self) -> u64 {
        self.text_bytes
    }

    /// True when nothing was put, deleted or said.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.repositories.is_empty()
    }

    /// Parsing may take this long on all cores; what would take longer is left for a merge that looks for
    /// definitions, and its documents are flagged. How long it takes is estimated from languages and sizes,
    /// so that a busy machine leaves no more than an idle one.
    pub fn parse_within(&mut self, limit: Duration) {
        self.budget.limit = Some(limit);
    }

    /// Works on threads that give way to all others.
    pub fn in_background(&mut self) {
        self.crew = Crew::Background;
    }

    /// What is put with definitions from now on had them by `rules`.
    pub(crate) fn copies_by(&mut self, rules: u32) {
        self.rules.add(rules);
    }

    /// Drops the deletions: right when there is no older segment for them to apply to.
    pub(crate) fn forget_tombstones(&mut self) {
        self.keys.forget_tombstones();
    }

    /// Completes the segment as the file `dest`, which holds the changes of `range`. The file
    /// appears under that name whole or not at all.
    pub fn finish(mut self, range: OffsetRange, dest: &Path) -> Result<BuiltSegment> {
        self.flush()?;
        self.write_out(range, dest)
    }

    fn check(&self, key: &DocKey, versions: &[(Doc, Option<Definitions>)]) -> Result<()> {
        check_is_file(key)?;
        let mut text_bytes = self.text_bytes;
        for (doc, _) in versions {
            let len = doc.text.as_ref().map_or(0, Bytes::len);
            if u32::try_from(len).is_err() {
                return Err(EngineError::Unindexable(format!("{key}: text of {len} bytes")));
            }
            if !is_storable(&doc.version.blob) {
                return Err(EngineError::Unindexable(format!("{key}: blob id is too long")));
            }
            text_bytes += len as u64;
        }
        if text_bytes > MAX_TEXT_BYTES && !self.docs.is_empty() {
            return Err(EngineError::SegmentFull("8 GiB of text"));
        }
        if self.docs.len() + versions.len() > MAX_DOCS {
            return Err(EngineError::SegmentFull("a billion documents"));
        }
        Ok(())
    }

    fn add_doc(&mut self, key: &DocKey, number: u32, doc: Doc, known: Option<Definitions>) {
        let Doc { version, text, committed_at_ms } = doc;
        let (text, skip) = match text {
            Ok(text) => (text, None),
            Err(reason) => (Bytes::new(), Some(reason)),
        };
        let language = languages::detect(&key.path, &text);
        let language_name = language.map_or("", |language| language.name);
        let end = self.text_bytes + text.len() as u64;
        let mut flags = path::flags(&key.path);
        flags |= if version.generated { flag::GENERATED } else { 0 };
        flags |= if version.vendored { flag::VENDORED } else { 0 };
        let id = self.docs.len() as u32;
        self.docs.push(DocRecord {
            key: number,
            repo: self.tables.repos.number_of(key.repo.as_str()),
            text: self.text_bytes..end,
            first_block: 0,
            branches: self.tables.branch_sets.number_of(&version.branches.join("\0")),
            as_of: version.as_of,
            language: self.tables.languages.number_of(language_name),
            encoding: self.tables.encodings.number_of(&version.encoding),
            kind: version.kind,
            skip,
            flags,
            depth: path::depth(&key.path),
            blob: version.blob,
            num_bytes: version.num_bytes,
            committed_at_ms,
        });
        self.text_bytes = end;
        self.pending_bytes += text.len();
        let language = language.filter(|language| language.has_definitions());
        self.pending.push(Pending { doc: id, path: key.path.clone(), text, language, known });
    }
}

fn check_is_file(key: &DocKey) -> Result<()> {
    if key.is_repo() {
        return Err(EngineError::Unindexable(format!("{key}: the path is empty")));
    }
    Ok(())
}
