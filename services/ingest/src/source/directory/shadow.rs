//! The trees of a plain directory's scans, as loose objects of a small bare repository.

use crate::{
    IngestError,
    error::explain,
    snapshot::{OdbTrees, TreeEntry, TreeMode, Trees},
};
use ax_model::FileKind;
use gix::{
    ObjectId,
    bstr::BString,
    objs::{
        Tree,
        tree::{Entry, EntryKind},
    },
};
use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

/// The bare repository that keeps trees.
pub struct Shadow {
    repo: gix::ThreadSafeRepository,
}

impl Shadow {
    /// Opens it, or makes an empty one.
    pub fn open(path: &Path) -> Result<Self, IngestError> {
        let git = |error: gix::Error| IngestError::Disk(explain(&error));
        let repo = if path.join("HEAD").is_file() {
            let options = gix::open::Options::isolated().open_path_as_is(true);
            gix::ThreadSafeRepository::open_opts(path, options).map_err(git)?
        } else {
            let disk = |error: std::io::Error| IngestError::Disk(error.to_string());
            if path.exists() {
                std::fs::remove_dir_all(path).map_err(disk)?; // half made
            }
            std::fs::create_dir_all(path).map_err(disk)?;
            gix::init_bare(path).map_err(git)?.into_sync()
        };
        Ok(Self { repo })
    }

    /// A handle for another thread.
    pub fn handle(&self) -> gix::ThreadSafeRepository {
        self.repo.clone()
    }

    /// Deletes every object that no tree of `roots` needs; returns how many.
    pub fn collect(&self, roots: &[ObjectId]) -> Result<u64, IngestError> {
        let repo = self.repo.to_thread_local();
        let live = reachable(&repo, roots);
        sweep(&repo.git_dir().join("objects"), &live)
            .map_err(|error| IngestError::Disk(error.to_string()))
    }
}

/// Writes a tree. `entries` are sorted as git sorts them.
pub fn write(repo: &gix::Repository, entries: &[TreeEntry]) -> Result<ObjectId, IngestError> {
    let entry = |entry: &TreeEntry| Entry {
        mode: entry_kind(entry.mode).into(),
        filename: entry.name.clone(),
        oid: entry.id,
    };
    let tree = Tree { entries: entries.iter().map(entry).collect() };
    let written = repo.write_object(&tree);
    Ok(written.map_err(|error| IngestError::Disk(explain(&error)))?.detach())
}

/// Keeps a small blob that walks read. A failure costs its attributes, and is said.
pub fn keep_blob(repo: &gix::Repository, bytes: &[u8]) {
    if bytes.len() > crate::attributes::MAX_ATTRIBUTE_BYTES {
        return; // walks would ignore it
    }
    if let Err(error) = repo.write_blob(bytes) {
        tracing::warn!(reason = explain(&error), "attributes of a directory not kept");
    }
}

/// The root tree with some entries as they were emitted: another id, or gone.
pub fn corrected(
    trees: &gix::ThreadSafeRepository,
    root: ObjectId,
    moved: &BTreeMap<BString, Option<ObjectId>>,
) -> Result<ObjectId, IngestError> {
    let repo = trees.to_thread_local();
    let moved: Vec<(&[u8], Option<ObjectId>)> =
        moved.iter().map(|(path, id)| (path.as_slice(), *id)).collect();
    let root = correct(&repo, root, &moved)?;
    root.map_or_else(|| write(&repo, &[]), Ok)
}

/// One directory; `moved` holds the paths below it, relative to it.
fn correct(
    repo: &gix::Repository,
    tree: ObjectId,
    moved: &[(&[u8], Option<ObjectId>)],
) -> Result<Option<ObjectId>, IngestError> {
    let entries =
        OdbTrees(repo).tree(tree).map_err(|error| IngestError::Corrupt(error.to_string()))?;
    let mut kept = Vec::with_capacity(entries.len());
    for mut entry in entries {
        let id = match entry.mode {
            TreeMode::Directory => {
                let mut prefix = entry.name.clone();
                prefix.push(b'/');
                let below: Vec<_> = moved
                    .iter()
                    .filter_map(|(path, id)| Some((path.strip_prefix(prefix.as_slice())?, *id)))
                    .collect();
                if below.is_empty() { Some(entry.id) } else { correct(repo, entry.id, &below)? }
            }
            TreeMode::File(_) => moved
                .iter()
                .find(|(path, _)| *path == entry.name.as_slice())
                .map_or(Some(entry.id), |(_, id)| *id),
        };
        if let Some(id) = id {
            entry.id = id;
            kept.push(entry);
        }
    }
    if kept.is_empty() { Ok(None) } else { write(repo, &kept).map(Some) }
}

/// Trees reachable from `roots`, and the `.gitattributes` blobs in them.
fn reachable(repo: &gix::Repository, roots: &[ObjectId]) -> HashSet<ObjectId> {
    let mut live = HashSet::new();
    let mut todo = roots.to_vec();
    while let Some(id) = todo.pop() {
        if !live.insert(id) {
            continue;
        }
        for entry in OdbTrees(repo).tree(id).unwrap_or_default() {
            match entry.mode {
                TreeMode::Directory => todo.push(entry.id),
                TreeMode::File(_) if entry.name == ".gitattributes" => {
                    live.insert(entry.id);
                }
                TreeMode::File(_) => {}
            }
        }
    }
    live
}

/// Deletes loose objects that are not in `live`.
fn sweep(objects: &Path, live: &HashSet<ObjectId>) -> std::io::Result<u64> {
    let mut num_deleted = 0;
    for fan in std::fs::read_dir(objects)? {
        let fan = fan?;
        let prefix = fan.file_name();
        let Some(prefix) = prefix.to_str().filter(|name| name.len() == 2) else { continue };
        for object in std::fs::read_dir(fan.path())? {
            let object = object?;
            let name = object.file_name();
            let hex = format!("{prefix}{}", name.to_string_lossy());
            match ObjectId::from_hex(hex.as_bytes()) {
                Ok(id) if !live.contains(&id) => {
                    std::fs::remove_file(object.path())?;
                    num_deleted += 1;
                }
                _ => {}
            }
        }
    }
    Ok(num_deleted)
}

fn entry_kind(mode: TreeMode) -> EntryKind {
    match mode {
        TreeMode::Directory => EntryKind::Tree,
        TreeMode::File(FileKind::Regular) => EntryKind::Blob,
        TreeMode::File(FileKind::Executable) => EntryKind::BlobExecutable,
        TreeMode::File(FileKind::Symlink) => EntryKind::Link,
        TreeMode::File(FileKind::Submodule) => EntryKind::Commit,
    }
}
