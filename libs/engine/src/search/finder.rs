//! Finding one pattern in bytes.

use super::{
    folded::Folded,
    needed::Needed,
    pace::{Pace, WORK_PER_LOOK},
    steps::{self, Steps},
};
use crate::{EngineError, Result};
use ax_query::{Matcher, Pattern, PatternSyntax};
use memchr::memmem;
use regex_automata::{
    Input,
    meta::{Cache, Regex},
    nfa::thompson::WhichCaptures,
};
use regex_syntax::hir::{Class, Hir, HirKind};
use std::sync::OnceLock;

/// Bytes of one compiled expression: the second line of defence behind the estimate of its states.
const NFA_BYTES: usize = 8 << 20;
/// Bytes of the lazy automata of all expressions of a query, per thread; each has its share.
const LAZY_BYTES: usize = 64 << 20;
/// The most and the least that one has.
const MOST_LAZY_BYTES: usize = 8 << 20;
const LEAST_LAZY_BYTES: usize = 64 << 10;
/// Bytes of a block, about.
const BLOCK_BYTES: u64 = 8 << 10;
/// Blocks searched at once, at most.
const MOST_BLOCKS: u64 = 64;

/// A compiled pattern. Literals take the vectorised path; all else is a regular expression over
/// bytes, since a text may hold bytes that are not UTF-8.
#[derive(Debug)]
pub(super) enum Finder {
    Literal(Box<memmem::Finder<'static>>),
    /// A literal in either case.
    Folded(Box<Folded>),
    Regex(Box<Expression>),
}

/// A regular expression.
#[derive(Debug)]
pub(super) struct Expression {
    regex: Regex,
    hir: Hir,
    /// Threads that it may have side by side: what a byte may cost.
    weight: u64,
    lazy_bytes: usize,
    needed: Option<Needed>,
    /// For what is too long to be searched at once.
    steps: OnceLock<Option<Steps>>,
}

/// What a thread needs to search for one pattern; made when it is first needed.
#[derive(Default)]
pub(crate) struct Memory {
    regex: Option<Cache>,
    steps: Option<Box<steps::Memory>>,
}

impl Finder {
    /// How it finds, for people.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Literal(_) => "literal",
            Self::Folded(_) => "literal in either case",
            Self::Regex(_) => "regular expression",
        }
    }

    /// Compiles one of `num` patterns of a query.
    pub(super) fn new(pattern: &Pattern, num: usize) -> Result<Self> {
        // A regular expression may say for parts of itself whether case counts.
        let as_typed = pattern.case_sensitive() || pattern.syntax() == PatternSyntax::Literal;
        let literal = pattern.literal().filter(|literal| !literal.is_empty() && as_typed);
        if let HirKind::Literal(literal) = pattern.hir().kind() {
            return Ok(Self::literal(&literal.0)); // nothing in it has two cases
        }
        if let Some(literal) = literal.filter(|_| pattern.case_sensitive()) {
            return Ok(Self::literal(literal));
        }
        if let Some(folded) = literal.and_then(Folded::new) {
            return Ok(Self::Folded(Box::new(folded)));
        }
        Ok(Self::Regex(Box::new(Expression::new(pattern.hir(), num)?)))
    }

    fn literal(literal: &[u8]) -> Self {
        Self::Literal(Box::new(memmem::Finder::new(literal).into_owned()))
    }

    /// A filter on names.
    pub(super) fn of_matcher(matcher: &Matcher, num: usize) -> Result<Self> {
        let regex = matcher.compile().map_err(|error| EngineError::refused(&error))?.clone();
        Ok(Self::Regex(Box::new(Expression::of(regex, matcher.hir(), num))))
    }

    /// Blocks that may be searched at once, so that a look at the clock is never far.
    pub(super) fn blocks_at_once(&self) -> u32 {
        let weight = match self {
            Self::Literal(_) | Self::Folded(_) => 1,
            Self::Regex(expression) => expression.weight,
        };
        (WORK_PER_LOOK / BLOCK_BYTES / weight).clamp(1, MOST_BLOCKS) as u32
    }

    /// False when a quick look says that no match lies within `text`.
    pub(super) fn may_be_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Literal(_) | Self::Folded(_) => true,
            Self::Regex(expression) => {
                expression.needed.as_ref().is_none_or(|needed| needed.is_in(text))
            }
        }
    }

    /// The end of a match on the first line that has one, of a pattern that stays within a line. Where it
    /// begins is not looked for, nor whether it could be longer.
    pub(super) fn find_on_line(
        &self,
        memory: &mut Memory,
        text: &[u8],
        start: usize,
        end: usize,
        pace: &Pace<'_>,
    ) -> Option<usize> {
        match self {
            Self::Literal(_) | Self::Folded(_) => {
                self.find(memory, text, start, end, pace).map(|(_, to)| to)
            }
            Self::Regex(expression) => expression.find_on_line(memory, text, start, end, pace),
        }
    }

    /// The first match in a name that is not empty: a pattern that matches everywhere, as `x*`
    /// does, is no reason to list every path.
    pub(super) fn find_some(
        &self,
        memory: &mut Memory,
        name: &[u8],
        pace: &Pace<'_>,
    ) -> Option<(usize, usize)> {
        let mut at = 0;
        while at <= name.len() {
            let (start, end) = self.find(memory, name, at, name.len(), pace)?;
            if start < end {
                return Some((start, end));
            }
            at = end + 1;
        }
        None
    }

    /// The first match within `[start, end)` of `text`, which is seen around the range by anchors
    /// and word boundaries. None once time is up; who gave `pace` knows that it is.
    pub(super) fn find(
        &self,
        memory: &mut Memory,
        text: &[u8],
        start: usize,
        end: usize,
        pace: &Pace<'_>,
    ) -> Option<(usize, usize)> {
        match self {
            Self::Literal(finder) => {
                let at = start + finder.find(&text[start..end])?;
                Some((at, at + finder.needle().len()))
            }
            Self::Folded(folded) => {
                let (from, to) = folded.find(&text[start..end], pace)?;
                Some((start + from, start + to))
            }
            Self::Regex(expression) => expression.find(memory, text, start, end, pace),
        }
    }
}

