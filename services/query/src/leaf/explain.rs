//! From the engine's explanation to the wire's.

use ax_engine::{ExplainedSegment, PlannedPattern, SearchOutcome, Signal, Step};
use ax_model::ShardId;
use ax_proto::search as pb;

/// What a shard did, if that was asked for.
pub(super) fn plan(outcome: &SearchOutcome, shard: ShardId) -> Option<pb::ShardPlan> {
    let explanation = outcome.explanation.as_deref()?;
    Some(pb::ShardPlan {
        shard: shard.0,
        patterns: explanation.patterns.iter().map(pattern).collect(),
        segments: explanation.segments.iter().map(segment).collect(),
        num_candidates: outcome.num_candidates,
        num_bytes_verified: outcome.num_bytes_verified,
        num_files: outcome.num_files,
    })
}

/// A part of a file's score.
pub(super) fn signal(Signal { name, value }: Signal) -> pb::Signal {
    pb::Signal { name: name.to_owned(), value }
}

fn pattern(planned: &PlannedPattern) -> pb::PatternPlan {
    let PlannedPattern { pattern, method, grams, over_lines } = planned.clone();
    pb::PatternPlan { pattern, method: method.to_owned(), grams, over_lines }
}

fn segment(explained: &ExplainedSegment) -> pb::SegmentPlan {
    let ExplainedSegment { id, live_docs, steps } = explained.clone();
    pb::SegmentPlan { id, live_docs, steps: steps.into_iter().map(step).collect() }
}

fn step(Step { condition, estimated_units, units, docs }: Step) -> pb::PlanStep {
    pb::PlanStep { condition, estimated_units, units, docs }
}
