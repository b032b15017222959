//! One shard: its newest link, and the writer's side of the chain.

use crate::{
    Link, StoreError,
    chain::{self, BrokenChain, Verdict},
    layout::{self, ShardLayout},
    manifest,
    objects::{Created, Objects, shows_nothing},
};
use ax_model::{ContentHash, Epoch, Generation, Manifest, ManifestVersion, ShardId};
use bytes::Bytes;
use object_store::path::Path;
use parking_lot::Mutex;
use std::sync::Arc;

/// How often a take-over starts again because the former owner published in between. Each round
/// costs that owner a whole segment, so that it cannot win many in a row.
const TAKE_OVER_ROUNDS: usize = 64;

/// A shard's objects: its chain of manifests, its segments, and what was set aside. Cheap to clone;
/// clones share what they know of the newest link.
///
/// A writer takes over first ([`ShardStore::take_over`]), then uploads each segment before the
/// manifest that names it ([`ShardStore::publish`]). It stops for good at
/// [`StoreError::Fenced`], and reads the head again after any other failure.
#[derive(Debug, Clone)]
pub struct ShardStore {
    pub(crate) objects: Objects,
    pub(crate) layout: ShardLayout,
    /// The newest link seen. Links never change, so that it needs no reading again while it stays
    /// the newest, and listing starts at it.
    newest: Arc<Mutex<Option<Arc<Link>>>>,
}

impl ShardStore {
    pub(crate) fn new(objects: Objects, layout: ShardLayout) -> Self {
        Self { objects, layout, newest: Arc::default() }
    }

    /// Its number.
    pub fn shard(&self) -> ShardId {
        self.layout.shard
    }

    /// Its generation.
    pub fn generation(&self) -> Generation {
        self.layout.generation
    }

    /// The newest link; `None` while nobody has ever written the shard. Costs one listing, and one
    /// read when it has changed.
    pub async fn head(&self) -> Result<Option<Arc<Link>>, StoreError> {
        for _ in self.objects.patience.tries() {
            let Some(version) = self.newest_version().await? else { return Ok(None) };
            let known = self.newest.lock().clone();
            if let Some(known) = known.filter(|link| link.version() == version) {
                return Ok(Some(known));
            }
            // Gone between listing and reading: collected, so that a newer one is there.
            if let Some(link) = self.read_link(version).await? {
                return Ok(Some(self.remember(link)));
            }
        }
        let source = "the newest manifest was gone each time it was read".into();
        Err(StoreError::Unavailable { path: self.layout.manifests().to_string(), source })
    }

    /// One link. [`StoreError::Collected`] when it is older than the oldest kept, whether or not a
    /// stalled writer has brought the name back.
    pub async fn link(&self, version: ManifestVersion) -> Result<Link, StoreError> {
        let link = self.read_link(version).await?;
        // The boundary is read after the link: a name below it says nothing.
        let boundary = self.boundary().await?;
        if version < boundary {
            let shard = self.shard();
            return Err(StoreError::Collected { shard, version, boundary });
        }
        let path = self.layout.manifest(version).to_string();
        link.ok_or(StoreError::NotFound { path })
    }

    /// The oldest version kept: every name before it is dead, whatever stands under it. Zero while
    /// nothing was collected.
    pub async fn boundary(&self) -> Result<ManifestVersion, StoreError> {
        let found = self.objects.list(&self.layout.boundaries(), None).await?;
        let numbers = found.iter().filter_map(|meta| layout::number_of(&meta.location, ""));
        Ok(ManifestVersion(numbers.max().unwrap_or(0)))
    }

    /// Makes `writer` the owner with `epoch`: publishes a link with the same content, after which no
    /// writer of a smaller epoch can publish. Nobody else may use the same epoch. Calling it again
    /// with the same arguments gives the link that is there. `now_ms` is for people.
    pub async fn take_over(
        &self,
        epoch: Epoch,
        writer: &str,
        now_ms: i64,
    ) -> Result<Arc<Link>, StoreError> {
        for _ in 0..TAKE_OVER_ROUNDS {
            let head = self.head().await?;
            if let Some(head) = head.as_ref().filter(|head| head.manifest.epoch == epoch) {
                self.check_owner(head, epoch, writer)?;
                self.objects.settle(&self.layout.manifest(head.version())).await?;
                return Ok(head.clone());
            }
            let fence = match &head {
                Some(head) => chain::fence(head, epoch, writer, now_ms),
                None => chain::first(self.shard(), self.generation(), epoch, writer, now_ms),
            };
            match self.append(head.as_deref(), fence).await {
                Err(StoreError::Conflict { .. }) => {} // the former owner published: once more
                result => return result,
            }
        }
        let source = "the former owner published each time".into();
        Err(StoreError::Unavailable { path: self.layout.manifests().to_string(), source })
    }

