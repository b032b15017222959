//! Reading what a path shows, wherever its bytes are.

use crate::{
    snapshot::{Item, read_verified},
    source::directory::{self, LiveFiles},
};
use ax_model::{FileKind, SkipReason};
use gix::{ObjectId, bstr::BStr, objs::Kind};
use std::sync::Arc;

/// What one entry holds.
pub enum Raw {
    /// Bytes to classify.
    Bytes {
        /// Id of these bytes.
        id: ObjectId,
        /// The bytes as stored.
        bytes: Vec<u8>,
    },
    /// Left out without being read.
    Skipped {
        /// Id of the entry.
        id: ObjectId,
        /// Why.
        reason: SkipReason,
        /// Size in bytes, zero when it cannot be told.
        num_bytes: u64,
    },
    /// The file vanished from its directory after the scan.
    Gone,
    /// The whole repository is not there any more: that a blob cannot be read says nothing about it.
    Vanished,
}

/// Reads entries; one per thread.
pub struct Contents {
    repo: gix::Repository,
    files: Option<Arc<LiveFiles>>,
    max_file_bytes: u64,
}

impl Contents {
    /// Contents in `repo`'s object database or, when given, in `files`.
    pub fn new(repo: gix::Repository, files: Option<Arc<LiveFiles>>, max_file_bytes: u64) -> Self {
        Self { repo, files, max_file_bytes }
    }

    /// Where the object database is.
    pub fn place(&self) -> String {
        self.repo.git_dir().display().to_string()
    }

    /// True when what an old position showed can still be read.
    pub fn has_history(&self) -> bool {
        self.files.is_none()
    }

    /// How many bytes reading the entry will take, as far as is known beforehand.
    pub fn size(&self, path: &BStr, item: &Item) -> u64 {
        if matches!(item.kind, FileKind::Symlink | FileKind::Submodule) {
            return 0;
        }
        let size = match &self.files {
            Some(files) => files.size(path),
            None => self.repo.find_header(item.id).ok().map(|header| header.size()),
        };
        size.filter(|size| *size <= self.max_file_bytes).unwrap_or(0)
    }

    /// Reads the entry.
    pub fn read(&self, path: &BStr, item: &Item) -> Raw {
        self.read_up_to(path, item, self.max_file_bytes)
    }

    /// Reads the entry as under another limit, in bytes.
    pub fn read_up_to(&self, path: &BStr, item: &Item, max_file_bytes: u64) -> Raw {
        let skipped = |reason| Raw::Skipped { id: item.id, reason, num_bytes: 0 };
        match item.kind {
            FileKind::Symlink => skipped(SkipReason::Symlink),
            FileKind::Submodule => skipped(SkipReason::Submodule),
            FileKind::Regular | FileKind::Executable => match &self.files {
                Some(files) => self.read_live(files, path, item.id, max_file_bytes),
                None => self.read_blob(item.id, max_file_bytes),
            },
        }
    }

    fn read_blob(&self, id: ObjectId, max_file_bytes: u64) -> Raw {
        let unreadable = |why: String| {
            if !self.repo.git_dir().join("HEAD").exists() {
                return Raw::Vanished;
            }
            tracing::warn!(%id, why, "blob cannot be read");
            Raw::Skipped { id, reason: SkipReason::Unreadable, num_bytes: 0 }
        };
        match self.repo.find_header(id) {
            Ok(header) if header.size() > max_file_bytes => {
                let num_bytes = header.size();
                return Raw::Skipped { id, reason: SkipReason::TooLarge, num_bytes };
            }
            Ok(_) => {}
            Err(error) => return unreadable(error.to_string()),
        }
        match read_verified(&self.repo, id, Kind::Blob) {
            Ok(bytes) => Raw::Bytes { id, bytes },
            Err(error) => unreadable(error.reason),
        }
    }

    fn read_live(
        &self,
        files: &LiveFiles,
        path: &BStr,
        scanned: ObjectId,
        max_file_bytes: u64,
    ) -> Raw {
        match files.read(path, scanned, max_file_bytes) {
            directory::Read::Bytes(bytes, id) => Raw::Bytes { id, bytes },
            directory::Read::TooLarge(num_bytes) => {
                let id = directory::id_of_size(num_bytes);
                Raw::Skipped { id, reason: SkipReason::TooLarge, num_bytes }
            }
            directory::Read::Unreadable => {
                let id = ObjectId::Sha1(directory::UNREADABLE);
                Raw::Skipped { id, reason: SkipReason::Unreadable, num_bytes: 0 }
            }
            directory::Read::Gone => Raw::Gone,
        }
    }
}
