//! A live copy of one kind of record.

use crate::{Record, cluster::decode};
use ax_coordination::{Coordination, CoordinationError, Event, Listing};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

/// Records by the part of their key after the prefix.
pub type Rows<R> = Arc<BTreeMap<String, R>>;

/// How long to wait before asking a store again that could not answer.
const RETRY_AFTER: Duration = Duration::from_millis(300);

/// A copy of every record of a kind, kept up to date in the background. While the store is away the
/// last known rows stay: queries go on without coordination. Cheap to clone; ends with the last clone.
pub struct Table<R> {
    rows: watch::Receiver<Option<Rows<R>>>,
    stop: Arc<DropGuard>,
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), stop: self.stop.clone() }
    }
}

impl<R: Record> Table<R> {
    /// Starts following.
    pub(crate) fn follow(store: Arc<dyn Coordination>) -> Self {
        let (publish, rows) = watch::channel(None);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = stopped.cancelled() => {}
                () = follow(store, publish) => {}
            }
        });
        Self { rows, stop: Arc::new(stop.drop_guard()) }
    }

    /// The rows known now: none before the first listing.
    pub fn rows(&self) -> Rows<R> {
        self.rows.borrow().clone().unwrap_or_default()
    }

    /// True once the store has answered at least once.
    pub fn is_loaded(&self) -> bool {
        self.rows.borrow().is_some()
    }

    /// Returns the rows once the store has answered.
    pub async fn loaded(&self) -> Rows<R> {
        let mut rows = self.rows.clone();
        match rows.wait_for(Option::is_some).await {
            Ok(rows) => rows.clone().unwrap_or_default(),
            Err(_) => Rows::default(), // the follower ended: only at shutdown
        }
    }

    /// Returns after the rows changed since this call or the previous one on this clone.
    pub async fn changed(&mut self) {
        if self.rows.changed().await.is_err() {
            std::future::pending::<()>().await; // the follower ended: nothing will change any more
        }
    }
}

/// Lists, then watches; lists again whenever the watch cannot go on.
async fn follow<R: Record>(store: Arc<dyn Coordination>, publish: watch::Sender<Option<Rows<R>>>) {
    loop {
        if let Err(error) = follow_once(&*store, &publish).await {
            tracing::debug!(prefix = R::PREFIX, %error, "following anew");
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

async fn follow_once<R: Record>(
    store: &dyn Coordination,
    publish: &watch::Sender<Option<Rows<R>>>,
) -> Result<(), CoordinationError> {
    let Listing { entries, revision } = store.list(R::PREFIX).await?;
    let mut rows = BTreeMap::new();
    for entry in entries {
        set_row::<R>(&mut rows, entry.key, &entry.value);
    }
    publish.send_replace(Some(Arc::new(rows.clone())));
    let mut changes =
        store.watch(R::PREFIX, ax_coordination::Revision(revision.0.saturating_add(1))).await?;
    loop {
        for event in changes.next().await? {
            match event {
                Event::Put(entry) => set_row::<R>(&mut rows, entry.key, &entry.value),
                Event::Deleted { key, .. } => {
                    rows.remove(id_of::<R>(&key));
                }
            }
        }
        publish.send_replace(Some(Arc::new(rows.clone())));
    }
}

/// A row that this version cannot read is left out aloud, and does not stop the others.
fn set_row<R: Record>(rows: &mut BTreeMap<String, R>, key: String, value: &bytes::Bytes) {
    match decode::<R>(&key, value) {
        Ok(row) => {
            rows.insert(id_of::<R>(&key).to_owned(), row);
        }
        Err(error) => {
            tracing::warn!(%error, "record left out");
            rows.remove(id_of::<R>(&key));
        }
    }
}

fn id_of<R: Record>(key: &str) -> &str {
    key.strip_prefix(R::PREFIX).unwrap_or(key)
}
