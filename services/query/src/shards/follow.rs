//! Keeping views fresh: by hints of new manifests, and by looking at the store now and then.

use super::{Shards, view::since};
use crate::peers::Peers;
use ax_cluster::{Published, Table};
use ax_model::{Generation, ManifestVersion, ShardId};
use futures::{FutureExt, StreamExt, stream};
use std::{sync::Arc, time::Duration};

/// Shards looked at once.
const LOOKS: usize = 8;

/// How views are kept fresh.
#[derive(Debug, Clone, Copy)]
pub struct FollowRules {
    /// Generation served.
    pub generation: Generation,
    /// Time between two looks at the store.
    pub poll: Duration,
    /// Time after which an unused view of a shard that is placed elsewhere is closed.
    pub idle: Duration,
}

/// Keeps the views of the shards placed here open, and all open ones fresh.
pub struct Follower {
    shards: Arc<Shards>,
    peers: Arc<Peers>,
    rules: FollowRules,
}

impl Follower {
    /// Follows for `shards`.
    pub fn new(shards: Arc<Shards>, peers: Arc<Peers>, rules: FollowRules) -> Self {
        Self { shards, peers, rules }
    }

    /// Works until dropped. `hints` may be silent or wrong: they only save time.
    pub async fn run(self, mut hints: Option<Table<Published>>) {
        let mut every = tokio::time::interval(self.rules.poll);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => self.look_at_all().await,
                () = changed(&mut hints) => self.follow_hints(hints.as_ref()).await,
            }
        }
    }

    /// Opens what is placed here, refreshes what is open, closes what is idle.
    async fn look_at_all(&self) {
        let placed = self.peers.placed_here();
        let wanted = (0..self.shards.len())
            .map(ShardId)
            .filter(|shard| placed.contains(shard) || self.shards.is_open(*shard));
        self.refresh(wanted.collect()).await;
        self.shards.close_idle(self.rules.idle, &placed);
        self.note_ages();
    }

    async fn follow_hints(&self, hints: Option<&Table<Published>>) {
        let Some(hints) = hints else { return };
        let rows = hints.rows();
        let newer: Vec<_> = rows
            .values()
            .filter(|hint| hint.generation == self.rules.generation.0)
            .filter(|hint| self.is_news(hint))
            .map(|hint| ShardId(hint.shard))
            .collect();
        self.refresh(newer).await;
    }

    /// A hint of a shard that is not open is no news: it is read when it is opened.
    fn is_news(&self, hint: &Published) -> bool {
        let shown = self.shards.open_views().into_iter().find(|view| view.shard().0 == hint.shard);
        shown.is_some_and(|view| view.version() < ManifestVersion(hint.version))
    }

    async fn refresh(&self, shards: Vec<ShardId>) {
        let looks: Vec<_> =
            shards.into_iter().map(|shard| self.refresh_one(shard).boxed()).collect();
        stream::iter(looks).buffer_unordered(LOOKS).collect::<()>().await;
    }

    async fn refresh_one(&self, shard: ShardId) {
        if let Err(error) = self.shards.refresh(shard).await {
            // The view shown stays: it is right, and no older than it was.
            let code = error.code().as_str();
            metrics::counter!("ax_query_refresh_failures_total", "code" => code).increment(1);
            tracing::warn!(%shard, %error, "cannot refresh a shard; trying again later");
        }
    }

    fn note_ages(&self) {
        for view in self.shards.open_views() {
            if let Some(head) = view.head() {
                metrics::gauge!("ax_query_shard_age_seconds", "shard" => view.shard().to_string())
                    .set(since(head.manifest.created_at_ms).as_secs_f64());
            }
        }
    }
}

async fn changed(hints: &mut Option<Table<Published>>) {
    match hints {
        Some(hints) => hints.changed().await,
        None => std::future::pending().await,
    }
}
