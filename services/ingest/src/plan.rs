//! What has to be emitted, given what the stream may hold and what the repository shows. Pure.
//!
//! The stream may hold the last *complete* position, mixed with pieces of each *pending* one: an
//! emission that was begun and whose end was never recorded. So the new position is compared with all
//! of them, and a path is emitted when it differs from any. Comparing with the complete one alone
//! would miss a path that an unfinished emission changed and that has since been changed back.
//!
//! | known | the step |
//! |---|---|
//! | complete = target, nothing pending | nothing |
//! | complete and pending positions | their differences from the target |
//! | the same, with another limit on sizes | and the files of sizes between the limits |
//! | the same, with another spread or by other rules | all paths |
//! | complete = target, and an unreadable file can be read | the unreadable files |
//! | no complete position | everything, after a deletion of the repository |
//! | a tree of a known position is gone, or too many are pending | the same |
//!
//! Only the last two make a visible gap: until the emission ends, files are missing that were there.
//! They need a repository that collected the objects of what was emitted last, weeks after a
//! force-push and with ingest away meanwhile; nothing else says which paths to delete.

use crate::snapshot::Roots;
use gix::{ObjectId, bstr::BString};
use std::collections::BTreeSet;

/// Unreadable files remembered one by one. A partial clone may lack every blob; such a list would not
/// fit into a checkpoint.
pub const MAX_UNREADABLE: usize = 500;

/// Unfinished emissions remembered, before it is cheaper to start anew.
pub const MAX_PENDING: usize = 8;

/// A branch and what it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchAt {
    /// Name without `refs/heads/`; empty for a plain directory.
    pub name: String,
    /// Commit in hex; empty for a plain directory.
    pub commit: String,
    /// Root tree.
    pub tree: ObjectId,
}

/// Version of the rules by which bytes become text or are left out; to be raised with any change of
/// them, so that what is emitted already is emitted again.
pub const RULES: u32 = 1;

/// What decides, besides the branches, on what is emitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Largest file whose text is emitted, in bytes.
    pub max_file_bytes: u64,
    /// [`RULES`] as of then; 0 when unknown.
    pub rules: u32,
}

impl Limits {
    /// As of now.
    pub fn new(max_file_bytes: u64) -> Self {
        Self { max_file_bytes, rules: RULES }
    }
}

/// A state of a repository: branches in order of preference, how its paths are spread, and what of its
/// files is text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Branches.
    pub branches: Vec<BranchAt>,
    /// Over how many shards.
    pub spread: u32,
    /// Which texts are left out.
    pub limits: Limits,
}

/// A file that could not be read although its tree names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unreadable {
    /// Path from the root.
    pub path: BString,
    /// Its blob.
    pub blob: ObjectId,
}

/// Unreadable files of a repository, to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnreadableFiles {
    /// The first ones, at most [`MAX_UNREADABLE`].
    pub listed: BTreeSet<Unreadable>,
    /// There are more.
    pub more: bool,
}

impl UnreadableFiles {
    /// Adds one, while there is room.
    pub fn add(&mut self, file: Unreadable) {
        if self.listed.len() < MAX_UNREADABLE {
            self.listed.insert(file);
        } else {
            self.more = true;
        }
    }
}

/// Counts over everything a repository shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Distinct paths.
    pub num_files: u64,
    /// Bytes of text over all versions.
    pub num_bytes: u64,
    /// Versions whose text is left out.
    pub num_skipped: u64,
}

/// What the stream may hold of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// The position whose changes are all in the stream.
    pub complete: Option<(Position, Totals)>,
    /// Positions whose changes may be in the stream, in part.
    pub pending: Vec<Position>,
    /// Files of the complete position that could not be read.
    pub unreadable: UnreadableFiles,
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// The stream holds the target.
    Nothing,
    /// Emit this.
    Emit(Emission),
}

/// What to emit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    /// Positions to compare with, the complete one first; one empty position after a wipe.
    pub olds: Vec<Position>,
    /// Delete the repository first, in the shards of these spreads.
    pub wipe: Option<BTreeSet<u32>>,
    /// Emit paths that did not change, too.
    pub everything: bool,
    /// Emit unchanged files whose sizes are in this range, too: above the smallest limit that the stream
    /// may have been filled with, up to the largest.
    pub sizes: Option<(u64, u64)>,
    /// Count everything anew rather than add to `base`. Only with `everything`.
    pub recount: bool,
    /// The target is not yet recorded as pending.
    pub needs_intent: bool,
    /// Counts that the differences are added to.
    pub base: Totals,
}

