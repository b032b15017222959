//! Segments on the local disk: fetched when first needed, verified before use, removed when old.

mod lru;

use ax_engine::Segment;
use ax_model::{Generation, SegmentEntry, SegmentId, ShardId};
use ax_store::{Neighbours, ShardStore, StoreError, has_bytes_of, local_folder};
use lru::{Use, to_evict};
use parking_lot::Mutex;
use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Weak},
};

/// Why a segment could not be had.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The store could not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its bytes are what the manifest says, and still no segment.
    #[error(transparent)]
    Engine(#[from] ax_engine::EngineError),
    /// The cache's folder cannot be used.
    #[error("the segment cache at {path:?} failed: {source}")]
    Disk {
        /// What could not be read or written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl CacheError {
    /// The segment is gone from the store: a newer manifest does without it.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Store(StoreError::NotFound { .. }))
    }

    /// A task that did part of the work ended by a panic.
    pub(crate) fn crashed(panic: tokio::task::JoinError) -> Self {
        Self::Disk { path: PathBuf::new(), source: io::Error::other(panic.to_string()) }
    }

    /// The stable code.
    pub fn code(&self) -> ax_model::Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Disk { .. } => ax_model::Code::Internal,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    generation: Generation,
    shard: ShardId,
    id: SegmentId,
}

/// A segment in use. Its file stays while one of these lives.
#[derive(Debug)]
pub struct OpenSegment {
    segment: Arc<Segment>,
    key: Key,
    entry: SegmentEntry,
    path: PathBuf,
}

