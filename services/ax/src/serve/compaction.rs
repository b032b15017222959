//! Keeping the embedded change stream small: what later changes of a key replace is forgotten, up to
//! the position that each shard has published. Kafka's cleaner does the same for its topic.

use ax_changes::embedded::EmbeddedLog;
use ax_cluster::{Cluster, Published};
use ax_model::{Offset, ShardId};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(60);
/// Records published since the last compaction that make another one worthwhile.
const WORTHWHILE: u64 = 20_000;

/// Compacts until `shutdown`.
pub async fn run(log: Arc<EmbeddedLog>, cluster: Cluster, shutdown: CancellationToken) {
    let published = cluster.table::<Published>();
    let mut done = BTreeMap::<u32, u64>::new();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        for hint in published.rows().values() {
            let before = done.get(&hint.shard).copied().unwrap_or(0);
            if hint.position < before + WORTHWHILE {
                continue;
            }
            match log.compact(ShardId(hint.shard), Offset(hint.position)).await {
                Ok(compacted) => {
                    tracing::debug!(shard = hint.shard, ?compacted, "compacted the change stream");
                    done.insert(hint.shard, hint.position);
                }
                Err(error) => tracing::warn!(shard = hint.shard, %error, "not compacted"),
            }
        }
    }
}
