//! What a query node is told: resolved values, no files and no environment.

use crate::{
    hedge::HedgeRule, placement::PlacementRules, query_log::QueryLogRules, results::ResultRules,
    scrub::ScrubRules,
};
use ax_model::Generation;
use ax_store::Neighbours;
use std::{net::SocketAddr, path::PathBuf, time::Duration};

/// Everything that shapes a query node. The defaults fit one small machine.
#[derive(Debug, Clone)]
pub struct QueryConfig {
    /// Unique id of this run of the process.
    pub node_id: String,
    /// Where to serve HTTP; `None` serves none.
    pub http: Option<SocketAddr>,
    /// Where to serve gRPC (`Search` and `Leaf`); `None` serves none.
    pub grpc: Option<SocketAddr>,
    /// How others reach the gRPC server, as in `http://10.0.0.7:7081`; empty: the bound address.
    pub advertise_grpc: String,
    /// How others reach the HTTP server; empty: the bound address.
    pub advertise_http: String,
    /// Generation to serve.
    pub generation: Generation,
    /// Number of shards of that generation.
    pub shards: u32,
    /// Serve every shard here and ask nobody else, whoever the members are.
    pub local_only: bool,
    /// Relative capacity for placement.
    pub weight: u32,
    /// Replicas and load slack.
    pub placement: PlacementRules,
    /// Life of the membership's lease.
    pub member_ttl: Duration,
    /// Folder of the segment cache.
    pub cache_dir: PathBuf,
    /// Bytes that the cache may hold beyond what queries use now.
    pub cache_bytes: u64,
    /// Roles of this machine whose files the cache links rather than fetch them.
    pub neighbours: Neighbours,
    /// How many answers are kept for who asks the same again.
    pub results: ResultRules,
    /// File of the ranking's parameters; the defaults without one.
    pub ranking_file: Option<PathBuf>,
    /// Whether and where queries are logged.
    pub query_log: QueryLogRules,
    /// How open segments are read again, to find bits that flipped.
    pub scrub: ScrubRules,
    /// Look at each open shard's head in the store this often: freshness when no hints come, at the
    /// price of one listing per shard.
    pub poll: Duration,
    /// Close a shard that is not placed here when nobody asked for it this long.
    pub idle: Duration,
    /// Bounds of a request.
    pub limits: RequestLimits,
    /// Engine searches that run at once; more wait.
    pub max_searches: usize,
    /// Engine searches that wait; more are refused with `AX-A008`. By default as many as this node's
    /// own requests can need, so that none is admitted at the root and refused at the leaf.
    pub max_waiting: usize,
    /// When to ask a second replica.
    pub hedge: HedgeRule,
    /// Connecting to another node is given up after this.
    pub connect_timeout: Duration,
    /// A node that refused a connection is put last this long.
    pub penalty: Duration,
    /// At shutdown: how long `/readyz` says no before listeners close.
    pub drain: Duration,
}

impl QueryConfig {
    /// Defaults for a node of `shards` shards that caches in `cache_dir`.
    pub fn new(node_id: impl Into<String>, shards: u32, cache_dir: impl Into<PathBuf>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            node_id: node_id.into(),
            http: None,
            grpc: None,
            advertise_grpc: String::new(),
            advertise_http: String::new(),
            generation: Generation(1),
            shards,
            local_only: false,
            weight: 1,
            placement: PlacementRules::default(),
            member_ttl: Duration::from_secs(5),
            cache_dir: cache_dir.into(),
            cache_bytes: 16 << 30,
            neighbours: Neighbours::default(),
            results: ResultRules::default(),
            ranking_file: None,
            query_log: QueryLogRules::default(),
            scrub: ScrubRules::default(),
            poll: Duration::from_secs(5),
            idle: Duration::from_secs(600),
            limits: RequestLimits::default(),
            max_searches: cores * 2,
            max_waiting: waiting_for(&RequestLimits::default(), shards),
            hedge: HedgeRule::default(),
            connect_timeout: Duration::from_millis(500),
            penalty: Duration::from_secs(5),
            drain: Duration::from_secs(2),
        }
    }
}

/// Bounds of one request. Larger wishes are refused with `AX-Q005`, never cut in silence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestLimits {
    /// Files returned when the request does not say.
    pub default_limit: u32,
    /// Most files returned without `all`.
    pub max_limit: u32,
    /// Most lines of context.
    pub max_context: u32,
    /// Lines per file when the request does not say.
    pub default_lines_per_file: u32,
    /// Most lines per file.
    pub max_lines_per_file: u32,
    /// Deadline when the request does not say.
    pub default_timeout: Duration,
    /// Longest deadline.
    pub max_timeout: Duration,
    /// Most bytes of files that a root gathers for one answer; what is beyond is `more`.
    pub max_answer_bytes: usize,
    /// Requests that a root works on at once; more wait.
    pub max_requests: usize,
    /// Requests that wait, each at most until its deadline; more are refused with `AX-A008`.
    pub max_queued: usize,
    /// Most bytes of all answers that wait for their readers. When another answer needs room, the
    /// reader who has taken nothing for longest is cut off.
    pub held_answer_bytes: usize,
    /// A reader who takes nothing of an answer for so long is cut off.
    pub reader_timeout: Duration,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            default_limit: 50,
            max_limit: 10_000,
            max_context: 100,
            default_lines_per_file: 100,
            max_lines_per_file: 100_000,
            default_timeout: Duration::from_secs(10),
            max_timeout: Duration::from_secs(300),
            max_answer_bytes: 256 << 20,
            max_requests: 256,
            max_queued: 4096,
            held_answer_bytes: 1 << 30,
            reader_timeout: Duration::from_secs(30),
        }
    }
}

/// Searches of shards that can wait at a leaf: each request of a root asks every shard once. Never
/// fewer than what other roots' requests need.
pub fn waiting_for(limits: &RequestLimits, shards: u32) -> usize {
    limits.max_requests.saturating_mul(shards as usize).max(1024)
}
