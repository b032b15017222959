//! Every shard as this node sees it: the newest manifest it knows, opened for searching.

mod follow;
mod openings;
mod view;

pub use follow::{FollowRules, Follower};
pub use view::{ShardView, ViewId};

use crate::cache::{CacheError, OpenSegment, SegmentCache};
use arc_swap::ArcSwapOption;
use ax_model::{Code, Fault, Generation, ManifestVersion, Offset, ShardId};
use ax_store::{Link, ShardStore, Store, StoreError};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use std::{
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, watch};

/// Segments fetched at once for one shard.
const FETCHES: usize = 4;
/// How often a view is tried anew when its segments were collected meanwhile.
const ROUNDS: usize = 4;
/// How often the store is asked while somebody waits for a position.
const WAIT_POLL: Duration = Duration::from_millis(100);
/// How long a shard that could not be opened is not tried again by queries. Without this, each of
/// them would wait for all tries of those before it.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

/// Why a shard cannot be searched here.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// There is no such shard.
    #[error("there is no shard {0}")]
    NoSuchShard(ShardId),
    /// Its manifest cannot be had.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// One of its segments cannot be had.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// Its segments do not go together.
    #[error(transparent)]
    Engine(#[from] ax_engine::EngineError),
    /// The position asked for was not reached in time.
    #[error("shard {shard} is at position {position}; {wanted} was not reached in time")]
    Behind {
        /// The shard.
        shard: ShardId,
        /// Where it is.
        position: Offset,
        /// What was asked for.
        wanted: Offset,
    },
    /// Opening it failed a moment ago; it is not tried again for each query.
    #[error("{0}")]
    FailedLately(Fault),
    /// The store shows an older manifest than it did before.
    #[error("shard {shard} was at version {shown} and the store now says {found}")]
    Backwards {
        /// The shard.
        shard: ShardId,
        /// What was shown.
        shown: ManifestVersion,
        /// What the store says.
        found: ManifestVersion,
    },
}

impl ShardError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoSuchShard(_) => Code::BadRequest,
            Self::Store(error) => error.code(),
            Self::Cache(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Behind { .. } => Code::WaitTimedOut,
            Self::FailedLately(fault) => fault.code,
            Self::Backwards { .. } => Code::ManifestCorrupt,
        }
    }
}

impl From<ShardError> for Fault {
    fn from(error: ShardError) -> Self {
        match error {
            ShardError::FailedLately(fault) => fault,
            error => Self::new(error.code(), error.to_string()),
        }
    }
}

/// All shards of a generation. Any of them is opened when it is first asked for.
pub struct Shards {
    slots: Vec<Slot>,
    cache: Arc<SegmentCache>,
    started: Instant,
}

struct Slot {
    store: ShardStore,
    view: ArcSwapOption<ShardView>,
    /// Position of the view; waiters listen here.
    position: watch::Sender<Offset>,
    /// Newest version ever shown: it never goes back (I6), also when the view was closed since.
    shown: AtomicU64,
    /// Held while the view is replaced; knows when and how that failed last.
    refreshing: Mutex<Option<(Instant, Fault)>>,
    /// Milliseconds after the start at which it was last asked for.
    asked_at: AtomicU64,
}

impl Shards {
    /// The shards of `generation` in `store`, none opened yet.
    pub fn new(
        store: &Store,
        generation: Generation,
        shards: u32,
        cache: Arc<SegmentCache>,
    ) -> Self {
        let slots =
            (0..shards).map(|shard| Slot::new(store.shard(generation, ShardId(shard)))).collect();
        Self { slots, cache, started: Instant::now() }
    }

    /// The view of `shard`, opened if it is not. Each caller searches the one it got to its end.
    pub async fn view(self: &Arc<Self>, shard: ShardId) -> Result<Arc<ShardView>, ShardError> {
        let slot = self.slot(shard)?;
        slot.asked_at.store(self.now_ms(), Ordering::Relaxed);
        match slot.view.load_full() {
            Some(view) => Ok(view),
            None => self.open_to_the_end(shard).await,
        }
    }

    /// Opens a shard in a task of its own: a caller that gives up must not throw away a download.
    async fn open_to_the_end(
        self: &Arc<Self>,
        shard: ShardId,
    ) -> Result<Arc<ShardView>, ShardError> {
        let shards = self.clone();
        let opening = tokio::spawn(async move { shards.open_unless_failed(shard).await });
        opening.await.unwrap_or_else(|panic| Err(CacheError::crashed(panic).into()))
    }