impl OpenSegment {
    /// The segment itself.
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// What the manifest says of it.
    pub fn entry(&self) -> &SegmentEntry {
        &self.entry
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

struct Cached {
    num_bytes: u64,
    at: u64,
    open: Weak<OpenSegment>,
}

#[derive(Default)]
struct State {
    cached: HashMap<Key, Cached>,
    opened: u64,
}

/// A folder of segments, bounded in bytes but for what is in use.
///
/// One caller at a time opens the segments of one shard: [`crate::shards::Shards`] sees to that.
pub struct SegmentCache {
    dir: PathBuf,
    max_bytes: u64,
    neighbours: Neighbours,
    state: Mutex<State>,
}

impl SegmentCache {
    /// Opens the folder, and takes over what an earlier process left there. What `neighbours` have is
    /// linked rather than fetched. Blocks.
    pub fn open(
        dir: impl Into<PathBuf>,
        max_bytes: u64,
        neighbours: Neighbours,
    ) -> Result<Self, CacheError> {
        let dir = dir.into();
        let cache = Self { dir, max_bytes, neighbours, state: Mutex::default() };
        fs::create_dir_all(&cache.dir).map_err(disk(&cache.dir))?;
        cache.adopt()?;
        cache.evict();
        Ok(cache)
    }

    /// The segment of `entry`, from the disk when its bytes are right, else from the store.
    pub async fn get(
        &self,
        store: &ShardStore,
        entry: &SegmentEntry,
    ) -> Result<Arc<OpenSegment>, CacheError> {
        let key =
            Key { generation: store.generation(), shard: store.shard(), id: entry.id.clone() };
        if let Some(open) = self.already_open(&key) {
            return Ok(open);
        }
        let path = self.path_of(&key);
        if !self.is_intact(&path, entry).await? {
            self.fetch(store, entry, &path).await?;
        }
        let file = path.clone();
        let segment = blocking(move || Segment::open(&file)).await?;
        let open = Arc::new(OpenSegment { segment, key, entry: entry.clone(), path });
        self.note(&open);
        self.evict();
        Ok(open)
    }

    /// Forgets that `open` is open, for its bytes turned out wrong: whoever asks for the segment next
    /// gets one whose every byte was checked.
    pub fn doubt(&self, open: &Arc<OpenSegment>) {
        if let Some(cached) = self.state.lock().cached.get_mut(&open.key)
            && std::ptr::eq(cached.open.as_ptr(), Arc::as_ptr(open))
        {
            cached.open = Weak::new();
        }
    }

    /// Bytes on disk, in use or not.
    pub fn num_bytes(&self) -> u64 {
        self.state.lock().cached.values().map(|cached| cached.num_bytes).sum()
    }

    fn already_open(&self, key: &Key) -> Option<Arc<OpenSegment>> {
        let mut state = self.state.lock();
        state.opened += 1;
        let at = state.opened;
        let cached = state.cached.get_mut(key)?;
        cached.at = at;
        cached.open.upgrade()
    }

    /// True when the file is there with the right bytes. A file with others is removed: it is
    /// fetched again, never served.
    async fn is_intact(&self, path: &Path, entry: &SegmentEntry) -> Result<bool, CacheError> {
        let (path, entry) = (path.to_owned(), entry.clone());
        blocking(move || match has_bytes_of(&path, &entry) {
            Ok(true) => Ok(true),
            Ok(false) => {
                metrics::counter!("ax_query_cache_corrupt_total").increment(1);
                tracing::warn!(?path, "a cached segment is damaged; fetching it again");
                fs::remove_file(&path).map_err(disk(&path))?;
                Ok(false)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(disk(&path)(error)),
        })
        .await
    }

    async fn fetch(
        &self,
        store: &ShardStore,
        entry: &SegmentEntry,
        path: &Path,
    ) -> Result<(), CacheError> {
        metrics::counter!("ax_query_cache_misses_total").increment(1);
        if let Some(dir) = path.parent() {
            fs::create_dir_all(dir).map_err(disk(dir))?;
        }
        match store.obtain_segment(entry, path, &self.neighbours).await {
            Err(StoreError::Full { .. }) => {
                tracing::warn!("the disk is full; emptying the segment cache");
                self.evict_to(0);
                Ok(store.fetch_segment(entry, path).await?)
            }
            result => Ok(result?),
        }
    }

    fn note(&self, open: &Arc<OpenSegment>) {
        let mut state = self.state.lock();
        state.opened += 1;
        let at = state.opened;
        let num_bytes = open.entry.num_bytes;
        let cached = Cached { num_bytes, at, open: Arc::downgrade(open) };
        state.cached.insert(open.key.clone(), cached);
    }

    /// Removes what is over the budget and not in use.
    fn evict(&self) {
        self.evict_to(self.max_bytes);
        metrics::gauge!("ax_query_cache_bytes").set(self.num_bytes() as f64);
    }

    fn evict_to(&self, max_bytes: u64) {
        let mut state = self.state.lock();
        let uses = state.cached.iter().map(|(key, cached)| {
            let pinned = cached.open.strong_count() > 0;
            (key.clone(), Use { num_bytes: cached.num_bytes, at: cached.at, pinned })
        });
        for key in to_evict(&uses.collect(), max_bytes) {
            let path = self.path_of(&key);
            match fs::remove_file(&path) {
                Ok(()) => metrics::counter!("ax_query_cache_evictions_total").increment(1),
                Err(error) => tracing::warn!(?path, %error, "cannot remove a cached segment"),
            }
            state.cached.remove(&key);
        }
    }

    fn path_of(&self, key: &Key) -> PathBuf {
        let Key { generation, shard, id } = key;
        local_folder(&self.dir, *generation, *shard).join(format!("{id}.seg"))
    }

    /// Notes the files that are there; their bytes are checked when they are opened. What is no whole
    /// segment is removed.
    fn adopt(&self) -> Result<(), CacheError> {
        let mut state = self.state.lock();
        for (generation, dir) in numbered(&self.dir, 'g')? {
            for (shard, dir) in numbered(&dir, 's')? {
                for file in entries(&dir)? {
                    let Some(id) = segment_id(&file) else {
                        fs::remove_file(&file).map_err(disk(&file))?; // a download cut short
                        continue;
                    };
                    let num_bytes = fs::metadata(&file).map_err(disk(&file))?.len();
                    let key = Key { generation: Generation(generation), shard: ShardId(shard), id };
                    state.cached.insert(key, Cached { num_bytes, at: 0, open: Weak::new() });
                }
            }
        }
        Ok(())
    }
}

/// Folders named by a letter and a number.
fn numbered(dir: &Path, letter: char) -> Result<Vec<(u32, PathBuf)>, CacheError> {
    let number = |path: &PathBuf| {
        path.file_name()?.to_str()?.strip_prefix(letter)?.parse().ok().filter(|_| path.is_dir())
    };
    Ok(entries(dir)?.into_iter().filter_map(|path| Some((number(&path)?, path))).collect())
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, CacheError> {
    let read = fs::read_dir(dir).map_err(disk(dir))?;
    read.map(|entry| Ok(entry.map_err(disk(dir))?.path())).collect()
}

fn segment_id(path: &Path) -> Option<SegmentId> {
    let id = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    Some(SegmentId(id.to_owned()))
}

fn disk(path: &Path) -> impl FnOnce(io::Error) -> CacheError {
    let path = path.to_owned();
    move |source| CacheError::Disk { path, source }
}

/// Runs what reads or writes much on a thread that may block.
async fn blocking<T: Send + 'static, E: Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, CacheError>
where
    CacheError: From<E>,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(panic) => Err(CacheError::crashed(panic)),
    }
}
