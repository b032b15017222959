//! Reading the segments in use again, slowly: a bit that flips in a mapped file under a running node is
//! found within a round, not at the next opening (I15). What is wrong is taken out of service at once,
//! fetched again and shown again, without a restart.
//!
//! It reads through the kernel's cache, as queries do: where a page is in memory that page is what
//! they are served. So a round costs as much disk as there are segments that no query has warmed.

use crate::{
    cache::OpenSegment,
    shards::{ShardView, Shards},
};
use ax_model::{ContentHash, ShardId};
use std::{
    fs::File,
    io::{self, Read as _},
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::time::{Instant, sleep_until};

/// Bytes read and hashed in one go, about a millisecond's work.
const CHUNK_BYTES: usize = 1 << 20;
/// Slowest reading: a small node is through long before its round is over.
const LEAST_BYTES_PER_SECOND: u64 = 4 << 20;

/// How often, and how fast at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScrubRules {
    /// Time of one round, in which each open segment is read once. Zero reads none.
    pub every: Duration,
    /// A round takes longer rather than read more than this.
    pub max_bytes_per_second: u64,
}

impl Default for ScrubRules {
    fn default() -> Self {
        Self { every: Duration::from_secs(3600), max_bytes_per_second: 64 << 20 }
    }
}

impl ScrubRules {
    /// The pace at which `num_bytes` fill a round.
    fn bytes_per_second(&self, num_bytes: u64) -> u64 {
        let even = num_bytes.div_ceil(self.every.as_secs().max(1));
        even.max(LEAST_BYTES_PER_SECOND).min(self.max_bytes_per_second.max(1))
    }
}

/// Reads until dropped.
pub(crate) async fn run(shards: Arc<Shards>, rules: ScrubRules) {
    if rules.every.is_zero() {
        return;
    }
    loop {
        let began = Instant::now();
        round(&shards, rules).await;
        sleep_until(began + rules.every).await;
    }
}

/// One round over what is open now. What is opened meanwhile was checked by its opening.
async fn round(shards: &Arc<Shards>, rules: ScrubRules) {
    let views = shards.open_views();
    let open: Vec<(ShardId, Weak<OpenSegment>)> = views
        .iter()
        .flat_map(|view| view.segments().iter().map(|open| (view.shard(), Arc::downgrade(open))))
        .collect();
    let num_bytes = views.iter().map(|view| view.num_bytes()).sum();
    drop(views); // a round is long, and must not hold what newer views do without
    let mut pace = Pace::new(rules.bytes_per_second(num_bytes));
    for (shard, open) in open {
        let Some(open) = open.upgrade() else { continue };
        if let Err(wrong) = check(&open, &mut pace).await {
            heal(shards, shard, &open, &wrong).await;
        }
    }
    metrics::counter!("ax_query_scrub_rounds_total").increment(1);
}

/// What is wrong with a file.
type Wrong = String;

async fn check(open: &OpenSegment, pace: &mut Pace) -> Result<(), Wrong> {
    let mut file = match File::open(open.path()) {
        // Evicted by hand: what is mapped stays whole, and the next opening fetches it again.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(|error| error.to_string())?,
    };
    let mut hasher = blake3::Hasher::new();
    let mut num_bytes = 0;
    loop {
        let read = tokio::task::spawn_blocking(move || read_chunk(file, hasher)).await;
        let read = read.map_err(|error| error.to_string())?;
        let num_read;
        (file, hasher, num_read) = read.map_err(|error| error.to_string())?;
        num_bytes += num_read;
        metrics::counter!("ax_query_scrub_bytes_total").increment(num_read);
        if num_read == 0 || num_bytes > open.entry().num_bytes {
            break;
        }
        pace.after(num_read).await;
    }
    let found = ContentHash(*hasher.finalize().as_bytes());
    match num_bytes == open.entry().num_bytes && found == open.entry().checksum {
        true => Ok(()),
        false => Err("its bytes do not match the manifest".to_owned()),
    }
}

/// Reads and hashes some bytes; none at the end.
fn read_chunk(
    mut file: File,
    mut hasher: blake3::Hasher,
) -> io::Result<(File, blake3::Hasher, u64)> {
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    (&mut file).take(CHUNK_BYTES as u64).read_to_end(&mut chunk)?;
    hasher.update(&chunk);
    Ok((file, hasher, chunk.len() as u64))
}

async fn heal(shards: &Arc<Shards>, shard: ShardId, open: &Arc<OpenSegment>, wrong: &Wrong) {
    metrics::counter!("ax_query_scrub_corrupt_total").increment(1);
    let path = open.path();
    tracing::warn!(%shard, ?path, %wrong, "a segment in use is damaged; fetching it again");
    match shards.heal(shard, open).await {
        Ok(view) => tracing::info!(%shard, version = %view.version(), "shown again, whole"),
        // The shard stays out of service, and says so; whoever asks for it tries again.
        Err(error) => tracing::warn!(%shard, %error, "a damaged segment cannot be fetched"),
    }
}

impl ShardView {
    fn num_bytes(&self) -> u64 {
        self.segments().iter().map(|open| open.entry().num_bytes).sum()
    }
}

/// Keeps reading to so many bytes per second.
struct Pace {
    bytes_per_second: u64,
    began: Instant,
    num_bytes: u64,
}

impl Pace {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second, began: Instant::now(), num_bytes: 0 }
    }

    async fn after(&mut self, num_bytes: u64) {
        self.num_bytes += num_bytes;
        let due = self.num_bytes as f64 / self.bytes_per_second as f64;
        sleep_until(self.began + Duration::from_secs_f64(due)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_filled_evenly_within_its_bounds() {
        let rules = ScrubRules::default();
        assert_eq!(rules.bytes_per_second(0), LEAST_BYTES_PER_SECOND);
        assert_eq!(rules.bytes_per_second(36_000 << 20), 10 << 20);
        assert_eq!(rules.bytes_per_second(1 << 50), 64 << 20);
        let short = ScrubRules { every: Duration::from_millis(1), max_bytes_per_second: 0 };
        assert_eq!(short.bytes_per_second(1 << 30), 1);
    }
}
