//! A running query node: everything started, and everything ended in the right order.

use crate::{
    admin::Admin,
    cache::{CacheError, SegmentCache},
    cluster_view::ClusterView,
    config::QueryConfig,
    grpc::SearchService,
    http::{HttpState, RenderMetrics, router, serve},
    leaf::{Admission, Leaf, LeafService},
    membership,
    peers::{GrpcLeaves, MAX_MESSAGE_BYTES, Peers},
    quarantine::QuarantineCache,
    query_log::QueryLog,
    ranking::RankingFile,
    readiness::Readiness,
    results::{self, ResultCache},
    root::{Root, RootParts},
    scrub,
    shards::{FollowRules, Follower, Shards},
    status::Status,
    wire::name_refusal,
};
use ax_cluster::Cluster;
use ax_model::{Code, Fault};
use ax_proto::search::{leaf_server::LeafServer, search_server::SearchServer};
use ax_store::Store;
use axum::Router;
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tonic::transport::{Server, server::TcpIncoming};
use tower::util::MapResponseLayer;

/// gRPC calls at once per connection; a root needs one per shard and request.
const MAX_CALLS_PER_CONNECTION: usize = 2048;
/// Largest gRPC request: a query of 64 KiB, a token of thousands of shards, and room.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// What a query node is given by the process it runs in.
pub struct Deps {
    /// Where segments and manifests are.
    pub store: Store,
    /// Coordination; `None` runs without: no members, no hints, no progress.
    pub cluster: Option<Cluster>,
    /// Carries out changes to the cluster; `None` refuses them.
    pub admin: Option<Arc<dyn Admin>>,
    /// For `/metrics`.
    pub render_metrics: RenderMetrics,
    /// Further routes, as those for operators.
    pub operations: Router,
}

/// Why a node could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The segment cache cannot be used.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// The file of the ranking's parameters is refused.
    #[error("{0}")]
    Ranking(Fault),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The query log cannot be opened.
    #[error("the query log {path} cannot be written: {source}", path = path.display())]
    QueryLog {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Cache(error) => error.code(),
            Self::Ranking(fault) => fault.code,
            Self::Listen { .. } => Code::PortTaken,
            Self::QueryLog { .. } => Code::ConfigBadValue,
        }
    }

    /// True when another attempt may succeed without anyone's help.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

/// A running query node. [`QueryNode::shutdown`] ends it gracefully; dropping it ends it at once.
pub struct QueryNode {
    root: Root,
    shards: Arc<Shards>,
    peers: Arc<Peers>,
    readiness: Arc<Readiness>,
    router: Router,
    http: Option<SocketAddr>,
    grpc: Option<SocketAddr>,
    drain: Duration,
    /// Stops listeners.
    stop: CancellationToken,
    /// Tells the members that this node is on its way out.
    leaving: CancellationToken,
    servers: JoinSet<()>,
    /// Work in the background, cut off when the node is dropped.
    _background: JoinSet<()>,
}

impl QueryNode {
    /// Opens the cache, binds the listeners and starts following members and manifests. To be called
    /// within a tokio runtime. Returns before the shards are loaded: see [`QueryNode::readiness`].
    pub async fn start(config: QueryConfig, deps: Deps) -> Result<Self, StartError> {
        let cache = open_cache(&config).await?;
        let shards = Arc::new(Shards::new(&deps.store, config.generation, config.shards, cache));
        let peers = Arc::new(peers_of(&config));
        let admission = Admission::new(
            config.max_searches,
            config.max_waiting,
            metrics::gauge!("ax_query_leaf_waiting"),
        );
        let kept = ResultCache::new(config.results);
        let mut leaf = Leaf::new(shards.clone(), admission, &config.node_id).keeping(kept.clone());
        let mut background = JoinSet::new();
        if let Some(path) = config.ranking_file.clone() {
            let file = RankingFile::open(path).await.map_err(StartError::Ranking)?;
            leaf = leaf.ranked_by(file.ranking());
            background.spawn(file.follow());
        }
        let links = Arc::new(GrpcLeaves::new(config.connect_timeout));
        let query_log = QueryLog::start(&config.query_log).map_err(|source| {
            let path = config.query_log.path.clone().unwrap_or_default();
            StartError::QueryLog { path, source }
        })?;
        let root = root_of(&config, &peers, &leaf, &links, query_log);
        let readiness = Arc::new(Readiness::new(shards.clone(), peers.clone()));
        let cluster = deps.cluster.as_ref().map(|cluster| Arc::new(ClusterView::follow(cluster)));
        let status = Status {
            node_id: config.node_id.clone(),
            shards: shards.clone(),
            peers: peers.clone(),
            cluster: cluster.clone(),
            readiness: readiness.clone(),
            quarantine: QuarantineCache::default(),
        };
        let state = HttpState {
            root: root.clone(),
            readiness: readiness.clone(),
            status: Arc::new(status),
            cluster: cluster.clone(),
            admin: deps.admin,
            render_metrics: deps.render_metrics,
        };
        let mut node = Self {
            root,
            shards,
            peers,
            readiness,
            router: router(state, deps.operations),
            http: None,
            grpc: None,
            drain: config.drain,
            stop: CancellationToken::new(),
            leaving: CancellationToken::new(),
            servers: JoinSet::new(),
            _background: background,
        };
        node.listen(&config, leaf).await?;
        if let Some(kept) = kept {
            node._background.spawn(results::run(kept, node.shards.clone()));
        }
        node.follow(&config, deps.cluster, cluster, links);
        Ok(node)
    }

