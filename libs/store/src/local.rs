//! What a directory needs beyond the back end: names made durable, leftovers swept.
//!
//! `object_store` writes each object under a staging name `NAME#N`, syncs it, and then links
//! (create) or renames (replace) it into place and syncs the directory. Linking fails when the name
//! exists, so creation is atomic even between processes. Two things are left to us: the directory's
//! sync may fail after the link is in place, and a killed process leaves its staging file behind.

use crate::StoreError;
use object_store::path::Path;
use std::{
    fs, io,
    path::{Path as FilePath, PathBuf},
    time::{Duration, SystemTime},
};

/// The directory under a store.
#[derive(Debug, Clone)]
pub(crate) struct LocalDir {
    root: PathBuf,
}

impl LocalDir {
    /// Makes the directory when it is missing.
    pub(crate) fn open(root: PathBuf) -> Result<Self, StoreError> {
        let made = fs::create_dir_all(&root).and_then(|()| sync(&root));
        made.map_err(|e| StoreError::local(&root, e))?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &FilePath {
        &self.root
    }

    /// Syncs the folder of `path`.
    pub(crate) async fn settle(&self, path: &Path) -> Result<(), StoreError> {
        let file = self.root.join(path.as_ref());
        let folder = file.parent().unwrap_or(&self.root).to_owned();
        blocking(move || sync(&folder).map_err(|e| StoreError::local(&folder, e))).await
    }

    /// Removes staging files older than `age`, left by processes that were killed; returns how many.
    pub(crate) async fn sweep(&self, age: Duration) -> Result<u64, StoreError> {
        let root = self.root.clone();
        blocking(move || {
            let before = SystemTime::now().checked_sub(age).unwrap_or(SystemTime::UNIX_EPOCH);
            sweep(&root, before).map_err(|e| StoreError::local(&root, e))
        })
        .await
    }
}

/// Runs file work off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(StoreError::Unavailable { path: String::new(), source: error.into() })
    })
}

fn sync(folder: &FilePath) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

fn sweep(folder: &FilePath, before: SystemTime) -> io::Result<u64> {
    let mut swept = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // Another process may remove what we look at: that is no failure.
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            swept += sweep(&entry.path(), before).unwrap_or(0);
        } else if is_staging(&entry.path()) && meta.modified()? < before {
            swept += u64::from(fs::remove_file(entry.path()).is_ok());
        }
    }
    Ok(swept)
}

fn is_staging(path: &FilePath) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.rsplit_once('#')
        .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sweeps_old_staging_files_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("g1/s1");
        fs::create_dir_all(&inside).unwrap();
        for name in ["a.seg", "a.seg#1", "b.seg#22", "c#x", "d#"] {
            fs::write(inside.join(name), b"x").unwrap();
        }
        let local = LocalDir::open(dir.path().to_owned()).unwrap();
        assert_eq!(local.sweep(Duration::from_secs(3600)).await.unwrap(), 0);
        assert_eq!(local.sweep(Duration::ZERO).await.unwrap(), 2);
        let left = fs::read_dir(&inside).unwrap().count();
        assert_eq!(left, 3);
    }
}
