//! From a batch of records to what its segment holds: only the last change of each key, and what
//! cannot be applied, set aside.
//!
//! | record | becomes |
//! |---|---|
//! | decodes, key in this shard | an [`Op`]; replaces an earlier one of the same key |
//! | deletion of a repository | an [`Op`]; drops every earlier one of the repository |
//! | does not decode | [`Poison`] with `AX-C004`; the shard goes on |
//! | key that no spread puts in this shard | [`Poison`] with `AX-C005`; the shard goes on |

use ax_changes::{Batch, Record, codec};
use ax_model::{
    Change, ChangeBody, Code, DocKey, FileVersion, Offset, OffsetRange, RepoName, RepositoryInfo,
    Router, ShardId,
};
use ax_telemetry::Causes;
use std::collections::HashMap;

/// One thing to do to the segment, in stream order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// These are the live versions of a path.
    Put {
        /// The path.
        key: DocKey,
        /// All its versions.
        versions: Vec<FileVersion>,
        /// Time of the commit, in milliseconds since 1970.
        committed_at_ms: i64,
    },
    /// A path is gone.
    Delete(DocKey),
    /// A repository is gone.
    DeleteRepository(RepoName),
    /// A repository's own facts.
    Repository(RepositoryInfo),
}

/// An op, and the record that it came from, so that it can be set aside if it cannot be built. The
/// record's bytes are those that the op's texts are slices of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What to do.
    pub op: Op,
    /// What said so, without its headers.
    pub record: Record,
}

/// A record that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Poison {
    /// The record.
    pub record: Record,
    /// Stable code.
    pub code: Code,
    /// What is wrong with it.
    pub reason: String,
}

/// What a batch amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// What the segment holds, in stream order, each key once.
    pub ops: Vec<Planned>,
    /// What is set aside.
    pub poison: Vec<Poison>,
    /// Positions consumed, gaps included.
    pub range: OffsetRange,
    /// Newest commit time among the ops, in milliseconds since 1970; zero without ops.
    pub committed_at_ms: i64,
    /// Oldest emission time among the ops, in milliseconds since 1970; zero without ops.
    pub emitted_at_ms: i64,
    /// When the last record was appended, in milliseconds since 1970; zero without records.
    pub appended_at_ms: i64,
    /// Records folded.
    pub num_records: usize,
    /// Trace contexts of the records.
    pub causes: Causes,
}

/// Folds `batches`, which follow one another from position `from`, for `shard`.
pub fn fold(shard: ShardId, router: Router, from: Offset, batches: &[Batch]) -> Folded {
    let to = batches.last().map_or(from, |batch| batch.next);
    let mut last = LastOfKey::default();
    let mut folded = Folded {
        ops: Vec::new(),
        poison: Vec::new(),
        range: OffsetRange { from, to: to.max(from) },
        committed_at_ms: 0,
        emitted_at_ms: 0,
        appended_at_ms: 0,
        num_records: 0,
        causes: Causes::default(),
    };
    for record in batches.iter().flat_map(|batch| &batch.records) {
        folded.note_record(record);
        match admit(shard, router, record) {
            Ok(change) => {
                folded.note_times(&change);
                last.apply(change, record);
            }
            Err(poison) => folded.poison.push(*poison),
        }
    }
    folded.ops = last.into_ops();
    folded
}

impl Folded {
    fn note_record(&mut self, record: &Record) {
        self.num_records += 1;
        self.appended_at_ms = record.timestamp_ms;
        codec::traceparents(&record.headers).for_each(|cause| self.causes.note(cause));
    }

    fn note_times(&mut self, change: &Change) {
        self.committed_at_ms = self.committed_at_ms.max(change.committed_at_ms);
        if self.emitted_at_ms == 0 || change.emitted_at_ms < self.emitted_at_ms {
            self.emitted_at_ms = change.emitted_at_ms;
        }
    }
}

/// Decodes a record and checks that it belongs here.
fn admit(shard: ShardId, router: Router, record: &Record) -> Result<Change, Box<Poison>> {
    let poison = |code, reason: String| Box::new(Poison { record: record.clone(), code, reason });
    let change =
        codec::decode(record).map_err(|error| poison(Code::ChangeMalformed, error.to_string()))?;
    if belongs(shard, router, &change) {
        return Ok(change);
    }
    let reason =
        format!("no spread of `{}` puts {} into shard {shard}", change.key.repo, change.key);
    Err(poison(Code::ChangeMisrouted, reason))
}

/// True when some spread routes the key to `shard`. A repository's deletion, and copies of its facts, go
/// to every shard.
fn belongs(shard: ShardId, router: Router, change: &Change) -> bool {
    let any_shard = match &change.body {
        ChangeBody::DeleteRepository => true,
        ChangeBody::Repository(info) => info.is_copy,
        ChangeBody::Put(_) | ChangeBody::Delete => false,
    };
    any_shard || (1..=router.shards()).any(|spread| router.shard_of(&change.key, spread) == shard)
}

/// Ops in order, with the place of each key's last one.
#[derive(Default)]
struct LastOfKey {
    ops: Vec<Option<Planned>>,
    place: HashMap<DocKey, usize>,
}

impl LastOfKey {
    fn apply(&mut self, change: Change, record: &Record) {
        let Change { key, body, committed_at_ms, .. } = change;
        if matches!(body, ChangeBody::DeleteRepository) {
            self.forget_repository(&key.repo);
        }
        let op = match body {
            ChangeBody::Put(versions) => Op::Put { key: key.clone(), versions, committed_at_ms },
            ChangeBody::Delete => Op::Delete(key.clone()),
            ChangeBody::DeleteRepository => Op::DeleteRepository(key.repo.clone()),
            ChangeBody::Repository(info) => Op::Repository(info),
        };
        // A deletion of the repository keeps its place: facts that follow it do not undo it.
        let replaces = !matches!(op, Op::DeleteRepository(_));
        let record = Record { headers: Vec::new(), ..record.clone() };
        self.ops.push(Some(Planned { op, record }));
        if replaces && let Some(earlier) = self.place.insert(key, self.ops.len() - 1) {
            self.ops[earlier] = None;
        }
    }

    fn forget_repository(&mut self, repo: &RepoName) {
        let ops = &mut self.ops;
        self.place.retain(|key, place| {
            let stays = key.repo != *repo;
            if !stays {
                ops[*place] = None;
            }
            stays
        });
    }

    fn into_ops(self) -> Vec<Planned> {
        self.ops.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
