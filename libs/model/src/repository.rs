//! What is known of a repository as a whole.

use crate::{BranchHistory, RepoName, RepositoryFacts};
use serde::{Deserialize, Serialize};

/// A branch and the commit it showed when its changes were emitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchHead {
    /// Name without `refs/heads/`.
    pub name: String,
    /// Commit id in hex; empty for a plain directory.
    pub commit: String,
}

/// The repository's own document: emitted after its files, replaced by each later emission. It lives in
/// the repository's home shard; the others of its spread get a copy when branches come or go, and when
/// its facts change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryInfo {
    /// The unique name.
    pub name: RepoName,
    /// Where it was read from: a URL or a path.
    pub source: String,
    /// The branch that HEAD names; empty for a plain directory.
    pub default_branch: String,
    /// The branches indexed.
    pub branches: Vec<BranchHead>,
    /// How those came to be, for the documents written before them.
    pub history: BranchHistory,
    /// Branches that exist and are left out, by configuration or by the limit on branches.
    pub branches_left_out: Vec<String>,
    /// Distinct paths over all branches.
    pub num_files: u64,
    /// Bytes of text over all versions.
    pub num_bytes: u64,
    /// Files whose text is left out, each with a reason of its own.
    pub num_skipped: u64,
    /// Over how many shards the repository's paths are spread.
    pub spread: u32,
    /// Time of the newest commit, in milliseconds since 1970.
    pub committed_at_ms: i64,
    /// Time of this emission, in milliseconds since 1970.
    pub indexed_at_ms: i64,
    /// What is said of it beside its text.
    #[serde(default)]
    pub facts: RepositoryFacts,
    /// This copy is for the branches and facts of documents in a shard that is not the repository's
    /// home: listings pass it over, and its counts may be old.
    pub is_copy: bool,
}

impl RepositoryInfo {
    /// The branches that show a document now, in order of name, given those that it names as of `as_of`.
    /// `None` when these facts do not decide it: they are older than the document, or speak of a plain
    /// directory.
    pub fn branches_of(&self, named: &[impl AsRef<str>], as_of: u32) -> Option<Vec<&str>> {
        if self.branches.is_empty() || as_of > self.history.number {
            return None;
        }
        let shows = |head: &&str| {
            let then = self.history.name_as_of(head, as_of);
            then.is_some_and(|then| named.iter().any(|name| name.as_ref() == then))
        };
        let heads = self.branches.iter().map(|head| head.name.as_str());
        let mut shown: Vec<&str> = heads.filter(shows).collect();
        shown.sort_unstable();
        Some(shown)
    }
}
