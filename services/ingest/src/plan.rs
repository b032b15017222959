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
//! | the same, with other facts of the repository | the repository's facts |
//! | the same, with another limit on sizes | and the files of sizes between the limits |
//! | the same, with another spread or by other rules | all paths |
//! | a branch that the complete position does not show | its differences from another one (`branches.rs`) |
//! | complete = target, and an unreadable file can be read | the unreadable files |
//! | no complete position | everything, after a deletion of the repository |
//! | a tree of a known position is gone, or too many are pending | the same |
//!
//! Only the last two make a visible gap: until the emission ends, files are missing that were there.
//! They need a repository that collected the objects of what was emitted last, weeks after a
//! force-push and with ingest away meanwhile; nothing else says which paths to delete.

use ax_model::{BranchHistory, RepositoryFacts};
use gix::{ObjectId, bstr::BString};
use std::collections::BTreeSet;

/// Unreadable files remembered one by one. A partial clone may lack every blob; such a list would not
/// fit into a checkpoint.
pub const MAX_UNREADABLE: usize = 500;

/// Unfinished emissions remembered, before it is cheaper to start anew.
pub const MAX_PENDING: usize = 8;

/// Branch additions remembered, before every path is emitted once more without them: they travel with
/// the repository's facts.
pub const MAX_ORIGINS: usize = 200;

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
    /// What is said of it beside its text: others need the repository's facts anew, and no path.
    pub facts: RepositoryFacts,
}

impl Position {
    /// Names of its branches.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.branches.iter().map(|branch| branch.name.as_str())
    }
}

/// A position that the stream may hold, with the branch additions as of which it was emitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The position.
    pub position: Position,
    /// The count of additions.
    pub as_of: u32,
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
    /// How the branches of the complete position came to be; it was emitted as of its number.
    pub history: BranchHistory,
    /// Positions whose changes may be in the stream, in part.
    pub pending: Vec<Written>,
    /// Files of the complete position that could not be read.
    pub unreadable: UnreadableFiles,
}

impl Known {
    /// Every position that the stream may hold, the complete one first.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        let complete = self.complete.iter().map(|(position, _)| position);
        complete.chain(self.pending.iter().map(|pending| &pending.position))
    }

    /// The largest count of branch additions that the stream may hold.
    fn most_additions(&self) -> u32 {
        let pending = self.pending.iter().map(|pending| pending.as_of);
        pending.chain([self.history.number]).max().unwrap_or_default()
    }

    fn is_pending(&self, target: &Position, as_of: u32) -> bool {
        self.pending.iter().any(|begun| begun.as_of == as_of && begun.position == *target)
    }
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
    pub olds: Vec<Written>,
    /// The count of branch additions as of which to emit: no less than any that the stream may hold, and
    /// more when branches are added.
    pub as_of: u32,
    /// Branches that the complete position does not show.
    pub added: Vec<String>,
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
    let begun = known.pending.iter().any(|begun| begun.position == *target);
    if known.pending.len() >= MAX_PENDING && !begun {
        return Step::Emit(anew(known, target));
    }
    let position = complete.clone();
    let complete = Written { position, as_of: known.history.number };
    let olds: Vec<Written> = [complete].into_iter().chain(known.pending.iter().cloned()).collect();
    let positions = || olds.iter().map(|old| &old.position);
    // By other rules, what a file counted for is not known any more.
    let recount = positions().any(|old| old.limits.rules != target.limits.rules);
    let everything = recount
        || positions().any(|old| old.spread != target.spread)
        || known.history.origins.len() > MAX_ORIGINS;
    let sizes = sizes(positions(), target);
    let added = added(&olds[0].position, target);
    let as_of = as_of(known, target, everything || !added.is_empty());
    Step::Emit(Emission {
        everything,
        sizes,
        recount,
        olds,
        as_of,
        added,
        wipe: None,
        needs_intent: !known.is_pending(target, as_of),
        base: if recount { Totals::default() } else { *totals },
    })
}

/// The branches that `target` shows and `complete` does not. A plain directory has none.
fn added(complete: &Position, target: &Position) -> Vec<String> {
    let is_known = |name: &&str| name.is_empty() || complete.names().any(|known| known == *name);
    target.names().filter(|name| !is_known(name)).map(str::to_owned).collect()
}

/// The count of additions for an emission of `target`. What an unfinished emission of the same wrote as of
/// a number of its own can be taken up; a number that stood for something else is never used again.
fn as_of(known: &Known, target: &Position, adds: bool) -> u32 {
    let most = known.most_additions();
    let taken_up = most > known.history.number && known.is_pending(target, most);
    if adds && !taken_up { most.saturating_add(1) } else { most }
}

