//! A plain simulation of an expression: every thread of it side by side, in order of preference.
//!
//! It is slow, and it is what decides when nothing faster can: for word boundaries of Unicode in a long
//! stretch of text. Other than the one of the `regex` crate, it looks at the clock.

use super::pace::Pace;
use regex_automata::{
    nfa::thompson::{NFA, State},
    util::primitives::StateID,
};
use std::ops::Range;

/// Units of work that a thread costs per byte, with what it reaches without one.
const WORK_PER_THREAD: u64 = 4;

/// A thread: where it stands, and where its match began.
type Thread = (StateID, usize);

/// Lists of threads, kept from search to search.
#[derive(Default)]
pub(super) struct Memory {
    now: Vec<Thread>,
    next: Vec<Thread>,
    stack: Vec<StateID>,
    /// Per state, the number of the list that it was last put on.
    seen: Vec<u64>,
    list: u64,
}

impl Memory {
    pub(super) fn new(nfa: &NFA) -> Self {
        Self { seen: vec![0; nfa.states().len()], ..Self::default() }
    }
}

/// The first match within `range`; none when time is up.
pub(super) fn find(
    nfa: &NFA,
    memory: &mut Memory,
    text: &[u8],
    range: Range<usize>,
    pace: &Pace<'_>,
) -> Option<(usize, usize)> {
    let mut found = None;
    memory.now.clear();
    memory.list += 1;
    for at in range.start..=range.end {
        if found.is_some() && memory.now.is_empty() {
            break;
        }
        if found.is_none() {
            // the list that is worked off has the number of now: earlier beginnings go before
            let Memory { now, stack, seen, list, .. } = memory;
            follow(nfa, (nfa.start_anchored(), at), text, at, (now, stack, seen, *list));
        }
        if !pace.go_on(memory.now.len() as u64 * WORK_PER_THREAD + 1) {
            return None;
        }
        memory.list += 1;
        memory.next.clear();
        let Memory { now, next, stack, seen, list } = memory;
        for (state, start) in now.iter().copied() {
            if let State::Match { .. } = nfa.state(state) {
                found = Some((start, at)); // whatever comes after it is less preferred
                break;
            }
            let target = if at < range.end { target_of(nfa.state(state), text[at]) } else { None };
            if let Some(target) = target {
                follow(nfa, (target, start), text, at + 1, (next, stack, seen, *list));
            }
        }
        std::mem::swap(now, next);
    }
    found
}

/// Where a thread goes with a byte.
fn target_of(state: &State, byte: u8) -> Option<StateID> {
    match state {
        State::ByteRange { trans } => trans.matches_byte(byte).then_some(trans.next),
        State::Sparse(transitions) => transitions.matches_byte(byte),
        State::Dense(transitions) => transitions.matches_byte(byte),
        _ => None,
    }
}

/// Puts on the list whatever a thread reaches without a byte, the preferred first.
fn follow(
    nfa: &NFA,
    (state, start): Thread,
    text: &[u8],
    at: usize,
    (threads, stack, seen, list): (&mut Vec<Thread>, &mut Vec<StateID>, &mut [u64], u64),
) {
    stack.push(state);
    while let Some(state) = stack.pop() {
        if std::mem::replace(&mut seen[state.as_usize()], list) == list {
            continue;
        }
        match nfa.state(state) {
            State::Look { look, next } => {
                if nfa.look_matcher().matches(*look, text, at) {
                    stack.push(*next);
                }
            }
            State::Union { alternates } => stack.extend(alternates.iter().rev()),
            State::BinaryUnion { alt1, alt2 } => stack.extend([*alt2, *alt1]),
            State::Capture { next, .. } => stack.push(*next),
            State::Fail => {}
            _ => threads.push((state, start)),
        }
    }
}
