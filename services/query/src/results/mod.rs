//! Answers of shards, kept for whoever asks the same again. The main type is [`ResultCache`].
//!
//! **Where: at the leaf, one entry per shard.** A leaf answers from one view, which is one manifest
//! version, and the entry's key names that view. So no entry can be stale, nothing is ever made invalid,
//! and a publication to one shard leaves the entries of all others useful. The answer names its version as
//! truthfully as any other (I7). Rejected: one entry per whole answer at the root. A root does not know
//! the versions of shards that other nodes serve without asking them, which is the round trip that such an
//! entry would save; and every publication to any shard would end it.
//!
//! **The key** is all that shapes an answer, and nothing else:
//!
//! | part | why |
//! |---|---|
//! | generation, shard, manifest version | what was searched |
//! | the opening of the view | a damaged segment is opened anew under the same version (I15) |
//! | the caller's rights | empty: there are no permissions yet |
//! | the parsed query, printed in its canonical form | two spellings of one query share an entry |
//! | the options as the wire has them | a new option is part of the key from its first day |
//!
//! The deadline, the correlation id and the position waited for are no part of it. Keys are compared whole,
//! not by a hash of theirs: a query text is up to 64 KiB, and is weighed.
//!
//! **Never kept:** what ended early (the deadline, or a caller who went away), what failed, what is stale
//! since its shard is being rebuilt, and what is larger than 1/32 of the cache or 1 MiB. A larger answer would
//! cost its reader more to send than to find, and is decoded on a thread that must not be held up.
//!
//! **The form:** the answer's wire encoding in one allocation. It weighs exactly what it takes, is smaller
//! than the decoded form, and decoding it costs what copying that would. Rejected: the engine's values
//! behind a pointer, whose weight could only be guessed.
//!
//! **Who stays:** `quick_cache`, a CLOCK-PRO: what is seen once lives in a small part of the room and goes
//! first, so one big scan does not push out what is asked for again and again. Its bound holds at every
//! moment. Rejected: `moka`, which admits and evicts some time after an insertion, goes past its bound in
//! between, and has a clock that tests cannot drive. Its hash is keyed anew in each process (the standard
//! library's), since whoever asks chooses the keys.
//!
//! **Age** is for memory, not for truth: what nobody asked anew for so long, or whose view is closed, is
//! dropped by a task of its own.
//!
//! **No single flight.** Of two equal queries at once, both search. A waiter would take over the other's
//! deadline: its partial answer, its failure, or the whole wait for nothing. Admission bounds the work.

mod key;

pub use key::{Key, Order, Rights};

use crate::{
    peers::ShardReply,
    shards::{Shards, ViewId},
};
use ax_proto::search::{LeafSummary, ShardAnswer};
use bytes::Bytes;
use prost::Message;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter, sync::Cache};
use std::{
    collections::HashSet,
    hash::RandomState,
    sync::Arc,
    time::{Duration, Instant},
};

/// What a map slot, a list node and two allocations cost beyond the bytes that they hold.
const ENTRY_OVERHEAD: u64 = 96;
/// An answer may take at most this part of the cache.
const LARGEST_PART: u64 = 32;
/// No answer is kept beyond this, however large the cache is.
const LARGEST_BYTES: u64 = 1 << 20;
/// What an entry takes on average, for the sizes of tables.
const USUAL_BYTES: u64 = 8 << 10;
/// How often what no view can ask for any more is dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// How much is kept, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultRules {
    /// Most bytes, keys and bookkeeping counted; zero keeps nothing.
    pub max_bytes: u64,
    /// An answer is found anew after this.
    pub max_age: Duration,
}

impl Default for ResultRules {
    /// A third of the memory that a serving node is meant to take.
    fn default() -> Self {
        Self { max_bytes: 32 << 20, max_age: Duration::from_secs(300) }
    }
}

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Answers of shards within a number of bytes.
pub struct ResultCache {
    kept: Cache<Key, Kept, ByBytes, RandomState, Evicted>,
    rules: ResultRules,
    clock: Clock,
}

/// A [`ShardReply`] without its origin, encoded.
#[derive(Clone)]
struct Kept {
    since: Instant,
    reply: Bytes,
}

impl ResultCache {
    /// A cache by the system's clock; `None` when the rules keep nothing.
    pub fn new(rules: ResultRules) -> Option<Arc<Self>> {
        (rules.max_bytes > 0).then(|| Arc::new(Self::with_clock(rules, Arc::new(Instant::now))))
    }