    /// Publishes `next` after `previous`, the head that the caller knows.
    ///
    /// - [`StoreError::Fenced`]: another writer owns the shard.
    /// - [`StoreError::Conflict`]: an earlier attempt of the caller stands there; read the head.
    /// - [`StoreError::Unavailable`]: the outcome is not known; read the head. The link may also
    ///   appear later; then the next attempt meets it as a conflict.
    pub async fn publish(&self, previous: &Link, next: Manifest) -> Result<Arc<Link>, StoreError> {
        let result = self.append(Some(previous), next).await;
        let outcome = match &result {
            Ok(_) => "published",
            Err(StoreError::Fenced { .. }) => "fenced",
            Err(StoreError::Conflict { .. }) => "conflict",
            Err(_) => "failed",
        };
        metrics::counter!("ax_store_publish_total", "outcome" => outcome).increment(1);
        result
    }

    /// Checks, creates, and checks the boundary.
    async fn append(
        &self,
        previous: Option<&Link>,
        next: Manifest,
    ) -> Result<Arc<Link>, StoreError> {
        self.check(previous, &next)?;
        let (link, bytes) = Link::seal(next);
        self.create_link(&link, bytes).await?;
        self.check_not_collected(&link).await?;
        Ok(self.remember(link))
    }

    /// A manifest that breaks a rule about epochs is late, not wrong: its writer was fenced.
    fn check(&self, previous: Option<&Link>, next: &Manifest) -> Result<(), StoreError> {
        if (next.shard, next.generation) != (self.shard(), self.generation()) {
            return Err(BrokenChain::Place.into());
        }
        let Some(previous) = previous else { return Ok(chain::check_first(next)?) };
        match chain::check(previous, next) {
            Err(BrokenChain::Epoch { .. } | BrokenChain::Writer { .. }) => {
                Err(self.fenced_by(previous))
            }
            result => Ok(result?),
        }
    }

    /// Creates the link, and learns the outcome when it is not plain. The table is
    /// [`chain::judge`]'s.
    async fn create_link(&self, link: &Link, bytes: Bytes) -> Result<(), StoreError> {
        let path = self.layout.manifest(link.version());
        let mut failure = None;
        for attempt in self.objects.patience.tries() {
            match self.objects.create(&path, bytes.clone()).await {
                Created::Yes => return Ok(()),
                Created::No(error) => return Err(error),
                Created::Exists => {}
                Created::Unknown(error) => failure = Some(error),
            }
            let found = match self.read_link(link.version()).await {
                Err(error) if error.is_retryable() => {
                    failure = Some(error);
                    self.objects.patience.wait(attempt).await;
                    continue;
                }
                found => found?,
            };
            match (chain::judge(link, found.as_ref()), found) {
                (Verdict::Ours, _) => return self.objects.settle(&path).await,
                (Verdict::Fenced, Some(found)) => return Err(self.fenced_by(&found)),
                (Verdict::Moved, _) => return Err(self.conflict(link.version())),
                (Verdict::Again | Verdict::Fenced, _) => {
                    self.objects.patience.wait(attempt).await;
                }
            }
        }
        Err(failure.unwrap_or_else(|| shows_nothing(&path)))
    }

    /// A writer that stood still may create a name that was collected meanwhile. The collector moves
    /// its boundary before it deletes, so that a look at the boundary after the creation tells.
    async fn check_not_collected(&self, link: &Link) -> Result<(), StoreError> {
        if link.version() >= self.boundary().await? {
            return Ok(());
        }
        // Nobody reads a name before the boundary: removing it is tidy, not needed.
        if let Err(error) = self.objects.delete(&self.layout.manifest(link.version())).await {
            tracing::debug!(%error, "a name before the boundary stays until it is collected");
        }
        match self.head().await? {
            Some(head) => Err(self.lost_to(&head, &link.manifest)),
            None => Err(self.corrupt(link.version(), "the boundary stands, the chain is gone")),
        }
    }

