//! What the integration tests share: a small corpus, and a search as people type it.
#![allow(dead_code)] // each test file uses a part

use ax_engine::{
    BuildOptions, BuiltSegment, Doc, SearchOptions, SearchOutcome, Segment, SegmentBuilder,
    Snapshot, Stop,
};
use ax_model::{
    BlobId, BranchHistory, Content, DocKey, FileKind, FileVersion, Generation, Offset, OffsetRange,
    RepoName, RepositoryFacts, RepositoryInfo, SegmentId, ShardId, SkipReason,
};
use ax_proto::manifest::SegmentFooter;
use ax_query::Limits;
use bytes::Bytes;
use prost::Message;
use std::{collections::BTreeMap, path::Path};

/// Options for a segment whose files are in `folder`.
pub fn options(folder: &Path, id: &str) -> BuildOptions {
    BuildOptions {
        shard: ShardId(0),
        generation: Generation(1),
        id: SegmentId(id.into()),
        symbols: true,
        scratch_dir: folder.to_owned(),
    }
}

/// A key of repository `repo`.
pub fn key(repo: &str, path: &str) -> DocKey {
    DocKey::new(RepoName::new(repo).unwrap(), path).unwrap()
}

/// The facts of a repository that says nothing of itself; no branches, so that documents decide theirs.
pub fn info_of(repo: &str) -> RepositoryInfo {
    RepositoryInfo {
        name: RepoName::new(repo).unwrap(),
        source: String::new(),
        default_branch: String::new(),
        branches: Vec::new(),
        history: BranchHistory::default(),
        branches_left_out: Vec::new(),
        num_files: 0,
        num_bytes: 0,
        num_skipped: 0,
        spread: 1,
        committed_at_ms: 0,
        indexed_at_ms: 0,
        facts: RepositoryFacts::default(),
        is_copy: false,
    }
}

/// A version with text, shown by `branches`.
pub fn doc(text: impl Into<Vec<u8>>, branches: &[&str]) -> Doc {
    let text = text.into();
    Doc { version: version(&text, branches), text: Ok(Bytes::from(text)), committed_at_ms: 7 }
}

/// A version without text.
pub fn skipped(reason: SkipReason) -> Doc {
    Doc { version: version(b"skipped", &["main"]), text: Err(reason), committed_at_ms: 7 }
}

fn version(text: &[u8], branches: &[&str]) -> FileVersion {
    FileVersion {
        blob: BlobId(blake_of(text)),
        branches: branches.iter().map(|name| (*name).to_owned()).collect(),
        content: Content::Inline(Bytes::new()),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    }
}

fn blake_of(text: &[u8]) -> Vec<u8> {
    ax_model::ContentHash::of(text).0[..20].to_vec()
}

/// Finishes the segment `id` in `folder`.
pub fn finish(builder: SegmentBuilder, folder: &Path, id: &str) -> BuiltSegment {
    let range = OffsetRange::new(Offset(3), Offset(9)).unwrap();
    builder.finish(range, &folder.join(format!("{id}.seg"))).unwrap()
}

/// Builds what `fill` says into `folder/id.seg`.
pub fn build(folder: &Path, id: &str, fill: impl FnOnce(&mut SegmentBuilder)) -> BuiltSegment {
    let mut builder = SegmentBuilder::new(options(folder, id)).unwrap();
    fill(&mut builder);
    finish(builder, folder, id)
}

/// A snapshot of one segment with these files of repository `r`, on branch `main`.
pub fn snapshot_of(folder: &Path, files: &[(&str, &[u8])]) -> Snapshot {
    let built = build(folder, "s", |builder| {
        for (path, text) in files {
            builder.put(&key("r", path), vec![doc(*text, &["main"])]).unwrap();
        }
    });
    Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap()
}

/// Every match of a query.
pub fn search(snapshot: &Snapshot, query: &str) -> SearchOutcome {
    let options = SearchOptions { limit: usize::MAX, ..SearchOptions::default() };
    search_with(snapshot, query, &options)
}

/// A search with options.
pub fn search_with(snapshot: &Snapshot, query: &str, options: &SearchOptions) -> SearchOutcome {
    let query = ax_query::parse(query, &Limits::default()).unwrap();
    snapshot.search(&query, options, &Stop::never()).unwrap()
}

/// The matched lines as `path:number:text`, sorted; `path` alone for a file without lines.
pub fn lines(outcome: &SearchOutcome) -> Vec<String> {
    let mut found = Vec::new();
    for file in &outcome.files {
        if file.lines.is_empty() {
            found.push(file.key.path.clone());
        }
        for line in file.lines.iter().filter(|line| !line.ranges.is_empty()) {
            found.push(format!("{}:{}:{}", file.key.path, line.number, line.text));
        }
    }
    found.sort();
    found
}

/// The footer in a segment's bytes, and where it begins.
pub fn footer(file: &[u8]) -> (SegmentFooter, usize) {
    let trailer = file.len() - 20;
    let len = u32::from_le_bytes(file[trailer..trailer + 4].try_into().unwrap()) as usize;
    (SegmentFooter::decode(&file[trailer - len..trailer]).unwrap(), trailer - len)
}

/// The bytes of each section of the file at `path`.
pub fn section_bytes(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let file = std::fs::read(path).unwrap();
    let bytes = |start: u64, len: u64| file[start as usize..(start + len) as usize].to_vec();
    let sections = footer(&file).0.sections.into_iter();
    sections.map(|one| (one.name, bytes(one.start, one.num_bytes))).collect()
}
