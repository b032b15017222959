//! One shard at one manifest version.

use crate::cache::OpenSegment;
use ax_engine::{EngineError, Segment, Snapshot};
use ax_model::{Code, Epoch, Generation, ManifestVersion, Offset, Rebuild, ShardId};
use ax_proto::search::{Missing, ShardAnswer};
use ax_store::Link;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// A shard's segments as one manifest names them, open for searching. It never changes; a search
/// holds the view that it began with, and with it the segments' files (I7).
pub struct ShardView {
    generation: Generation,
    shard: ShardId,
    opening: u64,
    head: Option<Arc<Link>>,
    snapshot: Arc<Snapshot>,
    pins: Vec<Arc<OpenSegment>>,
}

/// Which view of which shard, never the same for two views of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ViewId {
    /// Generation.
    pub generation: Generation,
    /// Shard.
    pub shard: ShardId,
    /// Manifest version.
    pub version: ManifestVersion,
    /// Number of the opening. A version is opened again when its files were damaged, or nobody had used
    /// it for long.
    pub opening: u64,
}

/// What a later view can take over from this one.
pub(super) struct Parts {
    snapshot: Arc<Snapshot>,
    pins: Vec<Arc<OpenSegment>>,
}

impl ShardView {
    /// A view of `opened`, the segments of `head`. No head is a shard that nobody has written: empty.
    /// Blocks: live documents are computed here.
    pub(super) fn build(
        generation: Generation,
        shard: ShardId,
        head: Option<Arc<Link>>,
        opened: Vec<Arc<OpenSegment>>,
        previous: Option<Parts>,
    ) -> Result<Self, EngineError> {
        let snapshot = match previous.filter(|parts| starts_with(&opened, &parts.pins)) {
            Some(parts) => extend(parts.snapshot, &opened[parts.pins.len()..])?,
            None => Arc::new(Snapshot::new(segments(&opened))?),
        };
        static OPENINGS: AtomicU64 = AtomicU64::new(0);
        let opening = OPENINGS.fetch_add(1, Ordering::Relaxed);
        Ok(Self { generation, shard, opening, head, snapshot, pins: opened })
    }

    /// Which view this is.
    pub fn id(&self) -> ViewId {
        let Self { generation, shard, opening, .. } = *self;
        ViewId { generation, shard, version: self.version(), opening }
    }

    /// The shard.
    pub fn shard(&self) -> ShardId {
        self.shard
    }

    /// Its documents.
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// The manifest; `None` while nobody has written the shard.
    pub fn head(&self) -> Option<&Link> {
        self.head.as_deref()
    }

    /// Manifest version; zero while nobody has written the shard.
    pub fn version(&self) -> ManifestVersion {
        self.head().map_or_else(ManifestVersion::default, |link| link.manifest.version)
    }

    /// Position of the change stream up to which it is applied.
    pub fn position(&self) -> Offset {
        self.head().map_or_else(Offset::default, |link| link.manifest.position())
    }

    /// Epoch of the manifest's writer.
    pub fn epoch(&self) -> Epoch {
        self.head().map_or_else(Epoch::default, |link| link.manifest.epoch)
    }

    /// Its segments, as the manifest orders them.
    pub(crate) fn segments(&self) -> &[Arc<OpenSegment>] {
        &self.pins
    }

    /// How an answer names its origin.
    pub fn answer(&self, node: &str) -> ShardAnswer {
        let (num_unparsed, unparsed_bytes) = self.unparsed();
        ShardAnswer {
            shard: self.shard.0,
            generation: self.generation.0,
            manifest_version: self.version().0,
            epoch: self.epoch().0,
            position: self.position().0,
            node: node.to_owned(),
            cached: false,
            num_unparsed,
            unparsed_bytes,
            stale: self.rebuild().map(|rebuild| Missing {
                shard: self.shard.0,
                code: Code::ShardRebuilding.to_string(),
                reason: format!(
                    "it is being rebuilt, {} % done; until then it answers as of position {}",
                    rebuild.percent(),
                    self.position()
                ),
            }),
        }
    }

    /// True once everything before `position` can be seen here. While the shard is rebuilt from
    /// another stream than the one it serves, its own position says nothing of a position wanted.
    pub fn has_reached(&self, position: Offset) -> bool {
        let served = self.head().map_or("", |link| &link.manifest.log_id);
        let is_other = self.rebuild().is_some_and(|rebuild| rebuild.log_id != served);
        position == Offset(0) || !is_other && self.position() >= position
    }

    /// Files that nobody has looked for definitions in yet, and the bytes of their text.
    pub fn unparsed(&self) -> (u64, u64) {
        self.head().map_or((0, 0), |link| link.manifest.unparsed())
    }

    fn rebuild(&self) -> Option<&Rebuild> {
        self.head().and_then(|link| link.manifest.rebuild.as_ref())
    }

    pub(super) fn is_at_least(&self, head: Option<&Link>) -> bool {
        head.is_none_or(|head| self.version() >= head.manifest.version)
    }

    pub(super) fn parts(&self) -> Parts {
        Parts { snapshot: self.snapshot.clone(), pins: self.pins.clone() }
    }

    /// Metrics of a view that is shown from now on.
    pub(super) fn note_shown(&self) {
        let shard = self.shard.to_string();
        let Some(Link { manifest, .. }) = self.head() else { return };
        tracing::debug!(%shard, version = %manifest.version, position = %self.position(), "shown");
        metrics::gauge!("ax_query_shard_version", "shard" => shard.clone())
            .set(manifest.version.0 as f64);
        metrics::gauge!("ax_query_shard_position", "shard" => shard.clone())
            .set(self.position().0 as f64);
        if !manifest.applied.is_empty() && manifest.committed_at_ms > 0 {
            // Freshness from commit to searchable; an old commit that is imported late counts too.
            metrics::histogram!("ax_query_commit_to_searchable_seconds")
                .record(since(manifest.committed_at_ms));
        }
        metrics::histogram!("ax_query_publish_to_searchable_seconds")
            .record(since(manifest.created_at_ms));
    }
}

/// Time since a moment in milliseconds since 1970; zero when clocks disagree.
pub(crate) fn since(at_ms: i64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(u64::try_from(at_ms).unwrap_or_default()))
}

/// Now, in milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    i64::try_from(since(0).as_millis()).unwrap_or(i64::MAX)
}

/// Publishing a small segment onto many large ones stays cheap: their live documents are reused.
fn extend(
    snapshot: Arc<Snapshot>,
    newer: &[Arc<OpenSegment>],
) -> Result<Arc<Snapshot>, EngineError> {
    newer.iter().try_fold(snapshot, |snapshot, open| {
        Ok(Arc::new(snapshot.with_newer(open.segment().clone())?))
    })
}

fn segments(opened: &[Arc<OpenSegment>]) -> Vec<Arc<Segment>> {
    opened.iter().map(|open| open.segment().clone()).collect()
}

fn starts_with(all: &[Arc<OpenSegment>], first: &[Arc<OpenSegment>]) -> bool {
    all.len() >= first.len() && all.iter().zip(first).all(|(a, b)| Arc::ptr_eq(a, b))
}
