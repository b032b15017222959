//! The spans of a step. A push is the cause of a step in its own trace; a poll that finds nothing is
//! not worth a trace, and one that finds something begins a trace where it appends.

use crate::{IngestError, Outcome, SyncReport};
use ax_telemetry::{Causes, propagation};
use tracing::{Span, field::Empty};

/// Trace contexts on a change beside its first, of about 60 bytes each.
const MAX_ALSO: usize = 7;

/// The spans of one step.
pub(super) struct StepTrace {
    causes: Causes,
    span: Span,
    /// The other pushes that this step answers: a trace has one parent.
    others: Vec<Span>,
    /// Trace context of what was emitted before this step.
    last_emission: Option<String>,
}

impl StepTrace {
    /// Begins the spans of a step of repository `repo`.
    pub(super) fn begin(repo: &str, causes: Causes, last_emission: Option<String>) -> Self {
        let [first, others @ ..] = causes.contexts() else {
            let span = tracing::info_span!(target: "ax_ingest::untraced", "sync", repo);
            return Self { causes, span, others: Vec::new(), last_emission };
        };
        let in_trace_of = |cause: &str| {
            let span = tracing::info_span!(parent: None, "sync", repo, outcome = Empty);
            propagation::set_parent(&span, cause);
            span
        };
        let span = in_trace_of(first);
        let others: Vec<Span> = others.iter().map(|cause| in_trace_of(cause)).collect();
        if let Some(step) = propagation::of(&span) {
            others.iter().for_each(|other| propagation::follows(other, &step));
        }
        Self { span, others, last_emission, causes }
    }

    /// The span that the step's work belongs to.
    pub(super) fn span(&self) -> Span {
        self.span.clone()
    }

    /// Trace contexts of the other pushes, a few: each stands on every change that the step appends.
    pub(super) fn also(&self) -> Vec<String> {
        self.others.iter().take(MAX_ALSO).filter_map(propagation::of).collect()
    }

    /// Ends the spans; returns what the step was caused by.
    pub(super) fn ended(self, result: Option<&Result<SyncReport, IngestError>>) -> Causes {
        let outcome = match result {
            None => "another process has the repository",
            Some(Err(error)) => error.code().as_str(),
            Some(Ok(report)) => match report.outcome {
                Outcome::UpToDate => "up to date",
                Outcome::Emitted => "emitted",
                Outcome::Removed => "removed",
            },
        };
        for span in self.others.iter().chain([&self.span]) {
            span.record("outcome", outcome);
            // An earlier step saw the push before its webhook came: the changes are in its trace.
            if let (Some(earlier), "up to date") = (&self.last_emission, outcome) {
                propagation::follows(span, earlier);
            }
        }
        self.causes
    }
}
