//! Keeping the embedded change stream small: what later changes of a key replace is forgotten, up to
//! the position that each shard has published, and that its rebuild has reached. Kafka's cleaner does
//! the same for its topic.

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
            let upto = passed(hint);
            if upto < before + WORTHWHILE {
                continue;
            }
            match log.compact(ShardId(hint.shard), Offset(upto)).await {
                Ok(compacted) => {
                    tracing::debug!(shard = hint.shard, ?compacted, "compacted the change stream");
                    done.insert(hint.shard, upto);
                }
                Err(error) => tracing::warn!(shard = hint.shard, %error, "not compacted"),
            }
        }
    }
}

/// The position that every reader of the shard has passed for good; zero while it is not known to
/// belong to this stream.
fn passed(hint: &Published) -> u64 {
    match &hint.rebuild {
        _ if !hint.failure.is_empty() => 0,
        Some(rebuild) => rebuild.position.min(hint.position),
        None => hint.position,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_cluster::RebuildProgress;

    #[test]
    fn nothing_is_forgotten_ahead_of_a_rebuild() {
        let hint = Published { position: 100, ..Default::default() };
        let progress = RebuildProgress { position: 7, target: 100, ..Default::default() };
        assert_eq!(passed(&hint), 100);
        assert_eq!(passed(&Published { rebuild: Some(progress), ..hint.clone() }), 7);
        assert_eq!(passed(&Published { failure: "AX-C001: x".into(), ..hint }), 0);
    }
}
