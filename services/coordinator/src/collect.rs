//! Removing from the object store what nobody needs: the leader's quiet work.

use crate::CoordinatorConfig;
use ax_model::ShardId;
use ax_store::{CollectPolicy, Collector, Pins, Store};

/// Collects every shard, over and over, until dropped. A failure is logged and tried again at the
/// next round: nothing waits for it.
pub(crate) async fn run(store: &Store, config: &CoordinatorConfig) {
    let (keep_for, orphan_grace) = (config.keep, config.orphan_grace);
    let policy = CollectPolicy { keep_for, orphan_grace, ..CollectPolicy::default() };
    let shards = (0..config.shards).map(ShardId);
    let mut collectors: Vec<_> =
        shards.map(|shard| Collector::new(store.shard(config.generation, shard), policy)).collect();
    loop {
        tokio::time::sleep(config.collect_every).await;
        for (shard, collector) in collectors.iter_mut().enumerate() {
            collect(shard, collector).await;
        }
    }
}

async fn collect(shard: usize, collector: &mut Collector) {
    match collector.run(&Pins::default(), now_ms()).await {
        Ok(report) => tracing::debug!(shard, ?report, "collected"),
        Err(error) => {
            metrics::counter!("ax_coordinator_collect_errors_total").increment(1);
            tracing::warn!(shard, %error, "collection failed; the next round tries again");
        }
    }
}

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