    /// What it means for the writer of `ours` that the chain went on to `head` without it.
    fn lost_to(&self, head: &Link, ours: &Manifest) -> StoreError {
        match (head.manifest.epoch, &head.manifest.writer) == (ours.epoch, &ours.writer) {
            true => self.conflict(ours.version),
            false => self.fenced_by(head),
        }
    }

    /// The newest version by listing, from the newest known on.
    async fn newest_version(&self) -> Result<Option<ManifestVersion>, StoreError> {
        let known = self.newest.lock().as_ref().map(|link| link.version());
        let from = match known {
            Some(version) => version,
            None => self.boundary().await?,
        };
        let after = from.0.checked_sub(1).map(|v| self.layout.manifest(ManifestVersion(v)));
        let found = self.objects.list(&self.layout.manifests(), after.as_ref()).await?;
        let numbers = found.iter().filter_map(|meta| layout::number_of(&meta.location, ".pb"));
        match numbers.max().map(ManifestVersion) {
            Some(newest) if newest >= from => Ok(Some(newest)),
            None if from.0 == 0 => Ok(None),
            // The collector keeps the newest link always. Going back would show old data as new.
            _ => Err(self.corrupt(from, "it was the newest link and is gone, with nothing newer")),
        }
    }

    /// Reads and checks one link; bytes that do not pass are read again before they are believed to
    /// be corrupt.
    pub(crate) async fn read_link(
        &self,
        version: ManifestVersion,
    ) -> Result<Option<Link>, StoreError> {
        let mut failure = None;
        for attempt in self.objects.patience.tries() {
            let path = self.layout.manifest(version);
            let Some(bytes) = self.objects.read(&path, manifest::MAX_BYTES).await? else {
                return Ok(None);
            };
            match self.check_bytes(version, &bytes) {
                Ok(link) => return Ok(Some(link)),
                Err(reason) => failure = Some(self.refetch(&path, reason)),
            }
            self.objects.patience.wait(attempt).await;
        }
        Err(failure.unwrap_or_else(|| self.corrupt(version, "it was never read")))
    }

    fn check_bytes(&self, version: ManifestVersion, bytes: &Bytes) -> Result<Link, String> {
        let manifest = manifest::decode(bytes).map_err(|e| e.to_string())?;
        let place = (manifest.generation, manifest.shard, manifest.version);
        if place != (self.generation(), self.shard(), version) {
            return Err(format!("it says that it is {place:?}"));
        }
        Ok(Link { manifest, hash: ContentHash::of(bytes) })
    }

    fn refetch(&self, path: &Path, reason: String) -> StoreError {
        metrics::counter!("ax_store_refetch_total", "kind" => "manifest").increment(1);
        tracing::warn!(%path, reason, "a manifest is not what it should be; reading it again");
        StoreError::ManifestCorrupt { path: path.to_string(), reason }
    }

    /// Keeps the newest link seen; gives back `link` itself.
    fn remember(&self, link: Link) -> Arc<Link> {
        let link = Arc::new(link);
        let mut newest = self.newest.lock();
        if newest.as_ref().is_none_or(|known| known.version() < link.version()) {
            *newest = Some(link.clone());
        }
        link
    }

    fn check_owner(&self, head: &Link, epoch: Epoch, writer: &str) -> Result<(), StoreError> {
        match head.manifest.epoch == epoch && head.manifest.writer == writer {
            true => Ok(()),
            false => Err(self.fenced_by(head)),
        }
    }

    fn fenced_by(&self, link: &Link) -> StoreError {
        let Manifest { shard, version, epoch, ref writer, .. } = link.manifest;
        StoreError::Fenced { shard, version, epoch, writer: writer.clone() }
    }

    fn conflict(&self, version: ManifestVersion) -> StoreError {
        StoreError::Conflict { shard: self.shard(), version }
    }

    pub(crate) fn corrupt(&self, version: ManifestVersion, reason: &str) -> StoreError {
        let path = self.layout.manifest(version).to_string();
        StoreError::ManifestCorrupt { path, reason: reason.to_owned() }
    }
}
