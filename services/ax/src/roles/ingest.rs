//! `ax ingest`.

use super::{member_id, ops, parts};
use crate::config::Config;
use ax_changes::ChangeLog;
use ax_cluster::{Cluster, Member, Membership, Role};
use ax_ingest::{
    Access, Deps, IngestConfig, IngestHandle, IngestService, WebhookSecrets,
    cluster::ClusterRecords, webhook,
};
use ax_model::{Fault, Generation, Router};
use ax_store::Store;
use ax_telemetry::Telemetry;
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What ingest is told.
pub fn settings(config: &Config) -> IngestConfig {
    let section = &config.ingest;
    let secret = || match section.webhook_secret.as_str() {
        "" => Vec::new(),
        secret => vec![secret.to_owned()],
    };
    IngestConfig {
        data_dir: config.cluster.data.join("ingest"),
        exclude: vec![full(&config.cluster.data)],
        max_file_bytes: section.max_file_bytes,
        default_spread: section.spread,
        max_branches: section.max_branches as usize,
        local_poll: Duration::from_millis(section.poll_local_ms),
        remote_poll: Duration::from_secs(section.poll_remote_seconds),
        max_concurrent: section.concurrency as usize,
        fetch_timeout: Duration::from_secs(section.fetch_seconds),
        access: Access {
            ssh_command: section.ssh_command.clone(),
            ca_file: path_of(&section.ca_file),
            credentials_file: path_of(&section.credentials_file),
            silence: Duration::from_secs(section.silence_seconds),
        },
        webhooks: WebhookSecrets { github: secret(), gitlab: secret(), gitea: secret() },
        ..IngestConfig::default()
    }
}

/// A path, unless it is empty.
fn path_of(text: &str) -> Option<PathBuf> {
    Some(PathBuf::from(text)).filter(|_| !text.is_empty())
}

fn full(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Starts ingest in this process; its handle takes pushes.
pub async fn start(
    config: &Config,
    cluster: &Cluster,
    store: &Store,
    log: &Arc<dyn ChangeLog>,
    generation: Generation,
    work: &mut JoinSet<()>,
    shutdown: &CancellationToken,
) -> Result<IngestHandle, Fault> {
    let settings = settings(config);
    let ttl = Duration::from_millis(config.cluster.lease_ttl_ms);
    let holder = member_id(config, "ingest");
    let records = ClusterRecords::new(cluster.clone(), holder.clone(), ttl);
    let deps = Deps {
        log: log.clone(),
        blobs: Arc::new(store.clone()),
        records: Arc::new(records),
        router: Router::new(log.partitions()),
        generation,
    };
    let (service, handle) = IngestService::new(deps, settings);
    let stop = shutdown.clone();
    work.spawn(service.run(stop));
    let member =
        Member { id: holder, ..super::member(config, Role::Ingest, "ingest", http(config)) };
    work.spawn(stay(cluster.clone(), member, ttl, shutdown.clone()));
    Ok(handle)
}

fn http(config: &Config) -> String {
    format!("http://{}", config.ingest.listen)
}

/// Stays a member, so that `ax status` shows this process. Ingest itself needs no membership.
async fn stay(cluster: Cluster, member: Member, ttl: Duration, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let turn = async {
            match Membership::join(&cluster, member.clone(), ttl).await {
                Ok(joined) => joined.lost().await,
                Err(error) => tracing::debug!(%error, "cannot join the members; trying again"),
            }
            tokio::time::sleep(ttl / 3).await;
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = turn => {}
        }
    }
}

/// Runs the role.
pub async fn run(
    config: &Config,
    telemetry: &Telemetry,
    shutdown: CancellationToken,
) -> Result<(), Fault> {
    let listener = ops::bind("ingest.listen", &config.ingest.listen).await?;
    let coordination = parts::insist("coordination", || parts::coordination(config)).await?;
    let cluster = Cluster::new(coordination);
    let shape = parts::insist("cluster", || parts::shape(&cluster, config.cluster.shards)).await?;
    let store = parts::insist("object store", || parts::store(config)).await?;
    let log = parts::insist("change stream", || parts::changes(config, shape.shards)).await?;
    let generation = Generation(shape.generation);
    let mut work = JoinSet::new();
    let handle = start(config, &cluster, &store, &log, generation, &mut work, &shutdown).await?;
    let pushes = webhook::router(handle, settings(config).webhooks);
    let router = ops::router(telemetry.metrics(), pushes, &shutdown);
    work.spawn(ops::serve(listener, router, shutdown));
    while work.join_next().await.is_some() {}
    Ok(())
}
