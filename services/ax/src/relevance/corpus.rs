//! The index that is searched in process: built from folders once, and found again while they are as they
//! were. `work/index` holds its segments, and beside them, written last, the stamp of what they hold.

use super::{
    Result,
    folder::{self, Folder, Found},
    progress::Progress,
    unusable, write,
};
use ax_engine::{BuildOptions, Doc, Segment, SegmentBuilder, Snapshot};
use ax_model::{
    BlobId, Content, ContentHash, DocKey, FileKind, FileVersion, Generation, OffsetRange,
    SegmentId, ShardId,
};
use ax_relevance::FileId;
use bytes::Bytes;
use std::path::{Path, PathBuf};

/// Text per segment, as an indexer cuts them.
const SEGMENT_BYTES: u64 = 400 << 20;
const STAMP: &str = "stamp";

/// An index and what is in it.
pub struct Corpus {
    pub snapshot: Snapshot,
    /// Its files, in the order of `Snapshot::documents`.
    pub files: Vec<FileId>,
    /// Alike only for equal files.
    pub identity: String,
    /// Where things are kept.
    pub work: PathBuf,
}

/// Opens the index of `folders`; builds it first if it is not there, or not of these files.
pub fn open(folders: &[Folder], work: &Path, rebuild: bool) -> Result<Corpus> {
    let index = work.join("index");
    std::fs::create_dir_all(&index).map_err(|error| unusable(&index, &error))?;
    let work = work.canonicalize().map_err(|error| unusable(work, &error))?;
    let files = folders.iter().map(|folder| Ok((folder, folder.files(&work)?)));
    let files = files.collect::<Result<Vec<_>>>()?;
    let stamp = folder::stamp(&files);
    let known = std::fs::read_to_string(index.join(STAMP)).unwrap_or_default();
    let kept = if known == stamp && !rebuild { segments(&index).ok() } else { None };
    let segments = match kept {
        Some(segments) => segments, // another version's format does not open, and is built anew
        None => build(&files, &index, &stamp)?,
    };
    describe(Snapshot::new(segments)?, work)
}

fn describe(snapshot: Snapshot, work: PathBuf) -> Result<Corpus> {
    let mut files = Vec::new();
    let mut contents = Vec::new();
    for doc in snapshot.documents() {
        let doc = doc?;
        contents.push([doc.key.encode(), doc.blob.0].concat());
        files.push(FileId::new(doc.key.repo.as_str(), doc.key.path));
    }
    contents.sort_unstable();
    let identity = ContentHash::of(&contents.concat()).to_string();
    Ok(Corpus { snapshot, files, identity, work })
}

fn segments(index: &Path) -> Result<Vec<std::sync::Arc<Segment>>> {
    let paths = segment_paths(index)?;
    Ok(paths.iter().map(|path| Segment::open(path)).collect::<Result<_, _>>()?)
}

fn segment_paths(index: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(index).map_err(|error| unusable(index, &error))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<_> = paths.filter(|path| path.extension() == Some("seg".as_ref())).collect();
    paths.sort();
    Ok(paths)
}

fn build(
    folders: &[(&Folder, Vec<Found>)],
    index: &Path,
    stamp: &str,
) -> Result<Vec<std::sync::Arc<Segment>>> {
    for old in segment_paths(index)?.into_iter().chain([index.join(STAMP)]) {
        let gone = std::fs::remove_file(&old);
        gone.or_else(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(unusable(&old, &error)),
        })?;
    }
    let all = || folders.iter().flat_map(|(folder, files)| files.iter().map(|f| (*folder, f)));
    let total = all().map(|(_, file)| file.num_bytes).sum();
    let progress = Progress::of_bytes("indexing", total);
    let (mut number, mut builder) = (0, new_builder(index, 0)?);
    for (folder, file) in all() {
        // what vanished since it was listed is not searched; the stamp will differ next time
        let Ok(raw) = std::fs::read(&file.place) else { continue };
        let Ok(key) = DocKey::new(folder.repo.clone(), file.path.clone()) else { continue };
        builder.put(&key, vec![doc(raw)])?;
        progress.add(file.num_bytes);
        if builder.text_bytes() >= SEGMENT_BYTES {
            finish(builder, index, number)?;
            number += 1;
            builder = new_builder(index, number)?;
        }
    }
    finish(builder, index, number)?;
    write(&index.join(STAMP), stamp.as_bytes())?;
    segments(index)
}

fn new_builder(index: &Path, number: usize) -> Result<SegmentBuilder> {
    Ok(SegmentBuilder::new(BuildOptions {
        shard: ShardId(0),
        generation: Generation(1),
        id: SegmentId(format!("{number:03}")),
        symbols: true,
        scratch_dir: index.to_owned(),
    })?)
}

fn finish(builder: SegmentBuilder, index: &Path, number: usize) -> Result<()> {
    builder.finish(OffsetRange::default(), &index.join(format!("{number:03}.seg")))?;
    Ok(())
}

fn doc(raw: Vec<u8>) -> Doc {
    let blob = BlobId(ContentHash::of(&raw).0[..20].to_vec());
    let num_bytes = raw.len() as u64;
    let text = ax_ingest::content::classify(raw);
    let version = FileVersion {
        blob,
        branches: vec!["main".to_owned()],
        content: Content::Inline(Bytes::new()),
        kind: FileKind::Regular,
        num_bytes,
        encoding: text.as_ref().map_or("", |text| text.encoding).to_owned(),
        generated: false,
        vendored: false,
        as_of: 0,
    };
    Doc { version, text: text.map(|text| text.bytes), committed_at_ms: 0 }
}
