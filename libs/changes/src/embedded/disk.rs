//! The file, and what happens to it when a write fails.

use crate::LogError;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The file of one log.
#[derive(Debug)]
pub(super) struct Disk {
    path: PathBuf,
    cache_bytes: usize,
    /// Device and inode: tells that the file at `path` is still the one opened.
    inode: (u64, u64),
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Open(Arc<Database>),
    /// A full disk broke the last transaction; the file is opened anew by whoever comes next.
    Closed,
    /// A write is lost, or the file is; why.
    Dead(String),
}

impl Disk {
    /// Opens the file at `path`, or creates it and its folder durably.
    pub fn open(path: &Path, cache_bytes: usize) -> Result<Self, LogError> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| io_error(folder, &error))?;
        let database =
            builder(cache_bytes).create(path).map_err(|error| cannot_open(path, error))?;
        // The file's name must outlive a power failure as its content does.
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| io_error(folder, &error))?;
        let inode = inode(path).map_err(|error| io_error(path, &error))?;
        let state = Mutex::new(State::Open(Arc::new(database)));
        Ok(Self { path: path.to_owned(), cache_bytes, inode, state })
    }

    /// Runs `work` on a consistent view.
    pub fn read<T>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, LogError> {
        let database = self.database()?;
        let outcome = database.begin_read().map_err(redb::Error::from).and_then(|txn| work(&txn));
        outcome.map_err(|error| self.failed(&database, &error, false))
    }

    /// Runs `work` and makes it durable, all of it or nothing.
    pub fn write<T>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T, LogError> {
        let database = self.database()?;
        match transact(&database, work) {
            Ok(value) => self.check_in_place().map(|()| value),
            Err(error) => Err(self.failed(&database, &error, true)),
        }
    }

    fn database(&self) -> Result<Arc<Database>, LogError> {
        let mut state = self.lock();
        match &*state {
            State::Open(database) => Ok(database.clone()),
            State::Dead(why) => Err(LogError::Storage(why.clone())),
            State::Closed => {
                // Not `create`: a file that was removed meanwhile must not come back empty.
                let database = builder(self.cache_bytes).open(&self.path);
                let database = database.map_err(|error| self.not_yet(error))?;
                let database = Arc::new(database);
                *state = State::Open(database.clone());
                Ok(database)
            }
        }
    }

    /// A reader that has not noticed the failure yet still holds the old handle and its lock.
    fn not_yet(&self, error: DatabaseError) -> LogError {
        match error {
            DatabaseError::DatabaseAlreadyOpen => {
                LogError::Unavailable("the log is being opened anew after a failed write".into())
            }
            error => cannot_open(&self.path, error),
        }
    }

    /// Turns a failure of the store into ours and decides how the log goes on.
    fn failed(&self, database: &Arc<Database>, error: &redb::Error, writing: bool) -> LogError {
        let next = match error {
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => State::Closed,
            redb::Error::Io(io) if !writing || is_full(io.kind()) => State::Closed,
            redb::Error::Io(io) => State::Dead(format!(
                "a write failed ({io}); what the disk holds is known only after a restart"
            )),
            _ => return LogError::Storage(error.to_string()),
        };
        let mut state = self.lock();
        if matches!(&*state, State::Open(current) if Arc::ptr_eq(current, database)) {
            *state = next;
        }
        LogError::Storage(error.to_string())
    }

    /// Refuses to acknowledge into a file that nobody will find again.
    fn check_in_place(&self) -> Result<(), LogError> {
        if inode(&self.path).is_ok_and(|found| found == self.inode) {
            return Ok(());
        }
        let why = format!("{} was removed or replaced while in use", self.path.display());
        *self.lock() = State::Dead(why.clone());
        Err(LogError::Storage(why))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is replaced whole, so it is sound whatever happened to another thread.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn transact<T>(
    database: &Database,
    work: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
) -> Result<T, redb::Error> {
    let mut txn = database.begin_write()?;
    // Two flushes per commit instead of one, shared by the whole group; in return a start after
    // `kill -9` does not walk the whole file.
    txn.set_quick_repair(true);
    let value = work(&txn)?;
    txn.commit()?;
    Ok(value)
}

fn builder(cache_bytes: usize) -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    builder
}

fn is_full(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

fn inode(path: &Path) -> std::io::Result<(u64, u64)> {
    let found = fs::metadata(path)?;
    Ok((found.dev(), found.ino()))
}

fn cannot_open(path: &Path, error: DatabaseError) -> LogError {
    match error {
        DatabaseError::DatabaseAlreadyOpen => LogError::Locked(path.display().to_string()),
        error => LogError::Storage(format!("{}: {error}", path.display())),
    }
}

fn io_error(path: &Path, error: &std::io::Error) -> LogError {
    LogError::Storage(format!("{}: {error}", path.display()))
}