/// Decides the next step.
pub fn plan(known: &Known, target: &Position) -> Step {
    let Some((complete, totals)) = &known.complete else {
        return Step::Emit(anew(known, target));
    };
    if known.pending.is_empty() && complete == target {
        return Step::Nothing;
    }
    if known.pending.len() >= MAX_PENDING && !known.pending.contains(target) {
        return Step::Emit(anew(known, target));
    }
    let olds: Vec<Position> = std::iter::once(complete).chain(&known.pending).cloned().collect();
    // By other rules, what a file counted for is not known any more.
    let recount = olds.iter().any(|old| old.limits.rules != target.limits.rules);
    Step::Emit(Emission {
        everything: recount || olds.iter().any(|old| old.spread != target.spread),
        sizes: sizes(&olds, target),
        recount,
        olds,
        wipe: None,
        needs_intent: !known.pending.contains(target),
        base: if recount { Totals::default() } else { *totals },
    })
}

/// The sizes of files that one limit takes and another leaves out.
fn sizes(olds: &[Position], target: &Position) -> Option<(u64, u64)> {
    let limits = || olds.iter().chain([target]).map(|position| position.limits.max_file_bytes);
    let (least, most) = (limits().min()?, limits().max()?);
    (least < most).then_some((least, most))
}

/// The same position once more, since a file that could not be read now can. When there are more such
/// files than are known by name, everything is emitted.
pub fn again(known: &Known, target: &Position) -> Emission {
    let everything = known.unreadable.more;
    Emission {
        olds: vec![target.clone()],
        wipe: None,
        everything,
        sizes: None,
        recount: everything,
        needs_intent: true,
        base: match &known.complete {
            Some((_, totals)) if !everything => *totals,
            _ => Totals::default(),
        },
    }
}

/// Everything, after a deletion wherever anything may be.
pub fn anew(known: &Known, target: &Position) -> Emission {
    let complete = known.complete.iter().map(|(position, _)| position);
    let spreads = complete.chain(&known.pending).chain([target]).map(|position| position.spread);
    Emission {
        olds: vec![Position { branches: Vec::new(), ..target.clone() }],
        wipe: Some(spreads.collect()),
        everything: false,
        sizes: None,
        recount: false,
        needs_intent: !known.pending.contains(target),
        base: Totals::default(),
    }
}

/// The branches of all positions, the target's first and in its order, and the roots to walk.
pub fn roots(target: &Position, olds: &[Position]) -> (Vec<String>, Roots) {
    let mut names: Vec<String> = Vec::new();
    for branch in std::iter::once(target).chain(olds).flat_map(|position| &position.branches) {
        if !names.contains(&branch.name) {
            names.push(branch.name.clone());
        }
    }
    let trees = |position: &Position| -> Vec<Option<ObjectId>> {
        let tree = |name: &String| {
            position.branches.iter().find(|branch| branch.name == *name).map(|branch| branch.tree)
        };
        names.iter().map(tree).collect()
    };
    let (new, olds) = (trees(target), olds.iter().map(trees).collect());
    let roots = Roots { new, olds, also: BTreeSet::new() };
    (names, roots)
}

