//! The threads and channels of one emission.

use super::{
    append::{Appender, Outgoing},
    budget::Budget,
    contents::Contents,
    records::RecordMaker,
    version::{VersionMaker, Weight, weigh},
};
use crate::{
    IngestConfig, IngestError,
    plan::{Unreadable, UnreadableFiles},
    ports::BlobSink,
    progress::Progress,
    snapshot::{OdbTrees, PathChange, Roots, WalkError, WalkLimits, walk},
    source::directory::LiveFiles,
};
use ax_model::{Content, FileVersion, SkipReason};
use gix::{ObjectId, bstr::BString};
use parking_lot::Mutex;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
        mpsc as sync_mpsc,
    },
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Deepest directory; a path that deep would be far over the limit of a key.
const MAX_DEPTH: usize = 4096;
/// Paths handed to a reader at a time: a lock per path would cost more than small files do.
const CHUNK: usize = 32;
/// Paths from which on what is new is walked first.
const WORTH_TWO_WALKS: u64 = 200;

/// One emission: what to walk, and what to make of it.
pub struct Job {
    /// Where trees are, and blobs unless `files` has them.
    pub trees: gix::ThreadSafeRepository,
    /// Contents of a plain directory.
    pub files: Option<Arc<LiveFiles>>,
    /// Positions to compare.
    pub roots: Roots,
    /// Branch names, as numbered in `roots`.
    pub branches: Vec<String>,
    /// As of which addition of a branch versions name their branches.
    pub as_of: u32,
    /// Report paths that did not change, too.
    pub everything: bool,
    /// Report unchanged files above the first size, up to the second, too; in bytes.
    pub sizes: Option<(u64, u64)>,
    /// Count what is there, rather than how it differs from what was.
    pub recount: bool,
    /// Largest file that counted as text in the first old position, in bytes.
    pub old_max_file_bytes: u64,
    /// Files of the first old position that counted as unreadable, whatever they are now.
    pub unreadable: BTreeSet<Unreadable>,
    /// Makes the records.
    pub records: RecordMaker,
    /// Takes large texts.
    pub blobs: Arc<dyn BlobSink>,
    /// Limits.
    pub config: IngestConfig,
    /// Set to end it early.
    pub stop: Arc<AtomicBool>,
}

/// How the repository's totals change by an emission.
#[derive(Debug, Default)]
pub struct Counted {
    files: AtomicI64,
    bytes: AtomicI64,
    skipped: AtomicI64,
    emitted: AtomicU64,
    unreadable: Mutex<UnreadableFiles>,
}

/// How many paths an emission has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NumPaths {
    /// All of them.
    pub all: u64,
    /// Those that show something new, or something no more; the others show it in other branches.
    pub news: u64,
}

impl Counted {
    /// Changes of files, text bytes and skipped versions.
    pub fn deltas(&self) -> (i64, i64, i64) {
        let load = |value: &AtomicI64| value.load(Ordering::Relaxed);
        (load(&self.files), load(&self.bytes), load(&self.skipped))
    }

    /// Paths emitted.
    pub fn emitted(&self) -> u64 {
        self.emitted.load(Ordering::Relaxed)
    }

    /// Files emitted that could not be read.
    pub fn unreadable(&self) -> UnreadableFiles {
        self.unreadable.lock().clone()
    }

    fn note_unreadable(&self, path: &BString, versions: &[FileVersion]) {
        for version in versions {
            if version.content == Content::Skipped(SkipReason::Unreadable)
                && let Ok(blob) = ObjectId::try_from(version.blob.0.as_slice())
            {
                self.unreadable.lock().add(Unreadable { path: path.clone(), blob });
            }
        }
    }

