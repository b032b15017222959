//! From a directory to trees.

use super::{
    DirectorySource,
    files::{self, Read, UNREADABLE},
    listing::{ListingReader, ListingWriter, Seen, Stamp},
    shadow,
};
use crate::{
    IngestError, content,
    plan::Totals,
    snapshot::{TreeEntry, TreeMode},
};
use ax_model::FileKind;
use gix::{
    ObjectId,
    bstr::{BString, ByteSlice},
};
use std::{
    fs::Metadata,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::SystemTime,
};

/// What a scan found.
pub struct Scanned {
    /// Root tree.
    pub tree: ObjectId,
    /// Counts over all files.
    pub totals: Totals,
    /// Newest modification time, in milliseconds since 1970.
    pub newest_ms: i64,
}

/// A scan under way.
pub struct Scanner<'a> {
    repo: gix::Repository,
    listing: &'a Path,
    before: ListingReader,
    after: ListingWriter,
    exclude: &'a [PathBuf],
    max_file_bytes: u64,
    stop: &'a AtomicBool,
    totals: Totals,
    newest_ms: i64,
}

impl<'a> Scanner<'a> {
    /// A scan of `source`.
    pub fn new(source: &'a DirectorySource, stop: &'a AtomicBool) -> Result<Self, IngestError> {
        Ok(Self {
            repo: source.shadow.handle().to_thread_local(),
            listing: &source.listing,
            before: ListingReader::open(&source.listing),
            after: ListingWriter::create(&source.listing).map_err(disk)?,
            exclude: &source.exclude,
            max_file_bytes: source.max_file_bytes,
            stop,
            totals: Totals::default(),
            newest_ms: 0,
        })
    }

    /// Scans everything below `root`.
    pub fn scan(mut self, root: &Path) -> Result<Scanned, IngestError> {
        let tree = self.directory(root, &BString::default())?;
        let tree = match tree {
            Some(tree) => tree,
            None => shadow::write(&self.repo, &[])?,
        };
        self.after.finish(self.listing).map_err(disk)?;
        Ok(Scanned { tree, totals: self.totals, newest_ms: self.newest_ms })
    }

    /// One directory; `None` when it shows nothing, since git has no empty trees below the root.
    /// `prefix` is its path with a final slash. The depth is bounded by the system's longest path.
    fn directory(&mut self, dir: &Path, prefix: &BString) -> Result<Option<ObjectId>, IngestError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(IngestError::Stopped);
        }
        let mut entries = Vec::new();
        for (name, path, meta) in children(dir) {
            let mut full = prefix.clone();
            full.extend_from_slice(&name);
            if let Some((mode, id)) = self.entry(&path, full, &meta)? {
                entries.push(TreeEntry { name, mode, id });
            }
        }
        if entries.is_empty() { Ok(None) } else { shadow::write(&self.repo, &entries).map(Some) }
    }

    fn entry(
        &mut self,
        path: &Path,
        mut full: BString,
        meta: &Metadata,
    ) -> Result<Option<(TreeMode, ObjectId)>, IngestError> {
        if meta.is_dir() {
            if self.exclude.iter().any(|excluded| excluded == path) {
                return Ok(None);
            }
            if std::fs::read_dir(path).is_err() {
                return Ok(Some(self.unreadable())); // listed under its own name, not left out silently
            }
            full.push(b'/');
            return Ok(self.directory(path, &full)?.map(|id| (TreeMode::Directory, id)));
        }
        if meta.is_symlink() {
            return Ok(self.symlink(path));
        }
        if !meta.is_file() {
            return Ok(Some(self.unreadable()));
        }
        self.file(path, full, meta)
    }

    fn symlink(&mut self, path: &Path) -> Option<(TreeMode, ObjectId)> {
        let target = std::fs::read_link(path).ok()?; // gone again
        self.totals.num_files += 1;
        self.totals.num_skipped += 1;
        let id = files::blob_id(target.as_os_str().as_bytes())?;
        Some((TreeMode::File(FileKind::Symlink), id))
    }

    fn unreadable(&mut self) -> (TreeMode, ObjectId) {
        self.totals.num_files += 1;
        self.totals.num_skipped += 1;
        (TreeMode::File(FileKind::Regular), ObjectId::Sha1(UNREADABLE))
    }

    fn file(
        &mut self,
        path: &Path,
        full: BString,
        meta: &Metadata,
    ) -> Result<Option<(TreeMode, ObjectId)>, IngestError> {
        let stamp = Stamp::of(meta);
        let known = self.before.find(full.as_bstr());
        let known = known.filter(|seen| {
            seen.settled && seen.stamp == stamp && self.was_as_limited(seen, meta.len())
        });
        let Some(seen) = known.or_else(|| self.look(path, &full, stamp)) else { return Ok(None) };
        self.after.add(full.as_bstr(), &seen).map_err(disk)?;
        self.newest_ms = self.newest_ms.max(stamp.written_ms());
        self.totals.num_files += 1;
        self.totals.num_bytes += seen.text_bytes;
        self.totals.num_skipped += u64::from(seen.skipped);
        let executable = meta.mode() & 0o111 != 0;
        let kind = if executable { FileKind::Executable } else { FileKind::Regular };
        Ok(Some((TreeMode::File(kind), seen.id)))
    }

    /// True when a file of this size was left out, or not, by the limit of now.
    fn was_as_limited(&self, seen: &Seen, num_bytes: u64) -> bool {
        let was_too_large = seen.skipped && seen.id == files::id_of_size(num_bytes);
        was_too_large == (num_bytes > self.max_file_bytes)
    }

    /// Reads a file that was touched. `None` when it is gone again.
    fn look(&self, path: &Path, full: &BString, stamp: Stamp) -> Option<Seen> {
        let settled = stamp.is_settled(SystemTime::now());
        let skipped = |id| Seen { stamp, id, text_bytes: 0, skipped: true, settled };
        Some(match files::read_file(path, self.max_file_bytes) {
            Read::Gone => return None,
            // Looked at again next time: it may become readable without being touched.
            Read::Unreadable => Seen { settled: false, ..skipped(ObjectId::Sha1(UNREADABLE)) },
            Read::TooLarge(num_bytes) => skipped(files::id_of_size(num_bytes)),
            Read::Bytes(bytes, id) => {
                if full.ends_with_str(".gitattributes") {
                    shadow::keep_blob(&self.repo, &bytes); // walks read it from there
                }
                match content::classify(bytes) {
                    Ok(text) => {
                        let text_bytes = text.bytes.len() as u64;
                        Seen { stamp, id, text_bytes, skipped: false, settled }
                    }
                    Err(_) => skipped(id),
                }
            }
        })
    }
}

/// What a directory holds, sorted as git sorts trees: a directory as if its name ended in a slash.
/// What vanishes while it is read is not there.
fn children(dir: &Path) -> Vec<(BString, PathBuf, Metadata)> {
    let Ok(listed) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut children: Vec<_> = listed
        .filter_map(Result::ok)
        .filter(|child| child.file_name() != ".git")
        .filter_map(|child| {
            let name = BString::from(child.file_name().as_bytes());
            Some((name, child.path(), child.metadata().ok()?))
        })
        .collect();
    children.sort_by(|(a, _, a_meta), (b, _, b_meta)| {
        gix::objs::tree::name_order(a, a_meta.is_dir(), b, b_meta.is_dir())
    });
    children
}

fn disk(error: std::io::Error) -> IngestError {
    IngestError::Disk(error.to_string())
}
