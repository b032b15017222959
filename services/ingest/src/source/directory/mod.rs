//! Plain directories, made to look like git: a scan writes trees (not blobs) into a small bare
//! repository under the data folder, and file contents are read from the directory itself.
//!
//! So a directory has positions, trees and diffs as any repository has, and everything above is the
//! same for both. What a file held when it was emitted is checked against its id in the tree; files
//! that changed in between are emitted as they were read, and the tree is corrected ([`corrected`]).
//! Everything is indexed but `.git`, the data folders given by configuration, and what cannot be a
//! file's content: sockets, pipes and unreadable files are listed as unreadable.
//!
//! Rejected: `notify`-style watches. They lose events under load and need a scan to recover anyway.

mod files;
mod listing;
mod scan;
mod shadow;

pub use files::{LiveFiles, Read};
pub(crate) use files::{UNREADABLE, id_of_size};
pub use shadow::corrected;

use super::{Snapshot, Wanted, millis};
use crate::{
    IngestConfig, IngestError,
    plan::{BranchAt, Position},
};
use ax_model::{ContentHash, RepoName};
use gix::ObjectId;
use scan::Scanner;
use shadow::Shadow;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// A directory and what is remembered of it.
pub struct DirectorySource {
    root: PathBuf,
    listing: PathBuf,
    shadow: Shadow,
    exclude: Vec<PathBuf>,
    max_file_bytes: u64,
}

impl DirectorySource {
    /// Opens what is remembered of `root`, or starts anew.
    pub fn open(config: &IngestConfig, name: &RepoName, root: &Path) -> Result<Self, IngestError> {
        let folder = Self::folder(&config.data_dir, name, root);
        let shadow = Shadow::open(&folder.join("trees.git"))?;
        let mut exclude = config.exclude.clone();
        exclude.push(config.data_dir.clone());
        exclude.retain_mut(|path| match path.canonicalize() {
            Ok(real) => {
                *path = real;
                true
            }
            Err(_) => false, // it does not exist, so nothing under it does
        });
        Ok(Self {
            root: root.to_owned(),
            listing: folder.join("listing"),
            shadow,
            exclude,
            max_file_bytes: config.max_file_bytes,
        })
    }

    /// Where a directory's trees and listing are kept.
    pub fn folder(data_dir: &Path, name: &RepoName, root: &Path) -> PathBuf {
        let hash = ContentHash::of(format!("{name}\0{}", root.display()).as_bytes()).to_string();
        data_dir.join("directories").join(&hash[..32])
    }

    /// Where its trees are.
    pub fn trees(&self) -> gix::ThreadSafeRepository {
        self.shadow.handle()
    }

    /// Deletes the trees of past scans that no tree of `roots` needs; returns how many objects.
    pub fn collect(&self, roots: &[ObjectId]) -> Result<u64, IngestError> {
        self.shadow.collect(roots)
    }

    /// Scans the directory. Files whose size, times and inode are as before are not read. Blocking.
    pub fn snapshot(
        &self,
        wanted: &Wanted<'_>,
        stop: &AtomicBool,
    ) -> Result<Snapshot, IngestError> {
        let vanished = |error: std::io::Error| IngestError::Vanished {
            place: self.root.display().to_string(),
            reason: error.to_string(),
        };
        let root = self.root.canonicalize().map_err(vanished)?;
        std::fs::read_dir(&root).map_err(vanished)?;
        let scanned = Scanner::new(self, stop)?.scan(&root)?;
        let branch = BranchAt { name: String::new(), commit: String::new(), tree: scanned.tree };
        Ok(Snapshot {
            target: Position {
                branches: vec![branch],
                spread: wanted.spread,
                limits: wanted.limits,
                facts: wanted.said.settled(),
            },
            default_branch: String::new(),
            left_out: Vec::new(),
            committed_at_ms: vec![scanned.newest_ms.min(millis(std::time::SystemTime::now()))],
            totals: Some(scanned.totals),
            trees: self.shadow.handle(),
            files: Some(Arc::new(LiveFiles::new(root))),
        })
    }
}
