//! The cluster as one node sees it, for `/api/v1/status`.

use crate::{
    cluster_view::ClusterView,
    peers::Peers,
    quarantine::{QuarantineCache, SetAside},
    readiness::Readiness,
    shards::Shards,
};
use ax_cluster::shard_key;
use ax_model::{Offset, ShardId};
use ax_store::Quarantined;
use serde::Serialize;
use std::sync::Arc;

/// Gathers the status.
pub struct Status {
    /// This node's id.
    pub node_id: String,
    /// Its views.
    pub shards: Arc<Shards>,
    /// Members and placement.
    pub peers: Arc<Peers>,
    /// What coordination last said.
    pub cluster: Option<Arc<ClusterView>>,
    /// Whether this node is ready.
    pub readiness: Arc<Readiness>,
    /// The quarantine as it was listed last.
    pub quarantine: QuarantineCache,
}

/// The JSON of the status.
#[derive(Debug, Clone, Serialize)]
pub struct StatusBody {
    node: NodeBody,
    coordination: CoordinationBody,
    members: Vec<MemberBody>,
    shards: Vec<ShardStatusBody>,
    repositories: Vec<ImportBody>,
    /// The first changes set aside of each shard.
    quarantined: Vec<QuarantinedBody>,
    /// How many there are in all.
    num_quarantined: usize,
    /// Shards whose quarantine could not be listed.
    quarantine_unknown: Vec<u32>,
}

#[derive(Debug, Clone, Serialize)]
struct NodeBody {
    id: String,
    version: &'static str,
    ready: bool,
    why_not: String,
}

#[derive(Debug, Clone, Serialize)]
struct CoordinationBody {
    configured: bool,
    /// It has answered since this node started; what follows may be older than its last answer.
    seen: bool,
}

#[derive(Debug, Clone, Serialize)]
struct MemberBody {
    id: String,
    role: String,
    grpc: String,
    http: String,
    version: String,
    started_at_ms: i64,
    weight: u32,
    draining: bool,
}

#[derive(Debug, Clone, Serialize)]
struct ShardStatusBody {
    shard: u32,
    indexer: String,
    assigned_epoch: u64,
    term: u64,
    published: Option<PublishedBody>,
    here: Option<HereBody>,
    replicas: Vec<String>,
}

/// The newest hint of a manifest.
#[derive(Debug, Clone, Serialize)]
struct PublishedBody {
    manifest_version: u64,
    position: u64,
    epoch: u64,
    lag: u64,
    /// Why the shard does not advance; empty when it does.
    failure: String,
    /// Which rebuild its segments come from; zero for those built first.
    rebuilt: u64,
    rebuild: Option<RebuildBody>,
}

/// A rebuild under way.
#[derive(Debug, Clone, Serialize)]
struct RebuildBody {
    number: u64,
    position: u64,
    target: u64,
    percent: u64,
    began_at_ms: i64,
    reason: String,
}

/// The view open on this node.
#[derive(Debug, Clone, Serialize)]
struct HereBody {
    manifest_version: u64,
    position: u64,
    epoch: u64,
    num_segments: u64,
    live_docs: u64,
    dead_docs: u64,
    text_bytes: u64,
    index_bytes: u64,
    /// Files that nobody has looked for definitions in yet.
    num_unparsed: u64,
    /// Bytes of their text.
    unparsed_bytes: u64,
    committed_at_ms: i64,
    published_at_ms: i64,
}

#[derive(Debug, Clone, Serialize)]
struct ImportBody {
    name: String,
    source: String,
    removing: bool,
    phase: String,
    files_done: u64,
    files_total: u64,
    bytes_done: u64,
    remaining_ms: i64,
    failure: String,
    version: String,
}

#[derive(Debug, Clone, Serialize)]
struct QuarantinedBody {
    shard: u32,
    offset: u64,
    code: String,
    reason: String,
    key: String,
    at_ms: i64,
}

impl Status {
    /// The status now. Never fails: what is not known is empty, and said to be.
    pub async fn report(&self) -> StatusBody {
        let why_not = self.readiness.why_not();
        let SetAside { changes, total, unknown } = self.quarantine.list(&self.shards).await;
        let seen = self.cluster.as_ref().is_some_and(|cluster| cluster.members.is_loaded());
        StatusBody {
            node: NodeBody {
                id: self.node_id.clone(),
                version: env!("CARGO_PKG_VERSION"),
                ready: why_not.is_none(),
                why_not: why_not.map(|fault| fault.message).unwrap_or_default(),
            },
            coordination: CoordinationBody { configured: self.cluster.is_some(), seen },
            members: self.members(),
            shards: (0..self.shards.len()).map(|shard| self.shard(ShardId(shard))).collect(),
            repositories: self.repositories(),
            quarantined: changes.iter().map(QuarantinedBody::from).collect(),
            num_quarantined: total,
            quarantine_unknown: unknown,
        }
    }

