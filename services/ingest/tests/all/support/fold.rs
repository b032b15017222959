//! The fold of a stream: what an index that has read it all would show.

use super::Repo;
use ax_changes::{Record, codec};
use ax_ingest::memory::MemoryBlobs;
use ax_model::{
    ChangeBody, Content, FileKind, FileVersion, RepoName, RepositoryInfo, ShardId, SkipReason,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// Path → branch → (git mode, object id).
pub type Shown = BTreeMap<String, BTreeMap<String, (String, String)>>;

/// Live documents by shard, repository and path.
#[derive(Default)]
pub struct Fold {
    docs: BTreeMap<(ShardId, String, String), Vec<FileVersion>>,
    infos: BTreeMap<(ShardId, String), RepositoryInfo>,
    blobs: MemoryBlobs,
}

impl Fold {
    pub fn of(records: &[(ShardId, Record)], blobs: &MemoryBlobs) -> Self {
        let mut fold = Self { blobs: blobs.clone(), ..Self::default() };
        for (shard, record) in records {
            fold.apply(*shard, record);
        }
        fold
    }

    fn apply(&mut self, shard: ShardId, record: &Record) {
        let change = codec::decode(record).unwrap();
        let repo = change.key.repo.to_string();
        let place = (shard, repo.clone(), change.key.path.clone());
        match change.body {
            ChangeBody::Put(versions) => {
                self.docs.insert(place, versions);
            }
            ChangeBody::Delete => {
                self.docs.remove(&place);
            }
            ChangeBody::DeleteRepository => {
                self.docs.retain(|(at, of, _), _| (*at, of) != (shard, &repo));
                self.infos.remove(&(shard, repo));
            }
            ChangeBody::Repository(info) => {
                self.infos.insert((shard, repo), info);
            }
        }
    }

    /// The versions of each path; a path that stands in two shards fails the test.
    pub fn versions(&self, repo: &RepoName) -> BTreeMap<String, Vec<FileVersion>> {
        let mut found = BTreeMap::new();
        for ((shard, of, path), versions) in &self.docs {
            if of == repo.as_str() {
                let facts = self.infos.get(&(*shard, of.clone()));
                let now = |version: &FileVersion| as_of_now(version, facts);
                let twice = found.insert(path.clone(), versions.iter().map(now).collect());
                assert!(twice.is_none(), "{path} stands in two shards");
            }
        }
        found
    }

    pub fn shown(&self, repo: &RepoName) -> Shown {
        let mut shown = Shown::new();
        for (path, versions) in self.versions(repo) {
            for version in versions {
                let item = (mode(version.kind).to_owned(), version.blob.to_string());
                assert!(!version.branches.is_empty(), "{path} has a version that no branch shows");
                for branch in version.branches {
                    let twice = shown.entry(path.clone()).or_default().insert(branch, item.clone());
                    assert!(twice.is_none(), "{path} has two versions in one branch");
                }
            }
        }
        shown
    }

    pub fn info(&self, repo: &RepoName) -> Option<&RepositoryInfo> {
        let mut facts =
            self.infos.iter().filter(|((_, of), info)| of == repo.as_str() && !info.is_copy);
        let (_, info) = facts.next()?;
        assert!(facts.next().is_none(), "the facts stand in two shards");
        Some(info)
    }

    pub fn text(&self, version: &FileVersion) -> Result<Bytes, SkipReason> {
        match &version.content {
            Content::Inline(text) => Ok(text.clone()),
            Content::Stored(blob) => Ok(self.blobs.get(blob).expect("stored before it is named")),
            Content::Skipped(reason) => Err(*reason),
        }
    }

    /// The text, or why there is none, of the only version at `path`.
    pub fn only(&self, repo: &RepoName, path: &str) -> (FileVersion, Result<Bytes, SkipReason>) {
        let versions = self.versions(repo).remove(path).unwrap_or_else(|| panic!("no {path}"));
        let [version] = &versions[..] else { panic!("{path} has {} versions", versions.len()) };
        (version.clone(), self.text(version))
    }

    /// Every plain text is byte for byte what `git cat-file` gives.
    pub fn check_texts(&self, repo: &RepoName, git: &Repo) {
        for (path, versions) in self.versions(repo) {
            for version in versions {
                if let Ok(text) = self.text(&version)
                    && version.encoding.is_empty()
                {
                    let expected = git.blob(&version.blob.to_string());
                    assert!(text == expected, "{path} differs");
                    assert_eq!(version.num_bytes, expected.len() as u64);
                }
            }
        }
    }

    /// The counts in the repository's facts are those of the fold.
    pub fn check_totals(&self, repo: &RepoName) {
        let versions = self.versions(repo);
        let info = self.info(repo).expect("facts are emitted");
        let texts = versions.values().flatten().map(|version| self.text(version));
        let (mut num_bytes, mut num_skipped) = (0, 0);
        for text in texts {
            match text {
                Ok(text) => num_bytes += text.len() as u64,
                Err(_) => num_skipped += 1,
            }
        }
        let expected = (versions.len() as u64, num_bytes, num_skipped);
        assert_eq!((info.num_files, info.num_bytes, info.num_skipped), expected);
    }
}

/// The version with the branches that show it now, as an index of this shard makes them out.
fn as_of_now(version: &FileVersion, facts: Option<&RepositoryInfo>) -> FileVersion {
    let mut version = version.clone();
    if let Some(shown) = facts.and_then(|info| info.branches_of(&version.branches, version.as_of)) {
        version.branches = shown.into_iter().map(str::to_owned).collect();
    }
    version
}

fn mode(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Regular => "100644",
        FileKind::Executable => "100755",
        FileKind::Symlink => "120000",
        FileKind::Submodule => "160000",
    }
}
