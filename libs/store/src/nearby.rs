//! Segments that several roles of one machine keep: handed from one to the other by hard link, so that
//! beside the store's own copy the disk holds each of them once.
//!
//! A link gets a passing name first, its bytes are checked, and then it is renamed to what it should
//! become: a crash in between leaves a passing name, which the owner of the folder sweeps. Each owner
//! removes its own names when it likes; the bytes go with the last name. A bit that flips is seen
//! under every name, which is why a neighbour's file is checked like one from afar, and a wrong one is
//! never mended from its own other name but from the store.

use crate::{ShardStore, StoreError, local::blocking, segments::Partial};
use ax_model::{ContentHash, Generation, SegmentEntry, ShardId};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where below `root` a role keeps the segments of a shard, in this folder or one right below it: the
/// same for all roles, so that they find one another's.
pub fn local_folder(root: &Path, generation: Generation, shard: ShardId) -> PathBuf {
    root.join(format!("g{generation}")).join(format!("s{shard}"))
}

/// True when the file has the bytes that `entry` says. Reads all of it, and blocks.
pub fn has_bytes_of(path: &Path, entry: &SegmentEntry) -> io::Result<bool> {
    let mut file = fs::File::open(path)?;
    if file.metadata()?.len() != entry.num_bytes {
        return Ok(false);
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file)?;
    Ok(ContentHash(*hasher.finalize().as_bytes()) == entry.checksum)
}

/// Folders of other roles on this machine, which may have what this one needs. None by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours(Vec<PathBuf>);

impl Neighbours {
    /// Neighbours that keep their segments below `roots`, as [`local_folder`] says. They need not
    /// exist.
    pub fn new(roots: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(roots.into_iter().collect())
    }

    /// A neighbour's file of the segment, as long as it should be; its bytes are not checked.
    pub fn find(
        &self,
        generation: Generation,
        shard: ShardId,
        entry: &SegmentEntry,
    ) -> Option<PathBuf> {
        let folders = self.0.iter().map(|root| local_folder(root, generation, shard));
        let name = format!("{}.seg", entry.id);
        let mut files = folders.flat_map(|folder| files_named(&folder, &name));
        files.find(|file| fs::metadata(file).is_ok_and(|facts| facts.len() == entry.num_bytes))
    }

    /// Links a neighbour's segment to `dest`; false when none has it whole.
    fn give(
        &self,
        generation: Generation,
        shard: ShardId,
        entry: &SegmentEntry,
        dest: &Path,
    ) -> bool {
        let folders = self.0.iter().map(|root| local_folder(root, generation, shard));
        for source in folders.flat_map(|folder| files_named(&folder, &format!("{}.seg", entry.id)))
        {
            match link(&source, entry, dest) {
                Ok(true) => {
                    metrics::counter!("ax_store_linked_bytes_total").increment(entry.num_bytes);
                    return true;
                }
                Ok(false) => tracing::warn!(?source, "a neighbour's segment is damaged; not taken"),
                Err(error) => tracing::debug!(?source, %error, "a neighbour's segment is not had"),
            }
        }
        false
    }
}

impl ShardStore {
    /// Brings a segment to `dest`, which appears only when its bytes are right: from a neighbour that
    /// has it, by hard link or, on another file system, by a copy; else from the store, as
    /// [`ShardStore::fetch_segment`] does.
    pub async fn obtain_segment(
        &self,
        entry: &SegmentEntry,
        dest: &Path,
        neighbours: &Neighbours,
    ) -> Result<(), StoreError> {
        self.check_id(&entry.id)?;
        let (generation, shard) = (self.generation(), self.shard());
        let (known, wanted, to) = (neighbours.clone(), entry.clone(), dest.to_owned());
        let is_given = blocking(move || Ok(known.give(generation, shard, &wanted, &to))).await?;
        if is_given { Ok(()) } else { self.fetch_segment(entry, dest).await }
    }
}

