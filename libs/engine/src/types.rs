//! The values that go into the engine and come out of it.

use crate::{EngineError, Explanation, Extraction, RankingParameters, Signal};
use ax_model::{
    BlobId, DocKey, FileKind, FileVersion, Generation, SegmentEntry, SegmentId, ShardId, SkipReason,
};
use ax_query::Sort;
use bytes::Bytes;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

/// How a segment is built.
#[derive(Debug, Clone)]
pub struct BuildOptions {
    /// The shard it is for.
    pub shard: ShardId,
    /// The generation it is for.
    pub generation: Generation,
    /// Its name.
    pub id: SegmentId,
    /// Whether definitions are extracted. It costs most of the time of a build.
    pub symbols: bool,
    /// Where temporary files go. `dest` of `finish` should be on the same file system.
    pub scratch_dir: PathBuf,
}

/// One version of a file, ready to be indexed.
#[derive(Debug, Clone)]
pub struct Doc {
    /// Its facts; `content` is ignored, `text` counts.
    pub version: FileVersion,
    /// The text as UTF-8 where it is that (other bytes are searched as they are), or why there is
    /// none.
    pub text: Result<Bytes, SkipReason>,
    /// When the newest commit involved was made, in milliseconds since 1970.
    pub committed_at_ms: i64,
}

/// A finished segment on the local disk.
#[derive(Debug, Clone)]
pub struct BuiltSegment {
    /// What its manifest says of it.
    pub entry: SegmentEntry,
    /// The file.
    pub path: PathBuf,
    /// How its definitions came to be known.
    pub extraction: Extraction,
}

/// How a search is bounded and shaped.
#[derive(Debug, Clone)]
pub struct SearchOptions {
    /// Most files to return; `usize::MAX` for all.
    pub limit: usize,
    /// Lines of context before and after each matched line.
    pub context_lines: usize,
    /// Count files and lines; return none.
    pub count_only: bool,
    /// The order of the files returned.
    pub sort: Sort,
    /// Count the files of each name; then `limit` does not count, and no file is returned.
    pub group_by: Option<GroupBy>,
    /// Most matched lines to return per file.
    pub max_lines_per_file: usize,
    /// Most matched lines to return in all; the file that passes it is cut.
    pub max_lines: usize,
    /// Most bytes of one line's text to return; the rest is cut around the first match.
    pub max_line_bytes: usize,
    /// About how many bytes of files and lines may be held; a search that passes them ends, and says
    /// that there is more.
    pub max_bytes: usize,
    /// What the signals of the ranking weigh.
    pub ranking: Arc<RankingParameters>,
    /// The day that files are new or old as of, in days since 1970; zero: age does not count for the
    /// ranking.
    pub today: u32,
    /// Say how the answer came about.
    pub explain: bool,
}

/// What files are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupBy {
    /// Their repository.
    Repo,
    /// Their language.
    Language,
}

impl Default for SearchOptions {
    fn default() -> Self {
        Self {
            limit: 50,
            context_lines: 0,
            count_only: false,
            sort: Sort::default(),
            group_by: None,
            max_lines_per_file: usize::MAX,
            max_lines: usize::MAX,
            max_line_bytes: 4096,
            max_bytes: usize::MAX,
            ranking: Arc::default(),
            today: 0,
            explain: false,
        }
    }
}

/// When to stop early. Checked between documents, and within large ones.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    /// The moment to stop at.
    pub deadline: Option<Instant>,
    /// Set by whoever no longer wants the answer.
    pub cancel: Option<Arc<AtomicBool>>,
    /// Told when the work turns out to take long.
    pub on_long: Option<OnLong>,
}

/// Called once by a search that takes long, before it goes on behind others that do; as a rule it gives
/// back what was lent to the search on the expectation that it would be quick.
#[derive(Clone)]
pub struct OnLong(Arc<dyn Fn() + Send + Sync>);

impl OnLong {
    /// Calls `tell`.
    pub fn new(tell: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }
}

impl std::fmt::Debug for OnLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OnLong")
    }
}

impl Stop {
    /// Never stops early.
    pub fn never() -> Self {
        Self::default()
    }

    /// Stops at `deadline`.
    pub fn at(deadline: Instant) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }

    /// True when it is time to stop.
    pub fn is_due(&self) -> bool {
        self.is_cancelled() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// The same, for who knows the time.
    pub(crate) fn is_due_at(&self, now: Instant) -> bool {
        self.is_cancelled() || self.deadline.is_some_and(|deadline| now >= deadline)
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.as_ref().is_some_and(|cancel| cancel.load(Ordering::Relaxed))
    }

    pub(crate) fn tell_long(&self) {
        if let Some(OnLong(tell)) = &self.on_long {
            tell();
        }
    }
}

