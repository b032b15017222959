//! Which call fails, and how.

use object_store::{PutMode, PutPayload, path::Path};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{collections::BTreeMap, time::Duration};

/// A kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// A conditional creation.
    Create,
    /// A write that replaces.
    Replace,
    /// A read.
    Get,
    /// A look at an object's length.
    Head,
    /// A listing.
    List,
    /// A deletion.
    Delete,
    /// The start of an upload in parts.
    StartUpload,
    /// One part.
    Part,
    /// The end of an upload in parts, after which the object is there.
    EndUpload,
}

impl Op {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Create,
        Self::Replace,
        Self::Get,
        Self::Head,
        Self::List,
        Self::Delete,
        Self::StartUpload,
        Self::Part,
        Self::EndUpload,
    ];
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No answer, and nothing happened.
    TimeoutBefore,
    /// No answer, and it happened.
    TimeoutAfter,
    /// No answer, and a write arrives after this many more calls, or at [`super::FaultStore::deliver`].
    Late(u32),
    /// 412 though the name was free, and nothing happened: two requests met.
    RefusedBefore,
    /// 412 because the client below tried twice, and the first try succeeded.
    RefusedAfter,
    /// 503, and nothing happened.
    Unavailable,
    /// No space is left, and nothing happened.
    Full,
    /// The answer takes this long.
    Slow(Duration),
    /// The second half of the bytes read is missing.
    Truncated,
    /// One bit of the bytes read is wrong.
    FlippedBit,
    /// The caller's process dies before the call: this and every later call fails.
    DieBefore,
    /// The caller's process dies after the call took effect.
    DieAfter,
    /// The store ignores the condition of a creation, as some do.
    ConditionIgnored,
    /// The store checks the condition and writes in two steps, as some do.
    ConditionRaces,
}

/// Makes certain calls fail.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The kind of call; `None` for any.
    pub op: Option<Op>,
    /// A part of the object's name; empty for any.
    pub path: String,
    /// How many such calls pass first.
    pub skip: u32,
    /// How many fail then.
    pub times: u32,
    /// How they fail.
    pub fault: Fault,
}

impl Rule {
    /// The next such call fails.
    pub fn next(op: Op, path: impl Into<String>, fault: Fault) -> Self {
        Self { op: Some(op), path: path.into(), skip: 0, times: 1, fault }
    }

    /// The call after `skip` others fails, whatever it is.
    pub fn nth(skip: u32, fault: Fault) -> Self {
        Self { op: None, path: String::new(), skip, times: 1, fault }
    }

    /// Every such call fails.
    pub fn always(op: Op, path: impl Into<String>, fault: Fault) -> Self {
        Self { times: u32::MAX, ..Self::next(op, path, fault) }
    }
}

/// Makes calls fail by chance, the same ones for the same seed.
#[derive(Debug)]
pub struct Chaos {
    rng: StdRng,
    per_mille: u32,
    faults: Vec<Fault>,
}

impl Chaos {
    /// Of a thousand calls, `per_mille` fail, each in one of these ways.
    pub fn new(seed: u64, per_mille: u32, faults: &[Fault]) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), per_mille, faults: faults.to_vec() }
    }

    fn pick(&mut self) -> Option<Fault> {
        let fails = self.rng.random_range(0..1000) < self.per_mille;
        fails.then(|| self.faults.choose(&mut self.rng).copied()).flatten()
    }
}

/// What went through a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls by kind.
    pub calls: BTreeMap<Op, u64>,
    /// Bytes written by calls that said so.
    pub bytes_in: u64,
    /// Bytes of objects whose reading began.
    pub bytes_out: u64,
}

impl Counts {
    /// Calls of one kind.
    pub fn of(&self, op: Op) -> u64 {
        self.calls.get(&op).copied().unwrap_or(0)
    }

    /// Calls of every kind.
    pub fn total(&self) -> u64 {
        self.calls.values().sum()
    }
}

/// A write on its way.
#[derive(Debug)]
pub(super) struct Late {
    pub(super) path: Path,
    pub(super) payload: PutPayload,
    pub(super) mode: PutMode,
    pub(super) calls: u32,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) rules: Vec<Rule>,
    pub(super) chaos: Option<Chaos>,
    pub(super) dead: bool,
    pub(super) late: Vec<Late>,
    pub(super) counts: Counts,
}

impl State {
    /// Counts a call and picks its fault.
    pub(super) fn enter(&mut self, op: Op, path: &str) -> Option<Fault> {
        *self.counts.calls.entry(op).or_default() += 1;
        if self.dead {
            return Some(Fault::DieBefore);
        }
        let fault = match self.rule(op, path) {
            None => self.chaos.as_mut().and_then(Chaos::pick),
            fault => fault,
        };
        self.dead = matches!(fault, Some(Fault::DieBefore | Fault::DieAfter));
        fault
    }

    fn rule(&mut self, op: Op, path: &str) -> Option<Fault> {
        let fits = |rule: &&mut Rule| {
            rule.op.is_none_or(|o| o == op) && rule.times > 0 && path.contains(&rule.path)
        };
        let rule = self.rules.iter_mut().find(fits)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= u32::from(rule.times != u32::MAX);
        Some(rule.fault)
    }

    /// The late writes whose time has come.
    pub(super) fn take_due(&mut self) -> Vec<Late> {
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|write| write.calls == 0);
        self.late = later;
        self.late.iter_mut().for_each(|write| write.calls -= 1);
        due
    }
}
