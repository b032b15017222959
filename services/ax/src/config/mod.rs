//! Configuration in two stages: a raw table from the file and `AX_` variables ([`raw`]), then the
//! resolved and validated [`Config`]. Unknown keys are refused with the nearest known one, and no
//! setting lives only in a variable.

pub mod address;
mod check;
mod raw;

pub use raw::{load, load_over};

use ax_telemetry::TelemetryConfig;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// Everything that any role can be told. `ax config show` prints it with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
pub struct Config {
    /// The shape of the cluster.
    pub cluster: ClusterConfig,
    /// The change stream.
    pub changes: ChangesConfig,
    /// Leases, elections and small facts.
    pub coordination: CoordinationConfig,
    /// Segments, manifests and large blobs.
    pub store: StoreSection,
    /// Reading repositories.
    pub ingest: IngestSection,
    /// Building segments.
    pub indexer: IndexerSection,
    /// Assigning shards.
    pub coordinator: CoordinatorSection,
    /// Answering queries.
    pub query: QuerySection,
    /// What was asked of a query node.
    pub query_log: QueryLogSection,
    /// Logs, metrics and traces.
    pub telemetry: TelemetryConfig,
}

/// `[cluster]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterConfig {
    /// Number of shards, which is the number of partitions; fixed once the cluster is formed.
    pub shards: u32,
    /// Name of this process among its peers; empty makes one.
    pub node: String,
    /// Folder for what a process keeps on its own disk.
    pub data: PathBuf,
    /// Lease of a member, in milliseconds: the dead are noticed after this.
    pub lease_ttl_ms: u64,
}

/// `[changes]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChangesConfig {
    /// `kafka`, or `embedded` for everything in one process.
    pub backend: String,
    /// Brokers, as in `10.0.0.1:9092,10.0.0.2:9092`.
    pub bootstrap: String,
    /// Topic, created when it is missing.
    pub topic: String,
    /// Replicas of each partition when the topic is created.
    pub replication: u32,
    /// Further librdkafka settings by their own names, as in `security.protocol`.
    pub kafka: BTreeMap<String, String>,
}

/// `[coordination]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoordinationConfig {
    /// `etcd`, or `embedded` for everything in one process.
    pub backend: String,
    /// etcd endpoints, as in `["http://10.0.0.1:2379"]`.
    pub endpoints: Vec<String>,
    /// Prefix of every key, so that several clusters can share an etcd.
    pub prefix: String,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// `s3://bucket/prefix` or `file:///folder`; empty means a folder under `cluster.data`.
    pub url: String,
    /// Endpoint of an S3 service that is not AWS, as in `http://10.0.0.1:9000`.
    pub endpoint: String,
    /// Region.
    pub region: String,
    /// Access key.
    pub access_key: String,
    /// Secret key; `ax config show` hides it.
    pub secret_key: String,
    /// `zstd`, or `none`: whether segments and large blobs are packed when they are written.
    pub compression: String,
    /// Level of zstd, 1 to 19.
    pub compression_level: u32,
    /// Old manifests kept at least this long, in seconds: slow readers still find their segments.
    pub keep_seconds: u64,
    /// Segments that no manifest names are kept at least this long after their upload, in seconds.
    pub orphan_grace_seconds: u64,
}

/// `[ingest]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSection {
    /// Address for push webhooks and metrics.
    pub listen: String,
    /// Time between looks at a local repository, in milliseconds.
    pub poll_local_ms: u64,
    /// Time between fetches of a remote one, in seconds.
    pub poll_remote_seconds: u64,
    /// Largest file whose text is searchable, in bytes.
    pub max_file_bytes: u64,
    /// Most branches per repository; HEAD's comes first, then the most recently committed.
    pub max_branches: u32,
    /// Over how many shards a repository's paths are spread.
    pub spread: u32,
    /// Repositories read at the same time.
    pub concurrency: u32,
    /// Secret of push webhooks; empty refuses them all.
    pub webhook_secret: String,
    /// Command in the place of `ssh` for remotes, as in `ssh -i /etc/ax/key`; empty takes git's own settings.
    pub ssh_command: String,
    /// PEM file of authorities that HTTPS remotes are trusted by, besides the system's.
    pub ca_file: String,
    /// File of lines `https://user:token@host[/path]` for remotes that ask; read at each fetch.
    pub credentials_file: String,
    /// Longest silence of a remote before a fetch is given up, in seconds.
    pub silence_seconds: u64,
    /// Longest fetch, in seconds.
    pub fetch_seconds: u64,
}

/// `[indexer]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IndexerSection {
    /// Address for metrics and health.
    pub listen: String,
    /// Whether definitions are extracted.
    pub symbols: bool,
    /// A segment whose definitions would take longer than this to extract, on all cores, is published
    /// without them, and they are added soon afterwards, in milliseconds.
    pub symbols_within_ms: u64,
    /// Most bytes of text in a new segment.
    pub max_segment_text_bytes: u64,
}

