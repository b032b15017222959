//! `ax coordinator`.

use super::{member, ops, parts};
use crate::config::Config;
use ax_cluster::{Cluster, Role};
use ax_coordinator::{Coordinator, CoordinatorConfig};
use ax_model::{Code, Fault, Generation};
use ax_telemetry::Telemetry;
use axum::Router;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a coordinator is told.
pub fn settings(config: &Config, shards: u32, generation: Generation) -> CoordinatorConfig {
    CoordinatorConfig {
        shards,
        generation,
        lease_ttl: Duration::from_millis(config.cluster.lease_ttl_ms),
        collect_every: Duration::from_secs(config.coordinator.collect_seconds.max(1)),
        keep: Duration::from_secs(config.store.keep_seconds),
        orphan_grace: Duration::from_secs(config.store.orphan_grace_seconds),
    }
}

/// Runs the role.
pub async fn run(
    config: &Config,
    telemetry: &Telemetry,
    shutdown: CancellationToken,
) -> Result<(), Fault> {
    let listener = ops::bind("coordinator.listen", &config.coordinator.listen).await?;
    let router = ops::router(telemetry.metrics(), Router::new(), &shutdown);
    tokio::spawn(ops::serve(listener, router, shutdown.clone()));
    let coordination = parts::insist("coordination", || parts::coordination(config)).await?;
    let cluster = Cluster::new(coordination);
    let shape = parts::insist("cluster", || parts::shape(&cluster, config.cluster.shards)).await?;
    let store = parts::insist("object store", || parts::store(config)).await?;
    let http = format!("http://{}", config.coordinator.listen);
    let member = member(config, Role::Coordinator, "coordinator", http);
    let settings = settings(config, shape.shards, Generation(shape.generation));
    Coordinator::new(cluster, store, settings, member)
        .run(shutdown)
        .await
        .map_err(|error| Fault::new(Code::CoordinationUnavailable, error.to_string()))
}
