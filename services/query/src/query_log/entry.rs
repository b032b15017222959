//! One line of the query log.

use ax_proto::search::{SearchOptions, Summary};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A query and how it went. `ax perf replay` reads it back; a newer version may add fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedQuery {
    /// When the query came, in milliseconds since 1970.
    pub at_ms: u64,
    /// Its text.
    pub query: String,
    /// Most files asked for.
    pub limit: u32,
    /// Every file was asked for.
    pub all: bool,
    /// Most matched lines asked for; 0 is no bound.
    pub max_lines: u32,
    /// Only counts were asked for.
    pub count: bool,
    /// Lines of context asked for.
    pub context: u32,
    /// Its deadline.
    pub timeout_ms: u32,
    /// Kept answers were allowed.
    pub cache: bool,
    /// How long it took at the root, in microseconds.
    pub took_us: u64,
    /// Matching files, as far as they were counted.
    pub files: u64,
    /// Matching lines, as far as they were counted.
    pub lines: u64,
    /// Something was missing in the answer.
    pub partial: bool,
    /// Stable code of the error; empty when there was an answer.
    pub code: String,
    /// Correlation id.
    pub request_id: String,
}

impl LoggedQuery {
    /// A query that took so long until now.
    pub fn asked(query: &str, options: &SearchOptions, took: Duration) -> Self {
        let came = SystemTime::now().checked_sub(took).unwrap_or(SystemTime::UNIX_EPOCH);
        let at = came.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            at_ms: u64::try_from(at.as_millis()).unwrap_or(u64::MAX),
            query: query.to_owned(),
            limit: options.limit,
            all: options.all,
            max_lines: options.max_lines,
            count: options.count_only,
            context: options.context_lines,
            timeout_ms: options.timeout_ms,
            cache: !options.no_cache,
            took_us: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            ..Self::default()
        }
    }

    /// The same, with its answer.
    pub fn answered(mut self, summary: &Summary) -> Self {
        (self.files, self.lines) = (summary.num_files, summary.num_lines);
        self.partial = summary.partial;
        self
    }
}
