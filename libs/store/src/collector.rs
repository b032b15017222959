//! What may be deleted, without IO.
//!
//! The plan keeps, in the order in which the reasons are asked:
//!
//! - a. the newest link, always, and the newest `keep_last`;
//! - b. each link until `keep_for` after it was superseded, for readers on their way;
//! - c. each pinned link, and everything newer than the oldest link kept: the boundary is one number;
//! - d. each segment that a kept link names, served or being rebuilt, or that is pinned by itself (a
//!   snapshot does that);
//! - e. each segment that no link there ever named, while it is younger than `orphan_grace`;
//! - f. each such segment while its writer may still name it: its name bears the newest link's epoch,
//!   a greater one, or none.
//!
//! So what a merge replaced goes with the last link that named it, `keep_for` later: no writer names a
//! segment again. Rule f is what a grace period cannot give. A writer can be stopped after its upload for longer
//! than any period and publish when it wakes. Once a greater epoch stands in the chain it cannot.

use crate::layout::epoch_of_segment;
use ax_model::{Epoch, ManifestVersion, SegmentId};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How much of the past is kept.
#[derive(Debug, Clone, Copy)]
pub struct CollectPolicy {
    /// The newest links kept, at least one.
    pub keep_last: usize,
    /// How long a link is kept after it was superseded: longer than any query runs.
    pub keep_for: Duration,
    /// How long an upload that nothing names is kept.
    pub orphan_grace: Duration,
}

impl Default for CollectPolicy {
    fn default() -> Self {
        Self {
            keep_last: 10,
            keep_for: Duration::from_secs(15 * 60),
            orphan_grace: Duration::from_secs(24 * 3600),
        }
    }
}

/// What somebody needs, whatever its age.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pins {
    /// Links that readers hold.
    pub versions: BTreeSet<ManifestVersion>,
    /// Segments that snapshots hold.
    pub segments: BTreeSet<SegmentId>,
}

/// One link as the collector sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenLink {
    /// Its epoch.
    pub epoch: Epoch,
    /// The segments that it names: those that it serves, and those of its rebuild.
    pub segments: Vec<SegmentId>,
    /// When the store got it, in milliseconds since 1970.
    pub stored_at_ms: i64,
}

/// A shard as the collector sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// The oldest version kept so far.
    pub boundary: ManifestVersion,
    /// Every link whose object is there, before the boundary too.
    pub links: BTreeMap<ManifestVersion, SeenLink>,
    /// Every segment whose object is there, with the time when the store got it, in milliseconds
    /// since 1970. Listed before the links were.
    pub segments: BTreeMap<SegmentId, i64>,
}

/// What to do, in this order: each step is durable before the next begins, and any of them may be
/// cut short and planned again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectPlan {
    /// First, make this the oldest version kept.
    pub boundary: Option<ManifestVersion>,
    /// Then delete these segments.
    pub segments: Vec<SegmentId>,
    /// Last the links that named them: while they are there, what they named is known to be dead.
    pub links: Vec<ManifestVersion>,
}

/// Decides what may go. `now_ms` is milliseconds since 1970 by a clock that agrees with the store's
/// to well within the policy's periods.
pub fn plan(view: &View, pins: &Pins, policy: &CollectPolicy, now_ms: i64) -> CollectPlan {
    let Some((&newest, head)) = view.links.last_key_value() else {
        return CollectPlan::default(); // nothing was ever published: uploads may still be
    };
    if newest < view.boundary {
        return CollectPlan::default(); // the chain is damaged: a person must look first
    }
    let boundary = oldest_kept(view, pins, policy, now_ms).max(view.boundary);
    let needed: BTreeSet<_> =
        view.links.range(boundary..).flat_map(|(_, link)| &link.segments).collect();
    let dead: BTreeSet<_> =
        view.links.range(..boundary).flat_map(|(_, link)| &link.segments).collect();
    let may_go = |id: &SegmentId, stored_at_ms: i64| {
        let is_orphan = || {
            age(stored_at_ms, now_ms) >= policy.orphan_grace
                && epoch_of_segment(id).is_some_and(|epoch| epoch < head.epoch)
        };
        !needed.contains(id) && !pins.segments.contains(id) && (dead.contains(id) || is_orphan())
    };
    CollectPlan {
        boundary: (boundary > view.boundary).then_some(boundary),
        segments: view
            .segments
            .iter()
            .filter(|(id, at)| may_go(id, **at))
            .map(|s| s.0.clone())
            .collect(),
        links: view.links.range(..boundary).map(|(version, _)| *version).collect(),
    }
}

/// The oldest link that one of the rules a, b and c keeps.
fn oldest_kept(view: &View, pins: &Pins, policy: &CollectPolicy, now_ms: i64) -> ManifestVersion {
    let live: Vec<_> = view.links.range(view.boundary..).collect();
    let by_count = live.len().saturating_sub(policy.keep_last.max(1));
    let is_recent = |pair: &[(&ManifestVersion, &SeenLink)]| {
        age(pair[1].1.stored_at_ms, now_ms) < policy.keep_for
    };
    let by_age = live.windows(2).position(is_recent).unwrap_or(live.len() - 1);
    let by_pin = live.iter().position(|(version, _)| pins.versions.contains(version));
    let oldest = by_count.min(by_age).min(by_pin.unwrap_or(usize::MAX));
    *live[oldest].0
}

fn age(at_ms: i64, now_ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(now_ms.saturating_sub(at_ms)).unwrap_or(0))
}

#[cfg(test)]
mod tests;
