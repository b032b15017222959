//! The query log: what was asked of this node and how it went, one JSON object per line. Nothing of any
//! result's text. Off unless a file is named or live reading is allowed, since queries tell what people
//! work on.
//!
//! A query never waits for it: lines go through a bounded queue to a task that writes, and what the disk
//! does not take in time is dropped and counted.

mod entry;
mod file;

pub use entry::LoggedQuery;
pub use file::{FileRules, LogFile};

use std::{path::PathBuf, sync::Arc};
use tokio::sync::{broadcast, mpsc};

/// Lines that wait for the disk: at 200 bytes each, a second of 20,000 queries in 4 MB.
const QUEUE: usize = 20_000;
/// Lines that a live reader may be behind before it loses some.
const LIVE_QUEUE: usize = 4096;

/// Whether and where queries are logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryLogRules {
    /// The file; `None` writes none.
    pub path: Option<PathBuf>,
    /// A file that is larger is put aside, and the next one begun.
    pub max_bytes: u64,
    /// Files put aside that are kept; the oldest goes first.
    pub keep: u32,
    /// `/debug/queries` may be read.
    pub live: bool,
}

impl Default for QueryLogRules {
    fn default() -> Self {
        Self { path: None, max_bytes: 64 << 20, keep: 4, live: false }
    }
}

/// Where queries are noted. Cheap to clone; the default notes nothing.
#[derive(Debug, Clone, Default)]
pub struct QueryLog {
    file: Option<mpsc::Sender<Arc<LoggedQuery>>>,
    live: Option<broadcast::Sender<Arc<LoggedQuery>>>,
}

impl QueryLog {
    /// Starts what the rules ask for; the file is written by a thread that ends with the last clone. To be
    /// called within a tokio runtime. A file that cannot be opened is an error, not a silence.
    pub fn start(rules: &QueryLogRules) -> std::io::Result<Self> {
        let live = rules.live.then(|| broadcast::channel(LIVE_QUEUE).0);
        let Some(path) = &rules.path else { return Ok(Self { file: None, live }) };
        let file_rules = FileRules { max_bytes: rules.max_bytes, keep: rules.keep };
        let file = LogFile::open(path.clone(), file_rules)?;
        let (sender, lines) = mpsc::channel(QUEUE);
        tokio::task::spawn_blocking(move || write_all(file, lines));
        Ok(Self { file: Some(sender), live })
    }

    /// Whether anybody wants to know.
    pub fn is_on(&self) -> bool {
        let read = self.live.as_ref().is_some_and(|live| live.receiver_count() > 0);
        self.file.is_some() || read
    }

    /// Notes a query.
    pub fn note(&self, query: LoggedQuery) {
        let query = Arc::new(query);
        if let Some(file) = &self.file
            && file.try_send(query.clone()).is_err()
        {
            metrics::counter!("ax_query_log_dropped_total").increment(1);
        }
        if let Some(live) = &self.live {
            let _ = live.send(query); // nobody reads: nothing to tell
        }
    }

    /// Queries from now on; `None` when live reading is not allowed.
    pub fn follow(&self) -> Option<broadcast::Receiver<Arc<LoggedQuery>>> {
        self.live.as_ref().map(broadcast::Sender::subscribe)
    }
}

/// Writes until nobody can note anything any more. What came together is flushed together.
fn write_all(mut file: LogFile, mut lines: mpsc::Receiver<Arc<LoggedQuery>>) {
    let mut failing = false;
    while let Some(first) = lines.blocking_recv() {
        let mut next = Some(first);
        let mut written = Ok(());
        while let (Some(query), true) = (&next, written.is_ok()) {
            written = file.write(query);
            next = lines.try_recv().ok();
        }
        let done = written.and_then(|()| file.flush());
        if let Err(error) = &done {
            metrics::counter!("ax_query_log_dropped_total").increment(1);
            if !failing {
                tracing::warn!(%error, "the query log cannot be written; queries go on");
            }
        }
        failing = done.is_err();
    }
}
