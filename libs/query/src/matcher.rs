//! The value of a filter on names: a glob, a regular expression or a literal.

use regex_automata::meta::{BuildError, Regex};
use regex_syntax::hir::Hir;
use std::sync::OnceLock;

use crate::Pattern;
use crate::cost::{Budget, Over};
use crate::glob::{GlobError, glob_to_regex};
use crate::pattern::{BadRegex, ParsedRegex};

/// Matches names: of repositories, paths or branches.
///
/// A regular expression or literal may match anywhere in the name. A glob matches the whole name if it
/// holds a slash, else one whole component of it at any depth; `*` stops at slashes, `**` does not.
#[derive(Debug, Clone)]
pub struct Matcher {
    source: String,
    syntax: MatcherSyntax,
    pattern: Pattern,
    /// Compiled when it is first asked for: whoever only reads a query need not pay for it.
    regex: OnceLock<Regex>,
}

/// How a [`Matcher`] was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatcherSyntax {
    /// With `*`, `?` or `{a,b}`, and without what only a regular expression has.
    Glob,
    /// The default, and anything between slashes.
    Regex,
    /// In quotes.
    Literal,
}

/// As a value of `branch:`, what each repository's default branch is called.
pub(crate) const HEAD: &str = "HEAD";

/// Bytes of a compiled filter; the second line of defence behind the estimate of its states.
const NFA_SIZE_LIMIT: usize = 8 << 20;

/// Why a value is no matcher.
#[derive(Debug)]
pub(crate) enum MatcherError {
    Regex(BadRegex),
    Glob(GlobError),
    TooLarge(Over),
}

impl Matcher {
    /// Whether the name matches. False of a filter that does not [compile](Self::compile).
    pub fn is_match(&self, name: &[u8]) -> bool {
        self.compile().is_ok_and(|regex| regex.is_match(name))
    }

    /// What [`is_match`](Self::is_match) runs; compiled by the first call, in milliseconds.
    ///
    /// # Errors
    ///
    /// When it comes to more bytes than its estimate, which bounds them, let expect.
    pub fn compile(&self) -> Result<&Regex, Box<BuildError>> {
        if let Some(regex) = self.regex.get() {
            return Ok(regex);
        }
        // from the tree, not the text, so that what runs is what `hir` shows
        let config = Regex::config().utf8_empty(false).nfa_size_limit(Some(NFA_SIZE_LIMIT));
        let regex = Regex::builder().configure(config).build_from_hir(self.hir())?;
        Ok(self.regex.get_or_init(|| regex))
    }

    /// The text as typed, without quotes or slashes.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// How it was written.
    pub fn syntax(&self) -> MatcherSyntax {
        self.syntax
    }

    /// Whether it is `HEAD`, which in [`Atom::Branch`](crate::Atom::Branch) is no name but stands for the
    /// default branch of each repository.
    pub fn is_head(&self) -> bool {
        self.syntax == MatcherSyntax::Literal && self.source == HEAD
    }

    /// Whether case counts.
    pub fn case_sensitive(&self) -> bool {
        self.pattern.case_sensitive()
    }

    /// The expression that [`is_match`](Self::is_match) runs, to plan it over n-grams.
    pub fn hir(&self) -> &Hir {
        self.pattern.hir()
    }

    /// Compiles; `case_sensitive` of `None` asks the value's own letters.
    pub(crate) fn new(
        mut source: String,
        syntax: MatcherSyntax,
        case_sensitive: Option<bool>,
        budget: &mut Budget<'_>,
    ) -> Result<Self, MatcherError> {
        let escapes = source.bytes().rev().take_while(|byte| *byte == b'\\').count();
        if syntax == MatcherSyntax::Glob && escapes % 2 == 1 {
            source.push('\\'); // the last one stands for itself, also where words follow
        }
        let expression = match syntax {
            MatcherSyntax::Glob => glob_to_regex(&source).map_err(MatcherError::Glob)?,
            MatcherSyntax::Regex => source.clone(),
            MatcherSyntax::Literal => regex_syntax::escape(&source),
        };
        if expression.len() > budget.limits.max_bytes {
            return Err(MatcherError::TooLarge(Over::One)); // a glob's wildcards are short
        }
        let parsed = ParsedRegex::parse(expression, budget.limits).map_err(MatcherError::Regex)?;
        let case_sensitive = case_sensitive.unwrap_or_else(|| parsed.has_upper());
        budget.translate(parsed.cost(), !case_sensitive).map_err(MatcherError::TooLarge)?;
        let pattern = Pattern::of_regex(&parsed, case_sensitive).map_err(MatcherError::Regex)?;
        budget.compile(pattern.hir()).map_err(MatcherError::TooLarge)?;
        Ok(Self { source, syntax, pattern, regex: OnceLock::new() })
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source && self.syntax == other.syntax && self.pattern == other.pattern
    }
}

/// Guesses what a value without quotes or slashes is meant to be: a glob if it has a wildcard and
/// nothing that only makes sense in a regular expression, or what only makes sense in a glob.
pub(crate) fn guess_syntax(value: &str) -> MatcherSyntax {
    let counts = |at: usize| value[at + 1..].starts_with(|c: char| c.is_ascii_digit());
    let has_wildcard =
        value.contains(['*', '?']) || value.match_indices('{').any(|(at, _)| !counts(at));
    let regex_only = value.contains(['\\', '^', '$', '+', '(', ')', '|'])
        || [".*", ".?", "]*", "]?"].iter().any(|part| value.contains(part));
    let glob_only = value.starts_with('*') || value.contains("[!");
    let is_glob = glob_only || (has_wildcard && !regex_only);
    if is_glob { MatcherSyntax::Glob } else { MatcherSyntax::Regex }
}