    /// A cache by another clock.
    pub fn with_clock(rules: ResultRules, clock: Clock) -> Self {
        let usual = usize::try_from(rules.max_bytes / USUAL_BYTES).unwrap_or(usize::MAX);
        let options = OptionsBuilder::new()
            .shards(1) // its bound is then the whole cache's, and an entry may take any part of it
            .estimated_items_capacity(usual.max(64))
            .weight_capacity(rules.max_bytes)
            .build()
            .expect("both capacities are set");
        let kept = Cache::with_options(options, ByBytes, RandomState::new(), Evicted);
        Self { kept, rules, clock }
    }

    /// The answer kept under `key`, without its origin. Counts a hit or a miss.
    pub fn get(&self, key: &Key) -> Option<ShardReply> {
        let found = self.kept.get(key).filter(|kept| {
            let is_young = self.is_young(kept);
            if !is_young {
                self.forget(key);
            }
            is_young
        });
        // What this process encoded decodes; if it ever did not, searching is always right.
        let reply = found.and_then(|kept| ShardReply::decode(kept.reply).ok());
        match &reply {
            Some(_) => metrics::counter!("ax_query_result_cache_hits_total").increment(1),
            None => metrics::counter!("ax_query_result_cache_misses_total").increment(1),
        }
        reply
    }

    /// Keeps a whole answer, unless it is too large. `reply` names no origin.
    pub fn put(&self, key: Key, reply: &ShardReply) {
        let weight = ENTRY_OVERHEAD + key.weight() + reply.encoded_len() as u64;
        if weight > self.largest() || self.is_kept(&key) {
            return;
        }
        let kept = Kept { since: (self.clock)(), reply: reply.encode_to_vec().into() };
        let mut evicted = Vec::new();
        self.kept.insert_with_lifecycle(key, kept, &mut evicted);
        count_evicted("room", evicted.len());
        self.show_bytes();
    }

    /// Drops what is too old, and what was found in none of the `open` views.
    pub fn sweep(&self, open: &HashSet<ViewId>) {
        self.drop_unless("closed", |key, _| open.contains(&key.view()));
        self.drop_unless("age", |_, kept| self.is_young(kept));
        self.show_bytes();
    }

    /// Bytes kept now, keys and bookkeeping counted.
    pub fn num_bytes(&self) -> u64 {
        self.kept.weight()
    }

    fn largest(&self) -> u64 {
        (self.rules.max_bytes / LARGEST_PART).min(LARGEST_BYTES)
    }

    /// Of two who searched for the same at once, the first one's answer is as good.
    fn is_kept(&self, key: &Key) -> bool {
        self.kept.peek(key).is_some_and(|kept| self.is_young(&kept))
    }

    fn is_young(&self, kept: &Kept) -> bool {
        (self.clock)().saturating_duration_since(kept.since) < self.rules.max_age
    }

    /// Drops an entry that is too old.
    fn forget(&self, key: &Key) {
        let gone = self.kept.remove_if(key, |kept| !self.is_young(kept));
        count_evicted("age", usize::from(gone.is_some()));
    }

    fn drop_unless(&self, reason: &'static str, keep: impl Fn(&Key, &Kept) -> bool) {
        let before = self.kept.len();
        self.kept.retain(keep);
        count_evicted(reason, before.saturating_sub(self.kept.len()));
    }

    fn show_bytes(&self) {
        metrics::gauge!("ax_query_result_cache_bytes").set(self.num_bytes() as f64);
    }
}

/// Whether an answer may be kept: it is whole, and the shard is not being rebuilt.
pub fn may_keep(summary: &LeafSummary, origin: &ShardAnswer) -> bool {
    !summary.timed_out && origin.stale.is_none()
}

/// Sweeps until dropped.
pub(crate) async fn run(cache: Arc<ResultCache>, shards: Arc<Shards>) {
    let mut ticks = tokio::time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let open = shards.open_views().iter().map(|view| view.id()).collect();
        cache.sweep(&open);
    }
}

fn count_evicted(reason: &'static str, count: usize) {
    if count > 0 {
        metrics::counter!("ax_query_result_cache_evictions_total", "reason" => reason)
            .increment(count as u64);
    }
}

/// An entry weighs what it takes in memory.
#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Kept> for ByBytes {
    fn weight(&self, key: &Key, kept: &Kept) -> u64 {
        ENTRY_OVERHEAD + key.weight() + kept.reply.len() as u64
    }
}

/// Hands out what had to make room, so that it is freed outside the cache's lock.
#[derive(Clone)]
struct Evicted;

impl Lifecycle<Key, Kept> for Evicted {
    type RequestState = Vec<(Key, Kept)>;

    fn on_evict(&self, evicted: &mut Self::RequestState, key: Key, kept: Kept) {
        evicted.push((key, kept));
    }
}

#[cfg(test)]
mod tests;
