//! `ax indexer`.

use super::{member, ops, parts};
use crate::config::Config;
use ax_cluster::{Cluster, Role};
use ax_indexer::{Indexer, IndexerConfig, IndexerDeps};
use ax_model::{Fault, Generation};
use ax_store::Neighbours;
use ax_telemetry::Telemetry;
use axum::Router;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What an indexer is told.
pub fn settings(config: &Config) -> IndexerConfig {
    IndexerConfig {
        symbols: config.indexer.symbols,
        symbols_within: Duration::from_millis(config.indexer.symbols_within_ms),
        max_segment_text_bytes: config.indexer.max_segment_text_bytes,
        lease_ttl: Duration::from_millis(config.cluster.lease_ttl_ms),
        neighbours: Neighbours::new([parts::cache_folder(config)]),
        ..IndexerConfig::new(parts::scratch_folder(config))
    }
}

/// Runs the role.
pub async fn run(
    config: &Config,
    telemetry: &Telemetry,
    shutdown: CancellationToken,
) -> Result<(), Fault> {
    let listener = ops::bind("indexer.listen", &config.indexer.listen).await?;
    let router = ops::router(telemetry.metrics(), Router::new(), &shutdown);
    tokio::spawn(ops::serve(listener, router, shutdown.clone()));
    let coordination = parts::insist("coordination", || parts::coordination(config)).await?;
    let cluster = Cluster::new(coordination);
    let shape = parts::insist("cluster", || parts::shape(&cluster, config.cluster.shards)).await?;
    let store = parts::insist("object store", || parts::store(config)).await?;
    let log = parts::insist("change stream", || parts::changes(config, shape.shards)).await?;
    let generation = Generation(shape.generation);
    let http = format!("http://{}", config.indexer.listen);
    let member = member(config, Role::Indexer, "indexer", http);
    Indexer::new(IndexerDeps { cluster, log, store, generation }, settings(config), member)
        .run(shutdown)
        .await
        .map_err(|error| Fault::new(error.code(), error.to_string()))
}
