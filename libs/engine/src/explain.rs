//! How a search came to its answer: what each pattern was planned as, what each step left of a segment's
//! documents, and what made a file's score.

/// How a search was carried out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Explanation {
    /// The patterns of the query, in order of first appearance.
    pub patterns: Vec<PlannedPattern>,
    /// The segments searched, oldest first; those after the deadline are missing.
    pub segments: Vec<ExplainedSegment>,
}

/// What a pattern was planned as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedPattern {
    /// As the query says it, in its canonical form.
    pub pattern: String,
    /// How its matches are found in bytes.
    pub method: &'static str,
    /// The trigrams that a block, a run of names or a path must hold, as in `abc (bcd | cde def)`; `all`
    /// when none helps.
    pub grams: String,
    /// A match may span lines, so that documents are verified whole.
    pub over_lines: bool,
}

/// What became of one segment's documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainedSegment {
    /// Its name.
    pub id: String,
    /// Documents that searches see.
    pub live_docs: u64,
    /// What was asked of them, in the order it was done.
    pub steps: Vec<Step>,
}

/// One condition, and what it left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The condition, in its canonical form.
    pub condition: String,
    /// Units (blocks of 8 KiB, runs of 32 names, paths) that its rarest trigram alone leaves; none if it
    /// is decided without trigrams.
    pub estimated_units: Option<u64>,
    /// Units that all its trigrams left: what is verified.
    pub units: Option<u64>,
    /// Documents left after it.
    pub docs: u64,
}

/// A part of a file's score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// The parameter that weighs it.
    pub name: &'static str,
    /// What it added; negative for a loss.
    pub value: f32,
}
