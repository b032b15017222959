//! The rules of a shard that is built anew beside what it serves (rule f of [`super`]).
//!
//! ```text
//!   serving ──begin──▶ serving, rebuilding ──advance──▶ … ──flip──▶ serving what was rebuilt
//!                              │      ▲
//!                              └─begin┘  with a greater number: what was built so far is dropped
//! ```
//!
//! | link     | `rebuilt`     | `rebuild`                                    | `applied`, `segments` |
//! |----------|---------------|----------------------------------------------|-----------------------|
//! | begin    | as before     | a greater number, nothing applied, no segment| nothing applied       |
//! | advance  | as before     | same number, stream and target; contiguous   | nothing applied       |
//! | flip     | its number    | gone; it had reached its target              | what it had           |
//!
//! So positions are contiguous per (stream, rebuild number), and what is served changes from the one
//! to the other in a single link. A rebuild ends by a flip or by a later rebuild, never otherwise: a
//! writer that does not know of it cannot drop it.

use super::{BrokenChain, Link};
use ax_model::{Manifest, Offset, OffsetRange, Rebuild, RebuildNumber};

/// What a rebuild starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildStart {
    /// Greater than every earlier one of the shard.
    pub number: RebuildNumber,
    /// Identity of the stream that it reads.
    pub log_id: String,
    /// First position that the stream holds.
    pub from: Offset,
    /// The end of the stream now.
    pub target: Offset,
    /// Why, for people: a stable code and a sentence.
    pub reason: String,
}

impl Link {
    /// The manifest that begins a rebuild. One that is under way is dropped.
    pub fn begin_rebuild(&self, start: RebuildStart, now_ms: i64) -> Manifest {
        let rebuild = Rebuild {
            number: start.number,
            log_id: start.log_id,
            applied: OffsetRange::empty_at(start.from),
            target: start.target,
            segments: Vec::new(),
            committed_at_ms: 0,
            complete_at_ms: now_ms,
            began_at_ms: now_ms,
            reason: start.reason,
        };
        Manifest { rebuild: Some(rebuild), ..self.next(now_ms) }
    }

    /// The manifest that serves what was rebuilt; `None` while there is nothing to flip to.
    pub fn flip(&self, now_ms: i64) -> Option<Manifest> {
        let rebuild = self.manifest.rebuild.clone().filter(Rebuild::is_complete)?;
        Some(Manifest {
            rebuilt: rebuild.number,
            log_id: rebuild.log_id,
            applied: OffsetRange::empty_at(rebuild.applied.to),
            segments: rebuild.segments,
            committed_at_ms: rebuild.committed_at_ms,
            complete_at_ms: rebuild.complete_at_ms,
            rebuild: None,
            ..self.next(now_ms)
        })
    }
}

/// Checks what `next` says of positions, streams and rebuilds, after `before`.
pub(super) fn check(before: &Manifest, next: &Manifest) -> Result<(), BrokenChain> {
    if next.rebuilt != before.rebuilt {
        return check_flip(before, next);
    }
    check_served(before, next)?;
    match (&before.rebuild, &next.rebuild) {
        (None, None) => Ok(()),
        (Some(_), None) => broken("it was dropped"),
        (Some(was), Some(is)) if is.number == was.number => check_advance(was, is, next),
        (_, Some(begun)) => check_begin(before, begun, next),
    }
}

/// Rule d.
fn check_served(before: &Manifest, next: &Manifest) -> Result<(), BrokenChain> {
    if !before.applied.is_followed_by(&next.applied) {
        return Err(BrokenChain::Applied { previous: before.applied, found: next.applied });
    }
    if !before.log_id.is_empty() && before.log_id != next.log_id {
        return Err(BrokenChain::Log);
    }
    Ok(())
}

fn check_begin(before: &Manifest, begun: &Rebuild, next: &Manifest) -> Result<(), BrokenChain> {
    if begun.number <= before.last_rebuild() {
        return broken("its number is not new");
    }
    if !begun.applied.is_empty() || !begun.segments.is_empty() {
        return broken("it begins with something");
    }
    check_still(next)
}

fn check_advance(was: &Rebuild, is: &Rebuild, next: &Manifest) -> Result<(), BrokenChain> {
    if !was.applied.is_followed_by(&is.applied) {
        return Err(BrokenChain::Applied { previous: was.applied, found: is.applied });
    }
    if was.log_id != is.log_id {
        return Err(BrokenChain::Log);
    }
    if was.target != is.target {
        return broken("its target moved");
    }
    check_still(next)
}

/// While a shard is rebuilt, what it serves stands still: it has missed deletions.
fn check_still(next: &Manifest) -> Result<(), BrokenChain> {
    match next.applied.is_empty() {
        true => Ok(()),
        false => broken("what is served moved meanwhile"),
    }
}

fn check_flip(before: &Manifest, next: &Manifest) -> Result<(), BrokenChain> {
    let Some(built) = before.rebuild.as_ref().filter(|built| built.number == next.rebuilt) else {
        return broken("it was never built");
    };
    if !built.is_complete() || next.rebuild.is_some() || next.segments != built.segments {
        return broken("it is not what was built");
    }
    if next.applied != OffsetRange::empty_at(built.position()) {
        return Err(BrokenChain::Applied { previous: built.applied, found: next.applied });
    }
    if next.log_id != built.log_id {
        return Err(BrokenChain::Log);
    }
    Ok(())
}

fn broken(why: &'static str) -> Result<(), BrokenChain> {
    Err(BrokenChain::Rebuild(why))
}

#[cfg(test)]
mod tests;
