//! Building segments of a folder of text.

use crate::process::{Clock, Cost, peak_bytes};
use anyhow::Result;
use ax_engine::{BuildOptions, Doc, Segment, SegmentBuilder, Snapshot};
use ax_model::{
    BlobId, Content, ContentHash, DocKey, FileKind, FileVersion, Generation, OffsetRange, RepoName,
    SegmentId, ShardId, SkipReason,
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Instant,
};

/// Text per segment: what an indexer cuts, since memory is bounded by it.
const SEGMENT_BYTES: u64 = 400 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    folder: PathBuf,
    work: PathBuf,
    #[arg(long)]
    symbols: bool,
}

/// What a build cost. Sizes are in bytes.
#[derive(Debug, Serialize, Deserialize)]
pub struct Built {
    pub symbols: bool,
    pub num_files: u64,
    pub text_bytes: u64,
    pub index_bytes: u64,
    /// Reading the files and hashing them included.
    pub cost: Cost,
    /// Of `cost`, on one core.
    pub reading_seconds: f64,
    pub peak_bytes: u64,
    /// Bytes per part of the segments.
    pub sections: BTreeMap<String, u64>,
}

pub fn run(arguments: &Arguments) -> Result<Built> {
    std::fs::create_dir_all(&arguments.work)?;
    for old in segments(&arguments.work)? {
        std::fs::remove_file(old)?;
    }
    let clock = Clock::start();
    let (mut num_segments, mut reading_seconds) = (0, 0.0);
    let mut builder = new_builder(arguments, num_segments)?;
    for entry in walkdir::WalkDir::new(&arguments.folder).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        let begun = Instant::now();
        let text = std::fs::read(entry.path())?;
        let path = entry.path().strip_prefix(&arguments.folder)?.to_string_lossy().into_owned();
        let doc = new_doc(text);
        reading_seconds += begun.elapsed().as_secs_f64();
        builder.put(&DocKey::new(RepoName::new("corpus")?, path)?, vec![doc])?;
        if builder.text_bytes() >= SEGMENT_BYTES {
            finish(builder, &arguments.work, num_segments)?;
            num_segments += 1;
            builder = new_builder(arguments, num_segments)?;
        }
    }
    finish(builder, &arguments.work, num_segments)?;
    let cost = clock.stop();
    let peak_bytes = peak_bytes();
    let snapshot = open(&arguments.work)?;
    let stats = snapshot.stats();
    Ok(Built {
        symbols: arguments.symbols,
        num_files: stats.live_docs,
        text_bytes: stats.text_bytes,
        index_bytes: stats.index_bytes,
        cost,
        reading_seconds,
        peak_bytes,
        sections: sections(&snapshot),
    })
}

/// Opens what was built.
pub fn open(work: &Path) -> Result<Snapshot> {
    let paths = segments(work)?;
    let segments = paths.iter().map(|path| Segment::open(path)).collect::<Result<Vec<_>, _>>()?;
    Ok(Snapshot::new(segments)?)
}

fn segments(work: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(work)?.collect::<Result<Vec<_>, _>>()?;
    let paths = entries.into_iter().map(|entry| entry.path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension() == Some("seg".as_ref())).collect();
    paths.sort();
    Ok(paths)
}

fn new_builder(arguments: &Arguments, number: usize) -> Result<SegmentBuilder> {
    Ok(SegmentBuilder::new(BuildOptions {
        shard: ShardId(0),
        generation: Generation(1),
        id: SegmentId(format!("{number:03}")),
        symbols: arguments.symbols,
        scratch_dir: arguments.work.clone(),
    })?)
}

fn finish(builder: SegmentBuilder, work: &Path, number: usize) -> Result<()> {
    let bytes = builder.text_bytes();
    builder.finish(OffsetRange::default(), &work.join(format!("{number:03}.seg")))?;
    eprintln!("  a segment of {} MB", bytes / 1_000_000);
    Ok(())
}

fn new_doc(text: Vec<u8>) -> Doc {
    let is_binary = memchr::memchr(0, &text[..text.len().min(8192)]).is_some();
    let version = FileVersion {
        blob: BlobId(ContentHash::of(&text).0[..20].to_vec()),
        branches: vec!["main".into()],
        content: Content::Inline(Bytes::new()),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
        as_of: 0,
    };
    let text = if is_binary { Err(SkipReason::Binary) } else { Ok(Bytes::from(text)) };
    Doc { version, text, committed_at_ms: 0 }
}

fn sections(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::<String, u64>::new();
    for (name, bytes) in snapshot.segments().flat_map(|segment| segment.section_sizes()) {
        let kind = match name.rsplit_once('.') {
            Some((_, extension)) if name.starts_with("index/") => format!("index/*.{extension}"),
            _ => name,
        };
        *sums.entry(kind).or_default() += bytes;
    }
    sums
}

/// What it costs to make ten changed files searchable: build, open, derive live documents.
pub fn ten_files(snapshot: &Snapshot) -> Result<Cost> {
    let folder = tempfile::tempdir()?;
    let arguments =
        Arguments { folder: PathBuf::new(), work: folder.path().to_owned(), symbols: true };
    let docs: Vec<_> = snapshot.documents().take(10).collect::<Result<_, _>>()?;
    let mut texts = Vec::new();
    for doc in &docs {
        texts.push(snapshot.file(&doc.key, None)?.and_then(|view| view.text.ok()));
    }
    let clock = Clock::start();
    let mut builder = new_builder(&arguments, 999)?;
    for (doc, text) in docs.iter().zip(texts) {
        builder.put(&doc.key, vec![new_doc(text.unwrap_or_default())])?;
    }
    let path = folder.path().join("999.seg");
    builder.finish(OffsetRange::default(), &path)?;
    let newer = snapshot.with_newer(Segment::open(&path)?)?;
    let cost = clock.stop();
    anyhow::ensure!(newer.stats().live_docs == snapshot.stats().live_docs, "documents were lost");
    Ok(cost)
}
