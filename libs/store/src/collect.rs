//! The collector's hands: sees a shard, asks [`collector::plan`], and does what it says.

use crate::{
    ShardStore, StoreError, chain,
    collector::{self, CollectPlan, CollectPolicy, Pins, SeenLink, View},
    layout,
};
use ax_model::{ManifestVersion, SegmentId};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;

/// Reads or deletions on their way at once.
const AT_ONCE: usize = 8;

/// What one run did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectReport {
    /// The oldest version kept now.
    pub boundary: ManifestVersion,
    /// Links deleted.
    pub num_links: usize,
    /// Segments deleted.
    pub num_segments: usize,
}

/// Collects one shard again and again, reading each link only once. Any number of collectors may
/// run at the same time, on any nodes: they can only do the same work twice.
#[derive(Debug)]
pub struct Collector {
    shard: ShardStore,
    policy: CollectPolicy,
    /// The links seen, all of them still in the store.
    seen: BTreeMap<ManifestVersion, SeenLink>,
}

impl ShardStore {
    /// Collects once. A process that does it regularly keeps a [`Collector`].
    pub async fn collect(
        &self,
        policy: &CollectPolicy,
        pins: &Pins,
        now_ms: i64,
    ) -> Result<CollectReport, StoreError> {
        Collector::new(self.clone(), *policy).run(pins, now_ms).await
    }

    /// Every link kept, oldest first, each one checked against the one before it.
    pub async fn history(&self) -> Result<Vec<chain::Link>, StoreError> {
        let boundary = self.boundary().await?;
        let mut links = Vec::new();
        for version in self.versions().await?.into_keys().filter(|v| *v >= boundary) {
            let path = self.layout.manifest(version).to_string();
            links.push(self.read_link(version).await?.ok_or(StoreError::NotFound { path })?);
        }
        chain::check_all(&links).map_err(|e| self.corrupt(boundary, &e.to_string()))?;
        Ok(links)
    }

    /// Every version whose object is there, with the time when the store got it.
    async fn versions(&self) -> Result<BTreeMap<ManifestVersion, i64>, StoreError> {
        let found = self.objects.list(&self.layout.manifests(), None).await?;
        let versions = found.iter().filter_map(|meta| {
            let version = layout::number_of(&meta.location, ".pb")?;
            Some((ManifestVersion(version), meta.last_modified.timestamp_millis()))
        });
        Ok(versions.collect())
    }
}

impl Collector {
    /// A collector of `shard` that has seen nothing yet.
    pub fn new(shard: ShardStore, policy: CollectPolicy) -> Self {
        Self { shard, policy, seen: BTreeMap::new() }
    }

    /// Deletes what neither the policy nor `pins` keep. A reader that pins a version checks
    /// afterwards, with [`ShardStore::link`], that it is still there. `now_ms` is milliseconds since
    /// 1970.
    ///
    /// A link that cannot be read stops the run before it deletes anything: what it names would
    /// look like nobody's.
    pub async fn run(&mut self, pins: &Pins, now_ms: i64) -> Result<CollectReport, StoreError> {
        let view = self.view().await?;
        let plan = collector::plan(&view, pins, &self.policy, now_ms);
        self.carry_out(&plan).await?;
        metrics::counter!("ax_store_collected_total", "kind" => "link")
            .increment(plan.links.len() as u64);
        metrics::counter!("ax_store_collected_total", "kind" => "segment")
            .increment(plan.segments.len() as u64);
        Ok(CollectReport {
            boundary: plan.boundary.unwrap_or(view.boundary),
            num_links: plan.links.len(),
            num_segments: plan.segments.len(),
        })
    }

    /// Segments first: one that is published while we look is then either unknown or named.
    async fn view(&mut self) -> Result<View, StoreError> {
        let segments = self.segments().await?;
        let boundary = self.shard.boundary().await?;
        let versions = self.shard.versions().await?;
        self.seen.retain(|version, _| versions.contains_key(version));
        let fresh: Vec<_> =
            versions.into_iter().filter(|(version, _)| !self.seen.contains_key(version)).collect();
        let shard = &self.shard;
        let links: Vec<_> = stream::iter(fresh)
            .map(|(version, at)| see(shard, version, at))
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        self.seen.extend(links.into_iter().flatten());
        Ok(View { boundary, links: self.seen.clone(), segments })
    }

    async fn segments(&self) -> Result<BTreeMap<SegmentId, i64>, StoreError> {
        let found = self.shard.objects.list(&self.shard.layout.segments(), None).await?;
        let segments = found.iter().filter_map(|meta| {
            Some((layout::segment_of(&meta.location)?, meta.last_modified.timestamp_millis()))
        });
        Ok(segments.collect())
    }

    /// The order is the plan's: what a later step deletes, an earlier one has made unreachable.
    async fn carry_out(&self, plan: &CollectPlan) -> Result<(), StoreError> {
        let ShardStore { objects, layout, .. } = &self.shard;
        if let Some(boundary) = plan.boundary {
            self.advance(boundary).await?;
        }
        let segments = plan.segments.iter().map(|id| layout.segment(id));
        let segments = stream::iter(segments.collect::<Vec<_>>());
        segments
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, |path| async move { objects.delete(&path).await })
            .await?;
        let links = plan.links.iter().map(|version| layout.manifest(*version));
        let links = stream::iter(links.collect::<Vec<_>>());
        links
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, |path| async move { objects.delete(&path).await })
            .await
    }

    /// The boundary is the greatest name in its folder, so that it can only grow, whoever writes and
    /// however late. Rejected: one object that is replaced if its tag matches; a directory cannot.
    async fn advance(&self, boundary: ManifestVersion) -> Result<(), StoreError> {
        let ShardStore { objects, layout, .. } = &self.shard;
        let text = format!("The oldest version kept is {boundary}.\n");
        objects.ensure(&layout.boundary(boundary), Bytes::from(text)).await?;
        objects.settle(&layout.boundary(boundary)).await?;
        for old in objects.list(&layout.boundaries(), None).await? {
            if layout::number_of(&old.location, "").is_some_and(|number| number < boundary.0) {
                objects.delete(&old.location).await?;
            }
        }
        Ok(())
    }
}

/// Reads one link; `None` when another collector has deleted it meanwhile.
async fn see(
    shard: &ShardStore,
    version: ManifestVersion,
    stored_at_ms: i64,
) -> Result<Option<(ManifestVersion, SeenLink)>, StoreError> {
    let Some(link) = shard.read_link(version).await? else { return Ok(None) };
    let segments = link.manifest.all_segments().map(|entry| entry.id.clone()).collect();
    let epoch = link.manifest.epoch;
    Ok(Some((version, SeenLink { epoch, segments, stored_at_ms })))
}
