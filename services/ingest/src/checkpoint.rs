//! [`Known`] and [`Position`] as the coordination store keeps them.

use crate::plan::{
    BranchAt, Known, Limits, Position, Totals, Unreadable, UnreadableFiles, Written,
};
use ax_cluster::{facts_to_wire, said_of};
use ax_model::{BranchHistory, BranchOrigin, RepoName, VersionToken};
use ax_proto::cluster::{
    BranchAddition, BranchPosition, EmissionLimits, IngestCheckpoint, PendingEmission,
    RepositoryFacts, UnreadableFile,
};
use bytes::Bytes;
use gix::ObjectId;

/// What a checkpoint says of the stream `log_id`. One that cannot be understood, or that speaks of
/// another stream, says nothing: everything is emitted anew, rather than the repository stopped.
pub fn read(checkpoint: Option<&IngestCheckpoint>, log_id: &str) -> Known {
    let Some(checkpoint) = checkpoint.filter(|known| known.log_id == log_id) else {
        return Known::default();
    };
    let mut known = Known::default();
    for pending in &checkpoint.pending {
        match position(&pending.branches, pending.spread, pending.limits, &pending.facts) {
            Some(position) => {
                known.pending.push(Written { position, as_of: pending.as_of });
            }
            None => return Known::default(),
        }
    }
    if checkpoint.at_ms != 0 {
        let totals = Totals {
            num_files: checkpoint.num_files,
            num_bytes: checkpoint.num_bytes,
            num_skipped: checkpoint.num_skipped,
        };
        let IngestCheckpoint { branches, spread, limits, facts, .. } = checkpoint;
        let at = position(branches, *spread, *limits, facts);
        known.complete = at.map(|at| (at, totals));
        known.history = history(checkpoint);
        known.unreadable = unreadable(checkpoint);
    }
    known
}

/// The checkpoint after an emission: `target` is complete and nothing is pending.
pub fn complete(
    name: &RepoName,
    log_id: &str,
    (target, history): (&Position, &BranchHistory),
    (totals, unreadable): (Totals, &UnreadableFiles),
    version: &VersionToken,
    now_ms: i64,
) -> IngestCheckpoint {
    IngestCheckpoint {
        name: name.to_string(),
        branches: branches(target),
        spread: target.spread,
        num_files: totals.num_files,
        num_bytes: totals.num_bytes,
        num_skipped: totals.num_skipped,
        version: version.to_string(),
        at_ms: now_ms.max(1), // zero says that nothing is complete yet
        pending: Vec::new(),
        log_id: log_id.to_owned(),
        limits: Some(limits(target)),
        unreadable: unreadable.listed.iter().map(file).collect(),
        unreadable_more: unreadable.more,
        num_additions: history.number,
        additions: history.origins.iter().map(addition).collect(),
        facts: facts_to_wire(target.facts),
    }
}

/// `checkpoint` with `target` among the pending positions; unchanged when it is there. One of another
/// stream is replaced.
pub fn with_pending(
    name: &RepoName,
    log_id: &str,
    checkpoint: Option<IngestCheckpoint>,
    target: &Written,
) -> IngestCheckpoint {
    let mut checkpoint = checkpoint.filter(|known| known.log_id == log_id).unwrap_or_else(|| {
        let (name, log_id) = (name.to_string(), log_id.to_owned());
        IngestCheckpoint { name, log_id, ..Default::default() }
    });
    let Written { position, as_of } = target;
    let pending = PendingEmission {
        branches: branches(position),
        spread: position.spread,
        limits: Some(limits(position)),
        as_of: *as_of,
        facts: facts_to_wire(position.facts),
    };
    if !checkpoint.pending.contains(&pending) {
        checkpoint.pending.push(pending);
    }
    checkpoint
}

fn branches(position: &Position) -> Vec<BranchPosition> {
    let branch = |at: &BranchAt| BranchPosition {
        name: at.name.clone(),
        commit: at.commit.clone(),
        tree: at.tree.to_string(),
    };
    position.branches.iter().map(branch).collect()
}

fn limits(position: &Position) -> EmissionLimits {
    let Limits { max_file_bytes, rules } = position.limits;
    EmissionLimits { max_file_bytes, rules }
}

fn addition(origin: &BranchOrigin) -> BranchAddition {
    let BranchOrigin { number, branch, from } = origin.clone();
    BranchAddition { number, branch, from }
}

