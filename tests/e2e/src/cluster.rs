//! A whole cluster on this machine, each part a process that can be killed, paused and started again.

mod config;
mod settle;

use crate::{Api, ax};
use anyhow::Context as _;
use ax_changes::kafka::{KafkaConfig, KafkaLog};
use ax_harness::{Etcd, Kafka, Process, Proxy, S3, Spec, free_port};
use ax_model::{Generation, ShardId};
use ax_store::{Secret, Store, StoreConfig};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::OnceCell;

/// The names of the processes that are ours, in the order in which they are started.
pub const ROLES: [&str; 6] =
    ["coordinator", "indexer-1", "indexer-2", "ingest", "query-1", "query-2"];

/// The query nodes.
pub const QUERY_NODES: [&str; 2] = ["query-1", "query-2"];

const GENERATION: Generation = Generation(1);
const BUCKET: &str = "automatosx";
const TOPIC: &str = "ax.changes";

/// A cold start of a debug build on a machine that compiles beside it.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// How a cluster is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Shards.
    pub shards: u32,
    /// Lease of a member; the dead are noticed after this.
    pub lease_ttl: Duration,
    /// How long old manifests are kept. A test that wants whole chains keeps them longer than it runs.
    pub keep: Duration,
    /// The role that reaches etcd only by [`Cluster::etcd_of_one`].
    pub cut_off: &'static str,
    /// More variables for each role, as in `AX_TELEMETRY__LOG_FILTER`.
    pub variables: Vec<(&'static str, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        let (lease_ttl, keep) = (Duration::from_secs(2), Duration::from_secs(3600));
        Self { shards: 4, lease_ttl, keep, cut_off: "indexer-1", variables: Vec::new() }
    }
}

/// A running cluster: etcd, Kafka, S3, one process for each of [`ROLES`], and HAProxy in front of the
/// query nodes. Dropping it kills everything; logs and data stay until the next run of the same name.
pub struct Cluster {
    // In this order: the roles go first, so that none logs the end of its servers.
    nodes: BTreeMap<&'static str, Node>,
    etcd: Etcd,
    kafka: Kafka,
    s3: S3,
    etcd_of_one: Proxy,
    log: OnceCell<KafkaLog>,
    settings: Settings,
    folder: PathBuf,
}

struct Node {
    process: Process,
    port: u16,
}

impl Cluster {
    /// Starts a cluster whose files are in a folder of this name under the target folder, and waits
    /// until each process is ready.
    pub async fn start(name: &str, settings: Settings) -> anyhow::Result<Self> {
        let folder = fresh_folder(name).await?;
        let (etcd, kafka, s3) = tokio::try_join!(Etcd::start(), Kafka::start(), S3::start())?;
        s3.create_bucket(BUCKET)?;
        let target = etcd.endpoint().trim_start_matches("http://").to_owned();
        let etcd_of_one = Proxy::start(target).await?;
        let (nodes, log) = (BTreeMap::new(), OnceCell::new());
        let mut cluster = Self { nodes, etcd, kafka, s3, etcd_of_one, log, settings, folder };
        cluster.write_config()?;
        for name in ROLES {
            cluster.start_role(name).await?;
        }
        for name in ROLES {
            cluster.ready(name).await?;
        }
        cluster.start_front().await?;
        Ok(cluster)
    }

    /// The address that users have: the balancer's.
    pub fn front(&self) -> anyhow::Result<Api> {
        self.api("haproxy")
    }

    /// One node's own address.
    pub fn api(&self, name: &str) -> anyhow::Result<Api> {
        Api::new(format!("http://127.0.0.1:{}", self.node(name)?.port))
    }

    /// Kills a process outright.
    pub fn kill9(&mut self, name: &str) -> anyhow::Result<()> {
        self.process(name)?.kill9()
    }

    /// Starts a process again, and waits until it is ready.
    pub async fn restart(&mut self, name: &str) -> anyhow::Result<()> {
        match name {
            "etcd" => self.etcd.restart().await,
            "kafka" => self.kafka.restart().await,
            "s3" => self.s3.restart().await,
            _ => {
                self.spawn_again(name)?;
                self.ready(name).await
            }
        }
    }

    /// Starts a role again without waiting: for one that cannot become ready.
    pub fn spawn_again(&mut self, name: &str) -> anyhow::Result<()> {
        self.process(name)?.restart()
    }

    /// Stops a process in its tracks.
    pub fn pause(&mut self, name: &str) -> anyhow::Result<()> {
        self.process(name)?.pause()
    }

    /// Lets a paused process go on.
    pub fn resume(&mut self, name: &str) -> anyhow::Result<()> {
        self.process(name)?.resume()
    }

    /// A process, for its log.
    pub fn process(&mut self, name: &str) -> anyhow::Result<&mut Process> {
        match name {
            "etcd" => Ok(self.etcd.process()),
            "kafka" => Ok(self.kafka.process()),
            "s3" => Ok(self.s3.process()),
            _ => {
                let node = self.nodes.get_mut(name);
                Ok(&mut node.with_context(|| format!("no process is called {name}"))?.process)
            }
        }
    }

