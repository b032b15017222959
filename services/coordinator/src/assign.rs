//! Who indexes which shard: a pure function of the members and the assignments that stand.
//!
//! Goals, the more important first:
//!
//! - **A** every shard has a live indexer, whenever there is one;
//! - **B** a draining indexer keeps nothing that another can take;
//! - **C** loads differ by no more than one shard (per unit of weight);
//! - **D** as few shards move as A–C allow, and a plan applied to its own result changes nothing.
//!
//! A shard that changes hands gets the next epoch; its term is the leader's. Rejected: rendezvous
//! hashing as for query placement — it balances only on average, and moves more than it must.

use ax_cluster::{Assignment, Member};
use std::collections::BTreeMap;

/// What must be written so that the assignments are as they should be: only what differs.
///
/// `members` are the live indexers by id, `current` the assignments by shard, `seen` the epochs that
/// were met in the shards' chains: larger than assigned when coordination lost its memory, and then
/// the shard starts over with a larger one still. With no live indexer, nothing changes: the old owner
/// may come back, and nobody else could do better.
pub fn plan(
    shards: u32,
    members: &BTreeMap<String, Member>,
    current: &BTreeMap<u32, Assignment>,
    seen: &BTreeMap<u32, u64>,
    term: u64,
) -> Vec<Assignment> {
    let mut load = Load::of(members);
    if load.is_empty() {
        return claim_term(current, term);
    }
    let mut owner = kept(shards, current, &mut load);
    fill(shards, &mut owner, &mut load);
    level(&mut owner, &mut load);
    let wanted = owner.into_iter().map(|(shard, id)| {
        let seen = seen.get(&shard).copied().unwrap_or(0);
        assignment(shard, id, current.get(&shard), seen, term)
    });
    wanted.filter(|wanted| current.get(&wanted.shard) != Some(wanted)).collect()
}

/// A new leader writes its term into every assignment, so that whatever a deposed one still has in
/// flight meets a changed revision.
fn claim_term(current: &BTreeMap<u32, Assignment>, term: u64) -> Vec<Assignment> {
    let stale = current.values().filter(|assignment| assignment.term != term);
    stale.map(|assignment| Assignment { term, ..assignment.clone() }).collect()
}

fn assignment(
    shard: u32,
    indexer: String,
    before: Option<&Assignment>,
    seen: u64,
    term: u64,
) -> Assignment {
    let epoch = match before {
        Some(before) if before.indexer == indexer && before.epoch >= seen => before.epoch,
        Some(before) => before.epoch.max(seen) + 1,
        None => seen + 1,
    };
    Assignment { shard, indexer, epoch, term }
}

/// Shards per indexer that may take more, with weights.
struct Load {
    held: BTreeMap<String, (u32, u32)>,
}

impl Load {
    /// The members that can be given shards: those not draining, or all when all are.
    fn of(members: &BTreeMap<String, Member>) -> Self {
        let all_drain = members.values().all(|member| member.draining);
        let takers = members.values().filter(|member| all_drain || !member.draining);
        Self { held: takers.map(|m| (m.id.clone(), (0, m.weight.max(1)))).collect() }
    }

    fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn has(&self, id: &str) -> bool {
        self.held.contains_key(id)
    }

    fn add(&mut self, id: &str, shards: i64) {
        if let Some((held, _)) = self.held.get_mut(id) {
            *held = u32::try_from(i64::from(*held) + shards).unwrap_or(0);
        }
    }

    /// Load per weight after `extra` more shards, as a fraction to compare by cross-multiplication.
    fn ratio(&self, id: &str, extra: u32) -> (u64, u64) {
        let (held, weight) = self.held.get(id).copied().unwrap_or((0, 1));
        (u64::from(held + extra), u64::from(weight))
    }

    /// The indexer that one more shard burdens least; ties go to the smaller id.
    fn least(&self) -> Option<String> {
        self.held.keys().min_by(|a, b| less(self.ratio(a, 1), self.ratio(b, 1))).cloned()
    }

    /// The indexer that is burdened most.
    fn most(&self) -> Option<String> {
        self.held.keys().max_by(|a, b| less(self.ratio(a, 0), self.ratio(b, 0))).cloned()
    }
}

fn less(a: (u64, u64), b: (u64, u64)) -> std::cmp::Ordering {
    (a.0 * b.1).cmp(&(b.0 * a.1))
}

/// Goal D: whoever may keep a shard keeps it.
fn kept(
    shards: u32,
    current: &BTreeMap<u32, Assignment>,
    load: &mut Load,
) -> BTreeMap<u32, String> {
    let mut owner = BTreeMap::new();
    for (shard, assignment) in current.range(..shards) {
        if load.has(&assignment.indexer) {
            load.add(&assignment.indexer, 1);
            owner.insert(*shard, assignment.indexer.clone());
        }
    }
    owner
}

/// Goals A and B: every other shard goes to the least burdened.
fn fill(shards: u32, owner: &mut BTreeMap<u32, String>, load: &mut Load) {
    for shard in 0..shards {
        if owner.contains_key(&shard) {
            continue;
        }
        if let Some(id) = load.least() {
            load.add(&id, 1);
            owner.insert(shard, id);
        }
    }
}

/// Goal C: one shard after another moves from the most to the least burdened while that helps.
fn level(owner: &mut BTreeMap<u32, String>, load: &mut Load) {
    while let (Some(most), Some(least)) = (load.most(), load.least()) {
        let helps = less(load.ratio(&least, 1), load.ratio(&most, 0)).is_lt();
        let moved = owner.iter().rev().find(|(_, id)| **id == most).map(|(shard, _)| *shard);
        let (true, Some(shard)) = (helps, moved) else { return };
        load.add(&most, -1);
        load.add(&least, 1);
        owner.insert(shard, least);
    }
}

#[cfg(test)]
mod tests;
