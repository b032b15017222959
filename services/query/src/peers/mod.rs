//! The other query nodes: who they are, which of them to ask for a shard, and how.

mod health;
mod links;

pub use links::{Gather, GrpcLeaves, Leaves, MAX_MESSAGE_BYTES, REQUEST_ID, ShardReply};

use crate::placement::{Candidate, Placement, PlacementRules, place};
use arc_swap::ArcSwap;
use ax_model::ShardId;
use health::Health;
use parking_lot::Mutex;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// A query node as the root sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Unique id.
    pub id: String,
    /// Address of its gRPC server, as in `http://10.0.0.7:7081`; empty for this node itself.
    pub grpc: String,
    /// Relative capacity.
    pub weight: u32,
    /// It is on its way out: asked only when nobody else is there.
    pub draining: bool,
}

/// The members last known and the placement that follows from them.
///
/// An empty list of members means that nobody is known, and this node serves every shard itself.
pub struct Peers {
    me: Peer,
    shards: u32,
    rules: PlacementRules,
    penalty: Duration,
    known: ArcSwap<Known>,
    health: Mutex<Health>,
}

struct Known {
    members: Vec<Peer>,
    placement: Placement,
}

impl Peers {
    /// Knows nobody but this node yet.
    pub fn new(
        node_id: &str,
        weight: u32,
        shards: u32,
        rules: PlacementRules,
        penalty: Duration,
    ) -> Self {
        let me = Peer { id: node_id.to_owned(), grpc: String::new(), weight, draining: false };
        let known = Known { members: Vec::new(), placement: Placement::default() };
        Self {
            me,
            shards,
            rules,
            penalty,
            known: ArcSwap::from_pointee(known),
            health: Mutex::default(),
        }
    }

    /// This node.
    pub fn me(&self) -> &Peer {
        &self.me
    }

    /// The members last known.
    pub fn members(&self) -> Vec<Peer> {
        self.known.load().members.clone()
    }

    /// Takes a new list of members. Draining ones take part only when all of them drain.
    pub fn set_members(&self, mut members: Vec<Peer>) {
        if members.iter().any(|member| !member.draining) {
            members.retain(|member| !member.draining);
        }
        let candidates: Vec<_> = members
            .iter()
            .map(|member| Candidate { id: member.id.clone(), weight: member.weight })
            .collect();
        let placement = place(self.shards, &candidates, self.rules);
        self.known.store(Arc::new(Known { members, placement }));
    }

    /// Whom to ask for `shard`: its replicas in order, those that refused lately behind the others,
    /// and at the very end this node, since it can open any shard.
    pub fn candidates(&self, shard: ShardId) -> Vec<Peer> {
        let known = self.known.load();
        let now = Instant::now();
        let health = self.health.lock();
        let mut peers: Vec<Peer> = known
            .placement
            .replicas_of(shard)
            .iter()
            .map(|member| self.as_seen_from_here(&known.members[*member]))
            .collect();
        peers.sort_by_key(|peer| health.is_suspect(&peer.id, now)); // stable: keeps the placement
        if !peers.contains(&self.me) {
            peers.push(self.me.clone());
        }
        peers
    }

    /// The shards that this node should hold warm: all, while nobody is known.
    pub fn placed_here(&self) -> Vec<ShardId> {
        let known = self.known.load();
        match known.members.iter().position(|member| member.id == self.me.id) {
            Some(member) => known.placement.shards_of(member),
            None if known.members.is_empty() => (0..self.shards).map(ShardId).collect(),
            None => Vec::new(),
        }
    }

    /// Notes that `peer` could not be reached.
    pub fn refused(&self, peer: &Peer) {
        self.health.lock().refused(&peer.id, Instant::now(), self.penalty);
    }

    /// Notes that `peer` was asked first and another answered first.
    pub fn overtaken(&self, peer: &Peer) {
        self.health.lock().overtaken(&peer.id, Instant::now(), self.penalty);
    }

    /// Notes that `peer` answered.
    pub fn answered(&self, peer: &Peer) {
        self.health.lock().answered(&peer.id);
    }

    /// True for this node.
    pub fn is_me(&self, peer: &Peer) -> bool {
        peer.id == self.me.id
    }

    /// This node is asked without the network, whatever address it gave to the others.
    fn as_seen_from_here(&self, member: &Peer) -> Peer {
        if self.is_me(member) { self.me.clone() } else { member.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(id: &str) -> Peer {
        Peer { id: id.into(), grpc: format!("http://{id}:1"), weight: 1, draining: false }
    }

    fn peers_of(me: &str) -> Peers {
        Peers::new(me, 1, 8, PlacementRules::default(), Duration::from_secs(60))
    }

    #[test]
    fn alone_it_serves_everything() {
        let peers = peers_of("a");
        assert_eq!(peers.candidates(ShardId(3)), vec![peers.me().clone()]);
        assert_eq!(peers.placed_here().len(), 8);
    }

    #[test]
    fn the_one_who_refused_comes_last_but_before_a_stranger() {
        let peers = peers_of("c");
        peers.set_members(vec![peer("a"), peer("b")]);
        let before = peers.candidates(ShardId(0));
        peers.refused(&before[0]);
        let after = peers.candidates(ShardId(0));
        assert_eq!(after[0], before[1]);
        assert_eq!(after[1], before[0]);
        assert_eq!(after[2], *peers.me());
        peers.answered(&before[0]);
        assert_eq!(peers.candidates(ShardId(0)), before);
        assert!(peers.placed_here().is_empty());
    }

    #[test]
    fn it_is_itself_without_an_address() {
        let peers = peers_of("a");
        peers.set_members(vec![peer("a"), peer("b")]);
        for shard in 0..8 {
            let mine = peers.candidates(ShardId(shard)).into_iter().find(|p| p.id == "a").unwrap();
            assert_eq!(mine.grpc, "");
        }
    }

    #[test]
    fn who_drains_is_left_out_while_another_stays() {
        let peers = peers_of("c");
        let leaving = Peer { draining: true, ..peer("a") };
        peers.set_members(vec![leaving.clone(), peer("b")]);
        assert_eq!(peers.members(), vec![peer("b")]);
        peers.set_members(vec![leaving.clone()]);
        assert_eq!(peers.members(), vec![leaving]);
    }
}
