//! Finding one pattern in bytes.

use super::folded::{Folded, Sought};
use crate::{EngineError, Result};
use ax_query::{Matcher, Pattern, PatternSyntax};
use memchr::memmem;
use regex_automata::{
    Input,
    meta::{Cache, Regex},
};
use regex_syntax::hir::{Hir, HirKind};

/// Bytes of one compiled expression: enough for any that a person writes, and far from dangerous.
const NFA_BYTES: usize = 16 << 20;
/// Bytes of the lazy automaton's cache, per thread.
const LAZY_BYTES: usize = 8 << 20;

/// A compiled pattern. Literals take the vectorised path; all else is a regular expression over
/// bytes, since a text may hold bytes that are not UTF-8.
#[derive(Debug)]
pub(super) enum Finder {
    Literal(Box<memmem::Finder<'static>>),
    /// A literal in either case; the regular expression knows letters outside of ASCII.
    Folded(Box<Folded>, Box<Regex>),
    Regex(Box<Regex>),
}

impl Finder {
    pub(super) fn new(pattern: &Pattern) -> Result<Self> {
        // A regular expression may say for parts of itself whether case counts.
        let as_typed = pattern.case_sensitive() || pattern.syntax() == PatternSyntax::Literal;
        let literal = pattern.literal().filter(|literal| !literal.is_empty() && as_typed);
        if let HirKind::Literal(literal) = pattern.hir().kind() {
            return Ok(Self::literal(&literal.0)); // nothing in it has two cases
        }
        match literal {
            Some(literal) if pattern.case_sensitive() => Ok(Self::literal(literal)),
            Some(literal) => Ok(match Folded::new(literal) {
                Some(folded) => Self::Folded(Box::new(folded), Box::new(compile(pattern.hir())?)),
                None => Self::of_hir(pattern.hir())?,
            }),
            None => Self::of_hir(pattern.hir()),
        }
    }

    fn literal(literal: &[u8]) -> Self {
        Self::Literal(Box::new(memmem::Finder::new(literal).into_owned()))
    }

    /// To show where a filter on paths matches.
    pub(super) fn of_matcher(matcher: &Matcher) -> Result<Self> {
        Self::of_hir(matcher.hir())
    }

    fn of_hir(hir: &Hir) -> Result<Self> {
        Ok(Self::Regex(Box::new(compile(hir)?)))
    }

    /// What a thread needs to search.
    pub(super) fn create_cache(&self) -> Option<Cache> {
        match self {
            Self::Literal(_) | Self::Folded(..) => None,
            Self::Regex(regex) => Some(regex.create_cache()),
        }
    }

    /// The first match in a name that is not empty: a pattern that matches everywhere, as `x*`
    /// does, is no reason to list every path.
    pub(super) fn find_some(
        &self,
        cache: &mut Option<Cache>,
        name: &[u8],
    ) -> Option<(usize, usize)> {
        let mut at = 0;
        while at <= name.len() {
            let (start, end) = self.find(cache, name, at, name.len())?;
            if start < end {
                return Some((start, end));
            }
            at = end + 1;
        }
        None
    }

    /// The first match within `[start, end)` of `text`, which is seen around the range by anchors
    /// and word boundaries.
    pub(super) fn find(
        &self,
        cache: &mut Option<Cache>,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> Option<(usize, usize)> {
        match self {
            Self::Literal(finder) => {
                let at = start + finder.find(&text[start..end])?;
                Some((at, at + finder.needle().len()))
            }
            Self::Folded(folded, regex) => match folded.find(&text[start..end]) {
                Sought::At(at) => Some((start + at, start + at + folded.len())),
                Sought::Nowhere => None,
                Sought::Unclear => find_regex(regex, cache, text, start, end),
            },
            Self::Regex(regex) => find_regex(regex, cache, text, start, end),
        }
    }
}

fn find_regex(
    regex: &Regex,
    cache: &mut Option<Cache>,
    text: &[u8],
    start: usize,
    end: usize,
) -> Option<(usize, usize)> {
    let cache = cache.get_or_insert_with(|| regex.create_cache());
    let found = regex.search_with(cache, &Input::new(text).span(start..end))?;
    Some((found.start(), found.end()))
}

fn compile(hir: &Hir) -> Result<Regex> {
    let config = Regex::config()
        .utf8_empty(false)
        .nfa_size_limit(Some(NFA_BYTES))
        .hybrid_cache_capacity(LAZY_BYTES);
    Regex::builder().configure(config).build_from_hir(hir).map_err(|error| {
        match error.size_limit() {
            Some(limit) => EngineError::RegexTooLarge(format!("needs more than {limit} bytes")),
            None => EngineError::RegexInvalid(error.to_string()),
        }
    })
}
