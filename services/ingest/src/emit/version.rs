//! All live versions of one path.

use super::contents::{Contents, Raw};
use crate::{IngestError, content, plan::Unreadable, snapshot::Item};
use ax_model::{BlobId, Content, FileKind, FileVersion, SkipReason, StoredBlob};
use bytes::Bytes;
use gix::{ObjectId, bstr::BStr};
use std::collections::BTreeSet;

/// Stores a text that is too large for the stream, and waits for it.
pub type PutBlob<'a> = &'a dyn Fn(Bytes) -> Result<StoredBlob, IngestError>;

/// Text bytes and skipped versions at one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weight {
    /// Bytes of text over all versions.
    pub text_bytes: u64,
    /// Versions whose text is left out.
    pub num_skipped: u64,
}

/// Makes versions; one per thread.
pub struct VersionMaker<'a> {
    /// Where contents are.
    pub contents: Contents,
    /// Branch names, as numbered in the walk.
    pub branches: &'a [String],
    /// As of which addition of a branch they are named.
    pub as_of: u32,
    /// Largest file that counted as text in the old position, in bytes.
    pub old_max_file_bytes: u64,
    /// Files that counted as unreadable there.
    pub unreadable: &'a BTreeSet<Unreadable>,
    /// Bytes of text that one change may carry.
    pub inline_limit_bytes: usize,
    /// For the rest.
    pub put_blob: PutBlob<'a>,
}

impl VersionMaker<'_> {
    /// Memory that [`VersionMaker::make`] will need: the largest file twice (as stored and as
    /// converted), and what the change carries.
    pub fn num_bytes_needed(&self, path: &BStr, items: &[(usize, Item)]) -> usize {
        let sizes = distinct(items).into_iter().map(|(item, _)| self.contents.size(path, &item));
        let (largest, sum) = sizes
            .fold((0, 0), |(max, sum): (u64, u64), size| (max.max(size), sum.saturating_add(size)));
        let largest = usize::try_from(largest).unwrap_or(usize::MAX);
        let carried = usize::try_from(sum).unwrap_or(usize::MAX).min(self.inline_limit_bytes);
        largest.saturating_mul(2).saturating_add(carried)
    }

    /// One version per distinct blob, in the branches' order of preference. Empty when the file is
    /// gone after all. The first texts travel inline, while they fit together.
    pub fn make(
        &self,
        path: &BStr,
        items: &[(usize, Item)],
    ) -> Result<Vec<FileVersion>, IngestError> {
        let mut left = self.inline_limit_bytes;
        let mut versions = Vec::new();
        for (item, branches) in distinct(items) {
            versions.extend(self.version(path, &item, branches, &mut left)?);
        }
        Ok(versions)
    }

    /// What an old position counted for at this path.
    pub fn weigh_old(&self, path: &BStr, items: &[(usize, Item)]) -> Weight {
        let mut weight = Weight::default();
        for (item, _) in distinct(items) {
            if self.unreadable.contains(&Unreadable { path: path.to_owned(), blob: item.id }) {
                weight.num_skipped += 1; // so it was counted, even if it can be read now
                continue;
            }
            match self.contents.read_up_to(path, &item, self.old_max_file_bytes) {
                Raw::Bytes { bytes, .. } => match content::classify(bytes) {
                    Ok(text) => weight.text_bytes += text.bytes.len() as u64,
                    Err(_) => weight.num_skipped += 1,
                },
                Raw::Skipped { .. } => weight.num_skipped += 1,
                Raw::Gone | Raw::Vanished => {}
            }
        }
        weight
    }

    fn version(
        &self,
        path: &BStr,
        item: &Item,
        branches: Vec<usize>,
        left: &mut usize,
    ) -> Result<Option<FileVersion>, IngestError> {
        let (id, num_bytes, content, encoding) = match self.contents.read(path, item) {
            Raw::Gone => return Ok(None),
            // Not a skipped file: the position would count as read, and its files as looked at.
            Raw::Vanished => {
                let place = self.contents.place();
                let reason = "its HEAD is gone".to_owned();
                return Err(IngestError::Vanished { place, reason });
            }
            Raw::Skipped { id, reason, num_bytes } => (id, num_bytes, Content::Skipped(reason), ""),
            Raw::Bytes { id, bytes } => {
                let num_bytes = bytes.len() as u64;
                let (content, encoding) = self.place(content::classify(bytes), left)?;
                (id, num_bytes, content, encoding)
            }
        };
        if let Content::Skipped(reason) = content {
            metrics::counter!("ax_ingest_skipped_total", "reason" => reason.as_str()).increment(1);
        }
        Ok(Some(FileVersion {
            blob: blob_id(id),
            branches: self.names(branches),
            content,
            kind: item.kind,
            num_bytes,
            encoding: encoding.to_owned(),
            generated: item.flags.generated,
            vendored: item.flags.vendored,
            as_of: self.as_of,
        }))
    }

    /// Inline while there is room, else in the object store.
    fn place(
        &self,
        classified: Result<content::Text, SkipReason>,
        left: &mut usize,
    ) -> Result<(Content, &'static str), IngestError> {
        let text = match classified {
            Ok(text) => text,
            Err(reason) => return Ok((Content::Skipped(reason), "")),
        };
        if text.bytes.len() <= *left {
            *left -= text.bytes.len();
            return Ok((Content::Inline(text.bytes), text.encoding));
        }
        Ok((Content::Stored((self.put_blob)(text.bytes)?), text.encoding))
    }

    /// Sorted names; a plain directory has no branches.
    fn names(&self, branches: Vec<usize>) -> Vec<String> {
        let mut names: Vec<String> = branches
            .into_iter()
            .filter_map(|branch| self.branches.get(branch))
            .filter(|name| !name.is_empty())
            .cloned()
            .collect();
        names.sort();
        names
    }
}

/// Weight of versions as they are emitted.
pub fn weigh(versions: &[FileVersion]) -> Weight {
    let mut weight = Weight::default();
    for version in versions {
        match &version.content {
            Content::Inline(text) => weight.text_bytes += text.len() as u64,
            Content::Stored(blob) => weight.text_bytes += blob.num_bytes,
            Content::Skipped(_) => weight.num_skipped += 1,
        }
    }
    weight
}

/// Distinct contents with the branches that show each. A link and a file of the same blob differ; an
/// executable and an ordinary file do not: the first branch decides which of the two is shown, and
/// what the attributes say.
fn distinct(items: &[(usize, Item)]) -> Vec<(Item, Vec<usize>)> {
    let mut found: Vec<(Item, Vec<usize>)> = Vec::new();
    for (branch, item) in items {
        let same = |known: &Item| known.id == item.id && class(known.kind) == class(item.kind);
        match found.iter_mut().find(|(known, _)| same(known)) {
            Some((_, branches)) => branches.push(*branch),
            None => found.push((*item, vec![*branch])),
        }
    }
    found
}

fn class(kind: FileKind) -> u8 {
    match kind {
        FileKind::Regular | FileKind::Executable => 0,
        FileKind::Symlink => 1,
        FileKind::Submodule => 2,
    }
}

fn blob_id(id: ObjectId) -> BlobId {
    BlobId(id.as_slice().to_vec())
}