impl Expression {
    fn new(hir: &Hir, num: usize) -> Result<Self> {
        let config = Regex::config()
            .utf8_empty(false)
            .which_captures(WhichCaptures::Implicit)
            .nfa_size_limit(Some(NFA_BYTES))
            .hybrid_cache_capacity(share_of(num));
        let regex = Regex::builder().configure(config).build_from_hir(hir);
        Ok(Self::of(regex.map_err(|error| EngineError::refused(&error))?, hir, num))
    }

    fn of(regex: Regex, hir: &Hir, num: usize) -> Self {
        let weight = num_threads(hir).max(1);
        let (hir, lazy_bytes) = (hir.clone(), share_of(num));
        let needed = Needed::of(&hir);
        Self { regex, hir, weight, lazy_bytes, needed, steps: OnceLock::new() }
    }

    fn find(
        &self,
        memory: &mut Memory,
        text: &[u8],
        start: usize,
        end: usize,
        pace: &Pace<'_>,
    ) -> Option<(usize, usize)> {
        let work = self.weight.saturating_mul((end - start) as u64);
        let steps = || Steps::new(&self.hir, self.weight, self.lazy_bytes);
        if work > WORK_PER_LOOK
            && let Some(steps) = self.steps.get_or_init(steps)
        {
            let memory = memory.steps.get_or_insert_with(|| Box::new(steps.create_memory()));
            return steps.find(memory, text, start..end, pace);
        }
        let cache = self.cache(memory, work, pace)?;
        let found = self.regex.search_with(cache, &Input::new(text).span(start..end))?;
        Some((found.start(), found.end()))
    }

    /// The automaton's memory, for so much work; none once time is up.
    fn cache<'m>(
        &self,
        memory: &'m mut Memory,
        work: u64,
        pace: &Pace<'_>,
    ) -> Option<&'m mut Cache> {
        pace.go_on(work).then(|| memory.regex.get_or_insert_with(|| self.regex.create_cache()))
    }

    fn find_on_line(
        &self,
        memory: &mut Memory,
        text: &[u8],
        start: usize,
        end: usize,
        pace: &Pace<'_>,
    ) -> Option<usize> {
        let work = self.weight.saturating_mul((end - start) as u64);
        if work > WORK_PER_LOOK {
            return self.find(memory, text, start, end, pace).map(|(_, to)| to);
        }
        let cache = self.cache(memory, work, pace)?;
        let input = Input::new(text).span(start..end).earliest(true);
        Some(self.regex.search_half_with(cache, &input)?.offset())
    }
}

