//! The file that the log is in: made once, and after a failed write opened again, the same one.

use super::LogError;
use redb::{Builder, Database, DatabaseError, backends::FileBackend};
use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::PathBuf,
    sync::Arc,
};

/// The file's name.
pub(super) const FILE_NAME: &str = "coordination.redb";

/// Cache of file pages, in bytes. The log is short, and mostly written.
const CACHE_BYTES: usize = 16 << 20;

/// Makes a database of an open file. A test puts a disk that fails in between.
pub(super) type Mount =
    Arc<dyn Fn(&Builder, File) -> Result<Database, DatabaseError> + Send + Sync>;

/// Where the log is, and which file that was at first.
#[derive(Clone)]
pub(super) struct LogFile {
    dir: PathBuf,
    mount: Mount,
    /// Device and inode.
    id: Option<(u64, u64)>,
}

impl fmt::Debug for LogFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogFile").field("dir", &self.dir).field("id", &self.id).finish()
    }
}

impl LogFile {
    /// The file in `dir`.
    pub(super) fn new(dir: impl Into<PathBuf>) -> Self {
        let mount = |builder: &Builder, file| builder.create_with_backend(FileBackend::new(file)?);
        Self { dir: dir.into(), mount: Arc::new(mount), id: None }
    }

    /// The file in `dir`, read and written by way of `mount`.
    #[cfg(test)]
    pub(super) fn mounted(dir: impl Into<PathBuf>, mount: Mount) -> Self {
        Self { mount, ..Self::new(dir) }
    }

    /// True once the file was open: from then on it has to be the same, and not empty.
    pub(super) fn was_open(&self) -> bool {
        self.id.is_some()
    }

    /// Opens the file. It is made only the first time: later, a log that is not there any more must
    /// not come back empty.
    pub(super) fn open(&mut self) -> Result<Database, LogError> {
        let is_first = !self.was_open();
        if is_first {
            fs::create_dir_all(&self.dir)?;
        }
        let file = self.open_same(is_first)?;
        let id = identity(&file)?;
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_BYTES);
        let database = match (self.mount)(&builder, file) {
            Err(DatabaseError::DatabaseAlreadyOpen) => return Err(LogError::Locked),
            outcome => outcome?,
        };
        File::open(&self.dir)?.sync_all()?; // the file's name is to outlive a crash too
        self.id = Some(id);
        Ok(database)
    }

    fn open_same(&self, is_first: bool) -> Result<File, LogError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(is_first).truncate(false);
        match options.open(self.dir.join(FILE_NAME)) {
            Err(error) if !is_first && error.kind() == ErrorKind::NotFound => {
                Err(LogError::Replaced)
            }
            Ok(file) if !is_first && self.id != Some(identity(&file)?) => Err(LogError::Replaced),
            outcome => Ok(outcome?),
        }
    }
}

fn identity(file: &File) -> io::Result<(u64, u64)> {
    let found = file.metadata()?;
    Ok((found.dev(), found.ino()))
}
