//! `ax query`.

use super::{
    admin::{ClusterAdmin, OpenLog},
    member_id, parts,
};
use crate::config::{Config, address};
use ax_changes::ChangeLog;
use ax_cluster::{Cluster, Shape};
use ax_model::{Fault, Generation};
use ax_query_node::{
    Deps, QueryConfig, QueryNode, StartError, config::waiting_for, query_log::QueryLogRules,
    results::ResultRules, scrub::ScrubRules,
};
use ax_store::{Neighbours, Store};
use ax_telemetry::Telemetry;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How long a starting query node waits for coordination before it goes on without: the shape of the
/// cluster is in the configuration too.
const COORDINATION_PATIENCE: Duration = Duration::from_secs(3);

/// What a query node is told.
fn settings(config: &Config, shape: &Shape) -> Result<QueryConfig, Fault> {
    let section = &config.query;
    let id = member_id(config, "query");
    let mut settings = QueryConfig::new(id, shape.shards, parts::cache_folder(config));
    settings.http = Some(address::resolve("query.listen", &section.listen)?);
    settings.grpc = Some(address::resolve("query.grpc_listen", &section.grpc_listen)?);
    settings.advertise_grpc.clone_from(&section.advertise);
    settings.generation = Generation(shape.generation);
    settings.member_ttl = Duration::from_millis(config.cluster.lease_ttl_ms);
    settings.cache_bytes = section.cache_bytes;
    settings.neighbours = Neighbours::new([parts::scratch_folder(config)]);
    settings.poll = Duration::from_millis(section.poll_ms);
    settings.results = ResultRules {
        max_bytes: section.result_cache_bytes,
        max_age: Duration::from_secs(section.result_cache_seconds),
    };
    let ranking_file = Some(&section.ranking_file).filter(|path| !path.is_empty());
    settings.ranking_file = ranking_file.map(PathBuf::from);
    let log = &config.query_log;
    settings.query_log = QueryLogRules {
        path: Some(log.path.clone()).filter(|path| !path.as_os_str().is_empty()),
        max_bytes: log.max_bytes,
        keep: log.keep,
        live: log.live,
    };
    settings.scrub = ScrubRules {
        every: Duration::from_secs(section.scrub_seconds),
        max_bytes_per_second: section.scrub_bytes_per_second,
    };
    settings.placement.replicas = section.replicas as usize;
    settings.limits.default_timeout = Duration::from_millis(section.timeout_ms);
    let limits = &mut settings.limits;
    limits.max_requests = section.max_requests as usize;
    limits.max_queued = section.max_queued as usize;
    limits.reader_timeout = Duration::from_millis(section.reader_timeout_ms);
    limits.held_answer_bytes = usize::try_from(section.answer_bytes).unwrap_or(usize::MAX);
    // One answer is found, then written as JSON beside others that are read.
    limits.max_answer_bytes = limits.max_answer_bytes.min(limits.held_answer_bytes / 4);
    settings.max_waiting = waiting_for(&settings.limits, shape.shards);
    if section.concurrency > 0 {
        settings.max_searches = section.concurrency as usize;
    }
    Ok(settings)
}

/// Starts a query node that serves every shard itself, within a standalone server.
pub async fn start_local(
    config: &Config,
    telemetry: &Telemetry,
    cluster: &Cluster,
    store: &Store,
    log: &Arc<dyn ChangeLog>,
    shape: &Shape,
    shutdown: &CancellationToken,
) -> Result<QueryNode, Fault> {
    let mut settings = settings(config, shape)?;
    settings.local_only = true;
    settings.grpc = None;
    settings.drain = Duration::ZERO; // there is no other node to go to
    let log = log.clone();
    let open: OpenLog = Box::new(move || {
        let log = log.clone();
        Box::pin(async move { Ok(log) })
    });
    start(settings, telemetry, cluster, store, open, shutdown).await
}

async fn start(
    settings: QueryConfig,
    telemetry: &Telemetry,
    cluster: &Cluster,
    store: &Store,
    open: OpenLog,
    shutdown: &CancellationToken,
) -> Result<QueryNode, Fault> {
    let admin = ClusterAdmin::new(cluster.clone(), store.clone(), settings.generation, open);
    let metrics = telemetry.metrics();
    let deps = Deps {
        store: store.clone(),
        cluster: Some(cluster.clone()),
        admin: Some(Arc::new(admin)),
        render_metrics: Arc::new(move || metrics.render()),
        operations: super::profile::routes(shutdown.clone()).merge(super::heap::routes()),
    };
    QueryNode::start(settings, deps).await.map_err(|error| fault(&error))
}

fn fault(error: &StartError) -> Fault {
    match error {
        StartError::Ranking(fault) => fault.clone(),
        other => Fault::new(other.code(), other.to_string()),
    }
}

/// Runs the role.
pub async fn run(
    config: &Config,
    telemetry: &Telemetry,
    shutdown: CancellationToken,
) -> Result<(), Fault> {
    let coordination = parts::insist("coordination", || parts::coordination(config)).await?;
    let cluster = Cluster::new(coordination);
    let shape = shape(config, &cluster).await;
    let store = parts::insist("object store", || parts::store(config)).await?;
    let kept = config.clone();
    let shards = shape.shards;
    let open: OpenLog = Box::new(move || {
        let config = kept.clone();
        Box::pin(async move { parts::changes(&config, shards).await.map_err(|error| error.fault) })
    });
    let settings = settings(config, &shape)?;
    let node = start(settings, telemetry, &cluster, &store, open, &shutdown).await?;
    shutdown.cancelled().await;
    node.shutdown().await;
    Ok(())
}

/// The shape as coordination knows it, or as configured when coordination is away.
async fn shape(config: &Config, cluster: &Cluster) -> Shape {
    let known = parts::insist("cluster", || parts::shape(cluster, config.cluster.shards));
    match tokio::time::timeout(COORDINATION_PATIENCE, known).await {
        Ok(Ok(shape)) => shape,
        _ => {
            tracing::warn!("coordination is away; the shape is taken from the configuration");
            Shape {
                id: String::new(),
                generation: parts::FIRST_GENERATION.0,
                shards: config.cluster.shards,
            }
        }
    }
}
