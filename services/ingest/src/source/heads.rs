//! Which branches are indexed. Pure.

use super::Wanted;
use crate::IngestError;
use gix::ObjectId;
use globset::{Glob, GlobSet, GlobSetBuilder};
use std::cmp::Reverse;

/// A branch, the commit it shows, and that commit's tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchTip {
    /// Name without `refs/heads/`.
    pub name: String,
    /// Commit.
    pub commit: ObjectId,
    /// Its tree.
    pub tree: ObjectId,
    /// Committer's time, in milliseconds since 1970.
    pub committed_at_ms: i64,
}

/// The branches to index, and those left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chosen {
    /// HEAD's first, then the most recently committed.
    pub taken: Vec<BranchTip>,
    /// Names of the others, sorted.
    pub left_out: Vec<String>,
}

/// Takes the branches that match a pattern (all, when there is none), HEAD's first, then the most
/// recently committed, up to the limit.
pub fn choose(
    mut tips: Vec<BranchTip>,
    default_branch: &str,
    wanted: &Wanted<'_>,
) -> Result<Chosen, IngestError> {
    let patterns = compile(wanted.patterns)?;
    tips.sort_by(|a, b| {
        let rank = |tip: &BranchTip| (tip.name != default_branch, Reverse(tip.committed_at_ms));
        rank(a).cmp(&rank(b)).then_with(|| a.name.cmp(&b.name))
    });
    let matches = |tip: &BranchTip| wanted.patterns.is_empty() || patterns.is_match(&tip.name);
    let (mut taken, not): (Vec<_>, Vec<_>) = tips.into_iter().partition(matches);
    let over = taken.split_off(taken.len().min(wanted.max_branches));
    let mut left_out: Vec<String> = not.into_iter().chain(over).map(|tip| tip.name).collect();
    left_out.sort();
    Ok(Chosen { taken, left_out })
}

/// The patterns of branches, as globs.
pub(crate) fn compile(patterns: &[String]) -> Result<GlobSet, IngestError> {
    let bad = |error: globset::Error| IngestError::BadRegistration(format!("branches: {error}"));
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(Glob::new(pattern).map_err(bad)?);
    }
    set.build().map_err(bad)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Limits;

    fn tips(of: &[(&str, i64)]) -> Vec<BranchTip> {
        let id = ObjectId::null(gix::hash::Kind::Sha1);
        let tip = |(name, at): &(&str, i64)| BranchTip {
            name: (*name).into(),
            commit: id,
            tree: id,
            committed_at_ms: *at,
        };
        of.iter().map(tip).collect()
    }

    fn check(patterns: &[&str], max_branches: usize, taken: &[&str], left_out: &[&str]) {
        let all = tips(&[("old", 1), ("main", 2), ("release/2", 5), ("release/1", 5), ("x", 9)]);
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        let limits = Limits::default();
        let wanted = Wanted {
            patterns: &patterns,
            max_branches,
            spread: 1,
            limits,
            said: Default::default(),
        };
        let chosen = choose(all, "main", &wanted).unwrap();
        let names: Vec<_> = chosen.taken.iter().map(|tip| tip.name.as_str()).collect();
        assert_eq!(
            (names.as_slice(), chosen.left_out.as_slice()),
            (taken, &left_out.map_strings()[..])
        );
    }

    trait MapStrings {
        fn map_strings(&self) -> Vec<String>;
    }

    impl MapStrings for &[&str] {
        fn map_strings(&self) -> Vec<String> {
            self.iter().map(|text| (*text).to_owned()).collect()
        }
    }

    #[test]
    fn the_default_branch_first_then_the_newest() {
        check(&[], 9, &["main", "x", "release/1", "release/2", "old"], &[]);
        check(&[], 2, &["main", "x"], &["old", "release/1", "release/2"]);
        check(&["release/*"], 9, &["release/1", "release/2"], &["main", "old", "x"]);
        check(&["none"], 9, &[], &["main", "old", "release/1", "release/2", "x"]);
    }

    #[test]
    fn a_bad_pattern_is_said() {
        let (patterns, limits) = (&["[".to_owned()], Limits::default());
        let wanted =
            Wanted { patterns, max_branches: 1, spread: 1, limits, said: Default::default() };
        assert!(choose(Vec::new(), "main", &wanted).is_err());
    }
}
