//! Branches that begin as copies of others: what is written of them, and what the history says. See
//! [`ax_model::BranchHistory`] for how an index reads it.
//!
//! A branch that the complete position does not show is compared with the branch it is nearest to, by
//! the number of paths that differ, and only those paths are emitted. A branch that goes away takes its
//! own versions with it; the other documents that name it are left, since the facts of the repository
//! no longer list it.

use crate::{
    plan::{Position, Written},
    snapshot::{OldRoots, Roots, Trees, WalkError, WalkLimits, walk},
};
use ax_model::BranchHistory;
use gix::ObjectId;
use std::collections::BTreeSet;

/// The history once `added`, branches of `target`, stand beside those of `complete`. Reads trees; one
/// that is gone makes its branch no copy of any.
pub fn history(
    trees: &impl Trees,
    limits: WalkLimits,
    before: &BranchHistory,
    (complete, target): (&Position, &Position),
    (as_of, added): (u32, &[String]),
) -> Result<BranchHistory, WalkError> {
    let mut origins = Vec::new();
    for name in added {
        let Some(branch) = target.branches.iter().find(|branch| branch.name == *name) else {
            continue;
        };
        origins.push((name.as_str(), nearest(trees, limits, branch.tree, complete)?));
    }
    let heads: Vec<&str> = target.names().collect();
    Ok(before.with(as_of, origins, &heads))
}

/// The branch of `complete` whose tree differs from `tree` in the fewest paths; `None` when none is nearer
/// than an empty tree.
fn nearest<'a>(
    trees: &impl Trees,
    limits: WalkLimits,
    tree: ObjectId,
    complete: &'a Position,
) -> Result<Option<&'a str>, WalkError> {
    let mut best = (distance(trees, limits, tree, None, u64::MAX)?, None);
    for branch in complete.branches.iter().filter(|branch| !branch.name.is_empty()) {
        match distance(trees, limits, tree, Some(branch.tree), best.0) {
            Ok(paths) if paths < best.0 => best = (paths, Some(branch.name.as_str())),
            Ok(_) | Err(WalkError::OldGone(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(best.1)
}

/// How many paths differ; `enough` when it is that many or more.
fn distance(
    trees: &impl Trees,
    limits: WalkLimits,
    new: ObjectId,
    old: Option<ObjectId>,
    enough: u64,
) -> Result<u64, WalkError> {
    let old = OldRoots { trees: vec![old], shows: vec![Some(0)] };
    let roots = Roots { new: vec![Some(new)], olds: vec![old], also: BTreeSet::new() };
    let mut paths = 0;
    let walked = walk(trees, &roots, limits, &mut |_| {
        paths += 1;
        paths < enough
    });
    match walked {
        Ok(()) | Err(WalkError::Stopped) => Ok(paths),
        Err(error) => Err(error),
    }
}

/// The branches of all positions, the target's first and in its order, and the roots to walk.
pub fn roots(target: &Position, olds: &[Written], history: &BranchHistory) -> (Vec<String>, Roots) {
    let mut names: Vec<String> = Vec::new();
    let positions = std::iter::once(target).chain(olds.iter().map(|old| &old.position));
    for name in positions.flat_map(Position::names) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    let trees = |position: &Position| -> Vec<Option<ObjectId>> {
        let tree = |name: &String| {
            position.branches.iter().find(|branch| branch.name == *name).map(|branch| branch.tree)
        };
        names.iter().map(tree).collect()
    };
    let shows = |old: &Written| -> Vec<Option<usize>> {
        let place = |name: &String| {
            let then = history.name_as_of(name, old.as_of)?;
            let is_here = target.names().any(|head| head == name);
            names.iter().position(|known| known == then).filter(|_| is_here)
        };
        names.iter().map(place).collect()
    };
    let old = |old: &Written| OldRoots { trees: trees(&old.position), shows: shows(old) };
    let olds = olds.iter().map(old).collect();
    let roots = Roots { new: trees(target), olds, also: BTreeSet::new() };
    (names, roots)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{BranchAt, Limits};

    fn at(branches: &[(&str, u8)]) -> Position {
        let branch = |(name, tree): &(&str, u8)| BranchAt {
            name: (*name).into(),
            commit: format!("{tree}"),
            tree: ObjectId::Sha1([*tree; 20]),
        };
        let branches = branches.iter().map(branch).collect();
        Position { branches, spread: 1, limits: Limits::new(100), ..Position::default() }
    }

    #[test]
    fn roots_line_up_by_branch() {
        let old = Written { position: at(&[("a", 3), ("old", 4)]), as_of: 0 };
        let added = [("b", Some("a"))];
        let history = BranchHistory::default().with(1, added, &["a", "b"]);
        let target = at(&[("b", 1), ("a", 2)]);
        let (names, roots) = roots(&target, std::slice::from_ref(&old), &history);
        assert_eq!(names, ["b", "a", "old"]);
        let tree = |n: u8| Some(ObjectId::Sha1([n; 20]));
        assert_eq!(roots.new, [tree(1), tree(2), None]);
        let trees = vec![None, tree(3), tree(4)];
        let shows = vec![Some(1), Some(1), None];
        assert_eq!(roots.olds, [OldRoots { trees, shows }]);
    }
}