fn history(checkpoint: &IngestCheckpoint) -> BranchHistory {
    let origin = |addition: &BranchAddition| {
        let BranchAddition { number, branch, from } = addition.clone();
        BranchOrigin { number, branch, from }
    };
    let origins = checkpoint.additions.iter().map(origin).collect();
    BranchHistory { number: checkpoint.num_additions, origins }
}

fn file(file: &Unreadable) -> UnreadableFile {
    let bytes = Bytes::copy_from_slice;
    UnreadableFile { path: bytes(&file.path), blob: bytes(file.blob.as_slice()) }
}

fn unreadable(checkpoint: &IngestCheckpoint) -> UnreadableFiles {
    let file = |file: &UnreadableFile| {
        let blob = ObjectId::try_from(&file.blob[..]).ok()?;
        Some(Unreadable { path: file.path.to_vec().into(), blob })
    };
    let listed = checkpoint.unreadable.iter().filter_map(file).collect();
    UnreadableFiles { listed, more: checkpoint.unreadable_more }
}

fn position(
    branches: &[BranchPosition],
    spread: u32,
    limits: Option<EmissionLimits>,
    facts: &Option<RepositoryFacts>,
) -> Option<Position> {
    let branch = |at: &BranchPosition| {
        let tree = ObjectId::from_hex(at.tree.as_bytes()).ok()?;
        Some(BranchAt { name: at.name.clone(), commit: at.commit.clone(), tree })
    };
    let branches = branches.iter().map(branch).collect::<Option<Vec<_>>>()?;
    let EmissionLimits { max_file_bytes, rules } = limits.unwrap_or_default();
    let facts = said_of(facts.as_ref()).settled();
    Some(Position { branches, spread, limits: Limits { max_file_bytes, rules }, facts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::Generation;

    fn somewhere(n: u8) -> Position {
        let tree = ObjectId::Sha1([n; 20]);
        let branch = BranchAt { name: "main".into(), commit: "c".into(), tree };
        let facts = ax_model::RepositoryFacts { fork: true, rank: n.into(), ..Default::default() };
        Position { branches: vec![branch], spread: 3, limits: Limits::new(7), facts }
    }

    fn written(n: u8) -> Written {
        Written { position: somewhere(n), as_of: n.into() }
    }

    #[test]
    fn survives_the_store() {
        let name = RepoName::new("r").unwrap();
        let totals = Totals { num_files: 1, num_bytes: 2, num_skipped: 3 };
        let token = VersionToken::new(Generation(1));
        let mut unreadable = UnreadableFiles { more: true, ..Default::default() };
        unreadable.add(Unreadable { path: b"\xff/a".into(), blob: ObjectId::Sha1([9; 20]) });
        let history = BranchHistory::default().with(3, [("main", Some("old"))], &["main"]);
        let target = (&somewhere(1), &history);
        let done = complete(&name, "log", target, (totals, &unreadable), &token, 5);
        let both = with_pending(&name, "log", Some(done), &written(2));
        let complete = Some((somewhere(1), totals));
        let known = Known { complete, history, pending: vec![written(2)], unreadable };
        assert_eq!(read(Some(&both), "log"), known);
        assert_eq!(with_pending(&name, "log", Some(both.clone()), &written(2)), both, "only once");
    }

    #[test]
    fn nothing_is_complete_before_the_first_end() {
        let name = RepoName::new("r").unwrap();
        let begun = with_pending(&name, "log", None, &written(2));
        assert_eq!(
            read(Some(&begun), "log"),
            Known { pending: vec![written(2)], ..Known::default() }
        );
        assert_eq!(read(None, "log"), Known::default());
    }

    #[test]
    fn another_stream_holds_nothing() {
        let name = RepoName::new("r").unwrap();
        let begun = with_pending(&name, "old", None, &written(2));
        assert_eq!(read(Some(&begun), "new"), Known::default());
        let again = with_pending(&name, "new", Some(begun), &written(3));
        assert_eq!(read(Some(&again), "new").pending, [written(3)]);
    }

    #[test]
    fn what_cannot_be_understood_says_nothing() {
        let name = RepoName::new("r").unwrap();
        let mut broken = with_pending(&name, "log", None, &written(2));
        broken.pending[0].branches[0].tree = "not hex".into();
        assert_eq!(read(Some(&broken), "log"), Known::default());
    }
}