/// Time of the newest commit among the branches that moved, in milliseconds since 1970: freshness is
/// measured from there. A branch that only went away has no commit to measure from; then `now_ms`.
pub fn moved_at_ms(
    target: &Position,
    committed_at_ms: &[i64],
    complete: Option<&Position>,
    now_ms: i64,
) -> i64 {
    let moved = |branch: &BranchAt| {
        complete.is_none_or(|old| !old.branches.iter().any(|known| known == branch))
    };
    let times = target.branches.iter().zip(committed_at_ms);
    times.filter(|(branch, _)| moved(branch)).map(|(_, at)| *at).max().unwrap_or(now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(branches: &[(&str, u8)], spread: u32) -> Position {
        let branch = |(name, tree): &(&str, u8)| BranchAt {
            name: (*name).into(),
            commit: format!("{tree}"),
            tree: ObjectId::Sha1([*tree; 20]),
        };
        let branches = branches.iter().map(branch).collect();
        Position { branches, spread, limits: Limits::new(100) }
    }

    fn known(complete: Option<Position>, pending: &[Position]) -> Known {
        let complete = complete.map(|position| (position, Totals::default()));
        Known { complete, pending: pending.to_vec(), ..Known::default() }
    }

    fn emission(known: &Known, target: &Position) -> Emission {
        match plan(known, target) {
            Step::Emit(emission) => emission,
            Step::Nothing => panic!("expected an emission"),
        }
    }

    #[test]
    fn nothing_to_do_at_the_target() {
        let here = at(&[("main", 1)], 1);
        assert_eq!(plan(&known(Some(here.clone()), &[]), &here), Step::Nothing);
    }

    #[test]
    fn the_first_import_wipes_what_a_lost_checkpoint_may_have_left() {
        let step = emission(&Known::default(), &at(&[("main", 1)], 4));
        assert_eq!(step.wipe, Some(BTreeSet::from([4])));
        assert!(step.needs_intent);
    }

    #[test]
    fn an_unfinished_emission_is_compared_too() {
        let (old, half, new) = (at(&[("m", 1)], 1), at(&[("m", 2)], 1), at(&[("m", 3)], 1));
        let step = emission(&known(Some(old.clone()), std::slice::from_ref(&half)), &new);
        assert_eq!(step.olds, [old.clone(), half.clone()]);
        assert!(step.needs_intent && step.wipe.is_none() && !step.everything);
        let again = emission(&known(Some(old.clone()), std::slice::from_ref(&half)), &half);
        assert!(!again.needs_intent);
        let back = emission(&known(Some(old.clone()), &[half]), &old);
        assert_eq!(back.olds.len(), 2, "back at the complete position, yet not done");
    }

    #[test]
    fn another_spread_moves_every_path() {
        let step = emission(&known(Some(at(&[("m", 1)], 1)), &[]), &at(&[("m", 1)], 2));
        assert!(step.everything && step.wipe.is_none());
    }

    #[test]
    fn another_limit_concerns_the_sizes_in_between() {
        let here = at(&[("m", 1)], 1);
        let limited = |max| Position { limits: Limits::new(max), ..here.clone() };
        for (from, to) in [(100, 500), (500, 100)] {
            let step = emission(&known(Some(limited(from)), &[]), &limited(to));
            assert_eq!((step.sizes, step.everything), (Some((100, 500)), false));
        }
        let half = emission(&known(Some(here.clone()), &[limited(900)]), &here);
        assert_eq!(half.sizes, Some((100, 900)), "begun with another limit, and given up");
    }

    #[test]
    fn other_rules_concern_everything() {
        let here = at(&[("m", 1)], 1);
        let old = Position { limits: Limits { rules: 0, max_file_bytes: 100 }, ..here.clone() };
        let step = emission(&known(Some(old), &[]), &here);
        assert!(step.everything && step.recount && step.wipe.is_none());
    }

    #[test]
    fn too_many_unfinished_emissions_start_anew() {
        let pending: Vec<_> = (0..MAX_PENDING as u8).map(|n| at(&[("m", n)], n.into())).collect();
        let step = emission(&known(Some(at(&[], 99)), &pending), &at(&[("m", 50)], 1));
        assert_eq!(step.wipe, Some((0..MAX_PENDING as u32).chain([99]).collect()));
    }

    #[test]
    fn roots_line_up_by_branch() {
        let (names, roots) =
            roots(&at(&[("b", 1), ("a", 2)], 1), &[at(&[("a", 3), ("old", 4)], 1)]);
        assert_eq!(names, ["b", "a", "old"]);
        let tree = |n: u8| Some(ObjectId::Sha1([n; 20]));
        assert_eq!(roots.new, [tree(1), tree(2), None]);
        assert_eq!(roots.olds, [[None, tree(3), tree(4)]]);
    }

    #[test]
    fn freshness_starts_at_the_newest_commit_that_moved() {
        let (old, new) = (at(&[("a", 1), ("b", 2)], 1), at(&[("a", 1), ("b", 3)], 1));
        assert_eq!(moved_at_ms(&new, &[900, 500], Some(&old), 1000), 500);
        assert_eq!(moved_at_ms(&new, &[900, 500], None, 1000), 900);
        assert_eq!(moved_at_ms(&at(&[("a", 1)], 1), &[900], Some(&old), 1000), 1000);
    }
}
