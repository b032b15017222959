//! Contents of a plain directory's files, as they are now.

use crate::error::explain;
use gix::{
    ObjectId,
    bstr::{BStr, BString},
    objs::Kind,
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::Read as _,
    os::unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Entries that cannot be read have this id in trees; git's own null id means "no object".
pub(crate) const UNREADABLE: [u8; 20] = [0xff; 20];

/// What reading a file gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Its bytes and their id.
    Bytes(Vec<u8>, ObjectId),
    /// It is over the limit: its size in bytes.
    TooLarge(u64),
    /// It is there and cannot be read.
    Unreadable,
    /// It is not there any more.
    Gone,
}

/// The files of a directory, and which of them were found other than the scan had them.
pub struct LiveFiles {
    root: PathBuf,
    moved: Mutex<BTreeMap<BString, Option<ObjectId>>>,
}

impl LiveFiles {
    /// Files under `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root, moved: Mutex::default() }
    }

    /// Reads a file that the scan found with the id `scanned`; a difference is remembered.
    pub fn read(&self, path: &BStr, scanned: ObjectId, max_bytes: u64) -> Read {
        let found = read_file(&self.root.join(OsStr::from_bytes(path)), max_bytes);
        let now = match &found {
            Read::Bytes(_, id) => Some(*id),
            Read::TooLarge(num_bytes) => Some(id_of_size(*num_bytes)),
            Read::Unreadable => Some(ObjectId::Sha1(UNREADABLE)),
            Read::Gone => None,
        };
        if now != Some(scanned) {
            self.moved.lock().insert(path.to_owned(), now);
        }
        found
    }

    /// Size of a file now; `None` when it is not there.
    pub fn size(&self, path: &BStr) -> Option<u64> {
        let path = self.root.join(OsStr::from_bytes(path));
        std::fs::symlink_metadata(path).ok().map(|meta| meta.len())
    }

    /// What was found other than the scan had it, and the id it was emitted with.
    pub fn moved(&self) -> BTreeMap<BString, Option<ObjectId>> {
        self.moved.lock().clone()
    }
}

/// Reads one file, at most `max_bytes`. A symbolic link is not followed, even one that was a file a
/// moment ago: it could lead out of the directory.
pub(super) fn read_file(path: &Path, max_bytes: u64) -> Read {
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(nix::fcntl::OFlag::O_NOFOLLOW.bits() | nix::fcntl::OFlag::O_NONBLOCK.bits())
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Read::Gone,
        Err(_) => return Read::Unreadable,
    };
    match file.metadata() {
        Ok(meta) if !meta.is_file() => return Read::Unreadable,
        Ok(meta) if meta.len() > max_bytes => return Read::TooLarge(meta.len()),
        Ok(_) => {}
        Err(_) => return Read::Unreadable,
    }
    let mut bytes = Vec::new();
    match file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes) {
        Ok(_) if bytes.len() as u64 > max_bytes => Read::TooLarge(bytes.len() as u64), // it grows
        Ok(_) => blob_id(&bytes).map_or(Read::Unreadable, |id| Read::Bytes(bytes, id)),
        Err(_) => Read::Unreadable,
    }
}

/// The id that git gives these bytes.
pub(super) fn blob_id(bytes: &[u8]) -> Option<ObjectId> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, bytes)
        .inspect_err(|error| tracing::warn!(reason = explain(error), "cannot hash a file"))
        .ok()
}

/// The id of a file that is too large to read: its size stands for it, so that it changes with it.
pub(crate) fn id_of_size(num_bytes: u64) -> ObjectId {
    blob_id(format!("too large: {num_bytes} bytes").as_bytes())
        .unwrap_or(ObjectId::Sha1(UNREADABLE))
}
