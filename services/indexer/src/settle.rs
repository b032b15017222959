//! What a worker does before it reads on: begins a rebuild, ends one, or opens its reader.
//!
//! What if the process dies right after a step? After a rebuild began: the next owner finds it in the
//! manifest and goes on with it; an operator's wish has its number there and is not begun again. In the
//! middle: it goes on from the position that the last manifest names. After the flip: the shard is as
//! any other.

use crate::{
    IndexerError,
    rebuild::{self, Decision, Opened},
    worker::{Worker, now_ms},
};
use ax_changes::{LogError, LogReader};
use ax_cluster::shard_key;
use ax_model::{Manifest, RebuildNumber};
use ax_store::{Link, RebuildStart, ShardStore};
use std::sync::Arc;

/// A reader where the manifest says, and the stream that it reads.
pub(crate) struct Reading {
    pub reader: Box<dyn LogReader>,
    pub opened: Opened,
}

impl Worker {
    /// Takes what [`rebuild::decide`] says until it says to read on.
    pub(crate) async fn settle(
        &self,
        store: &ShardStore,
        mut link: Arc<Link>,
    ) -> Result<(Arc<Link>, Reading), IndexerError> {
        // A rebuild that begins now misses nothing: its reader is not older than the stream.
        let mut just_begun = false;
        loop {
            let reading = self.open(&link.manifest, just_begun).await;
            let resumed = reading.as_ref().map(|_| ());
            match rebuild::decide(&link.manifest, self.wanted(), resumed) {
                Decision::Begin { number, reason } => {
                    link = self.begin(store, &link, number, reason).await?;
                    just_begun = true;
                }
                Decision::Flip => link = self.flip(store, link).await?,
                Decision::Read => return Ok((link, reading?)),
            }
        }
    }

    /// Serves what was rebuilt, if it is complete.
    pub(crate) async fn flip(
        &self,
        store: &ShardStore,
        link: Arc<Link>,
    ) -> Result<Arc<Link>, IndexerError> {
        let Some(next) = link.flip(now_ms()) else { return Ok(link) };
        let link = store.publish(&link, next).await?;
        let (shard, number) = (self.shard, link.manifest.rebuilt);
        let position = link.manifest.position();
        tracing::info!(%shard, %number, %position, "rebuilt: served from now on");
        metrics::counter!("ax_indexer_rebuilds_total", "step" => "done").increment(1);
        self.announce(&link, String::new()).await;
        Ok(link)
    }

    /// Returns once an operator wants a rebuild that `manifest` does not know. Cancel-safe.
    pub(crate) async fn asked_to_rebuild(&self, manifest: &Manifest) {
        let mut wishes = self.wishes.clone();
        while self.wanted() <= manifest.last_rebuild() {
            wishes.changed().await;
        }
    }

    /// The rebuild that an operator asked for last; zero when none is known.
    fn wanted(&self) -> RebuildNumber {
        let wish = self.wishes.rows().get(&shard_key(self.shard.0)).map(|wish| wish.number);
        RebuildNumber(wish.unwrap_or(0))
    }

    async fn begin(
        &self,
        store: &ShardStore,
        link: &Link,
        number: RebuildNumber,
        reason: String,
    ) -> Result<Arc<Link>, IndexerError> {
        let log = &self.deps.log;
        let at_ms = now_ms(); // before the bounds: what they hold was there at this moment
        let log_id = log.log_id().await?;
        let bounds = log.bounds(self.shard).await?;
        let found = log.log_id().await?;
        if found != log_id {
            let position = link.manifest.reading_from();
            return Err(LogError::Recreated { expected: log_id, found, position }.into());
        }
        let (from, target) = (bounds.start, bounds.end);
        tracing::warn!(
            shard = %self.shard, %number, %from, %target, reason,
            "rebuilding; what is served stands still until that is done"
        );
        let start = RebuildStart { number, log_id, from, target, reason };
        let link = store.publish(link, link.begin_rebuild(start, at_ms)).await?;
        metrics::counter!("ax_indexer_rebuilds_total", "step" => "begun").increment(1);
        self.announce(&link, String::new()).await;
        Ok(link)
    }

    /// Opens a reader, or says why that cannot be: [`LogError::Forgotten`] also when only the age of
    /// the position says so.
    async fn open(&self, manifest: &Manifest, just_begun: bool) -> Result<Reading, LogError> {
        let log = &self.deps.log;
        let at_ms = now_ms();
        let (log_id, complete_at_ms) = match &manifest.rebuild {
            Some(rebuild) => (&rebuild.log_id, rebuild.complete_at_ms),
            None => (&manifest.log_id, manifest.complete_at_ms),
        };
        let is_first = log_id.is_empty();
        let log_id = if is_first { log.log_id().await? } else { log_id.clone() };
        let mut from = manifest.reading_from();
        if is_first {
            // Nothing was ever read: the oldest record kept is the first one, whatever its offset.
            from = from.max(log.bounds(self.shard).await?.start);
        }
        let reader = log.read(self.shard, from, &log_id).await?;
        if !is_first && !just_begun {
            log.check_complete(self.shard, from, complete_at_ms).await?;
        }
        Ok(Reading { reader, opened: Opened { log_id, at_ms } })
    }
}
