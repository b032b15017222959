//! One shard's worker: take over, read on, build, publish, until stopped or fenced.
//!
//! What if the process dies right after a step? After quarantining: the record is quarantined again,
//! under the same name. After uploading: the segment is an orphan, which the collector removes. After
//! publishing: the next owner reads on behind it. In no case is a record skipped or applied twice,
//! since the position moves in the same conditional PUT as the data.

use crate::{
    IndexerConfig, IndexerDeps, IndexerError,
    build::{self, BuildPlan},
    fold::{self, Folded, Poison},
    intake::Intake,
    known,
    lag::LagClock,
    merger::Merger,
    merging::{self, Merged},
    rebuild::{self, Opened},
    report,
    scratch::Scratch,
    trace::{BatchTrace, RecentCauses},
};
use ax_changes::Batch;
use ax_cluster::{Published, RebuildRequest, Table};
use ax_model::{Epoch, Router, ShardId};
use ax_store::{Link, Quarantined, ShardStore};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// First and longest wait before a failed tenure is tried again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// How a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It was told to.
    Stopped,
    /// Another writer has taken the shard over.
    Fenced,
}

/// A shard's worker under one assignment.
pub(crate) struct Worker {
    pub deps: IndexerDeps,
    pub config: IndexerConfig,
    pub indexer: String,
    pub shard: ShardId,
    pub epoch: Epoch,
    pub wishes: Table<RebuildRequest>,
    pub lag: LagClock,
    pub causes: RecentCauses,
}