    /// The way to etcd of the one role that [`Settings::cut_off`] names.
    pub fn etcd_of_one(&self) -> &Proxy {
        &self.etcd_of_one
    }

    /// Where the S3 server keeps the bucket's objects, each a file.
    pub fn objects(&self) -> PathBuf {
        self.s3.bucket_folder(BUCKET)
    }

    /// Where a role keeps what it has on its own disk.
    pub fn data_of(&self, name: &str) -> PathBuf {
        self.folder.join("data").join(name)
    }

    /// A folder for repositories, read by ingest in place.
    pub fn repos(&self) -> PathBuf {
        self.folder.join("repos")
    }

    /// Number of shards.
    pub fn shards(&self) -> u32 {
        self.settings.shards
    }

    /// How to reach the change stream, as the cluster itself does.
    pub fn stream(&self) -> KafkaConfig {
        KafkaConfig::new(self.kafka.bootstrap(), TOPIC, self.settings.shards)
    }

    /// The change stream, read and written as by the cluster itself.
    pub async fn log(&self) -> anyhow::Result<&KafkaLog> {
        let connect = || async { Ok(KafkaLog::connect(self.stream()).await?) };
        self.log.get_or_try_init(connect).await
    }

    /// The object store.
    pub fn store(&self) -> anyhow::Result<Store> {
        let config = StoreConfig {
            endpoint: Some(self.s3.endpoint().to_owned()),
            access_key: Some(self.s3.access_key().to_owned()),
            secret_key: Some(Secret(self.s3.secret_key().to_owned())),
            allow_http: true,
            ..StoreConfig::new(format!("s3://{BUCKET}"))
        };
        Ok(Store::open(&config)?)
    }

    /// One shard of the object store.
    pub fn shard(&self, shard: u32) -> anyhow::Result<ax_store::ShardStore> {
        Ok(self.store()?.shard(GENERATION, ShardId(shard)))
    }

    /// Lines of any role's log, over all its runs, that contain `text`.
    pub fn logged(&self, text: &str) -> anyhow::Result<Vec<String>> {
        let mut found = Vec::new();
        for (name, node) in &self.nodes {
            let log = fs::read(node.process.log_path())?;
            let log = String::from_utf8_lossy(&log).into_owned();
            let lines = log.lines().filter(|line| line.contains(text));
            found.extend(lines.map(|line| format!("{name}: {line}")));
        }
        Ok(found)
    }

    fn node(&self, name: &str) -> anyhow::Result<&Node> {
        self.nodes.get(name).with_context(|| format!("no process is called {name}"))
    }

    async fn ready(&mut self, name: &str) -> anyhow::Result<()> {
        let url = format!("http://127.0.0.1:{}/readyz", self.node(name)?.port);
        self.process(name)?.wait_for_http(&url, READY_WITHIN).await.map(drop)
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.folder.join("logs").join(format!("{name}.log"))
    }

    async fn start_role(&mut self, name: &'static str) -> anyhow::Result<()> {
        let role = name.split('-').next().unwrap_or(name);
        let port = free_port()?;
        let section = role.to_uppercase();
        let mut spec = ax::role(name, role, &self.config_path())
            .await?
            .env("AX_CLUSTER__NODE", name)
            .env("AX_CLUSTER__DATA", self.data_of(name))
            .env(format!("AX_{section}__LISTEN"), format!("127.0.0.1:{port}"))
            .log(self.log_of(name));
        if role == "query" {
            spec = spec.env("AX_QUERY__GRPC_LISTEN", format!("127.0.0.1:{}", free_port()?));
        }
        for (variable, value) in &self.settings.variables {
            spec = spec.env(*variable, value);
        }
        if name == self.settings.cut_off {
            let way = format!("http://{}", self.etcd_of_one.address());
            spec = spec.env("AX_COORDINATION__ENDPOINTS", way);
        }
        self.nodes.insert(name, Node { process: Process::spawn(spec)?, port });
        Ok(())
    }

    async fn start_front(&mut self) -> anyhow::Result<()> {
        config::install_haproxy().await?;
        let port = free_port()?;
        let mut servers = Vec::new();
        for name in QUERY_NODES {
            servers.push((name, self.node(name)?.port));
        }
        let file = self.folder.join("haproxy.cfg");
        fs::write(&file, config::haproxy(port, &servers))?;
        let spec = Spec::new("haproxy", "haproxy").arg("-db").arg("-f").arg(&file);
        let process = Process::spawn(spec.log(self.log_of("haproxy")))?;
        self.nodes.insert("haproxy", Node { process, port });
        self.ready("haproxy").await
    }

    fn config_path(&self) -> PathBuf {
        self.folder.join("ax.toml")
    }

    fn write_config(&self) -> anyhow::Result<()> {
        let text = config::roles(&self.settings, &self.etcd, &self.kafka, &self.s3);
        fs::write(self.config_path(), text).context("write the configuration")
    }
}

/// An empty folder of this name beside the test's own build.
async fn fresh_folder(name: &str) -> anyhow::Result<PathBuf> {
    let binary = ax::binary().await?;
    let target =
        binary.parent().and_then(Path::parent).context("a binary is in a target folder")?;
    let folder = target.join("e2e").join(name);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(folder.join("logs"))?,
    }
    Ok(folder)
}