    fn members(&self) -> Vec<MemberBody> {
        let Some(cluster) = &self.cluster else { return Vec::new() };
        let rows = cluster.members.rows();
        let member = |member: &ax_cluster::Member| MemberBody {
            id: member.id.clone(),
            role: role_name(member.role()).to_owned(),
            grpc: member.grpc.clone(),
            http: member.http.clone(),
            version: member.version.clone(),
            started_at_ms: member.started_at_ms,
            weight: member.weight,
            draining: member.draining,
        };
        rows.values().map(member).collect()
    }

    fn shard(&self, shard: ShardId) -> ShardStatusBody {
        let key = shard_key(shard.0);
        let cluster = self.cluster.as_ref();
        let assigned = cluster.and_then(|cluster| cluster.assignments.rows().get(&key).cloned());
        let published = cluster.and_then(|cluster| cluster.published.rows().get(&key).cloned());
        let assigned = assigned.unwrap_or_default();
        ShardStatusBody {
            shard: shard.0,
            indexer: assigned.indexer,
            assigned_epoch: assigned.epoch,
            term: assigned.term,
            published: published.map(|hint| PublishedBody {
                manifest_version: hint.version,
                position: hint.position,
                epoch: hint.epoch,
                lag: hint.lag,
                failure: hint.failure,
                rebuilt: hint.rebuilt,
                rebuild: hint.rebuild.map(RebuildBody::from),
            }),
            here: self.here(shard),
            replicas: self.peers.candidates(shard).into_iter().map(|peer| peer.id).collect(),
        }
    }

    fn here(&self, shard: ShardId) -> Option<HereBody> {
        let view = self.shards.open_views().into_iter().find(|view| view.shard() == shard)?;
        let stats = view.snapshot().stats();
        let manifest = view.head().map(|link| &link.manifest);
        let (num_unparsed, unparsed_bytes) = view.unparsed();
        Some(HereBody {
            manifest_version: view.version().0,
            position: view.position().0,
            epoch: view.epoch().0,
            num_segments: stats.num_segments,
            live_docs: stats.live_docs,
            dead_docs: stats.dead_docs,
            text_bytes: stats.text_bytes,
            index_bytes: stats.index_bytes,
            num_unparsed,
            unparsed_bytes,
            committed_at_ms: manifest.map_or(0, |manifest| manifest.committed_at_ms),
            published_at_ms: manifest.map_or(0, |manifest| manifest.created_at_ms),
        })
    }

    fn repositories(&self) -> Vec<ImportBody> {
        let Some(cluster) = &self.cluster else { return Vec::new() };
        let (registrations, progress) = (cluster.registrations.rows(), cluster.progress.rows());
        let import = |(name, registration): (&String, &ax_cluster::Registration)| {
            let progress = progress.get(name).cloned().unwrap_or_default();
            ImportBody {
                name: registration.name.clone(),
                source: ax_model::without_secrets(&registration.source),
                removing: registration.removed,
                phase: progress.phase,
                files_done: progress.files_done,
                files_total: progress.files_total,
                bytes_done: progress.bytes_done,
                remaining_ms: progress.remaining_ms,
                failure: progress.failure,
                version: progress.version,
            }
        };
        registrations.iter().map(import).collect()
    }
}

impl From<ax_cluster::RebuildProgress> for RebuildBody {
    fn from(progress: ax_cluster::RebuildProgress) -> Self {
        Self {
            number: progress.number,
            position: progress.position,
            target: progress.target,
            percent: ax_model::percent(Offset(progress.position), Offset(progress.target)),
            began_at_ms: progress.began_at_ms,
            reason: progress.reason,
        }
    }
}

impl From<&Quarantined> for QuarantinedBody {
    fn from(change: &Quarantined) -> Self {
        Self {
            shard: change.shard.0,
            offset: change.offset.0,
            code: change.code.clone(),
            reason: change.reason.clone(),
            key: String::from_utf8_lossy(&change.key).replace('\0', ":"),
            at_ms: change.at_ms,
        }
    }
}

fn role_name(role: ax_cluster::Role) -> &'static str {
    match role {
        ax_cluster::Role::Unspecified => "unspecified",
        ax_cluster::Role::Ingest => "ingest",
        ax_cluster::Role::Indexer => "indexer",
        ax_cluster::Role::Coordinator => "coordinator",
        ax_cluster::Role::Query => "query",
    }
}
