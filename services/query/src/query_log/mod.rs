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

use futures::{Stream, StreamExt};
use std::{path::PathBuf, sync::Arc};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::wrappers::{BroadcastStream, errors::BroadcastStreamRecvError};
use tokio_util::sync::CancellationToken;

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
    ended: CancellationToken,
}

impl QueryLog {
    /// Starts what the rules ask for; the file is written by a thread that ends with the last clone. To be
    /// called within a tokio runtime. A file that cannot be opened is an error, not a silence.
    pub fn start(rules: &QueryLogRules) -> std::io::Result<Self> {
        let live = rules.live.then(|| broadcast::channel(LIVE_QUEUE).0);
        let whole = Self { file: None, live, ended: CancellationToken::new() };
        let Some(path) = &rules.path else { return Ok(whole) };
        let file_rules = FileRules { max_bytes: rules.max_bytes, keep: rules.keep };
        let file = LogFile::open(path.clone(), file_rules)?;
        let (sender, lines) = mpsc::channel(QUEUE);
        tokio::task::spawn_blocking(move || write_all(file, lines));
        Ok(Self { file: Some(sender), ..whole })
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

    /// Queries from now on; `None` when live reading is not allowed. An error says how many a slow reader
    /// missed.
    pub fn follow(
        &self,
    ) -> Option<impl Stream<Item = Result<Arc<LoggedQuery>, BroadcastStreamRecvError>> + use<>>
    {
        let queries = BroadcastStream::new(self.live.as_ref()?.subscribe());
        Some(queries.take_until(self.ended.clone().cancelled_owned()))
    }

    /// Ends what live readers follow: a node that leaves does not wait for them.
    pub fn end_live(&self) {
        self.ended.cancel();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> LoggedQuery {
        LoggedQuery { query: text.to_owned(), ..LoggedQuery::default() }
    }

    #[tokio::test]
    async fn a_live_reader_gets_queries_until_the_node_leaves() {
        let log = QueryLog::start(&QueryLogRules { live: true, ..Default::default() }).unwrap();
        log.note(query("before"));
        let reader = log.follow().unwrap();
        assert!(log.is_on());
        log.note(query("needle"));
        let ending = log.clone();
        let mut reader = Box::pin(reader);
        assert_eq!(reader.next().await.unwrap().unwrap().query, "needle");
        ending.end_live();
        assert!(reader.next().await.is_none());
    }

    #[tokio::test]
    async fn nothing_is_noted_or_shown_unless_asked_for() {
        let log = QueryLog::start(&QueryLogRules::default()).unwrap();
        assert!(!log.is_on() && log.follow().is_none());
        let live = QueryLog::start(&QueryLogRules { live: true, ..Default::default() }).unwrap();
        assert!(!live.is_on(), "nobody reads");
    }

    #[tokio::test]
    async fn a_log_that_cannot_be_opened_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let rules = QueryLogRules { path: Some(folder.path().to_owned()), ..Default::default() };
        assert!(QueryLog::start(&rules).is_err());
    }
}
