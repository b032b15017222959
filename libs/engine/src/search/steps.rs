//! Searching a long stretch of text for an expression, step by step, with looks at the clock.
//!
//! The `regex` crate's searches run to their end: one over a line of 20 MB, or of an expression whose
//! automaton does not fit into memory, may take minutes. Here the same lazy automaton is driven one byte
//! at a time. A step that is known costs a unit of work; one that must be computed costs as much as the
//! expression has threads, so that the looks stay near one another also when no state is ever met twice.
//! The automaton never gives up: when its memory is full it forgets, and goes on.
//!
//! It cannot tell Unicode's word boundaries next to bytes outside of ASCII. Then [`threads`] simulates the
//! expression, which takes longer and knows everything.
//!
//! [`threads`]: super::threads

use super::{pace::Pace, threads};
use regex_automata::{
    Anchored, Input, MatchKind, Span,
    hybrid::{
        LazyStateID,
        dfa::{Cache, DFA},
    },
    nfa::thompson::{NFA, WhichCaptures},
    util::prefilter::Prefilter,
};
use regex_syntax::hir::Hir;
use std::ops::Range;

/// Bytes that a prefilter looks at in the time of one unit of work.
const BYTES_PER_UNIT: u64 = 16;

/// An expression, compiled to be searched for step by step.
#[derive(Debug)]
pub(super) struct Steps {
    forward: DFA,
    reverse: DFA,
    prefilter: Option<Prefilter>,
    /// Work of a step that must be computed.
    weight: u64,
}

/// What a thread needs to search.
pub(super) struct Memory {
    forward: Cache,
    reverse: Cache,
    threads: threads::Memory,
}

/// Why a search ends without an answer.
enum Halt {
    /// Time is up.
    Late,
    /// The automaton cannot tell.
    Unclear,
}

impl Steps {
    /// `None` if an automaton cannot be built from so few bytes of memory, which are raised as needed.
    pub(super) fn new(hir: &Hir, weight: u64, lazy_bytes: usize) -> Option<Self> {
        let prefilter = Prefilter::from_hir_prefix(MatchKind::LeftmostFirst, hir);
        let build = |reverse: bool, kind: MatchKind| {
            let nfa = NFA::config().utf8(false).which_captures(WhichCaptures::None);
            let nfa = NFA::compiler().configure(nfa.reverse(reverse)).build_from_hir(hir).ok()?;
            let config = DFA::config()
                .match_kind(kind)
                .unicode_word_boundary(true)
                .specialize_start_states(!reverse && prefilter.is_some())
                .cache_capacity(lazy_bytes)
                .skip_cache_capacity_check(true);
            DFA::builder().configure(config).build_from_nfa(nfa).ok()
        };
        let forward = build(false, MatchKind::LeftmostFirst)?;
        Some(Self { forward, reverse: build(true, MatchKind::All)?, prefilter, weight })
    }

    pub(super) fn create_memory(&self) -> Memory {
        Memory {
            forward: self.forward.create_cache(),
            reverse: self.reverse.create_cache(),
            threads: threads::Memory::new(self.forward.get_nfa()),
        }
    }

    /// The first match within `range`; none when time is up, which `pace` has told its owner.
    pub(super) fn find(
        &self,
        memory: &mut Memory,
        text: &[u8],
        range: Range<usize>,
        pace: &Pace<'_>,
    ) -> Option<(usize, usize)> {
        let found = self.end_of_match(&mut memory.forward, text, range.clone(), pace);
        let found = found.and_then(|end| match end {
            None => Ok(None),
            Some(end) => {
                let start =
                    self.start_of_match(&mut memory.reverse, text, range.start..end, pace)?;
                Ok(Some((start, end)))
            }
        });
        match found {
            Ok(found) => found,
            Err(Halt::Late) => None,
            Err(Halt::Unclear) => {
                let nfa = self.forward.get_nfa();
                threads::find(nfa, &mut memory.threads, text, range, pace)
            }
        }
    }

    fn end_of_match(
        &self,
        cache: &mut Cache,
        text: &[u8],
        range: Range<usize>,
        pace: &Pace<'_>,
    ) -> Result<Option<usize>, Halt> {
        let start_at = |cache: &mut Cache, at: usize| {
            let input = Input::new(text).span(at..range.end).anchored(Anchored::No);
            self.forward.start_state_forward(cache, &input).map_err(|_| Halt::Unclear)
        };
        let mut state = start_at(cache, range.start)?;
        let (mut last, mut at) = (None, range.start);
        while at < range.end {
            if let Some(prefilter) = &self.prefilter
                && state.is_start()
                && last.is_none()
            {
                let Some(next) = prefilter.find(text, Span::from(at..range.end)) else {
                    return Ok(None);
                };
                late_unless(pace.go_on((next.start - at) as u64 / BYTES_PER_UNIT))?;
                if next.start > at {
                    at = next.start;
                    state = start_at(cache, at)?;
                }
            }
            state = self.step(&self.forward, cache, state, text[at], pace)?;
            if state.is_match() {
                last = Some(at); // the automaton tells one byte late
            } else if state.is_dead() {
                return Ok(last);
            }
            at += 1;
        }
        state = at_edge(&self.forward, cache, state, text.get(range.end).copied())?;
        Ok(if state.is_match() { Some(range.end) } else { last })
    }

    fn start_of_match(
        &self,
        cache: &mut Cache,
        text: &[u8],
        range: Range<usize>,
        pace: &Pace<'_>,
    ) -> Result<usize, Halt> {
        let input = Input::new(text).span(range.clone()).anchored(Anchored::Yes);
        let start = self.reverse.start_state_reverse(cache, &input);
        let mut state = start.map_err(|_| Halt::Unclear)?;
        let mut first = None;
        for at in range.clone().rev() {
            state = self.step(&self.reverse, cache, state, text[at], pace)?;
            if state.is_match() {
                first = Some(at + 1);
            } else if state.is_dead() {
                return first.ok_or(Halt::Unclear);
            }
        }
        let before = range.start.checked_sub(1).map(|before| text[before]);
        state = at_edge(&self.reverse, cache, state, before)?;
        let first = if state.is_match() { Some(range.start) } else { first };
        first.ok_or(Halt::Unclear) // the forward search found one: cannot be
    }

    fn step(
        &self,
        dfa: &DFA,
        cache: &mut Cache,
        state: LazyStateID,
        byte: u8,
        pace: &Pace<'_>,
    ) -> Result<LazyStateID, Halt> {
        if !state.is_tagged() {
            let next = dfa.next_state_untagged(cache, state, byte);
            if !next.is_unknown() {
                late_unless(pace.go_on(1))?;
                return known(next);
            }
        }
        late_unless(pace.go_on(self.weight))?;
        known(dfa.next_state(cache, state, byte).map_err(|_| Halt::Unclear)?)
    }
}

/// The state once the byte beyond the range, or the end of the text, is seen.
fn at_edge(
    dfa: &DFA,
    cache: &mut Cache,
    state: LazyStateID,
    byte: Option<u8>,
) -> Result<LazyStateID, Halt> {
    let next = match byte {
        Some(byte) => dfa.next_state(cache, state, byte),
        None => dfa.next_eoi_state(cache, state),
    };
    known(next.map_err(|_| Halt::Unclear)?)
}

fn known(state: LazyStateID) -> Result<LazyStateID, Halt> {
    if state.is_quit() { Err(Halt::Unclear) } else { Ok(state) }
}

fn late_unless(goes_on: bool) -> Result<(), Halt> {
    if goes_on { Ok(()) } else { Err(Halt::Late) }
}
