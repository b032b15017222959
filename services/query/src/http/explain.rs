//! The JSON of an explanation. `docs/api.md` describes it.

use ax_proto::search as pb;
use serde::Serialize;

/// What one shard did.
#[derive(Debug, Clone, Serialize)]
pub struct ShardPlanBody {
    /// Shard.
    pub shard: u32,
    /// What each pattern was planned as.
    pub patterns: Vec<PatternBody>,
    /// Segments, oldest first.
    pub segments: Vec<SegmentBody>,
    /// Documents whose text was read.
    pub num_candidates: u64,
    /// Bytes of text read.
    pub num_bytes_verified: u64,
    /// Files that match, as far as they were counted.
    pub num_files: u64,
}

/// What a pattern was planned as.
#[derive(Debug, Clone, Serialize)]
pub struct PatternBody {
    /// In its canonical form.
    pub pattern: String,
    /// How matches are found in bytes.
    pub method: String,
    /// The trigrams that must be there; `all` when none helps.
    pub grams: String,
    /// A match may span lines.
    pub over_lines: bool,
}

/// What became of a segment's documents.
#[derive(Debug, Clone, Serialize)]
pub struct SegmentBody {
    /// Its name.
    pub id: String,
    /// Documents that searches see.
    pub live_docs: u64,
    /// Conditions in the order they were looked at.
    pub steps: Vec<StepBody>,
}

/// One condition, and what it left.
#[derive(Debug, Clone, Serialize)]
pub struct StepBody {
    /// In its canonical form.
    pub condition: String,
    /// Blocks, runs of names or paths that the rarest trigram leaves; null without trigrams.
    pub estimated_units: Option<u64>,
    /// Those that all trigrams left.
    pub units: Option<u64>,
    /// Documents left after it.
    pub docs: u64,
}

/// A part of a file's score.
#[derive(Debug, Clone, Serialize)]
pub struct SignalBody {
    /// The ranking parameter.
    pub name: String,
    /// What it added.
    pub value: f32,
}

impl From<pb::ShardPlan> for ShardPlanBody {
    fn from(plan: pb::ShardPlan) -> Self {
        Self {
            shard: plan.shard,
            patterns: plan.patterns.into_iter().map(PatternBody::from).collect(),
            segments: plan.segments.into_iter().map(SegmentBody::from).collect(),
            num_candidates: plan.num_candidates,
            num_bytes_verified: plan.num_bytes_verified,
            num_files: plan.num_files,
        }
    }
}

impl From<pb::PatternPlan> for PatternBody {
    fn from(plan: pb::PatternPlan) -> Self {
        let pb::PatternPlan { pattern, method, grams, over_lines } = plan;
        Self { pattern, method, grams, over_lines }
    }
}

impl From<pb::SegmentPlan> for SegmentBody {
    fn from(plan: pb::SegmentPlan) -> Self {
        let steps = plan.steps.into_iter().map(StepBody::from).collect();
        Self { id: plan.id, live_docs: plan.live_docs, steps }
    }
}

impl From<pb::PlanStep> for StepBody {
    fn from(step: pb::PlanStep) -> Self {
        let pb::PlanStep { condition, estimated_units, units, docs } = step;
        Self { condition, estimated_units, units, docs }
    }
}

impl From<pb::Signal> for SignalBody {
    fn from(signal: pb::Signal) -> Self {
        Self { name: signal.name, value: signal.value }
    }
}
