//! A worker's files on the local disk: what is being built, and what a merge may want to read.
//!
//! | | no merge runs | a merge runs |
//! |---|---|---|
//! | a segment of the manifest, small | stays: it is merged soon | stays |
//! | a segment of the manifest, large | goes, once a query node beside us had time to link it | stays |
//! | anything else: parts of a merge, what a failed build left | goes | stays |
//!
//! A merge that wants what went links it from a neighbour, or fetches it. Between two batches nothing
//! else writes here.

use crate::{IndexerError, known::Known};
use ax_engine::{KnownSegment, MergePolicy};
use ax_model::{Epoch, Generation, Manifest, ShardId};
use ax_store::Neighbours;
use parking_lot::Mutex;
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a large segment stays for a query node of this machine, which else would fetch it.
const HANDED_OVER_AFTER: Duration = Duration::from_secs(60);

/// The folder of one tenure.
pub(crate) struct Scratch {
    folder: PathBuf,
    small_bytes: u64,
    known: Arc<Mutex<Known>>,
}

impl Scratch {
    /// An empty folder below `root`: files of an earlier tenure may be half written.
    pub async fn fresh(
        root: &Path,
        (generation, shard, epoch): (Generation, ShardId, Epoch),
        policy: &MergePolicy,
        neighbours: Neighbours,
    ) -> Result<Self, IndexerError> {
        let folder = ax_store::local_folder(root, generation, shard).join(format!("e{epoch}"));
        remove(&folder).await?;
        tokio::fs::create_dir_all(&folder).await?;
        // A segment of more than this is read by at most one more merge, if any.
        let small_bytes = policy.max_bytes / policy.fan_in.max(2) as u64;
        let known = Arc::new(Mutex::new(Known::new(folder.clone(), neighbours)));
        Ok(Self { folder, small_bytes, known })
    }

    /// Where the files are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Segments on this machine whose definitions may be copied.
    pub fn known(&self) -> Arc<Mutex<Known>> {
        Arc::clone(&self.known)
    }

    /// Those of `manifest`.
    pub async fn known_of(
        &self,
        manifest: &Manifest,
    ) -> Result<Vec<Arc<KnownSegment>>, IndexerError> {
        let (known, manifest) = (self.known(), manifest.clone());
        let opened = tokio::task::spawn_blocking(move || known.lock().of(&manifest));
        opened.await.map_err(|error| IndexerError::Panicked(error.to_string()))
    }

    /// Removes what is not needed any more. Not to be called while a segment is built.
    pub async fn sweep(&self, manifest: &Manifest, is_merging: bool) -> Result<(), IndexerError> {
        if is_merging {
            return Ok(());
        }
        let mut files = tokio::fs::read_dir(&self.folder).await?;
        while let Some(file) = files.next_entry().await? {
            let path = file.path();
            let num_bytes = num_bytes_in(manifest, &path);
            let stays = match num_bytes {
                Some(num_bytes) => num_bytes <= self.small_bytes || is_young(&file).await,
                None => false,
            };
            if !stays {
                remove(&path).await?;
            }
        }
        self.known.lock().let_go(manifest);
        Ok(())
    }

    /// Removes the folder: the tenure is over.
    pub async fn end(self) {
        if let Err(error) = remove(&self.folder).await {
            tracing::warn!(folder = ?self.folder, %error, "cannot remove a worker's files");
        }
    }
}

/// The size of the segment in this file, when the manifest names it.
fn num_bytes_in(manifest: &Manifest, path: &Path) -> Option<u64> {
    let id = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    manifest.all_segments().find(|entry| entry.id.0 == id).map(|entry| entry.num_bytes)
}

async fn is_young(file: &tokio::fs::DirEntry) -> bool {
    let modified = file.metadata().await.ok().and_then(|facts| facts.modified().ok());
    modified.and_then(|at| at.elapsed().ok()).is_some_and(|age| age < HANDED_OVER_AFTER)
}

/// Removes a file or a folder; none is fine.
async fn remove(path: &Path) -> io::Result<()> {
    let removed = match tokio::fs::symlink_metadata(path).await {
        Ok(facts) if facts.is_dir() => tokio::fs::remove_dir_all(path).await,
        Ok(_) => tokio::fs::remove_file(path).await,
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ax_model::{SegmentEntry, SegmentId, Stored};
    use std::{collections::BTreeSet, fs, time::SystemTime};

    fn names(folder: &Path) -> BTreeSet<String> {
        let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    pub(crate) fn entry(id: &str, num_bytes: u64) -> SegmentEntry {
        SegmentEntry {
            id: SegmentId(id.to_owned()),
            num_bytes,
            checksum: ax_model::ContentHash::default(),
            stored: Stored::Raw,
            num_docs: 1,
            text_bytes: 1,
            num_tombstones: 0,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: ax_model::OffsetRange::default(),
            weeded_to: ax_model::Offset(0),
        }
    }

    pub(crate) fn manifest(segments: Vec<SegmentEntry>) -> Manifest {
        Manifest {
            shard: ShardId(3),
            generation: Generation(1),
            version: ax_model::ManifestVersion(1),
            epoch: Epoch(2),
            writer: String::new(),
            previous: ax_model::ContentHash::default(),
            log_id: String::new(),
            applied: ax_model::OffsetRange::default(),
            segments,
            committed_at_ms: 0,
            created_at_ms: 0,
            rebuilt: ax_model::RebuildNumber::default(),
            complete_at_ms: 0,
            rebuild: None,
        }
    }

    #[tokio::test]
    async fn what_no_merge_wants_goes() {
        let root = tempfile::tempdir().unwrap();
        let tenure = (Generation(1), ShardId(3), Epoch(2));
        let policy =
            MergePolicy { fan_in: 4, floor_bytes: 1, max_bytes: 400, ..Default::default() };
        let scratch =
            Scratch::fresh(root.path(), tenure, &policy, Neighbours::default()).await.unwrap();
        for name in ["small.seg", "large.seg", "fresh.seg", "part.seg", "x.seg.1.part"] {
            let file = fs::File::create(scratch.folder().join(name)).unwrap();
            if name != "fresh.seg" {
                file.set_modified(SystemTime::now() - 2 * HANDED_OVER_AFTER).unwrap();
            }
        }
        fs::create_dir(scratch.folder().join("half-built")).unwrap();
        let all = names(scratch.folder());
        let segments = [("small", 100), ("large", 101), ("fresh", 101), ("elsewhere", 1)];
        let manifest = manifest(segments.map(|(id, num_bytes)| entry(id, num_bytes)).to_vec());
        scratch.sweep(&manifest, true).await.unwrap();
        assert_eq!(names(scratch.folder()), all, "a merge may read or write any of them");
        scratch.sweep(&manifest, false).await.unwrap();
        let left = ["fresh.seg", "small.seg"].map(str::to_owned);
        assert_eq!(names(scratch.folder()), BTreeSet::from(left));
        let folder = scratch.folder().to_owned();
        scratch.end().await;
        assert!(!folder.exists());
    }
}
