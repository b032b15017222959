//! Which query nodes should hold which shards: rendezvous hashing with bounded load.
//!
//! Placement is a cache hint that whoever asks computes for itself, never ownership: a node that is
//! asked for another shard opens it from the object store. Two nodes that see the same members
//! compute the same placement; two that do not only waste a little cache.
//!
//! Goals, in order: (a) deterministic; (b) the replicas of a shard are distinct; (c) no member holds
//! more than `load_factor` times its fair share, of first replicas and of all replicas; (d) when a
//! member joins or leaves, few other shards move. Rejected: a ring of tokens, which balances only
//! with hundreds of tokens each, and plain rendezvous hashing, which leaves the fullest of five nodes
//! with a third more than its share of sixteen shards.

use ax_model::ShardId;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A member as placement sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Unique id.
    pub id: String,
    /// Relative capacity; zero counts as one.
    pub weight: u32,
}

/// How placement is shaped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacementRules {
    /// Replicas of each shard, as far as there are members.
    pub replicas: usize,
    /// Most load of a member relative to its fair share; 1.05 is five per cent of slack.
    pub load_factor: f64,
}

impl Default for PlacementRules {
    fn default() -> Self {
        Self { replicas: 2, load_factor: 1.05 }
    }
}

/// Ordered replicas of every shard, as indices into the members given to [`place`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    replicas: Vec<Vec<usize>>,
}

impl Placement {
    /// The replicas of `shard`, preferred first; empty when there are no members or no such shard.
    pub fn replicas_of(&self, shard: ShardId) -> &[usize] {
        self.replicas.get(shard.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// Shards that `member` is a replica of, in shard order.
    pub fn shards_of(&self, member: usize) -> Vec<ShardId> {
        (0u32..)
            .zip(&self.replicas)
            .filter(|(_, replicas)| replicas.contains(&member))
            .map(|(shard, _)| ShardId(shard))
            .collect()
    }
}

/// Places `shards` shards on `members`. The order of `members` does not matter but for the indices.
pub fn place(shards: u32, members: &[Candidate], rules: PlacementRules) -> Placement {
    let mut placing = Placing::new(shards, members, rules);
    for rank in 0..rules.replicas.clamp(1, members.len().max(1)) {
        placing.place_rank(rank);
    }
    Placement { replicas: placing.replicas }
}

/// The state of one placement while it is made, one rank of replicas after the other, so that first
/// replicas are balanced among themselves.
struct Placing<'a> {
    members: &'a [Candidate],
    rules: PlacementRules,
    /// Per shard, all members from the best hash to the worst.
    ranked: Vec<Vec<usize>>,
    /// Replicas held per member so far.
    load: Vec<usize>,
    replicas: Vec<Vec<usize>>,
}

impl<'a> Placing<'a> {
    fn new(shards: u32, members: &'a [Candidate], rules: PlacementRules) -> Self {
        Self {
            members,
            rules,
            ranked: (0..shards).map(|shard| rank(shard, members)).collect(),
            load: vec![0; members.len()],
            replicas: vec![Vec::new(); shards as usize],
        }
    }

    /// Gives each shard its next replica.
    fn place_rank(&mut self, rank: usize) {
        let capacity = self.capacity(rank + 1);
        for shard in 0..self.replicas.len() {
            if let Some(member) = self.choose(shard, &capacity) {
                self.load[member] += 1;
                self.replicas[shard].push(member);
            }
        }
    }

    /// The best member with room; when none has (the last shards may find only members that hold
    /// them already), the least loaded of the others.
    fn choose(&self, shard: usize, capacity: &[usize]) -> Option<usize> {
        let free = |member: &&usize| !self.replicas[shard].contains(member);
        let ranked = &self.ranked[shard];
        ranked
            .iter()
            .filter(free)
            .find(|member| self.load[**member] < capacity[**member])
            .or_else(|| ranked.iter().filter(free).min_by_key(|member| self.load[**member]))
            .copied()
    }

    /// Most replicas per member once `ranks` replicas of each shard are placed.
    fn capacity(&self, ranks: usize) -> Vec<usize> {
        let total = (self.replicas.len() * ranks) as f64;
        let weights: f64 = self.members.iter().map(weight_of).sum();
        self.members
            .iter()
            .map(|member| {
                let share = total * weight_of(member) / weights;
                (share * self.rules.load_factor.max(1.0)).ceil() as usize
            })
            .collect()
    }
}

/// Members from the highest score to the lowest; equal scores by id, so that order is total.
fn rank(shard: u32, members: &[Candidate]) -> Vec<usize> {
    let scores: Vec<f64> = members.iter().map(|member| score(shard, member)).collect();
    let mut order: Vec<usize> = (0..members.len()).collect();
    order.sort_by(|&a, &b| {
        scores[b].total_cmp(&scores[a]).then_with(|| members[a].id.cmp(&members[b].id))
    });
    order
}

/// Weighted rendezvous score: `-weight / ln(u)` for `u` uniform in (0, 1) (Schindelhauer and
/// Schomaker, "Weighted distributed hash tables", 2005).
fn score(shard: u32, member: &Candidate) -> f64 {
    let hash = xxh3_64_with_seed(member.id.as_bytes(), u64::from(shard));
    let uniform = ((hash >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    -weight_of(member) / uniform.ln()
}

fn weight_of(member: &Candidate) -> f64 {
    f64::from(member.weight.max(1))
}

#[cfg(test)]
mod tests;
