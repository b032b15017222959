//! What was set aside in all shards, listed at most every few seconds: it costs a listing per shard.

use crate::shards::Shards;
use ax_model::ShardId;
use ax_store::{Quarantined, ShardStore, StoreError};
use futures::{StreamExt, stream};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Shards listed at once.
const LISTINGS: usize = 8;
/// Changes shown per shard; the total counts all.
const SHOWN_PER_SHARD: usize = 20;
/// How long a listing is good for, and how long that of one shard may take.
const GOOD_FOR: Duration = Duration::from_secs(3);

/// Changes set aside.
#[derive(Debug, Clone, Default)]
pub struct SetAside {
    /// The first ones of each shard.
    pub changes: Vec<Quarantined>,
    /// How many there are, as far as it is known.
    pub total: usize,
    /// Shards that could not be listed.
    pub unknown: Vec<u32>,
}

/// The last listing.
#[derive(Default)]
pub struct QuarantineCache {
    last: Mutex<Option<(Instant, SetAside)>>,
}

impl QuarantineCache {
    /// The last listing, or a new one when that is old.
    pub async fn list(&self, shards: &Shards) -> SetAside {
        let mut last = self.last.lock().await;
        if let Some((at, listed)) = &*last
            && at.elapsed() < GOOD_FOR
        {
            return listed.clone();
        }
        let listed = list_all(shards).await;
        *last = Some((Instant::now(), listed.clone()));
        listed
    }
}

async fn list_all(shards: &Shards) -> SetAside {
    let mut lists = stream::iter((0..shards.len()).map(ShardId))
        .map(|shard| async move { (shard, list_in_time(shards, shard).await) })
        .buffered(LISTINGS);
    let mut all = SetAside::default();
    while let Some((shard, list)) = lists.next().await {
        match list {
            Some((changes, total)) => {
                all.changes.extend(changes);
                all.total += total;
            }
            None => all.unknown.push(shard.0),
        }
    }
    metrics::gauge!("ax_query_quarantined_changes").set(all.total as f64);
    all
}

async fn list_in_time(shards: &Shards, shard: ShardId) -> Option<(Vec<Quarantined>, usize)> {
    let store = shards.store_of(shard).ok()?;
    match tokio::time::timeout(GOOD_FOR, list_one(store)).await {
        Ok(Ok(list)) => Some(list),
        Ok(Err(error)) => {
            tracing::debug!(%shard, %error, "cannot list the quarantine");
            None
        }
        Err(_) => None,
    }
}

async fn list_one(store: &ShardStore) -> Result<(Vec<Quarantined>, usize), StoreError> {
    let (offsets, total) = store.quarantined_offsets(SHOWN_PER_SHARD).await?;
    let mut changes = Vec::with_capacity(offsets.len());
    for offset in offsets {
        changes.extend(store.quarantined(offset).await?); // gone meanwhile: replayed
    }
    Ok((changes, total))
}