/// The answer to a search.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SearchOutcome {
    /// Best files first; empty when only counting.
    pub files: Vec<FileHit>,
    /// Matching files, as far as they were counted: all of them when `more` and `timed_out` are
    /// false.
    pub num_files: u64,
    /// Matched lines in those files.
    pub num_lines: u64,
    /// The names of `group_by`, in order, each with its counts; empty without it.
    pub groups: Vec<GroupCount>,
    /// At least one more file matches than `num_files` says.
    pub more: bool,
    /// The deadline or the cancellation ended it early.
    pub timed_out: bool,
    /// Documents whose text was read to verify.
    pub num_candidates: u64,
    /// Bytes of text read to verify.
    pub num_bytes_verified: u64,
    /// How it came about, if that was asked for.
    pub explanation: Option<Box<Explanation>>,
}

/// How much matches in the files of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupCount {
    /// The repository or the language; empty for files of no known language.
    pub name: String,
    /// Matching files.
    pub num_files: u64,
    /// Matched lines in those files.
    pub num_lines: u64,
}

/// A file that matches.
#[derive(Debug, Clone, PartialEq)]
pub struct FileHit {
    /// Repository and path.
    pub key: DocKey,
    /// Branches that show this version.
    pub branches: Vec<String>,
    /// Language name; empty when unknown.
    pub language: String,
    /// Git's id of the blob.
    pub blob: BlobId,
    /// Rank; larger is better.
    pub score: f64,
    /// Matched lines in order, with context (lines without ranges).
    pub lines: Vec<LineHit>,
    /// Matched lines in the whole file.
    pub num_matched_lines: u64,
    /// Size in bytes: of the text, or of the blob when there is no text.
    pub num_bytes: u64,
    /// When the newest commit involved was made, in milliseconds since 1970.
    pub committed_at_ms: i64,
    /// Matches in the path, `[start, end)` in bytes.
    pub path_ranges: Vec<(u32, u32)>,
    /// What the score is the sum of, if that was asked for.
    pub signals: Vec<Signal>,
}

impl FileHit {
    /// About how much memory it takes.
    pub(crate) fn memory_bytes(&self) -> usize {
        let of_line = |line: &LineHit| {
            size_of::<LineHit>() + line.text.len() + size_of_val(line.ranges.as_slice())
        };
        let names = self.key.path.len() + self.branches.iter().map(String::len).sum::<usize>();
        size_of::<Self>() + names + self.lines.iter().map(of_line).sum::<usize>()
    }

    /// Matched lines among those shown.
    pub(crate) fn num_shown(&self) -> usize {
        self.lines.iter().filter(|line| !line.ranges.is_empty()).count()
    }

    /// Keeps so many of the matched lines that are shown, with the context before and between them.
    pub(crate) fn keep_lines(&mut self, num: usize) {
        let matched = self.lines.iter().enumerate().filter(|(_, line)| !line.ranges.is_empty());
        let end = match num {
            0 => 0,
            num => matched.map(|(i, _)| i + 1).nth(num - 1).unwrap_or(self.lines.len()),
        };
        self.lines.truncate(end);
    }
}

/// A line of a file, without its line feed. A carriage return before it belongs to the line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineHit {
    /// From 1.
    pub number: u64,
    /// Its text; bytes that are not UTF-8 are shown as U+FFFD.
    pub text: String,
    /// Matches as `[start, end)` in bytes of `text`, in order. None: a line of context, or one
    /// whose only match is empty (then `[p, p)` is given, so it is not none).
    pub ranges: Vec<(u32, u32)>,
    /// The text was cut.
    pub cut: bool,
}

/// A file whose text is not searchable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedDoc {
    /// Path.
    pub path: String,
    /// Branches that show it.
    pub branches: Vec<String>,
    /// Why.
    pub reason: SkipReason,
    /// Size in bytes as git stores it.
    pub num_bytes: u64,
}

/// One version of a file, to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Repository and path.
    pub key: DocKey,
    /// The text as stored, or why there is none.
    pub text: Result<Vec<u8>, SkipReason>,
    /// Size of the blob in bytes, also when there is no text; zero when it is unknown.
    pub num_bytes: u64,
    /// Branches that show it.
    pub branches: Vec<String>,
    /// Language name; empty when unknown.
    pub language: String,
    /// Git's id of the blob.
    pub blob: BlobId,
    /// What the tree entry is.
    pub kind: FileKind,
    /// The encoding that was converted from; empty for UTF-8.
    pub encoding: String,
}

/// A live document, as the fold of the change stream would list it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LiveDoc {
    /// Repository and path.
    pub key: DocKey,
    /// Git's id of the blob.
    pub blob: BlobId,
    /// Branches that show it.
    pub branches: Vec<String>,
    /// Why it has no text, if it has none.
    pub skip: Option<SkipReason>,
}

/// How large a snapshot is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stats {
    /// Segments.
    pub num_segments: u64,
    /// Documents that searches see.
    pub live_docs: u64,
    /// Documents that newer ones supersede.
    pub dead_docs: u64,
    /// Bytes of text, live or dead.
    pub text_bytes: u64,
    /// Bytes of the segments' files, text included.
    pub index_bytes: u64,
}

/// The result of this crate's functions.
pub type Result<T, E = EngineError> = std::result::Result<T, E>;
