//! Whether this node should get requests.

use crate::{peers::Peers, shards::Shards};
use ax_model::{Code, Fault};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Ready once every shard placed here is open, and from then on until the node drains. A later
/// placement, or an outage of coordination or the store, does not take readiness back: the node
/// still answers, and all nodes would lose it at once.
pub struct Readiness {
    shards: Arc<Shards>,
    peers: Arc<Peers>,
    was_ready: AtomicBool,
    draining: AtomicBool,
}

impl Readiness {
    /// Not ready yet.
    pub fn new(shards: Arc<Shards>, peers: Arc<Peers>) -> Self {
        Self { shards, peers, was_ready: AtomicBool::new(false), draining: AtomicBool::new(false) }
    }

    /// Says no from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Why the node should not get requests; `None` when it should.
    pub fn why_not(&self) -> Option<Fault> {
        if self.draining.load(Ordering::Acquire) {
            return Some(Fault::new(Code::NotReady, "the node is shutting down"));
        }
        if self.was_ready.load(Ordering::Acquire) {
            return None;
        }
        let placed = self.peers.placed_here();
        let closed = placed.iter().filter(|shard| !self.shards.is_open(**shard)).count();
        if closed == 0 {
            self.was_ready.store(true, Ordering::Release);
            return None;
        }
        let message = format!("{closed} of {} shards are not loaded yet", placed.len());
        Some(Fault::new(Code::NotReady, message))
    }
}