    /// Where HTTP is served.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where gRPC is served.
    pub fn grpc_addr(&self) -> Option<SocketAddr> {
        self.grpc
    }

    /// Searches within the process.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// The shards as this node sees them.
    pub fn shards(&self) -> &Arc<Shards> {
        &self.shards
    }

    /// Members and placement.
    pub fn peers(&self) -> &Arc<Peers> {
        &self.peers
    }

    /// Whether this node should get requests.
    pub fn readiness(&self) -> &Arc<Readiness> {
        &self.readiness
    }

    /// The HTTP routes, to be served elsewhere or called in tests.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Lets readiness and membership say that this node is on its way out; it still answers.
    pub fn start_leaving(&self) {
        self.readiness.drain();
        self.root.query_log().end_live();
        self.leaving.cancel();
    }

    /// Ends gracefully: first readiness and membership say so, and load balancers and roots get
    /// `drain` to notice; then the listeners close, and requests in flight end.
    pub async fn shutdown(mut self) {
        self.start_leaving();
        tokio::time::sleep(self.drain).await;
        self.stop.cancel();
        while self.servers.join_next().await.is_some() {}
    }

    async fn listen(&mut self, config: &QueryConfig, leaf: Leaf) -> Result<(), StartError> {
        if let Some(address) = config.http {
            let (listener, bound) = bind(address).await?;
            self.http = Some(bound);
            let patience = config.limits.reader_timeout;
            let served = serve(listener, self.router.clone(), patience, self.stop.clone());
            self.servers.spawn(served);
        }
        if let Some(address) = config.grpc {
            let (listener, bound) = bind(address).await?;
            self.grpc = Some(bound);
            self.servers.spawn(serve_grpc(listener, leaf, self.root.clone(), self.stop.clone()));
        }
        Ok(())
    }

    fn follow(
        &mut self,
        config: &QueryConfig,
        cluster: Option<Cluster>,
        view: Option<Arc<ClusterView>>,
        links: Arc<GrpcLeaves>,
    ) {
        let rules =
            FollowRules { generation: config.generation, poll: config.poll, idle: config.idle };
        let follower = Follower::new(self.shards.clone(), self.peers.clone(), rules);
        self._background.spawn(scrub::run(self.shards.clone(), config.scrub));
        let hints = view.as_ref().map(|view| view.published.clone());
        let members = view.map(|view| view.members.clone()).filter(|_| !config.local_only);
        let first_members = members.clone();
        self._background.spawn(async move {
            membership::known_soon(first_members).await;
            follower.run(hints).await;
        });
        if let Some(members) = members {
            self._background.spawn(membership::follow(members, self.peers.clone(), links));
        }
        if let Some(cluster) = cluster {
            let member = membership::member_of(config, self.http, self.grpc);
            let leaving = self.leaving.clone();
            self._background.spawn(membership::keep(cluster, member, config.member_ttl, leaving));
        }
    }
}

impl Drop for QueryNode {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn open_cache(config: &QueryConfig) -> Result<Arc<SegmentCache>, CacheError> {
    let (dir, max_bytes) = (config.cache_dir.clone(), config.cache_bytes);
    let neighbours = config.neighbours.clone();
    let opening = move || SegmentCache::open(dir, max_bytes, neighbours);
    let opened = tokio::task::spawn_blocking(opening).await;
    match opened {
        Ok(cache) => Ok(Arc::new(cache?)),
        Err(panic) => Err(CacheError::crashed(panic)),
    }
}

fn peers_of(config: &QueryConfig) -> Peers {
    Peers::new(&config.node_id, config.weight, config.shards, config.placement, config.penalty)
}

fn root_of(
    config: &QueryConfig,
    peers: &Arc<Peers>,
    leaf: &Leaf,
    links: &Arc<GrpcLeaves>,
    query_log: QueryLog,
) -> Root {
    Root::new(RootParts {
        generation: config.generation,
        shards: config.shards,
        limits: config.limits,
        hedge: config.hedge,
        peers: peers.clone(),
        local: Arc::new(leaf.clone()),
        remote: links.clone(),
        query_log,
    })
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

async fn serve_grpc(listener: TcpListener, leaf: Leaf, root: Root, stop: CancellationToken) {
    let leaf = LeafServer::new(LeafService::new(leaf))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES);
    let search = SearchServer::new(SearchService::new(root))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(usize::MAX); // bounded by `RequestLimits::max_answer_bytes`
    let served = Server::builder()
        .tcp_nodelay(true)
        .http2_keepalive_interval(Some(Duration::from_secs(10)))
        .concurrency_limit_per_connection(MAX_CALLS_PER_CONNECTION)
        .layer(MapResponseLayer::new(name_refusal))
        .add_service(leaf)
        .add_service(search)
        .serve_with_incoming_shutdown(TcpIncoming::from(listener), stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the gRPC server ended");
    }
}
