//! Reading trees from an object database, each checked against its id.

use crate::error::explain;
use gix::{
    ObjectId,
    bstr::{BString, ByteSlice},
    objs::{Kind, TreeRefIter, tree::EntryKind},
};

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreeMode {
    /// A directory.
    Directory,
    /// A file, with what kind.
    File(ax_model::FileKind),
}

/// One entry of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Name, without a slash.
    pub name: BString,
    /// What it is.
    pub mode: TreeMode,
    /// Tree, blob, or commit of a submodule.
    pub id: ObjectId,
}

/// An object that is missing, damaged or of another kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("object {id}: {reason}")]
pub struct TreeError {
    /// The object.
    pub id: ObjectId,
    /// What is wrong.
    pub reason: String,
}

/// Where trees come from: an object database, or a map in tests.
pub trait Trees {
    /// The entries of a tree.
    fn tree(&self, id: ObjectId) -> Result<Vec<TreeEntry>, TreeError>;

    /// A `.gitattributes` blob; `None` when it cannot be read: then it says nothing, and the file
    /// itself is listed as unreadable.
    fn attributes(&self, id: ObjectId) -> Option<Vec<u8>>;
}

/// Trees of a git object database.
pub struct OdbTrees<'a>(pub &'a gix::Repository);

impl Trees for OdbTrees<'_> {
    fn tree(&self, id: ObjectId) -> Result<Vec<TreeEntry>, TreeError> {
        let data = read_verified(self.0, id, Kind::Tree)?;
        TreeRefIter::from_bytes(&data, self.0.object_hash())
            .map(|entry| {
                let entry = entry
                    .map_err(|error| TreeError { id, reason: format!("not a tree: {error}") })?;
                check_name(id, entry.filename)?;
                Ok(TreeEntry {
                    name: entry.filename.to_owned(),
                    mode: mode(entry.mode.kind()),
                    id: entry.oid.to_owned(),
                })
            })
            .collect()
    }

    fn attributes(&self, id: ObjectId) -> Option<Vec<u8>> {
        let header = self.0.try_find_header(id).ok().flatten()?;
        if header.size() > crate::attributes::MAX_ATTRIBUTE_BYTES as u64 {
            tracing::warn!(%id, num_bytes = header.size(), "attribute file ignored: over 1 MiB");
            return None;
        }
        read_verified(self.0, id, Kind::Blob).ok()
    }
}

/// Reads an object and checks it against its id: git's packs have no check per object, and a flipped
/// bit inside a delta makes a wrong file that looks right.
pub fn read_verified(
    repo: &gix::Repository,
    id: ObjectId,
    kind: Kind,
) -> Result<Vec<u8>, TreeError> {
    let fail = |reason: String| TreeError { id, reason };
    let mut object = repo.find_object(id).map_err(|error| fail(explain(&error)))?;
    if object.kind != kind {
        return Err(fail(format!("is a {}, not a {kind}", object.kind)));
    }
    let found = gix::objs::compute_hash(repo.object_hash(), kind, &object.data)
        .map_err(|error| fail(explain(&error)))?;
    if found != id {
        return Err(fail(format!("its bytes hash to {found}")));
    }
    Ok(std::mem::take(&mut object.data))
}

/// A name that git itself would refuse to check out would let two files fight for one path.
fn check_name(id: ObjectId, name: &gix::bstr::BStr) -> Result<(), TreeError> {
    if name.is_empty() || name.find_byteset(b"/\0").is_some() {
        return Err(TreeError { id, reason: format!("has an entry named {name:?}") });
    }
    Ok(())
}

fn mode(kind: EntryKind) -> TreeMode {
    use ax_model::FileKind;
    match kind {
        EntryKind::Tree => TreeMode::Directory,
        EntryKind::Blob => TreeMode::File(FileKind::Regular),
        EntryKind::BlobExecutable => TreeMode::File(FileKind::Executable),
        EntryKind::Link => TreeMode::File(FileKind::Symlink),
        EntryKind::Commit => TreeMode::File(FileKind::Submodule),
    }
}
