//! From the engine's values to the wire's.

use super::explain;
use crate::peers::ShardReply;
use ax_engine::{FileHit, FileView, GroupCount, LineHit, SearchOutcome, SkippedDoc};
use ax_model::{RepositoryInfo, ShardId};
use ax_proto::search as pb;

/// What a search of a shard found, without its origin.
pub(super) fn reply(mut outcome: SearchOutcome, shard: ShardId) -> ShardReply {
    let files = std::mem::take(&mut outcome.files).into_iter();
    let files = files.map(|hit| file_match(hit, shard.0)).collect();
    ShardReply { files, summary: summary(&outcome, shard) }
}

fn summary(outcome: &SearchOutcome, shard: ShardId) -> pb::LeafSummary {
    pb::LeafSummary {
        answer: None,
        num_files: outcome.num_files,
        num_lines: outcome.num_lines,
        more: outcome.more,
        timed_out: outcome.timed_out,
        num_candidates: outcome.num_candidates,
        num_bytes_verified: outcome.num_bytes_verified,
        groups: outcome.groups.iter().map(group).collect(),
        explanation: explain::plan(outcome, shard),
    }
}

fn file_match(hit: FileHit, shard: u32) -> pb::FileMatch {
    pb::FileMatch {
        repo: hit.key.repo.into(),
        path: hit.key.path,
        branches: hit.branches,
        language: hit.language,
        blob: hit.blob.to_string(),
        score: hit.score,
        lines: hit.lines.into_iter().map(line).collect(),
        num_matched_lines: hit.num_matched_lines,
        num_bytes: hit.num_bytes,
        path_ranges: spans(hit.path_ranges),
        shard,
        committed_at_ms: hit.committed_at_ms,
        signals: hit.signals.into_iter().map(explain::signal).collect(),
    }
}

pub(super) fn repository(info: RepositoryInfo) -> pb::Repository {
    let branch = |head: ax_model::BranchHead| pb::Branch { name: head.name, commit: head.commit };
    pb::Repository {
        name: info.name.into(),
        source: ax_model::without_secrets(&info.source), // an older ingest wrote it whole
        default_branch: info.default_branch,
        branches: info.branches.into_iter().map(branch).collect(),
        branches_left_out: info.branches_left_out,
        num_files: info.num_files,
        num_bytes: info.num_bytes,
        num_skipped: info.num_skipped,
        spread: info.spread,
        committed_at_ms: info.committed_at_ms,
        indexed_at_ms: info.indexed_at_ms,
        archived: info.facts.archived,
        fork: info.facts.fork,
        public: info.facts.public,
        rank: info.facts.rank,
        ..Default::default()
    }
}

pub(super) fn skipped(doc: SkippedDoc) -> pb::SkippedFile {
    pb::SkippedFile {
        path: doc.path,
        branches: doc.branches,
        reason: doc.reason.as_str().to_owned(),
        num_bytes: doc.num_bytes,
    }
}

pub(super) fn file(found: Option<FileView>, answer: pb::ShardAnswer) -> pb::FileResponse {
    let response = pb::FileResponse { answer: Some(answer), ..Default::default() };
    let Some(view) = found else { return response };
    let (text, num_bytes, skipped) = match view.text {
        Ok(text) => {
            let num_bytes = text.len() as u64;
            (text, num_bytes, String::new())
        }
        Err(reason) => (Default::default(), view.num_bytes, reason.as_str().to_owned()),
    };
    pb::FileResponse {
        found: true,
        text: text.into(),
        num_bytes,
        skipped,
        branches: view.branches,
        language: view.language,
        blob: view.blob.to_string(),
        ..response
    }
}

fn group(group: &GroupCount) -> pb::Group {
    let GroupCount { name, num_files, num_lines } = group.clone();
    pb::Group { name, num_files, num_lines }
}

fn line(hit: LineHit) -> pb::Line {
    pb::Line { number: hit.number, text: hit.text, ranges: spans(hit.ranges), cut: hit.cut }
}

fn spans(ranges: Vec<(u32, u32)>) -> Vec<pb::Span> {
    ranges.into_iter().map(|(start, end)| pb::Span { start, end }).collect()
}