    /// The view of `shard` once it has reached `position`; [`ShardError::Behind`] at the deadline.
    pub async fn view_at(
        self: &Arc<Self>,
        shard: ShardId,
        position: Offset,
        deadline: Instant,
    ) -> Result<Arc<ShardView>, ShardError> {
        let mut positions = self.slot(shard)?.position.subscribe();
        let reached = async {
            let mut view = self.view(shard).await?;
            while !view.has_reached(position) {
                tokio::select! {
                    _ = positions.changed() => {}
                    () = tokio::time::sleep(WAIT_POLL) => self.look_unless_looking(shard).await,
                }
                view = self.view(shard).await?;
            }
            Ok(view)
        };
        match tokio::time::timeout_at(deadline.into(), reached).await {
            Ok(result) => result,
            Err(_) => Err(self.behind(shard, position)),
        }
    }

    async fn open_unless_failed(&self, shard: ShardId) -> Result<Arc<ShardView>, ShardError> {
        let slot = self.slot(shard)?;
        let mut failure = slot.refreshing.lock().await;
        if let Some(view) = slot.view.load_full() {
            return Ok(view); // opened while this one waited
        }
        match &*failure {
            Some((at, fault)) if at.elapsed() < FAILURE_HOLDS => {
                Err(ShardError::FailedLately(fault.clone()))
            }
            _ => self.refresh_slot(slot, &mut failure).await,
        }
    }

    /// Refreshes for somebody who waits. One look at a time serves all who wait, and a look that
    /// fails may succeed before the deadline.
    async fn look_unless_looking(&self, shard: ShardId) {
        let is_idle = self.slot(shard).is_ok_and(|slot| slot.refreshing.try_lock().is_ok());
        if is_idle && let Err(error) = self.refresh(shard).await {
            tracing::debug!(%shard, %error, "cannot look for a position that is waited for");
        }
    }

    /// Looks at the store's head and opens it if it is newer than the view.
    pub async fn refresh(&self, shard: ShardId) -> Result<Arc<ShardView>, ShardError> {
        let slot = self.slot(shard)?;
        let mut failure = slot.refreshing.lock().await;
        self.refresh_slot(slot, &mut failure).await
    }

    async fn refresh_slot(
        &self,
        slot: &Slot,
        failure: &mut Option<(Instant, Fault)>,
    ) -> Result<Arc<ShardView>, ShardError> {
        let result = self.read_and_show(slot).await;
        *failure = result
            .as_ref()
            .err()
            .map(|error| (Instant::now(), Fault::new(error.code(), error.to_string())));
        result
    }

