//! Keeping views fresh: by hints of new manifests, and by looking at the store now and then.

use super::{Shards, openings::Openings, view::since};
use crate::peers::Peers;
use ax_cluster::{Cause, Published, Table};
use ax_model::{Generation, ManifestVersion, ShardId};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// Shards refreshed at once: enough for the latency of a store, few enough for its bandwidth.
const REFRESHES: usize = 8;

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

/// Keeps the views of the shards placed here open, and all open ones fresh. Each shard has a task of
/// its own, so that one whose segments are large or whose store fails delays no other.
pub struct Follower {
    shards: Arc<Shards>,
    peers: Arc<Peers>,
    rules: FollowRules,
    room: Semaphore,
}

/// Newest version that was hinted at, and the traces that it belongs to.
#[derive(Default)]
struct Hint {
    version: ManifestVersion,
    causes: Vec<Cause>,
}

/// One per shard.
type Hints = Vec<watch::Sender<Hint>>;

impl Follower {
    /// Follows for `shards`.
    pub fn new(shards: Arc<Shards>, peers: Arc<Peers>, rules: FollowRules) -> Self {
        Self { shards, peers, rules, room: Semaphore::new(REFRESHES) }
    }

    /// Works until dropped. `published` may be silent or wrong: it only saves time.
    pub async fn run(self, mut published: Option<Table<Published>>) {
        let follower = Arc::new(self);
        let mut tasks = JoinSet::new(); // dropped with this future, and the tasks with it
        let mut hints = Hints::new();
        for shard in (0..follower.shards.len()).map(ShardId) {
            let (sender, receiver) = watch::channel(Hint::default());
            hints.push(sender);
            tasks.spawn(follower.clone().follow(shard, receiver));
        }
        loop {
            changed(&mut published).await;
            follower.pass_on(published.as_ref(), &hints);
        }
    }

    /// Tells each shard's task of a version that is newer than what it heard.
    fn pass_on(&self, published: Option<&Table<Published>>, hints: &Hints) {
        let rows = published.map(Table::rows).unwrap_or_default();
        for row in rows.values().filter(|row| row.generation == self.rules.generation.0) {
            if let Some(hint) = hints.get(row.shard as usize) {
                let version = ManifestVersion(row.version);
                hint.send_if_modified(|newest| {
                    let is_news = newest.version < version;
                    if is_news {
                        *newest = Hint { version, causes: row.causes.clone() };
                    }
                    is_news
                });
            }
        }
    }

    async fn follow(self: Arc<Self>, shard: ShardId, mut hint: watch::Receiver<Hint>) {
        let mut openings = Openings::new(shard);
        loop {
            let is_placed = self.peers.placed_here().contains(&shard);
            if !is_placed {
                self.shards.close_if_idle(shard, self.rules.idle);
            }
            if is_placed || self.shards.is_open(shard) {
                openings.begin(&hint.borrow().causes);
                self.refresh(shard, &mut openings).await;
            } else {
                openings.skip(&hint.borrow().causes);
            }
            tokio::select! {
                () = tokio::time::sleep(self.rules.poll) => {}
                Ok(()) = hint.changed() => {}
            }
        }
    }

    async fn refresh(&self, shard: ShardId, openings: &mut Openings) {
        let _room = self.room.acquire().await;
        match self.shards.refresh(shard).await {
            Ok(view) => {
                openings.shown(view.version());
                if let Some(head) = view.head() {
                    metrics::gauge!("ax_query_shard_age_seconds", "shard" => shard.to_string())
                        .set(since(head.manifest.created_at_ms).as_secs_f64());
                }
            }
            Err(error) => {
                // The view shown stays: it is right, and no older than it was.
                let code = error.code().as_str();
                metrics::counter!("ax_query_refresh_failures_total", "code" => code).increment(1);
                tracing::warn!(%shard, %error, "cannot refresh a shard; trying again later");
            }
        }
    }
}

async fn changed(published: &mut Option<Table<Published>>) {
    match published {
        Some(published) => published.changed().await,
        None => std::future::pending().await,
    }
}
