//! What a shard writes again beside its indexing: merges or weeding, and parsing. One of them that fails takes
//! nothing from the shard but time: its segments are set back, the rest goes on, and the tenure with it. A
//! damaged segment would else end every tenure right at its beginning.

use crate::{
    IndexerConfig, IndexerError,
    choice::{next_merge, next_to_parse},
    merging::{Job, Merged, Sources, ids, merge},
    scratch::Scratch,
    setbacks::Setbacks,
    weeding,
};
use ax_engine::MergePolicy;
use ax_model::{Manifest, SegmentId, ShardId};
use ax_store::ShardStore;
use std::{future::pending, pin::Pin, sync::Arc};
use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
    time::Instant,
};

/// At most one merge or weeding at a time for a shard, and beside it at most one segment that is parsed.
pub(crate) struct Merger {
    sources: Sources,
    policy: MergePolicy,
    symbols: bool,
    /// Who holds its permit may parse.
    turns: Arc<Semaphore>,
    /// Our place among those who wait for one. Kept while anything is unparsed, or a busy shard would begin at the
    /// end of the queue after each batch. The price: a turn that comes during a batch lies idle until its end.
    queued: Option<Queued>,
    turn: Option<OwnedSemaphorePermit>,
    merging: Work,
    /// Its setbacks are its own: it reads all newer segments, and one of them that cannot be read would else keep
    /// the rest from being merged.
    weeding: Work,
    parsing: Work,
    /// When what failed may be tried again.
    retry_at: Option<Instant>,
}

type Queued = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// One kind of work: what is under way, and what failed.
struct Work {
    name: &'static str,
    shard: ShardId,
    running: Option<Running>,
    setbacks: Setbacks,
}

/// Work under way.
struct Running {
    /// The segments that are written again.
    parts: Vec<SegmentId>,
    task: JoinHandle<Result<Merged, IndexerError>>,
}

impl Merger {
    /// A merger for the shard of `store`, with local files in `scratch`.
    pub fn new(store: ShardStore, scratch: &Scratch, config: &IndexerConfig) -> Self {
        let shard = store.shard();
        Self {
            sources: Sources::new(store, scratch, config.neighbours.clone()),
            policy: config.merge.clone(),
            symbols: config.symbols,
            turns: Arc::clone(&config.parsing),
            queued: None,
            turn: None,
            merging: Work::new("merge", shard),
            weeding: Work::new("weed", shard),
            parsing: Work::new("parse", shard),
            retry_at: None,
        }
    }

    /// True while something reads and writes in the folder.
    pub fn is_running(&self) -> bool {
        self.works().iter().any(|work| work.running.is_some())
    }

    /// Starts what is worthwhile among the segments that grow and does not run yet: the best merge, or
    /// else the weeding that is due; and parsing, if it is our turn. What has failed is left alone for a while.
    /// While a shard is rebuilt, what it serves is not worth it any more.
    pub fn consider(&mut self, manifest: &Manifest) {
        let now = Instant::now();
        let entries = manifest.growing();
        for work in [&mut self.merging, &mut self.weeding, &mut self.parsing] {
            work.setbacks.keep_only(entries);
        }
        if self.merging.running.is_none() && self.weeding.running.is_none() {
            self.merging.running = self.begin_merge(manifest, now);
            if self.merging.running.is_none() {
                self.weeding.running = self.begin_weeding(manifest, now);
            }
        }
        let turn = self.turn.take(); // for the next shard, unless this one parses now
        if self.symbols && self.parsing.running.is_none() {
            self.consider_parsing(manifest, turn, now);
        }
        let ends = self.works().map(|work| work.setbacks.next_end(now));
        self.retry_at = ends.into_iter().flatten().min();
    }

    fn works(&self) -> [&Work; 3] {
        [&self.merging, &self.weeding, &self.parsing]
    }

    fn consider_parsing(
        &mut self,
        manifest: &Manifest,
        turn: Option<OwnedSemaphorePermit>,
        now: Instant,
    ) {
        let entries = manifest.growing();
        let merges_later = |id: &SegmentId| self.merging.leaves_alone(id, now);
        let is_taken = |id: &SegmentId| {
            self.merging.has(id) || self.weeding.has(id) || self.parsing.leaves_alone(id, now)
        };
        match (next_to_parse(entries, &self.policy, merges_later, is_taken), turn) {
            (Some(place), Some(turn)) => {
                let job = Job { range: place..place + 1, parse: true };
                self.parsing.running = Some(self.begin(manifest, job, Some(turn)));
            }
            (Some(_), None) if self.queued.is_none() => {
                self.queued = Some(Box::pin(Arc::clone(&self.turns).acquire_owned()));
            }
            _ => {}
        }
        if entries.iter().all(|entry| entry.num_unparsed == 0) {
            self.queued = None;
        }
    }

