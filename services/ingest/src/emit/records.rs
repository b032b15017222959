//! From changes to records of the stream, in the right shards.

use ax_changes::{NewRecord, codec};
use ax_model::{
    Change, ChangeBody, DocKey, FileVersion, RepoName, RepositoryInfo, Router, ShardId,
};
use bytes::Bytes;
use gix::bstr::BStr;
use std::collections::BTreeSet;

/// Makes the records of one emission.
#[derive(Debug, Clone)]
pub struct RecordMaker {
    /// The repository.
    pub repo: RepoName,
    /// From keys to shards.
    pub router: Router,
    /// Over how many shards paths are spread now.
    pub spread: u32,
    /// Spreads under which the stream may hold paths, other than the one of now.
    pub old_spreads: BTreeSet<u32>,
    /// Time of the newest commit that moved, in milliseconds since 1970.
    pub committed_at_ms: i64,
    /// Now, in milliseconds since 1970.
    pub emitted_at_ms: i64,
    /// Trace contexts of what led here, the emission's own first; empty when spans are not recorded.
    pub traceparents: Vec<String>,
}

impl RecordMaker {
    /// The change of a path, and deletions wherever it stood under another spread: deletion first in
    /// the old shard, then the change in the new one. Without versions, the path is gone.
    ///
    /// A path cannot be refused here: [`crate::snapshot::key_path`] makes keys of all of them.
    pub fn path(&self, path: &BStr, versions: Vec<FileVersion>) -> Vec<NewRecord> {
        let Ok(key) = DocKey::new(self.repo.clone(), crate::snapshot::key_path(path)) else {
            return Vec::new();
        };
        let here = self.router.shard_of(&key, self.spread);
        let elsewhere: BTreeSet<ShardId> = self
            .old_spreads
            .iter()
            .map(|spread| self.router.shard_of(&key, *spread))
            .filter(|shard| *shard != here)
            .collect();
        let mut records: Vec<NewRecord> = elsewhere
            .into_iter()
            .map(|shard| self.record(key.clone(), ChangeBody::Delete, shard))
            .collect();
        let body = match versions.is_empty() {
            true => ChangeBody::Delete,
            false => ChangeBody::Put(versions),
        };
        records.push(self.record(key, body, here));
        records
    }

    /// The deletion of the whole repository, in each shard of these spreads.
    pub fn wipe(&self, spreads: &BTreeSet<u32>) -> Vec<NewRecord> {
        let shards: BTreeSet<ShardId> = spreads
            .iter()
            .flat_map(|spread| self.router.shards_of_repo(&self.repo, *spread))
            .collect();
        let key = DocKey::of_repo(self.repo.clone());
        shards
            .into_iter()
            .map(|shard| self.record(key.clone(), ChangeBody::DeleteRepository, shard))
            .collect()
    }

    /// The repository's facts, in its home; with `copies`, for the other shards of its spread, too.
    pub fn facts(&self, info: &RepositoryInfo, copies: bool) -> Vec<NewRecord> {
        let key = DocKey::of_repo(self.repo.clone());
        let mut shards = self.router.shards_of_repo(&self.repo, self.spread);
        shards.truncate(if copies { usize::MAX } else { 1 });
        let home = self.router.home_of_repo(&self.repo);
        let to = |shard| {
            let info = RepositoryInfo { is_copy: shard != home, ..info.clone() };
            self.record(key.clone(), ChangeBody::Repository(info), shard)
        };
        shards.into_iter().map(to).collect()
    }

    fn record(&self, key: DocKey, body: ChangeBody, shard: ShardId) -> NewRecord {
        let change = Change {
            key,
            body,
            committed_at_ms: self.committed_at_ms,
            emitted_at_ms: self.emitted_at_ms,
        };
        let mut record = codec::encode(&change, shard, None);
        let header =
            |context: &String| (codec::TRACEPARENT.to_owned(), Bytes::from(context.clone()));
        record.headers.extend(self.traceparents.iter().map(header));
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn maker(spread: u32, old_spreads: &[u32]) -> RecordMaker {
        RecordMaker {
            repo: RepoName::new("r").unwrap(),
            router: Router::new(8),
            spread,
            old_spreads: old_spreads.iter().copied().collect(),
            committed_at_ms: 1,
            emitted_at_ms: 2,
            traceparents: vec!["00-trace".into(), "00-other".into()],
        }
    }

    #[test]
    fn a_path_leaves_the_shard_of_its_old_spread() {
        let router = Router::new(8);
        let moves = (0..100).filter(|n| {
            let path = format!("f{n}");
            let records = maker(8, &[1]).path(path.as_str().into(), Vec::new());
            let key = DocKey::new(RepoName::new("r").unwrap(), path).unwrap();
            let (old, new) = (router.shard_of(&key, 1), router.shard_of(&key, 8));
            assert_eq!(records.last().unwrap().partition, new);
            assert_eq!(records.len() == 2, old != new);
            old != new
        });
        assert!(moves.count() > 50);
    }

    #[test]
    fn a_wipe_reaches_every_shard_once() {
        let records = maker(2, &[]).wipe(&BTreeSet::from([1, 2, 4, 100]));
        let shards: BTreeSet<_> = records.iter().map(|record| record.partition).collect();
        assert_eq!((records.len(), shards.len()), (8, 8));
    }

    #[test]
    fn the_traces_travel_along() {
        let records = maker(1, &[]).path("f".into(), Vec::new());
        let traces: Vec<_> = codec::traceparents(&records[0].headers).collect();
        assert_eq!(traces, ["00-trace", "00-other"]);
    }
}