/// The sizes of files that one limit takes and another leaves out.
fn sizes<'a>(olds: impl Iterator<Item = &'a Position>, target: &'a Position) -> Option<(u64, u64)> {
    let limits = olds.chain([target]).map(|position| position.limits.max_file_bytes);
    let (least, most) =
        limits.fold((u64::MAX, 0), |(least, most), limit| (least.min(limit), most.max(limit)));
    (least < most).then_some((least, most))
}

/// The same position once more, since a file that could not be read now can. When there are more such
/// files than are known by name, everything is emitted.
pub fn again(known: &Known, target: &Position) -> Emission {
    let everything = known.unreadable.more;
    let as_of = known.history.number;
    Emission {
        olds: vec![Written { position: target.clone(), as_of }],
        as_of,
        added: Vec::new(),
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
    let spreads = known.positions().chain([target]).map(|position| position.spread);
    let as_of = known.most_additions();
    let nothing = Position { branches: Vec::new(), ..target.clone() };
    Emission {
        olds: vec![Written { position: nothing, as_of }],
        as_of,
        added: Vec::new(),
        wipe: Some(spreads.collect()),
        everything: false,
        sizes: None,
        recount: false,
        needs_intent: !known.is_pending(target, as_of),
        base: Totals::default(),
    }
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
        Position { branches, spread, limits: Limits::new(100), ..Position::default() }
    }

    fn known(complete: Option<Position>, pending: &[Position]) -> Known {
        let complete = complete.map(|position| (position, Totals::default()));
        let written = |position: &Position| Written { position: position.clone(), as_of: 0 };
        Known { complete, pending: pending.iter().map(written).collect(), ..Known::default() }
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
    fn other_facts_are_emitted_without_any_path() {
        let old = at(&[("main", 1)], 1);
        let facts = RepositoryFacts { archived: true, ..RepositoryFacts::default() };
        let new = Position { facts, ..old.clone() };
        let step = emission(&known(Some(old.clone()), &[]), &new);
        assert_eq!((step.olds.len(), step.as_of), (1, 0));
        assert!(step.wipe.is_none() && !step.everything && step.added.is_empty());
        assert_eq!(plan(&known(Some(new.clone()), &[]), &new), Step::Nothing);
        let begun = known(Some(old.clone()), std::slice::from_ref(&new));
        assert!(matches!(plan(&begun, &old), Step::Emit(_)), "the stream may hold the others");
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
        assert_eq!(step.olds.iter().map(|old| &old.position).collect::<Vec<_>>(), [&old, &half]);
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
    fn a_number_of_additions_never_stands_for_two_things() {
        let (old, new, other) =
            (at(&[("m", 1)], 1), at(&[("m", 1), ("b", 2)], 1), at(&[("m", 1), ("c", 3)], 1));
        let mut known = known(Some(old.clone()), &[]);
        known.history.number = 5;
        let first = emission(&known, &new);
        assert_eq!((first.as_of, first.added), (6, vec!["b".to_owned()]));
        known.pending.push(Written { position: new.clone(), as_of: 6 });
        let again = emission(&known, &new);
        assert_eq!((again.as_of, again.needs_intent), (6, false), "taken up");
        let instead = emission(&known, &other);
        assert_eq!((instead.as_of, instead.needs_intent), (7, true));
        let back = emission(&known, &old);
        assert_eq!((back.as_of, back.added.len()), (6, 0), "what is left of it is as of 6");
        assert_eq!(anew(&known, &old).as_of, 6);
    }

    #[test]
    fn too_long_a_history_is_written_out() {
        let (old, new) = (at(&[("m", 1)], 1), at(&[("m", 2)], 1));
        let mut known = known(Some(old), &[]);
        let of = |number| ax_model::BranchOrigin { number, branch: number.to_string(), from: None };
        known.history.origins = (1..=MAX_ORIGINS as u32).map(of).collect();
        assert!(!emission(&known, &new).everything);
        known.history.origins.push(of(1000));
        assert!(emission(&known, &new).everything);
    }

    #[test]
    fn freshness_starts_at_the_newest_commit_that_moved() {
        let (old, new) = (at(&[("a", 1), ("b", 2)], 1), at(&[("a", 1), ("b", 3)], 1));
        assert_eq!(moved_at_ms(&new, &[900, 500], Some(&old), 1000), 500);
        assert_eq!(moved_at_ms(&new, &[900, 500], None, 1000), 900);
        assert_eq!(moved_at_ms(&at(&[("a", 1)], 1), &[900], Some(&old), 1000), 1000);
    }
}
