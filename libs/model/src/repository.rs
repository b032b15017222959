//! What is known of a repository as a whole.

use crate::RepoName;
use serde::{Deserialize, Serialize};

/// A branch and the commit it showed when its changes were emitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BranchHead {
    /// Name without `refs/heads/`.
    pub name: String,
    /// Commit id in hex; empty for a plain directory.
    pub commit: String,
}

/// The repository's own document: emitted after its files, replaced by each later emission.
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
}
