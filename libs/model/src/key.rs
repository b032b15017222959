//! Repository names and document keys.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest repository name or path accepted, in bytes. Kafka keys and index terms stay small.
pub const MAX_KEY_PART_BYTES: usize = 4096;

/// A name that cannot be a key, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The repository name is empty.
    #[error("a repository name must not be empty")]
    EmptyRepo,
    /// A part holds a NUL byte, which separates the parts of a key.
    #[error("a repository name or path must not contain a NUL byte")]
    Nul,
    /// A part is longer than 4,096 bytes.
    #[error("a repository name or path of {num_bytes} bytes is over the limit of 4096")]
    TooLong {
        /// The length that was given.
        num_bytes: usize,
    },
    /// A repository name holds a control character: a line break in it would forge lines of output.
    #[error("a repository name must not contain control characters")]
    Control,
    /// A part of a repository name, between slashes, is empty, `.` or `..`.
    #[error("the parts of a repository name, between its slashes, must not be empty, `.` or `..`")]
    BadPart,
    /// Encoded key bytes lack the separator or are not UTF-8.
    #[error("key bytes are not `repo NUL path` in UTF-8")]
    Malformed,
}

/// The name of a repository, unique in a cluster: `github.com/acme/api`, or what `--name` said. Parts
/// between slashes, none of them empty, `.` or `..`; no control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoName(String);

impl RepoName {
    /// Checks and wraps a name.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidKey> {
        let name = name.into();
        if name.is_empty() {
            return Err(InvalidKey::EmptyRepo);
        }
        check_part(&name)?;
        if name.chars().any(char::is_control) {
            return Err(InvalidKey::Control);
        }
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(InvalidKey::BadPart);
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RepoName {
    type Error = InvalidKey;
    fn try_from(name: String) -> Result<Self, InvalidKey> {
        Self::new(name)
    }
}

impl From<RepoName> for String {
    fn from(name: RepoName) -> Self {
        name.0
    }
}

impl std::borrow::Borrow<str> for RepoName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a document: one path of one repository, over all branches.
///
/// The empty path is the repository's own key: its [`crate::RepositoryInfo`] and its deletion.
/// Encoded as `repo NUL path`, so that all keys of a repository share one prefix and sort together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocKey {
    /// The repository.
    pub repo: RepoName,
    /// The path from the repository's root, `/`-separated, without a leading slash.
    pub path: String,
}

impl DocKey {
    /// Checks and joins the two parts.
    pub fn new(repo: RepoName, path: impl Into<String>) -> Result<Self, InvalidKey> {
        let path = path.into();
        check_part(&path)?;
        Ok(Self { repo, path })
    }

    /// The key of the repository itself.
    pub fn of_repo(repo: RepoName) -> Self {
        Self { repo, path: String::new() }
    }

    /// True for the repository's own key.
    pub fn is_repo(&self) -> bool {
        self.path.is_empty()
    }

    /// `repo NUL path`.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.repo.0.len() + 1 + self.path.len());
        bytes.extend_from_slice(self.repo.0.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(self.path.as_bytes());
        bytes
    }

    /// The inverse of [`DocKey::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, InvalidKey> {
        let text = std::str::from_utf8(bytes).map_err(|_| InvalidKey::Malformed)?;
        let (repo, path) = text.split_once('\0').ok_or(InvalidKey::Malformed)?;
        Self::new(RepoName::new(repo)?, path)
    }

    /// The prefix that every key of `repo` starts with.
    pub fn prefix_of(repo: &RepoName) -> Vec<u8> {
        Self::of_repo(repo.clone()).encode()
    }
}

impl fmt::Display for DocKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repo, self.path)
    }
}

fn check_part(part: &str) -> Result<(), InvalidKey> {
    if part.len() > MAX_KEY_PART_BYTES {
        return Err(InvalidKey::TooLong { num_bytes: part.len() });
    }
    if part.contains('\0') {
        return Err(InvalidKey::Nul);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_decodes() {
        let key = DocKey::new(RepoName::new("a/b").unwrap(), "src/é.rs").unwrap();
        assert_eq!(key.encode(), "a/b\0src/é.rs".as_bytes());
        assert_eq!(DocKey::decode(&key.encode()), Ok(key));
    }

    #[test]
    fn refuses_what_would_break_the_order() {
        assert_eq!(RepoName::new(""), Err(InvalidKey::EmptyRepo));
        assert_eq!(RepoName::new("a\0b"), Err(InvalidKey::Nul));
        assert_eq!(DocKey::decode(b"no separator"), Err(InvalidKey::Malformed));
        assert_eq!(DocKey::decode(b"a\0\xff"), Err(InvalidKey::Malformed));
        let long = "x".repeat(MAX_KEY_PART_BYTES + 1);
        assert_eq!(RepoName::new(long), Err(InvalidKey::TooLong { num_bytes: 4097 }));
    }

    #[test]
    fn names_that_climb_or_forge_lines_are_refused() {
        for name in ["a\nb", "a\u{1b}[31m", "a\u{9b}b"] {
            assert_eq!(RepoName::new(name), Err(InvalidKey::Control), "{name:?}");
        }
        for name in ["../../x", "x/../y", ".", "./x", "/x", "x/", "a//b"] {
            assert_eq!(RepoName::new(name), Err(InvalidKey::BadPart), "{name:?}");
        }
        for name in ["github.com/acme/api", "host:22/a b/c", "...", ".github", "é"] {
            assert!(RepoName::new(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn keys_of_one_repository_share_a_prefix_that_no_other_has() {
        let prefix = DocKey::prefix_of(&RepoName::new("a").unwrap());
        let other = DocKey::new(RepoName::new("ab").unwrap(), "x").unwrap();
        assert!(!other.encode().starts_with(&prefix));
    }
}