fn share_of(num: usize) -> usize {
    (LAZY_BYTES / num.max(1)).clamp(LEAST_LAZY_BYTES, MOST_LAZY_BYTES)
}

/// How many places of an expression a search may be at, at once. A class of characters counts for the
/// bytes of one of them.
fn num_threads(hir: &Hir) -> u64 {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        HirKind::Class(Class::Unicode(class)) if !class.is_ascii() => 4,
        HirKind::Class(_) => 1,
        HirKind::Capture(capture) => num_threads(&capture.sub),
        HirKind::Repetition(repetition) => {
            let copies = repetition.max.unwrap_or(repetition.min).max(1);
            num_threads(&repetition.sub).saturating_add(1).saturating_mul(copies.into())
        }
        HirKind::Concat(subs) | HirKind::Alternation(subs) => {
            subs.iter().map(num_threads).fold(0, u64::saturating_add)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_query::{Atom, Expr, Limits};
    use proptest::{collection::vec, prelude::*};

    fn expression(regex: &str) -> Expression {
        let query = ax_query::parse(&format!("content:/{regex}/"), &Limits::default()).unwrap();
        let Expr::Atom(Atom::Text { pattern, .. }) = query.expr else { panic!("{regex}") };
        Expression::new(pattern.hir(), 1).unwrap()
    }

    /// All matches step by step, with a prefilter where there is one.
    fn stepwise(expression: &Expression, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let steps = Steps::new(&expression.hir, expression.weight, 1 << 10).unwrap();
        let mut memory = steps.create_memory();
        steps.find(&mut memory, text, from..text.len(), &Pace::new(&|| false))
    }

    fn at_once(expression: &Expression, text: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = expression.regex.search(&Input::new(text).range(from..))?;
        Some((found.start(), found.end()))
    }

    const PARTS: &[&str] = &[
        "a",
        "b",
        "é",
        "k",
        ".",
        "[^b]",
        r"\b",
        r"\B",
        "^",
        "$",
        r"\w",
        r"\s",
        "(?s:.)",
        r"\n",
        "a*",
        "b+?",
        "(?:ab|a)",
        "(?:|b)",
        "a{2,3}",
        r"\b{start}",
        r"(?-u:\b)",
        "foo",
        "é?",
        r"\w+",
        "(?-u:[^a])",
    ];

    const PIECES: &[&[u8]] = &[b"a", b"b", b"k", "é".as_bytes(), b"\xff", b"\n", b" ", b"foo"];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn steps_find_what_one_search_finds(
            parts in vec(prop::sample::select(PARTS), 1..6),
            text in vec(prop::sample::select(PIECES), 0..24),
            from: prop::sample::Index,
        ) {
            let (expression, text) = (expression(&parts.concat()), text.concat());
            let from = from.index(text.len() + 1);
            prop_assert_eq!(stepwise(&expression, &text, from), at_once(&expression, &text, from), "{:?} {:?}", parts, text);
        }
    }

    #[test]
    fn heavy_searches_look_at_the_clock_often_and_stop() {
        let mut line: Vec<u8> = Vec::new();
        let mut random = 7u32;
        while line.len() < 1 << 20 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            line.push(b"ab cdef_="[(random >> 24) as usize % 9]);
            if line.len().is_multiple_of(64) {
                line.extend("é".as_bytes()); // where Unicode's word boundaries begin to matter
            }
        }
        for regex in ["[ab].{300}Z", r"\b[ab].{200}\bZ"] {
            let expression = expression(regex);
            let looks = std::cell::Cell::new(0);
            let stop = || {
                looks.set(looks.get() + 1);
                looks.get() == 5
            };
            let (mut memory, pace) = (Memory::default(), Pace::new(&stop));
            assert_eq!(expression.find(&mut memory, &line, 0, line.len(), &pace), None, "{regex}");
            assert_eq!(looks.get(), 5, "{regex}");
        }
    }

    #[test]
    fn weights_follow_what_may_run_side_by_side() {
        let weight = |regex: &str| expression(regex).weight;
        assert_eq!(weight("foo.*bar"), 3 + 5 + 3);
        assert_eq!(weight("(?-u)[a-z]{100}"), 200);
        assert!(weight(r"\bfn\s+\w+_config\b") < 40);
        assert!(weight("(a?){1000}a{1000}") > 2_000);
    }
}
