//! Finding one pattern in bytes.

use crate::{EngineError, Result};
use ax_query::{Matcher, Pattern};
use memchr::memmem;
use regex_automata::{
    Input,
    meta::{Cache, Regex},
};
use regex_syntax::hir::Hir;

/// Bytes of one compiled expression: enough for any that a person writes, and far from dangerous.
const NFA_BYTES: usize = 16 << 20;
/// Bytes of the lazy automaton's cache, per thread.
const LAZY_BYTES: usize = 8 << 20;

/// A compiled pattern. Literals take the vectorised path; all else is a regular expression over
/// bytes, since a text may hold bytes that are not UTF-8.
#[derive(Debug)]
pub(super) enum Finder {
    Literal(Box<memmem::Finder<'static>>),
    Regex(Box<Regex>),
}

impl Finder {
    pub(super) fn new(pattern: &Pattern) -> Result<Self> {
        match pattern.literal() {
            Some(literal) if pattern.case_sensitive() && !literal.is_empty() => {
                Ok(Self::Literal(Box::new(memmem::Finder::new(literal).into_owned())))
            }
            _ => Self::of_hir(pattern.hir()),
        }
    }

    /// To show where a filter on paths matches.
    pub(super) fn of_matcher(matcher: &Matcher) -> Result<Self> {
        Self::of_hir(matcher.hir())
    }

    fn of_hir(hir: &Hir) -> Result<Self> {
        let config = Regex::config()
            .utf8_empty(false)
            .nfa_size_limit(Some(NFA_BYTES))
            .hybrid_cache_capacity(LAZY_BYTES);
        let regex =
            Regex::builder().configure(config).build_from_hir(hir).map_err(|error| match error
                .size_limit()
            {
                Some(limit) => EngineError::RegexTooLarge(format!("needs more than {limit} bytes")),
                None => EngineError::RegexInvalid(error.to_string()),
            })?;
        Ok(Self::Regex(Box::new(regex)))
    }

    /// What a thread needs to search.
    pub(super) fn create_cache(&self) -> Option<Cache> {
        match self {
            Self::Literal(_) => None,
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
            Self::Regex(regex) => {
                let cache = cache.get_or_insert_with(|| regex.create_cache());
                let found = regex.search_with(cache, &Input::new(text).span(start..end))?;
                Some((found.start(), found.end()))
            }
        }
    }
}
