//! Forgetting what is replaced.
//!
//! A pass has two halves. The first walks the heads that no pass has seen yet and notes the last
//! position of each key, up to a bound on memory; `reached` is how far it came. The second walks all
//! heads before `reached` and drops each record that a later one of its key replaces, and tombstones
//! past their retention. Passes repeat until one reaches `upto`.
//!
//! The walk goes from old to new, so a tombstone goes after everything it deletes: a crash between
//! leaves a tombstone too many, never a deleted document.

use super::Shared;
use super::format::{self, Cleaning, Head};
use super::reader::damaged;
use crate::LogError;
use bytes::Bytes;
use redb::ReadTransaction;
use std::collections::HashMap;

/// Bytes of keys noted in one pass; with the map's own overhead some 100 MiB at most.
const MAX_NOTED_BYTES: usize = 32 << 20;
/// What a key costs in the map beyond its bytes, so that many short keys are bounded as well.
const KEY_OVERHEAD_BYTES: usize = 64;
/// Heads looked at in one transaction: appends wait for one such step at most.
const STEP_HEADS: usize = 8192;

/// What compaction did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Records dropped since a later one of their key replaces them.
    pub num_replaced: u64,
    /// Tombstones dropped since their retention was over.
    pub num_tombstones: u64,
}

/// Compacts `partition` before `upto`.
pub(super) fn compact(
    shared: &Shared,
    partition: u32,
    upto: u64,
    now_ms: i64,
) -> Result<Compacted, LogError> {
    let retention_ms = i64::try_from(shared.config.tombstone_retention.as_millis());
    let expired_before_ms = now_ms.saturating_sub(retention_ms.unwrap_or(i64::MAX));
    let upto = upto.min(*shared.ends[partition as usize].borrow());
    let cleaning = shared.disk.read(|txn| format::cleaning(txn, partition))?;
    let total = Compacted::default();
    let mut pass = Pass { shared, partition, expired_before_ms, cleaning, total };
    loop {
        let noted = pass.note(upto)?;
        pass.sweep(&noted)?;
        pass.finish(noted.reached)?;
        if noted.reached >= upto {
            metrics::counter!("ax_changes_compacted_records_total")
                .increment(pass.total.num_replaced + pass.total.num_tombstones);
            return Ok(pass.total);
        }
    }
}

struct Pass<'a> {
    shared: &'a Shared,
    partition: u32,
    expired_before_ms: i64,
    cleaning: Cleaning,
    total: Compacted,
}

/// The last position of each key among heads not seen before.
struct Noted {
    last: HashMap<Bytes, u64>,
    reached: u64,
}

/// Records to drop.
#[derive(Default)]
struct Step {
    replaced: Vec<u64>,
    tombstones: Vec<u64>,
    next: u64,
}

impl Pass<'_> {
    fn note(&self, upto: u64) -> Result<Noted, LogError> {
        let from = self.cleaning.cleaned.min(upto);
        let noted = self.shared.disk.read(|txn| note(txn, self.partition, from, upto))?;
        noted.ok_or_else(|| damaged(self.partition, from))
    }

    fn sweep(&mut self, noted: &Noted) -> Result<(), LogError> {
        let mut at = 0;
        while at < noted.reached {
            let look = |txn: &ReadTransaction| self.look(txn, noted, at);
            let step = self.shared.disk.read(look)?;
            let step = step.ok_or_else(|| damaged(self.partition, at))?;
            at = step.next;
            self.forget(&step)?;
        }
        Ok(())
    }

    fn look(
        &self,
        txn: &ReadTransaction,
        noted: &Noted,
        from: u64,
    ) -> Result<Option<Step>, redb::Error> {
        let heads = txn.open_table(format::HEADS)?;
        let mut step = Step { next: noted.reached, ..Step::default() };
        let range = (self.partition, from)..(self.partition, noted.reached);
        for (seen, entry) in heads.range(range)?.enumerate() {
            let (place, head) = entry?;
            let (_, offset) = place.value();
            if seen == STEP_HEADS {
                step.next = offset;
                break;
            }
            let Some(head) = Head::from_bytes(head.value()) else { return Ok(None) };
            if noted.last.get(&head.key).is_some_and(|last| *last > offset) {
                step.replaced.push(offset);
            } else if head.is_tombstone() && head.timestamp_ms <= self.expired_before_ms {
                step.tombstones.push(offset);
            }
        }
        Ok(Some(step))
    }

    fn forget(&mut self, step: &Step) -> Result<(), LogError> {
        let doomed = || step.replaced.iter().chain(&step.tombstones);
        if doomed().next().is_none() {
            return Ok(());
        }
        let last = step.tombstones.last().map_or(0, |last| last + 1);
        let cleaning = Cleaning { forgotten: last.max(self.cleaning.forgotten), ..self.cleaning };
        self.shared.disk.write(|txn| {
            let mut heads = txn.open_table(format::HEADS)?;
            let mut bodies = txn.open_table(format::BODIES)?;
            for offset in doomed() {
                heads.remove((self.partition, *offset))?;
                bodies.remove((self.partition, *offset))?;
            }
            // In the same transaction: a resume from before a tombstone is refused from now on.
            format::set_cleaning(txn, self.partition, cleaning)
        })?;
        self.cleaning = cleaning;
        self.total.num_replaced += step.replaced.len() as u64;
        self.total.num_tombstones += step.tombstones.len() as u64;
        Ok(())
    }

    fn finish(&mut self, reached: u64) -> Result<(), LogError> {
        if reached <= self.cleaning.cleaned {
            return Ok(());
        }
        self.cleaning.cleaned = reached;
        let (partition, cleaning) = (self.partition, self.cleaning);
        self.shared.disk.write(|txn| format::set_cleaning(txn, partition, cleaning))
    }
}

fn note(
    txn: &ReadTransaction,
    partition: u32,
    from: u64,
    upto: u64,
) -> Result<Option<Noted>, redb::Error> {
    let heads = txn.open_table(format::HEADS)?;
    let mut noted = Noted { last: HashMap::new(), reached: upto };
    let mut num_bytes = 0;
    for entry in heads.range((partition, from)..(partition, upto))? {
        let (place, head) = entry?;
        let (_, offset) = place.value();
        if num_bytes >= MAX_NOTED_BYTES {
            noted.reached = offset;
            break;
        }
        let Some(head) = Head::from_bytes(head.value()) else { return Ok(None) };
        num_bytes += head.key.len() + KEY_OVERHEAD_BYTES;
        noted.last.insert(head.key, offset);
    }
    Ok(Some(noted))
}
