//! The JSON of search answers. `docs/api.md` describes it; the client prints the same.

use super::explain::{ShardPlanBody, SignalBody};
use ax_proto::search as pb;
use serde::Serialize;

/// A whole answer.
#[derive(Debug, Clone, Serialize)]
pub struct AnswerBody {
    /// Best files first.
    pub files: Vec<FileBody>,
    /// Counts and where the answer came from.
    pub summary: SummaryBody,
}

/// A matching file.
#[derive(Debug, Clone, Serialize)]
pub struct FileBody {
    /// Repository.
    pub repo: String,
    /// The first branch that shows it.
    pub branch: String,
    /// All branches that show it.
    pub branches: Vec<String>,
    /// Path.
    pub path: String,
    /// Language; empty when unknown.
    pub language: String,
    /// Git's blob id in hex.
    pub blob: String,
    /// Rank; larger is better, within one answer only.
    pub score: f64,
    /// Matched lines and their context, in order.
    pub lines: Vec<LineBody>,
    /// Matched lines in the whole file.
    pub num_matched_lines: u64,
    /// Size in bytes: of the text, or of the blob when there is no text.
    pub num_bytes: u64,
    /// When the newest commit involved was made, in milliseconds since 1970.
    pub committed_at_ms: i64,
    /// Matches in the path.
    pub path_ranges: Vec<(u32, u32)>,
    /// What the score is the sum of, with `explain`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<SignalBody>,
}

/// One line.
#[derive(Debug, Clone, Serialize)]
pub struct LineBody {
    /// From 1.
    pub number: u64,
    /// Without its line ending.
    pub text: String,
    /// `[start, end)` in bytes of the text; none for a line of context.
    pub ranges: Vec<(u32, u32)>,
    /// The text was cut.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// What an answer amounts to.
#[derive(Debug, Clone, Serialize)]
pub struct SummaryBody {
    /// Matching files, as far as they were counted.
    pub num_files: u64,
    /// Matching lines, as far as they were counted.
    pub num_lines: u64,
    /// There are more than were returned or counted.
    pub more: bool,
    /// Something is missing.
    pub partial: bool,
    /// What, and why.
    pub missing: Vec<MissingBody>,
    /// The one manifest version of each shard.
    pub shards: Vec<ShardBody>,
    /// Microseconds at the root.
    pub elapsed_us: u64,
    /// Correlation id.
    pub request_id: String,
    /// Version token of what was read.
    pub version: String,
    /// Documents verified on their bytes.
    pub num_candidates: u64,
    /// Bytes read to verify.
    pub num_bytes_verified: u64,
    /// Repositories or languages, when the query selects them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<GroupBody>,
    /// What each shard did, with `explain`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explanation: Vec<ShardPlanBody>,
}

/// How much matches in the files of one name.
#[derive(Debug, Clone, Serialize)]
pub struct GroupBody {
    /// The repository or the language; empty for files of no known language.
    pub name: String,
    /// Matching files.
    pub num_files: u64,
    /// Matched lines in those files.
    pub num_lines: u64,
}

/// A hole in an answer.
#[derive(Debug, Clone, Serialize)]
pub struct MissingBody {
    /// Shard.
    pub shard: u32,
    /// Stable code.
    pub code: String,
    /// Why.
    pub reason: String,
}

/// Where a shard's answer came from.
#[derive(Debug, Clone, Serialize)]
pub struct ShardBody {
    /// Shard.
    pub shard: u32,
    /// Manifest version.
    pub manifest_version: u64,
    /// Position applied.
    pub position: u64,
    /// Writer's epoch.
    pub epoch: u64,
    /// Node that answered.
    pub node: String,
    /// It was found by an earlier search of the same version, and kept since.
    pub cached: bool,
}

impl From<pb::SearchResponse> for AnswerBody {
    fn from(answer: pb::SearchResponse) -> Self {
        Self {
            files: answer.files.into_iter().map(FileBody::from).collect(),
            summary: answer.summary.unwrap_or_default().into(),
        }
    }
}

impl From<pb::FileMatch> for FileBody {
    fn from(file: pb::FileMatch) -> Self {
        Self {
            repo: file.repo,
            branch: file.branches.first().cloned().unwrap_or_default(),
            branches: file.branches,
            path: file.path,
            language: file.language,
            blob: file.blob,
            score: file.score,
            lines: file.lines.into_iter().map(LineBody::from).collect(),
            num_matched_lines: file.num_matched_lines,
            num_bytes: file.num_bytes,
            committed_at_ms: file.committed_at_ms,
            path_ranges: pairs(file.path_ranges),
            signals: file.signals.into_iter().map(SignalBody::from).collect(),
        }
    }
}

impl From<pb::Group> for GroupBody {
    fn from(group: pb::Group) -> Self {
        Self { name: group.name, num_files: group.num_files, num_lines: group.num_lines }
    }
}

impl From<pb::Line> for LineBody {
    fn from(line: pb::Line) -> Self {
        Self { number: line.number, text: line.text, ranges: pairs(line.ranges), cut: line.cut }
    }
}

impl From<pb::Summary> for SummaryBody {
    fn from(summary: pb::Summary) -> Self {
        Self {
            num_files: summary.num_files,
            num_lines: summary.num_lines,
            more: summary.more,
            partial: summary.partial,
            missing: summary.missing.into_iter().map(MissingBody::from).collect(),
            shards: summary.shards.into_iter().map(ShardBody::from).collect(),
            elapsed_us: summary.elapsed_us,
            request_id: summary.request_id,
            version: summary.version,
            num_candidates: summary.num_candidates,
            num_bytes_verified: summary.num_bytes_verified,
            groups: summary.groups.into_iter().map(GroupBody::from).collect(),
            explanation: summary.explanation.into_iter().map(ShardPlanBody::from).collect(),
        }
    }
}

impl From<pb::Missing> for MissingBody {
    fn from(missing: pb::Missing) -> Self {
        Self { shard: missing.shard, code: missing.code, reason: missing.reason }
    }
}

impl From<pb::ShardAnswer> for ShardBody {
    fn from(answer: pb::ShardAnswer) -> Self {
        Self {
            shard: answer.shard,
            manifest_version: answer.manifest_version,
            position: answer.position,
            epoch: answer.epoch,
            node: answer.node,
            cached: answer.cached,
        }
    }
}

fn pairs(spans: Vec<pb::Span>) -> Vec<(u32, u32)> {
    spans.into_iter().map(|span| (span.start, span.end)).collect()
}
