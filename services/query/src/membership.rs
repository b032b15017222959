//! Being seen by the other query nodes, and seeing them. Nothing here is needed to answer a query.

use crate::{
    config::QueryConfig,
    peers::{GrpcLeaves, Peer, Peers},
};
use ax_cluster::{Cluster, Member, Membership, Role, Table};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio_util::sync::CancellationToken;

/// Pause before joining again when coordination is away.
const REJOIN_AFTER: Duration = Duration::from_millis(500);
/// How long the first opening of shards waits to know which are placed here.
const FIRST_MEMBERS: Duration = Duration::from_secs(2);

/// How this node shows itself.
pub(crate) fn member_of(
    config: &QueryConfig,
    http: Option<SocketAddr>,
    grpc: Option<SocketAddr>,
) -> Member {
    let address = |advertised: &str, bound: Option<SocketAddr>| match bound {
        Some(bound) if advertised.is_empty() => format!("http://{bound}"),
        Some(_) => advertised.to_owned(),
        None => String::new(),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Member {
        id: config.node_id.clone(),
        role: Role::Query.into(),
        grpc: address(&config.advertise_grpc, grpc),
        http: address(&config.advertise_http, http),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at_ms: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
        weight: config.weight,
        draining: false,
    }
}

/// Stays a member for as long as it runs, joining again whenever the lease is lost. Once `leaving`
/// is cancelled it says so, and leaves when it is dropped.
pub(crate) async fn keep(
    cluster: Cluster,
    member: Member,
    ttl: Duration,
    leaving: CancellationToken,
) {
    loop {
        match Membership::join(&cluster, member.clone(), ttl).await {
            Ok(membership) => stay(membership, &leaving).await,
            Err(error) => tracing::debug!(%error, "cannot join; trying again"),
        }
        tokio::time::sleep(REJOIN_AFTER).await;
    }
}

async fn stay(mut membership: Membership, leaving: &CancellationToken) {
    tokio::select! {
        () = membership.lost() => {
            tracing::warn!("membership is lost; queries go on, and it joins again");
            return;
        }
        () = leaving.cancelled() => {}
    }
    if let Err(error) = membership.drain().await {
        tracing::debug!(%error, "cannot say that this node drains");
    }
    std::future::pending::<()>().await; // dropped with the node, and the lease with it
}

/// Keeps the peers as the members say. While coordination is away the last known ones stay.
pub(crate) async fn follow(mut members: Table<Member>, peers: Arc<Peers>, links: Arc<GrpcLeaves>) {
    loop {
        if members.is_loaded() {
            let query_nodes: Vec<_> =
                members.rows().values().filter(|member| is_leaf(member)).map(peer_of).collect();
            links.retain(&query_nodes);
            metrics::gauge!("ax_query_members").set(query_nodes.len() as f64);
            peers.set_members(query_nodes);
        }
        members.changed().await;
    }
}

/// Returns when the members are known, or after a while.
pub(crate) async fn known_soon(members: Option<Table<Member>>) {
    if let Some(members) = members
        && tokio::time::timeout(FIRST_MEMBERS, members.loaded()).await.is_err()
    {
        tracing::warn!("coordination does not answer; serving every shard from here for now");
    }
}

fn is_leaf(member: &Member) -> bool {
    member.role() == Role::Query && !member.grpc.is_empty()
}

fn peer_of(member: &Member) -> Peer {
    Peer {
        id: member.id.clone(),
        grpc: member.grpc.clone(),
        weight: member.weight,
        draining: member.draining,
    }
}
