//! Why a text is not a query.

use std::ops::Range;

use ax_model::{Code, Fault};

/// A query that cannot be run: what is wrong, where in the text, and the mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// What sort of error.
    pub kind: QueryErrorKind,
    /// Bytes of the query concerned; on character boundaries, empty at an end of text.
    pub span: Range<usize>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What to type instead; empty when the message says it all.
    pub hint: String,
}

/// The sort of a [`QueryError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QueryErrorKind {
    /// There is nothing to look for.
    Empty,
    /// The grammar is not followed.
    Syntax,
    /// A regular expression or glob is not valid.
    Regex,
    /// The text, its nesting, or a regular expression is over its limit.
    TooLarge,
    /// No filter of that name.
    UnknownFilter,
    /// A filter's value is missing or out of its range.
    BadValue,
    /// A filter that exists elsewhere, and not here.
    Unavailable,
}

impl QueryError {
    pub(crate) fn new(
        kind: QueryErrorKind,
        span: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, span, message: message.into(), hint: String::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self.kind {
            QueryErrorKind::Empty | QueryErrorKind::Syntax => Code::QuerySyntax,
            QueryErrorKind::Regex => Code::QueryRegex,
            QueryErrorKind::TooLarge => Code::QueryTooLarge,
            QueryErrorKind::UnknownFilter => Code::QueryUnknownFilter,
            QueryErrorKind::BadValue => Code::QueryBadValue,
            QueryErrorKind::Unavailable => Code::QueryUnavailable,
        }
    }

    /// Never: the same text gives the same error.
    pub fn is_retryable(&self) -> bool {
        false
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Fault::new(error.code(), error.message)
            .in_field("q")
            .at(error.span.start, error.span.end)
            .hint(error.hint)
    }
}
