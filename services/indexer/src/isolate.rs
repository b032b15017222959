//! Building without what cannot be built.
//!
//! A change that panics a parser or breaks a limit of the format must not stop its shard, and which
//! one of thousands it was is not known from the failure. So the run is halved until the culprits
//! stand alone: each is built once more without its text, so that the file is listed as unreadable
//! and no older version of it is shown, and its record is set aside.

use crate::{
    IndexerError,
    fold::{Op, Planned, Poison},
};
use ax_model::{Code, Content, SkipReason};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Culprits per run. More than these are no fault of a change, and are tried again later.
const MAX_CULPRITS: usize = 32;

/// What was built, in order, and what was set aside.
#[derive(Debug)]
pub(crate) struct Isolated<T> {
    pub built: Vec<T>,
    pub poison: Vec<Poison>,
}

/// Builds `ops` with `write`, all at once when that works.
///
/// # Errors
/// What no change is to blame for, such as a full disk; or too many culprits.
pub(crate) fn build<T>(
    ops: Vec<Planned>,
    write: &dyn Fn(&[Planned]) -> Result<T, IndexerError>,
) -> Result<Isolated<T>, IndexerError> {
    let mut isolated = Isolated { built: Vec::new(), poison: Vec::new() };
    let mut runs = vec![ops];
    while let Some(mut run) = runs.pop() {
        let error = match attempt(&run, write) {
            Ok(built) => {
                isolated.built.push(built);
                continue;
            }
            Err(error) if !is_of_a_change(&error) => return Err(error),
            Err(error) => error,
        };
        if run.len() > 1 {
            let second = run.split_off(run.len() / 2);
            runs.extend([second, run]); // the first half is the next to be tried
            continue;
        }
        let Some(culprit) = run.pop() else { continue };
        if isolated.poison.len() == MAX_CULPRITS {
            return Err(error);
        }
        if let Some(without) = without_text(&culprit)
            && let Ok(built) = attempt(&[without], write)
        {
            isolated.built.push(built);
        }
        let reason = format!("{}: {error}", subject(&culprit.op));
        let code = Code::ChangeUnindexable;
        isolated.poison.push(Poison { record: culprit.record, code, reason });
    }
    Ok(isolated)
}

/// What an op is about, for a person.
pub(crate) fn subject(op: &Op) -> String {
    match op {
        Op::Put { key, .. } | Op::Delete(key) => key.to_string(),
        Op::DeleteRepository(repo) => repo.to_string(),
        Op::Repository(info) => info.name.to_string(),
    }
}

/// One build; a panic becomes an error. What `write` leaves behind is its own and dropped.
fn attempt<T>(
    ops: &[Planned],
    write: &dyn Fn(&[Planned]) -> Result<T, IndexerError>,
) -> Result<T, IndexerError> {
    catch_unwind(AssertUnwindSafe(|| write(ops))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(IndexerError::Panicked(text.unwrap_or("no message").to_owned()))
    })
}

/// Whether another set of changes might be built where this one was not.
fn is_of_a_change(error: &IndexerError) -> bool {
    match error {
        IndexerError::Panicked(_) => true,
        IndexerError::Engine(error) => !matches!(error, ax_engine::EngineError::Io { .. }),
        _ => false,
    }
}

/// The same files, listed as unreadable.
fn without_text(planned: &Planned) -> Option<Planned> {
    let mut planned = planned.clone();
    let Op::Put { versions, .. } = &mut planned.op else { return None };
    for version in versions {
        version.content = Content::Skipped(SkipReason::Unreadable);
    }
    Some(planned)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use ax_changes::Record;
    use ax_model::{BlobId, DocKey, FileKind, FileVersion, Offset, RepoName};
    use bytes::Bytes;
    use std::cell::Cell;

    pub(crate) fn put(path: &str, text: &str) -> Planned {
        let key = DocKey::new(RepoName::new("r").unwrap(), path).unwrap();
        let version = FileVersion {
            blob: BlobId::default(),
            branches: Vec::new(),
            content: Content::Inline(Bytes::copy_from_slice(text.as_bytes())),
            kind: FileKind::Regular,
            num_bytes: 0,
            encoding: String::new(),
            generated: false,
            vendored: false,
            as_of: 0,
        };
        let record = Record {
            offset: Offset(text.len() as u64),
            key: Bytes::copy_from_slice(path.as_bytes()),
            value: None,
            headers: Vec::new(),
            timestamp_ms: 0,
        };
        Planned { op: Op::Put { key, versions: vec![version], committed_at_ms: 0 }, record }
    }

    fn has_text(planned: &Planned, wanted: &str) -> bool {
        let Op::Put { versions, .. } = &planned.op else { return false };
        versions.iter().any(|version| {
            matches!(&version.content, Content::Inline(text) if text == wanted.as_bytes())
        })
    }

    fn paths(ops: &[Planned]) -> Vec<String> {
        ops.iter().map(|planned| subject(&planned.op)).collect()
    }

    #[test]
    fn two_culprits_among_many_are_found_and_order_is_kept() {
        let text = |i: usize| if i == 3 || i == 70 { "panic" } else { "fine" };
        let ops: Vec<_> = (0..100).map(|i| put(&format!("{i:03}"), text(i))).collect();
        let all = paths(&ops);
        let tries = Cell::new(0);
        let isolated = build(ops, &|run| {
            tries.set(tries.get() + 1);
            assert!(!run.iter().any(|planned| has_text(planned, "panic")), "a text that panics");
            Ok(paths(run))
        })
        .unwrap();
        assert_eq!(isolated.built.concat(), all, "the culprits are there, without their texts");
        let keys: Vec<_> = isolated.poison.iter().map(|poison| &poison.record.key[..]).collect();
        assert_eq!(keys, [b"003", b"070"]);
        assert!(isolated.poison[0].reason.contains("a text that panics"));
        assert!(tries.get() < 40, "{}", tries.get());
    }

    #[test]
    fn a_full_disk_is_nobodys_fault() {
        let full = |_: &[Planned]| -> Result<(), _> {
            Err(IndexerError::Scratch(std::io::ErrorKind::StorageFull.into()))
        };
        assert!(build(vec![put("a", ""), put("b", "")], &full).is_err());
    }

    #[test]
    fn when_everything_fails_nothing_is_set_aside() {
        let ops = (0..100).map(|i| put(&i.to_string(), "")).collect();
        let broken = |_: &[Planned]| -> Result<(), _> { Err(IndexerError::Panicked("x".into())) };
        assert!(build(ops, &broken).is_err());
    }
}
