//! What an index holds, in the form in which its sources are compared: git, the change stream, the
//! segments, the API.

use anyhow::ensure;
use std::collections::{BTreeMap, BTreeSet};

/// Most differences that an error lists.
const SHOWN: usize = 12;

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Repository.
    pub repo: String,
    /// Path.
    pub path: String,
}

/// The blobs that a path shows, in hex, and the branches that show each.
pub type Versions = BTreeMap<String, BTreeSet<String>>;

/// Every path with its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Documents {
    /// By repository and path; no path without versions.
    pub files: BTreeMap<Key, Versions>,
}

impl Documents {
    /// Adds one version. An error when that blob stands there already: an index that shows a version
    /// twice is wrong, and a map would hide it.
    pub fn add(
        &mut self,
        key: Key,
        blob: String,
        branches: impl IntoIterator<Item = String>,
    ) -> anyhow::Result<()> {
        let named = format!("{}:{} {blob}", key.repo, key.path);
        let versions = self.files.entry(key).or_default();
        let twice = versions.insert(blob, branches.into_iter().collect()).is_some();
        ensure!(!twice, "{named} is there twice");
        Ok(())
    }

    /// Adds all of `other`, which must have no path in common with these.
    pub fn merge(&mut self, other: Self) -> anyhow::Result<()> {
        for (key, versions) in other.files {
            let named = format!("{}:{}", key.repo, key.path);
            ensure!(self.files.insert(key, versions).is_none(), "{named} is in two places");
        }
        Ok(())
    }

    /// An error that lists differences, unless `found` equals these.
    pub fn expect(&self, what: &str, found: &Self) -> anyhow::Result<()> {
        let keys: BTreeSet<&Key> = self.files.keys().chain(found.files.keys()).collect();
        let differ = |key: &&&Key| self.files.get(*key) != found.files.get(*key);
        let differences: Vec<&Key> = keys.iter().filter(differ).copied().collect();
        let shown: Vec<String> =
            differences.iter().take(SHOWN).map(|key| self.difference(key, found)).collect();
        ensure!(
            differences.is_empty(),
            "{what}: {} of {} paths differ\n{}",
            differences.len(),
            keys.len(),
            shown.join("\n")
        );
        Ok(())
    }

    fn difference(&self, key: &Key, found: &Self) -> String {
        let show =
            |versions: Option<&Versions>| versions.map_or("nothing".into(), |v| format!("{v:?}"));
        let (wanted, got) = (show(self.files.get(key)), show(found.files.get(key)));
        format!("  {}:{} should be {wanted}, is {got}", key.repo, key.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, blob: &str) -> Documents {
        let mut documents = Documents::default();
        let key = Key { repo: "r".into(), path: path.into() };
        documents.add(key, blob.into(), ["main".into()]).unwrap();
        documents
    }

    #[test]
    fn a_version_counts_once() {
        let mut documents = one("a", "1");
        let key = Key { repo: "r".into(), path: "a".into() };
        assert!(documents.add(key, "1".into(), ["main".into()]).is_err());
        assert!(documents.merge(one("a", "2")).is_err());
        assert!(documents.merge(one("b", "2")).is_ok());
    }

    #[test]
    fn differences_are_named() {
        assert!(one("a", "1").expect("x", &one("a", "1")).is_ok());
        let error = one("a", "1").expect("x", &one("a", "2")).unwrap_err().to_string();
        assert!(error.contains("r:a should be"), "{error}");
        assert!(one("a", "1").expect("x", &Documents::default()).is_err());
        assert!(Documents::default().expect("x", &one("a", "1")).is_err());
    }
}