impl Worker {
    /// Works until stopped or fenced; everything else is tried again, ever less often.
    pub async fn run(self, stop: CancellationToken) -> End {
        let store = self.deps.store.shard(self.deps.generation, self.shard);
        let mut wait = BACKOFF.0;
        let mut wishes = self.wishes.clone();
        loop {
            let started = tokio::time::Instant::now();
            match self.tenure(&store, &stop).await {
                Ok(()) => return End::Stopped,
                Err(error) if error.is_fenced() => {
                    self.say_fenced(&store, &error).await;
                    return End::Fenced;
                }
                Err(error) => self.say_blocked(&store, &error).await,
            }
            if started.elapsed() > BACKOFF.1 {
                wait = BACKOFF.0; // it worked for a while: a new trouble, not the old one
            }
            tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                () = wishes.changed() => {} // perhaps the one that this shard stands still for
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(BACKOFF.1),
            }
        }
    }

    /// From taking over to the first failure.
    async fn tenure(
        &self,
        store: &ShardStore,
        stop: &CancellationToken,
    ) -> Result<(), IndexerError> {
        let tenure = (self.deps.generation, self.shard, self.epoch);
        let scratch = Scratch::fresh(
            &self.config.scratch,
            tenure,
            &self.config.merge,
            self.config.neighbours.clone(),
        )
        .await?;
        let outcome = self.work(store, &scratch, stop).await;
        scratch.end().await;
        outcome
    }

    async fn work(
        &self,
        store: &ShardStore,
        scratch: &Scratch,
        stop: &CancellationToken,
    ) -> Result<(), IndexerError> {
        let mut link = store.take_over(self.epoch, &self.indexer, now_ms()).await?;
        let (shard, epoch, version) = (self.shard, self.epoch, link.manifest.version);
        tracing::info!(%shard, %epoch, %version, position = %link.manifest.position(), "took over");
        let (settled, reading) = self.settle(store, link).await?;
        link = settled;
        let mut opened = reading.opened;
        let mut intake = Intake::new(reading.reader, self.config.intake());
        self.announce(&link, String::new()).await;
        let mut merger = Merger::new(store.clone(), scratch, &self.config);
        loop {
            merger.consider(&link.manifest);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.asked_to_rebuild(&link.manifest) => {
                    let (settled, reading) = self.settle(store, link).await?;
                    (link, opened) = (settled, reading.opened);
                    intake = Intake::new(reading.reader, self.config.intake());
                }
                ready = intake.ready() => {
                    ready?;
                    let batches = intake.take();
                    link = self.advance(store, link, &opened, batches, scratch).await?;
                    link = self.flip(store, link).await?;
                }
                merged = merger.next() => {
                    if let Some(merged) = merged? {
                        link = self.publish_merge(store, link, merged).await?;
                    }
                }
            }
            scratch.sweep(&link.manifest, merger.is_running()).await?;
        }
    }

    /// Applies batches: sets poison aside, builds, uploads, publishes.
    async fn advance(
        &self,
        store: &ShardStore,
        link: Arc<Link>,
        opened: &Opened,
        batches: Vec<Batch>,
        scratch: &Scratch,
    ) -> Result<Arc<Link>, IndexerError> {
        let router = Router::new(self.deps.log.partitions());
        let folded = fold::fold(self.shard, router, link.manifest.reading_from(), &batches);
        drop(batches);
        let trace = BatchTrace::begin(self.shard, &folded);
        let work = self.apply(store, link, opened, folded, scratch).instrument(trace.span());
        let link = work.await?;
        trace.published(link.manifest.version);
        Ok(link)
    }

    async fn apply(
        &self,
        store: &ShardStore,
        link: Arc<Link>,
        opened: &Opened,
        mut folded: Folded,
        scratch: &Scratch,
    ) -> Result<Arc<Link>, IndexerError> {
        let started = tokio::time::Instant::now();
        self.set_aside(store, &opened.log_id, std::mem::take(&mut folded.poison)).await?;
        let ops = std::mem::take(&mut folded.ops);
        let is_worth_looking = self.config.symbols && known::is_worth_looking(&ops);
        let known =
            if is_worth_looking { scratch.known_of(&link.manifest).await? } else { Vec::new() };
        let plan = BuildPlan {
            shard: self.shard,
            generation: self.deps.generation,
            epoch: self.epoch,
            range: folded.range,
            symbols: self.config.symbols,
            symbols_within: self.config.symbols_within,
            folder: scratch.folder().to_owned(),
            known,
        };
        let max_text = self.config.max_segment_text_bytes;
        let building = tracing::info_span!("build", ops = ops.len());
        let built =
            build::build(&self.deps.store, &plan, ops, max_text).instrument(building).await?;
        self.set_aside(store, &opened.log_id, built.poison).await?;
        let built = built.segments;
        let mut entries = Vec::with_capacity(built.len());
        for segment in &built {
            entries.push(store.put_segment(&segment.path, &segment.entry).await?);
        }
        let mut next = link.next(now_ms());
        rebuild::add(&mut next, opened, &folded, entries.into_iter());
        let publishing = tracing::info_span!("publish", version = %next.version);
        let link = store.publish(&link, next).instrument(publishing).await?;
        self.lag.applied(folded.appended_at_ms);
        if link.manifest.rebuild.is_none() {
            self.causes.add(&folded.causes, &link.manifest);
        }
        report::count(&link.manifest, folded.num_records, built.len(), now_ms());
        report::count_freshness(folded.emitted_at_ms, now_ms());
        metrics::histogram!("ax_indexer_publish_seconds").record(started.elapsed());
        tracing::debug!(
            shard = %self.shard, version = %link.manifest.version, records = folded.num_records,
            "published"
        );
        self.announce(&link, String::new()).await;
        Ok(link)
    }

    async fn publish_merge(
        &self,
        store: &ShardStore,
        link: Arc<Link>,
        merged: Merged,
    ) -> Result<Arc<Link>, IndexerError> {
        let mut next = link.next(now_ms());
        if !merging::put_in_place(&mut next, &merged) {
            return Ok(link);
        }
        let link = store.publish(&link, next).await?;
        self.announce(&link, String::new()).await;
        Ok(link)
    }

    /// Sets poisonous records aside under their offset, where they can be listed and replayed.
    async fn set_aside(
        &self,
        store: &ShardStore,
        log_id: &str,
        poison: Vec<Poison>,
    ) -> Result<(), IndexerError> {
        for Poison { record, code, reason } in poison {
            tracing::warn!(shard = %self.shard, offset = %record.offset, %code, %reason, "set aside");
            metrics::counter!("ax_indexer_quarantined_total", "code" => code.as_str()).increment(1);
            let quarantined = Quarantined {
                shard: self.shard,
                offset: record.offset,
                log_id: log_id.to_owned(),
                code: code.to_string(),
                reason,
                key: record.key,
                value: record.value.unwrap_or_default(),
                at_ms: now_ms(),
            };
            store.quarantine(&quarantined).await?;
        }
        Ok(())
    }

    /// Tells how far the shard is. While the stream is away nobody knows how much waits.
    pub(crate) async fn announce(&self, link: &Link, failure: String) {
        let now_ms = now_ms();
        let bounds = self.deps.log.bounds(self.shard).await.ok();
        let position = link.manifest.reading_from();
        let lag = bounds.map(|bounds| self.lag.look(position, bounds.end, now_ms));
        let hint = Published {
            failure,
            indexer: self.indexer.clone(),
            at_ms: now_ms,
            causes: self.causes.list(),
            ..report::hint(&link.manifest, lag)
        };
        report::show(&link.manifest);
        report::published(&self.deps.cluster, hint, lag).await;
    }

    async fn say_fenced(&self, store: &ShardStore, error: &IndexerError) {
        tracing::warn!(shard = %self.shard, epoch = %self.epoch, %error, "fenced: this writer halts");
        metrics::counter!("ax_indexer_fenced_total").increment(1);
        self.say(store, error).await;
    }

    async fn say_blocked(&self, store: &ShardStore, error: &IndexerError) {
        tracing::warn!(shard = %self.shard, code = %error.code(), %error, "the shard stands still");
        metrics::counter!("ax_indexer_errors_total", "code" => error.code().as_str()).increment(1);
        self.say(store, error).await;
    }

    /// Writes the reason where `ax status` shows it, beside the newest link that can be read.
    async fn say(&self, store: &ShardStore, error: &IndexerError) {
        if let Ok(Some(link)) = store.head().await {
            self.announce(&link, format!("{}: {error}", error.code())).await;
        }
    }
}

pub(crate) fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