    async fn read_and_show(&self, slot: &Slot) -> Result<Arc<ShardView>, ShardError> {
        for round in 1.. {
            let head = slot.store.head().await?;
            let current = slot.view.load_full();
            if let Some(view) = current.as_ref().filter(|view| view.is_at_least(head.as_deref())) {
                return Ok(view.clone());
            }
            match self.open(slot, head, current.as_deref()).await {
                Ok(view) => return slot.show(view),
                Err(ShardError::Cache(error)) if error.is_gone() && round < ROUNDS => {
                    let shard = slot.store.shard();
                    tracing::debug!(%shard, "a segment was collected meanwhile; reading on");
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop above returns")
    }

    /// Closes the view, for it turned out to be damaged. The next one checks every byte again, also
    /// while searches go on in this one.
    pub fn discard(&self, view: &Arc<ShardView>) {
        view.segments().iter().for_each(|open| self.cache.doubt(open));
        if let Ok(slot) = self.slot(view.shard()) {
            slot.close(view);
        }
    }

    /// Takes a segment whose bytes turned out wrong out of service at once, and shows its shard again
    /// with right ones. On an error the shard stays closed; the next query for it tries again.
    pub(crate) async fn heal(
        &self,
        shard: ShardId,
        damaged: &Arc<OpenSegment>,
    ) -> Result<Arc<ShardView>, ShardError> {
        let slot = self.slot(shard)?;
        self.cache.doubt(damaged);
        // Held to the end: its other segments stay open, and need no checking again.
        let _first = slot.close_if_with(damaged);
        let mut failure = slot.refreshing.lock().await;
        // Again, since a refresh under way may have shown one more view with it.
        let _second = slot.close_if_with(damaged);
        self.refresh_slot(slot, &mut failure).await
    }

    /// Closes the view of `shard` if nobody asked for it during `idle`.
    pub fn close_if_idle(&self, shard: ShardId, idle: Duration) {
        let Ok(slot) = self.slot(shard) else { return };
        let oldest = self.now_ms().saturating_sub(to_ms(idle));
        if slot.asked_at.load(Ordering::Relaxed) <= oldest && slot.view.swap(None).is_some() {
            tracing::debug!(%shard, "closed: not placed here and not used");
        }
    }

    /// The views that are open now, in shard order.
    pub fn open_views(&self) -> Vec<Arc<ShardView>> {
        self.slots.iter().filter_map(|slot| slot.view.load_full()).collect()
    }

    /// True when the view of `shard` is open.
    pub fn is_open(&self, shard: ShardId) -> bool {
        self.slot(shard).is_ok_and(|slot| slot.view.load().is_some())
    }

    /// The store of `shard`.
    pub fn store_of(&self, shard: ShardId) -> Result<&ShardStore, ShardError> {
        Ok(&self.slot(shard)?.store)
    }

    /// Number of shards.
    pub fn len(&self) -> u32 {
        u32::try_from(self.slots.len()).expect("made from a u32")
    }

    /// True when there are none: configuration refuses that.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    async fn open(
        &self,
        slot: &Slot,
        head: Option<Arc<Link>>,
        current: Option<&ShardView>,
    ) -> Result<ShardView, ShardError> {
        let entries = head.as_ref().map_or(&[][..], |link| &link.manifest.segments);
        let fetches: Vec<_> =
            entries.iter().map(|entry| self.cache.get(&slot.store, entry).boxed()).collect();
        let opened: Vec<_> = stream::iter(fetches).buffered(FETCHES).try_collect().await?;
        let previous = current.map(ShardView::parts);
        let (generation, shard) = (slot.store.generation(), slot.store.shard());
        let built = tokio::task::spawn_blocking(move || {
            ShardView::build(generation, shard, head, opened, previous)
        });
        match built.await {
            Ok(view) => Ok(view?),
            Err(panic) => Err(CacheError::crashed(panic).into()),
        }
    }

    fn behind(&self, shard: ShardId, wanted: Offset) -> ShardError {
        let position = self.slot(shard).map(|slot| *slot.position.borrow()).unwrap_or_default();
        ShardError::Behind { shard, position, wanted }
    }

    fn slot(&self, shard: ShardId) -> Result<&Slot, ShardError> {
        self.slots.get(shard.0 as usize).ok_or(ShardError::NoSuchShard(shard))
    }

    fn now_ms(&self) -> u64 {
        to_ms(self.started.elapsed())
    }
}

impl Slot {
    fn new(store: ShardStore) -> Self {
        Self {
            store,
            view: ArcSwapOption::empty(),
            position: watch::channel(Offset(0)).0,
            shown: AtomicU64::new(0),
            refreshing: Mutex::default(),
            asked_at: AtomicU64::new(0),
        }
    }

    /// Closes `view` if it is the one that is shown.
    fn close(&self, view: &Arc<ShardView>) {
        let shown = self.view.load();
        if shown.as_ref().is_some_and(|shown| Arc::ptr_eq(shown, view)) {
            self.view.compare_and_swap(&shown, None);
        }
    }

    /// Closes the view that is shown if `segment` is one of its own, and returns it.
    fn close_if_with(&self, segment: &Arc<OpenSegment>) -> Option<Arc<ShardView>> {
        let view = self.view.load_full()?;
        let is_in = view.segments().iter().any(|open| Arc::ptr_eq(open, segment));
        is_in.then(|| {
            self.close(&view);
            view
        })
    }

    /// Shows `view`, unless a newer version was shown before. `refreshing` is held.
    fn show(&self, view: ShardView) -> Result<Arc<ShardView>, ShardError> {
        let (shard, found) = (view.shard(), view.version());
        let shown = ManifestVersion(self.shown.load(Ordering::Acquire));
        if found < shown {
            return Err(ShardError::Backwards { shard, shown, found });
        }
        let view = Arc::new(view);
        self.shown.store(found.0, Ordering::Release);
        self.view.store(Some(view.clone()));
        self.position.send_replace(view.position());
        view.note_shown();
        Ok(view)
    }
}

fn to_ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