    fn add(&self, was: (bool, Weight), is: (bool, Weight)) {
        let add = |to: &AtomicI64, plus: u64, minus: u64| {
            to.fetch_add(signed(plus) - signed(minus), Ordering::Relaxed);
        };
        add(&self.files, is.0.into(), was.0.into());
        add(&self.bytes, is.1.text_bytes, was.1.text_bytes);
        add(&self.skipped, is.1.num_skipped, was.1.num_skipped);
        self.emitted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Job {
    fn limits(&self) -> WalkLimits {
        walk_limits(&self.config, self.everything || self.sizes.is_some())
    }

    fn walk(&self, visit: &mut dyn FnMut(PathChange) -> bool) -> Result<(), WalkError> {
        let repo = crate::source::thread_handle(&self.trees);
        walk(&OdbTrees(&repo), &self.roots, self.limits(), &mut |change| {
            !self.is_wanted(&repo, &change) || visit(change)
        })
    }

    /// Whether a path is to be emitted; of those that do not differ, not all are.
    fn is_wanted(&self, repo: &gix::Repository, change: &PathChange) -> bool {
        if change.differs || self.everything || self.roots.also.contains(&change.path) {
            return true;
        }
        // A directory's trees say of each file whether it is too large.
        let Some((least, most)) = self.sizes.filter(|_| self.files.is_none()) else { return false };
        change.new.iter().any(|(_, item)| {
            let size = repo.find_header(item.id).map(|header| header.size());
            size.is_ok_and(|size| (least + 1..=most).contains(&size))
        })
    }

    /// Counts the paths to emit, and finds unreadable trees before anything is emitted. Blocking.
    pub fn count(&self) -> Result<NumPaths, WalkError> {
        let mut num_paths = NumPaths::default();
        self.walk(&mut |change| {
            num_paths.all += 1;
            num_paths.news += u64::from(change.is_news);
            !self.stop.load(Ordering::Relaxed)
        })?;
        Ok(num_paths)
    }
}

/// What a walk may cost.
pub fn walk_limits(config: &IngestConfig, everything: bool) -> WalkLimits {
    WalkLimits { max_entries: config.max_entries, max_depth: MAX_DEPTH, everything }
}

/// Emits everything and waits until it is acknowledged or has failed for good. What is new comes first,
/// when it stands among much that is emitted again for other reasons, as when the spread changes.
pub async fn run(
    job: Arc<Job>,
    num_paths: NumPaths,
    appender: &mut Appender,
    budget: &Budget,
    progress: &Progress,
) -> Result<Counted, IngestError> {
    let counted = Arc::new(Counted::default());
    let (paths_tx, paths) = sync_mpsc::sync_channel(4 * job.config.readers.max(1));
    let paths = Arc::new(Mutex::new(paths));
    // Bounded by the memory budget; the number only keeps empty files from piling up.
    let (records_tx, records) = mpsc::channel(1024);
    let walker = tokio::task::spawn_blocking({
        let job = job.clone();
        move || feed(&job, num_paths, &paths_tx)
    });
    let readers: Vec<JoinHandle<Result<(), IngestError>>> = (0..job.config.readers.max(1))
        .map(|_| {
            let (job, paths, counted) = (job.clone(), paths.clone(), counted.clone());
            let (budget, records_tx) = (budget.clone(), records_tx.clone());
            tokio::task::spawn_blocking(move || read(&job, &paths, &budget, &counted, &records_tx))
        })
        .collect();
    drop((paths, records_tx)); // so that each side notices when the other has ended
    let appended = appender.drain(records, progress).await;
    let mut outcome = appended;
    for reader in readers {
        outcome = first_failure(outcome, join(reader).await);
    }
    outcome = first_failure(outcome, join(walker).await);
    if job.stop.load(Ordering::Relaxed) {
        outcome = first_failure(outcome, Err(IngestError::Stopped));
    }
    outcome?;
    Ok(Arc::into_inner(counted).unwrap_or_default())
}

/// Walks, once or twice, and hands paths to the readers.
fn feed(
    job: &Job,
    num_paths: NumPaths,
    paths: &sync_mpsc::SyncSender<Vec<PathChange>>,
) -> Result<(), IngestError> {
    let is_mixed = num_paths.news > 0 && num_paths.news < num_paths.all;
    if !is_mixed || num_paths.all < WORTH_TWO_WALKS {
        return feed_those(job, &|_| true, paths);
    }
    feed_those(job, &|change| change.is_news, paths)?;
    feed_those(job, &|change| !change.is_news, paths)
}

fn feed_those(
    job: &Job,
    wanted: &dyn Fn(&PathChange) -> bool,
    paths: &sync_mpsc::SyncSender<Vec<PathChange>>,
) -> Result<(), IngestError> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let walked = job.walk(&mut |change| {
        if !wanted(&change) {
            return !job.stop.load(Ordering::Relaxed);
        }
        chunk.push(change);
        let full = chunk.len() >= CHUNK;
        let sent = !full || paths.send(std::mem::take(&mut chunk)).is_ok();
        sent && !job.stop.load(Ordering::Relaxed)
    });
    match walked {
        Ok(()) => {
            let _ = paths.send(chunk); // when the readers have ended, they say why
            Ok(())
        }
        Err(WalkError::Stopped) => Ok(()), // whoever stopped it says why
        Err(error) => Err(IngestError::Corrupt(error.to_string())),
    }
}

/// Reads, decodes and encodes until there are no more paths.
fn read(
    job: &Job,
    paths: &Mutex<sync_mpsc::Receiver<Vec<PathChange>>>,
    budget: &Budget,
    counted: &Counted,
    out: &mpsc::Sender<Outgoing>,
) -> Result<(), IngestError> {
    let repo = crate::source::thread_handle(&job.trees);
    let runtime = tokio::runtime::Handle::current();
    let put_blob = |bytes| runtime.block_on(job.blobs.put(bytes));
    let maker = VersionMaker {
        contents: Contents::new(repo, job.files.clone(), job.config.max_file_bytes),
        branches: &job.branches,
        as_of: job.as_of,
        old_max_file_bytes: job.old_max_file_bytes,
        unreadable: &job.unreadable,
        inline_limit_bytes: job.config.inline_limit_bytes,
        put_blob: &put_blob,
    };
    loop {
        let Ok(chunk) = paths.lock().recv() else { return Ok(()) };
        for change in chunk {
            let outgoing = emit_path(job, &maker, budget, counted, change)?;
            if out.blocking_send(outgoing).is_err() {
                return Ok(()); // the appender has failed, and says why
            }
        }
    }
}

fn emit_path(
    job: &Job,
    maker: &VersionMaker<'_>,
    budget: &Budget,
    counted: &Counted,
    change: PathChange,
) -> Result<Outgoing, IngestError> {
    let path = change.path.as_ref();
    let mut reserved = budget.reserve(maker.num_bytes_needed(path, &change.new))?;
    let was = match maker.contents.has_history() && !job.recount {
        true => maker.weigh_old(path, &change.old),
        false => Weight::default(), // a directory's scan has the totals
    };
    let versions = maker.make(path, &change.new)?;
    let is = weigh(&versions);
    let was_there = !change.old.is_empty() && !job.recount;
    counted.add((was_there, was), (!versions.is_empty(), is));
    if maker.contents.has_history() {
        counted.note_unreadable(&change.path, &versions);
    }
    let records = job.records.path(path, versions);
    reserved.shrink(records.iter().map(ax_changes::NewRecord::num_bytes).sum());
    Ok(Outgoing { records, text_bytes: is.text_bytes, reserved })
}

async fn join(task: JoinHandle<Result<(), IngestError>>) -> Result<(), IngestError> {
    task.await.unwrap_or_else(|error| Err(IngestError::Internal(error.to_string())))
}

fn first_failure<T>(
    first: Result<T, IngestError>,
    then: Result<T, IngestError>,
) -> Result<T, IngestError> {
    match first {
        Ok(_) => then,
        Err(_) => first,
    }
}

fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