    fn begin_merge(&self, manifest: &Manifest, now: Instant) -> Option<Running> {
        let is_taken = |id: &SegmentId| self.parsing.has(id) || self.merging.leaves_alone(id, now);
        let range = next_merge(manifest.growing(), &self.policy, is_taken)?;
        Some(self.begin(manifest, Job { range, parse: false }, None))
    }

    fn begin_weeding(&self, manifest: &Manifest, now: Instant) -> Option<Running> {
        let entries = manifest.growing();
        let due = ax_engine::plan_weeding(entries, &self.policy);
        let (first, last) = (*due.first()?, *due.last()?);
        let parts = ids(&entries[first..=last]);
        let is_taken = |id: &SegmentId| self.parsing.has(id) || self.weeding.leaves_alone(id, now);
        if parts.iter().any(is_taken) {
            return None; // it stays due
        }
        let (sources, manifest) = (self.sources.clone(), manifest.clone());
        let weeding = weeding::weed(sources, manifest, due, self.policy.dead_percent);
        Some(Running { parts, task: tokio::spawn(weeding) })
    }

    fn begin(&self, manifest: &Manifest, job: Job, turn: Option<OwnedSemaphorePermit>) -> Running {
        let parts = ids(&manifest.growing()[job.range.clone()]);
        let merging = merge(self.sources.clone(), manifest.clone(), job, turn);
        Running { parts, task: tokio::spawn(merging) }
    }

    /// Returns once something that runs is done, with it; or with nothing once it is time to consider again;
    /// never, when nothing runs and nothing waits. Cancel-safe.
    ///
    /// # Errors
    /// Only when another writer has the shard. All else that fails is set back.
    pub async fn next(&mut self) -> Result<Option<Merged>, IndexerError> {
        tokio::select! {
            done = self.merging.ended() => done,
            done = self.weeding.ended() => done,
            done = self.parsing.ended() => done,
            turn = next_turn(&mut self.queued) => {
                self.turn = Some(turn);
                Ok(None)
            }
            () = sleep_until(self.retry_at) => {
                self.retry_at = None;
                Ok(None)
            }
        }
    }
}

impl Work {
    fn new(name: &'static str, shard: ShardId) -> Self {
        Self { name, shard, running: None, setbacks: Setbacks::default() }
    }

    /// Whether it is at work on the segment.
    fn has(&self, id: &SegmentId) -> bool {
        self.running.as_ref().is_some_and(|running| running.parts.contains(id))
    }

    /// Whether it failed on the segment a while ago.
    fn leaves_alone(&self, id: &SegmentId, now: Instant) -> bool {
        self.setbacks.holds(id, now)
    }