/// `[coordinator]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CoordinatorSection {
    /// Address for metrics and health.
    pub listen: String,
    /// Time between collections of what the store no longer needs, in seconds.
    pub collect_seconds: u64,
}

/// `[query]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuerySection {
    /// Address of the HTTP API and the search page.
    pub listen: String,
    /// Address of the gRPC services; port 0 picks a free one.
    pub grpc_listen: String,
    /// Host name or address that other nodes reach this one's gRPC by; empty takes the listener's.
    pub advertise: String,
    /// Most bytes of segments kept on the local disk.
    pub cache_bytes: u64,
    /// Most bytes of answers kept in memory for who asks the same again; zero keeps none.
    pub result_cache_bytes: u64,
    /// An answer is found anew after so many seconds.
    pub result_cache_seconds: u64,
    /// File of the ranking's parameters, read again when it changes; empty takes the defaults.
    pub ranking_file: String,
    /// Nodes that keep each shard warm.
    pub replicas: u32,
    /// Deadline of a query that names none, in milliseconds.
    pub timeout_ms: u64,
    /// Searches of shards at the same time; zero means twice the cores.
    pub concurrency: u32,
    /// Time between looks at the store for newer manifests, in milliseconds: how late a change is
    /// shown when no hint of it comes. Each look lists every open shard.
    pub poll_ms: u64,
    /// Each segment in use is read again once in so many seconds, to find bits that flipped on the
    /// local disk; zero never does.
    pub scrub_seconds: u64,
    /// Most bytes that are read per second for that.
    pub scrub_bytes_per_second: u64,
    /// Requests worked on at the same time; more wait.
    pub max_requests: u32,
    /// Requests that wait, each at most until its deadline; more are refused with `AX-A008`.
    pub max_queued: u32,
    /// A client that takes nothing of its answer for so long is cut off, in milliseconds.
    pub reader_timeout_ms: u64,
    /// Most bytes of all answers that wait for their clients to take them.
    pub answer_bytes: u64,
}

/// `[query_log]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QueryLogSection {
    /// File of one JSON line per query; empty writes none.
    pub path: PathBuf,
    /// A larger file is put aside as `.1`, and the next one begun.
    pub max_bytes: u64,
    /// Files put aside that are kept.
    pub keep: u32,
    /// Whether `/debug/queries` may be read.
    pub live: bool,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self { shards: 4, node: String::new(), data: PathBuf::from("ax-data"), lease_ttl_ms: 3000 }
    }
}

impl Default for ChangesConfig {
    fn default() -> Self {
        Self {
            backend: "embedded".to_owned(),
            bootstrap: String::new(),
            topic: "ax.changes".to_owned(),
            replication: 1,
            kafka: BTreeMap::new(),
        }
    }
}

impl Default for CoordinationConfig {
    fn default() -> Self {
        Self {
            backend: "embedded".to_owned(),
            endpoints: Vec::new(),
            prefix: "/automatosx/".to_owned(),
        }
    }
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: String::new(),
            endpoint: String::new(),
            region: "us-east-1".to_owned(),
            access_key: String::new(),
            secret_key: String::new(),
            compression: "zstd".to_owned(),
            compression_level: 3,
            keep_seconds: 600,
            orphan_grace_seconds: 24 * 3600,
        }
    }
}

impl Default for IngestSection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7083".to_owned(),
            poll_local_ms: 500,
            poll_remote_seconds: 60,
            max_file_bytes: 64 << 20,
            max_branches: 16,
            spread: 4,
            concurrency: 2,
            webhook_secret: String::new(),
            ssh_command: String::new(),
            ca_file: String::new(),
            credentials_file: String::new(),
            silence_seconds: 60,
            fetch_seconds: 3600,
        }
    }
}

impl Default for IndexerSection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7084".to_owned(),
            symbols: true,
            symbols_within_ms: 1000,
            max_segment_text_bytes: 64 << 20,
        }
    }
}

impl Default for CoordinatorSection {
    fn default() -> Self {
        Self { listen: "127.0.0.1:7085".to_owned(), collect_seconds: 60 }
    }
}

impl Default for QuerySection {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:7080".to_owned(),
            grpc_listen: "127.0.0.1:7081".to_owned(),
            advertise: String::new(),
            cache_bytes: 64 << 30,
            result_cache_bytes: 32 << 20,
            result_cache_seconds: 300,
            ranking_file: String::new(),
            replicas: 2,
            timeout_ms: 10_000,
            concurrency: 0,
            poll_ms: 5_000,
            scrub_seconds: 3_600,
            scrub_bytes_per_second: 64 << 20,
            max_requests: 256,
            max_queued: 4096,
            reader_timeout_ms: 30_000,
            answer_bytes: 1 << 30,
        }
    }
}

impl Default for QueryLogSection {
    fn default() -> Self {
        Self { path: PathBuf::new(), max_bytes: 64 << 20, keep: 4, live: false }
    }
}