/// The files of this name in `folder` and the folders right below it.
fn files_named(folder: &Path, name: &str) -> Vec<PathBuf> {
    let below = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let below = below.map(|entry| entry.path().join(name));
    std::iter::once(folder.join(name)).chain(below).filter(|file| file.is_file()).collect()
}

/// Gives `source` the further name `dest` if its bytes are right.
fn link(source: &Path, entry: &SegmentEntry, dest: &Path) -> io::Result<bool> {
    let partial = Partial::beside(dest);
    match fs::hard_link(source, &partial.0) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(error),
        // Another file system, or one that has no links, or no more of them.
        Err(_) => fs::copy(source, &partial.0).map(drop)?,
        Ok(()) => {}
    }
    if !has_bytes_of(&partial.0, entry)? {
        return Ok(false);
    }
    // Where both are names of one file already, this does nothing, and `partial` goes when dropped.
    fs::rename(&partial.0, dest)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::{Offset, OffsetRange, SegmentId, Stored};
    use std::os::unix::fs::MetadataExt as _;

    const PLACE: (Generation, ShardId) = (Generation(1), ShardId(2));
    const BYTES: &[u8] = b"the bytes of a segment";

    fn entry() -> SegmentEntry {
        SegmentEntry {
            id: SegmentId("one".to_owned()),
            num_bytes: BYTES.len() as u64,
            checksum: ContentHash(*blake3::hash(BYTES).as_bytes()),
            stored: Stored::Raw,
            num_docs: 1,
            text_bytes: 1,
            num_tombstones: 0,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: OffsetRange::default(),
            weeded_to: Offset(0),
        }
    }

    /// A neighbour that keeps `bytes` under the segment's name, `below` the shard's folder.
    fn neighbour(root: &Path, below: &str, bytes: &[u8]) -> PathBuf {
        let folder = local_folder(root, PLACE.0, PLACE.1).join(below);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("one.seg"), bytes).unwrap();
        folder.join("one.seg")
    }

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).unwrap().ino()
    }

    /// Names in a folder.
    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    fn give(roots: &[&Path], dest: &Path) -> bool {
        let roots = roots.iter().map(|root| (*root).to_owned());
        Neighbours::new(roots).give(PLACE.0, PLACE.1, &entry(), dest)
    }

    #[test]
    fn a_whole_segment_becomes_another_name_of_the_same_file() {
        for below in ["", "e7"] {
            let (theirs, ours) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let source = neighbour(theirs.path(), below, BYTES);
            let dest = ours.path().join("one.seg");
            for _ in 0..2 {
                assert!(give(&[theirs.path()], &dest));
                assert_eq!(inode(&source), inode(&dest));
                assert_eq!(names(ours.path()), ["one.seg"], "nothing is left of the passing name");
            }
            fs::remove_file(&source).unwrap();
            assert_eq!(fs::read(&dest).unwrap(), BYTES, "each owner removes its own name only");
        }
    }

    #[test]
    fn a_damaged_one_is_left_where_it_is_and_the_next_is_asked() {
        let ours = tempfile::tempdir().unwrap();
        let dest = ours.path().join("one.seg");
        let bad = tempfile::tempdir().unwrap();
        for damage in [&b"the bytes of a segmenT"[..], &BYTES[1..], b""] {
            let source = neighbour(bad.path(), "", damage);
            assert!(!give(&[bad.path()], &dest));
            assert!(names(ours.path()).is_empty());
            assert_eq!(fs::read(&source).unwrap(), damage);
        }
        let good = tempfile::tempdir().unwrap();
        let source = neighbour(good.path(), "", BYTES);
        assert!(give(&[Path::new("/nowhere"), bad.path(), good.path()], &dest));
        assert_eq!(inode(&source), inode(&dest));
    }

    #[test]
    fn nobody_has_it() {
        let ours = tempfile::tempdir().unwrap();
        assert!(!give(&[], &ours.path().join("one.seg")));
        assert!(!give(&[ours.path()], &ours.path().join("one.seg")));
    }
}