    /// What is under way, once it is done; nothing when it failed; never, when nothing runs.
    async fn ended(&mut self) -> Result<Option<Merged>, IndexerError> {
        let Some(running) = &mut self.running else { return pending().await };
        let done = (&mut running.task).await;
        let parts = std::mem::take(&mut running.parts);
        self.running = None;
        let done = done.map_err(|error| IndexerError::Panicked(error.to_string())).flatten();
        match done {
            Err(error) if !error.is_fenced() => {
                self.set_back(&parts, &error);
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    fn set_back(&mut self, parts: &[SegmentId], error: &IndexerError) {
        let wait = self.setbacks.add(parts, Instant::now());
        let (shard, work, code) = (self.shard, self.name, error.code());
        tracing::warn!(%shard, work, ?parts, %code, %error, ?wait, "failed; it is tried again later");
        metrics::counter!("ax_indexer_setbacks_total", "code" => code.as_str()).increment(1);
    }
}

impl Drop for Merger {
    fn drop(&mut self) {
        let running = self.works().into_iter().filter_map(|work| work.running.as_ref());
        running.for_each(|running| running.task.abort());
    }
}

/// Our turn; never, when we do not wait for it.
async fn next_turn(queued: &mut Option<Queued>) -> OwnedSemaphorePermit {
    let Some(place) = queued else { return pending().await };
    let turn = place.await;
    *queued = None;
    match turn {
        Ok(turn) => turn,
        Err(_) => pending().await, // there are no turns any more
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::tests::{entry, manifest};
    use ax_model::{Epoch, Offset, OffsetRange, SegmentEntry};
    use ax_store::{Neighbours, Store, StoreConfig};
    use std::time::Duration;
    use tempfile::TempDir;
    use tokio::time::timeout;

    /// A merger over an empty store: whatever it begins fails. Its turns are those of the configuration.
    async fn merger() -> (Merger, IndexerConfig, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", folder.path().join("store").display());
        let store = Store::open(&StoreConfig::new(url)).unwrap();
        let config = IndexerConfig::new(folder.path().join("scratch"));
        let of = manifest(Vec::new());
        let tenure = (of.generation, of.shard, Epoch(2));
        let scratch =
            Scratch::fresh(&config.scratch, tenure, &config.merge, Neighbours::default()).await;
        let store = store.shard(of.generation, of.shard);
        (Merger::new(store, &scratch.unwrap(), &config), config, folder)
    }

    fn unparsed(id: &str) -> SegmentEntry {
        SegmentEntry { num_unparsed: 1, unparsed_bytes: 1, ..entry(id, 1) }
    }

    /// What broke: who looked elsewhere in between went to the end of the queue.
    #[tokio::test]
    async fn a_busy_shard_keeps_its_place_among_those_who_wait_to_parse() {
        let (mut merger, config, _folder) = merger().await;
        let manifest = manifest(vec![unparsed("a")]);
        let held = Arc::clone(&config.parsing).acquire_owned().await.unwrap();
        merger.consider(&manifest);
        assert!(timeout(Duration::ZERO, merger.next()).await.is_err(), "it is not our turn");
        let mut other = Box::pin(Arc::clone(&config.parsing).acquire_owned());
        assert!(timeout(Duration::ZERO, &mut other).await.is_err(), "nor theirs");
        merger.consider(&manifest); // a batch has come in between
        drop(held);
        assert!(timeout(Duration::ZERO, &mut other).await.is_err(), "we were here first");
        assert!(merger.next().await.unwrap().is_none() && merger.turn.is_some());
        merger.consider(&self::manifest(vec![entry("a", 1)])); // parsed by now
        drop(other.await.unwrap());
        assert!(!merger.is_running() && merger.queued.is_none());
    }

    #[tokio::test]
    async fn who_has_nothing_to_parse_any_more_leaves_the_queue() {
        let (mut merger, config, _folder) = merger().await;
        let held = Arc::clone(&config.parsing).acquire_owned().await.unwrap();
        merger.consider(&manifest(vec![unparsed("a")]));
        assert!(timeout(Duration::ZERO, merger.next()).await.is_err() && merger.queued.is_some());
        merger.consider(&manifest(vec![entry("a", 1)]));
        drop(held);
        assert_eq!(config.parsing.available_permits(), 1);
    }

    /// What broke: it ended the tenure, and the next one began with the same.
    #[tokio::test]
    async fn work_that_fails_is_set_back_and_other_work_begins() {
        let (mut merger, config, _folder) = merger().await;
        let manifest = manifest(vec![unparsed("a"), entry("b", 1), unparsed("c")]);
        for id in ["c", "a"] {
            let parts = [SegmentId(id.to_owned())];
            merger.consider(&manifest);
            assert!(merger.next().await.unwrap().is_none() && merger.turn.is_some());
            merger.consider(&manifest);
            assert_eq!(merger.parsing.running.as_ref().unwrap().parts, parts);
            assert!(merger.next().await.unwrap().is_none(), "it fails");
            let now = Instant::now();
            assert_eq!(merger.parsing.setbacks.add(&parts, now), Duration::from_secs(2), "twice");
            (0..5).for_each(|_| _ = merger.parsing.setbacks.add(&parts, now)); // longer than this test
        }
        merger.consider(&manifest);
        assert!(!merger.is_running() && merger.queued.is_none(), "both are set back");
        assert_eq!(config.parsing.available_permits(), 1);
        assert_eq!(merger.retry_at, merger.parsing.setbacks.next_end(Instant::now()));
        assert!(merger.retry_at.is_some());
        merger.retry_at = Some(Instant::now());
        assert!(merger.next().await.unwrap().is_none(), "it is time to consider again");
    }

    /// What broke: a newer segment that weeding could not read kept all of them from being merged.
    #[tokio::test]
    async fn what_could_not_be_weeded_is_merged() {
        let (mut merger, _config, _folder) = merger().await;
        merger.policy = MergePolicy { fan_in: 3, floor_bytes: 10, max_bytes: 100, ..merger.policy };
        let range = OffsetRange { from: Offset(1), to: Offset(2) };
        let mut entries = vec![entry("a", 20), SegmentEntry { range, ..entry("b", 20) }];
        merger.consider(&manifest(entries.clone()));
        assert_eq!(merger.weeding.running.as_ref().unwrap().parts, ids(&entries));
        assert!(merger.next().await.unwrap().is_none(), "it fails");
        merger.consider(&manifest(entries.clone()));
        assert!(!merger.is_running() && merger.retry_at.is_some(), "it is set back");
        entries.push(entry("c", 20));
        merger.consider(&manifest(entries.clone()));
        assert_eq!(merger.merging.running.as_ref().unwrap().parts, ids(&entries));
        assert!(merger.weeding.running.is_none(), "one of the two at a time");
    }
}
