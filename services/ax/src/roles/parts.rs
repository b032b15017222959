//! The parts that roles are made of, as the configuration names them.

use crate::config::Config;
use ax_changes::{
    ChangeLog,
    embedded::{EmbeddedConfig as LogConfig, EmbeddedLog},
    kafka::{KafkaConfig, KafkaLog},
};
use ax_cluster::{Cluster, Shape};
use ax_coordination::{
    Coordination,
    embedded::{EmbeddedConfig as RaftConfig, EmbeddedStore},
    etcd::{EtcdConfig, EtcdStore},
};
use ax_model::{Code, Fault, Generation};
use ax_store::{Compression, Secret, Store, StoreConfig};
use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// The generation that a new cluster starts with.
pub const FIRST_GENERATION: Generation = Generation(1);

/// Wait between attempts to reach a back end at start-up.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where an indexer keeps what it builds and merges.
pub fn scratch_folder(config: &Config) -> PathBuf {
    config.cluster.data.join("indexer")
}

/// Where a query node keeps segments.
pub fn cache_folder(config: &Config) -> PathBuf {
    config.cluster.data.join("query")
}

/// A part that could not be had; whether trying again makes sense.
#[derive(Debug, thiserror::Error)]
#[error("{fault}")]
pub struct PartError {
    /// What is wrong.
    pub fault: Fault,
    /// It may work later.
    pub retryable: bool,
}

impl PartError {
    fn new(code: Code, what: &str, error: &dyn std::error::Error, retryable: bool) -> Self {
        Self { fault: Fault::new(code, format!("{what}: {error}")), retryable }
    }
}

/// Tries until the part is there: back ends and roles may be started in any order.
pub async fn insist<T, F>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T, Fault>
where
    F: Future<Output = Result<T, PartError>>,
{
    loop {
        match attempt().await {
            Ok(part) => return Ok(part),
            Err(error) if error.retryable => {
                tracing::warn!(what, error = %error.fault, "not there yet; trying again");
            }
            Err(error) => return Err(error.fault),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// The coordination store.
pub async fn coordination(config: &Config) -> Result<Arc<dyn Coordination>, PartError> {
    let failed = |error: ax_coordination::CoordinationError| {
        PartError::new(error.code(), "coordination", &error, error.is_retryable())
    };
    let section = &config.coordination;
    if section.backend == "etcd" {
        let etcd = EtcdConfig {
            endpoints: section.endpoints.clone(),
            namespace: section.prefix.clone(),
            ..EtcdConfig::default()
        };
        return Ok(Arc::new(EtcdStore::connect(etcd).await.map_err(failed)?));
    }
    let raft = RaftConfig::new(config.cluster.data.join("coordination"));
    Ok(Arc::new(EmbeddedStore::open(raft).await.map_err(failed)?))
}

/// The change stream.
pub async fn changes(config: &Config, shards: u32) -> Result<Arc<dyn ChangeLog>, PartError> {
    let failed = |error: ax_changes::LogError| {
        PartError::new(error.code(), "change stream", &error, error.is_retryable())
    };
    let section = &config.changes;
    if section.backend == "kafka" {
        let mut kafka = KafkaConfig::new(&section.bootstrap, &section.topic, shards);
        kafka.replication = u16::try_from(section.replication).ok().filter(|n| *n > 0);
        kafka.extra = section.kafka.clone();
        return Ok(Arc::new(KafkaLog::connect(kafka).await.map_err(failed)?));
    }
    Ok(embedded_changes(config, shards).await?)
}

/// The change stream of one machine.
pub async fn embedded_changes(config: &Config, shards: u32) -> Result<Arc<EmbeddedLog>, PartError> {
    let path = config.cluster.data.join("changes.redb");
    let log = EmbeddedLog::open(LogConfig::new(path, shards)).await;
    Ok(Arc::new(log.map_err(|error| {
        PartError::new(error.code(), "change stream", &error, error.is_retryable())
    })?))
}

/// The object store, probed: one that does not honour conditional writes is refused.
pub async fn store(config: &Config) -> Result<Store, PartError> {
    let failed = |error: ax_store::StoreError| {
        PartError::new(error.code(), "object store", &error, error.is_retryable())
    };
    let store = Store::open(&store_config(config)).map_err(failed)?;
    store.probe().await.map_err(failed)?;
    Ok(store)
}

fn store_config(config: &Config) -> StoreConfig {
    let section = &config.store;
    let given = |text: &String| (!text.is_empty()).then(|| text.clone());
    let url = match given(&section.url) {
        Some(url) => url,
        None => format!("file://{}", absolute(&config.cluster.data.join("store"))),
    };
    StoreConfig {
        endpoint: given(&section.endpoint),
        region: given(&section.region),
        access_key: given(&section.access_key),
        secret_key: given(&section.secret_key).map(Secret),
        // An endpoint written with http:// says itself that it wants no TLS.
        allow_http: section.endpoint.starts_with("http://"),
        compression: match section.compression.as_str() {
            "none" => Compression::None,
            _ => Compression::Zstd { level: section.compression_level.cast_signed() },
        },
        ..StoreConfig::new(url)
    }
}

fn absolute(path: &Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

/// Forms the cluster, or joins the one that is there.
pub async fn shape(cluster: &Cluster, shards: u32) -> Result<Shape, PartError> {
    let wanted =
        Shape { id: uuid::Uuid::new_v4().to_string(), generation: FIRST_GENERATION.0, shards };
    cluster.form(wanted).await.map_err(|error| {
        PartError::new(error.code(), "forming the cluster", &error, error.is_retryable())
    })
}
