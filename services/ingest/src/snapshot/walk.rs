//! One walk over the trees of all branches, before and after, side by side.
//!
//! A *position* is a tree per branch. The walk descends into the new position and every old one at
//! once, directory by directory, and reports each path whose entries differ between the new position
//! and what an index makes of any old one, with all its live versions over all branches: one change per
//! path, however many branches moved. A path that showed something which no branch shows any more is
//! reported, too. A directory that is the same everywhere, with the same attribute rules, is skipped
//! without being read. Renames are a deletion and an addition. Memory is bounded by the width of the
//! directories along one path, not by the size of the repository.
//!
//! Rejected: a tree diff per branch, then a look-up of each changed path in every other branch. It
//! reads most trees several times, and has to keep the set of paths.

use super::{TreeEntry, TreeError, TreeMode, Trees};
use crate::attributes::{Flags, RuleBook, Rules};
use ax_model::FileKind;
use gix::{
    ObjectId,
    bstr::{BString, ByteSlice},
};
use std::collections::{BTreeMap, BTreeSet};

/// What a branch shows at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    /// Blob, or commit of a submodule.
    pub id: ObjectId,
    /// What the entry is.
    pub kind: FileKind,
    /// What the attributes say of it.
    pub flags: Flags,
}

/// A path that differs. Branches are numbered as in [`Roots`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathChange {
    /// Path from the root.
    pub path: BString,
    /// What each branch shows now; empty when the path is gone.
    pub new: Vec<(usize, Item)>,
    /// What each branch showed in the first old position.
    pub old: Vec<(usize, Item)>,
    /// It differs from an old position. Else it is reported because everything is, or it was asked for.
    pub differs: bool,
    /// Something is shown that no old position showed at this path, or is shown no more: not only
    /// branches show more or less of the same.
    pub is_news: bool,
}

/// The positions to compare: a root tree per branch, `None` for a branch that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roots {
    /// The position to reach.
    pub new: Vec<Option<ObjectId>>,
    /// Positions that the stream may show, at least one, each as long as `new`.
    pub olds: Vec<OldRoots>,
    /// Paths to report though they may not differ.
    pub also: BTreeSet<BString>,
}

/// A position that the stream may show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OldRoots {
    /// A tree per branch.
    pub trees: Vec<Option<ObjectId>>,
    /// For each branch of now, whose old tree an index shows for it: its own, or that of the branch that
    /// it began as a copy of. `None`: nothing.
    pub shows: Vec<Option<usize>>,
}

/// What a walk may cost, and whether it reports what did not change too.
#[derive(Debug, Clone, Copy)]
pub struct WalkLimits {
    /// Most entries looked at.
    pub max_entries: u64,
    /// Deepest directory.
    pub max_depth: usize,
    /// Report every path of every position.
    pub everything: bool,
}

/// Why a walk ended early.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// A tree of an old position is gone: what the stream holds cannot be told from it.
    #[error("a tree emitted earlier is gone: {0}")]
    OldGone(TreeError),
    /// A tree of the new position cannot be read.
    #[error(transparent)]
    NewUnreadable(TreeError),
    /// Over the limits: a repository made to be expensive, or far too large.
    #[error("the repository is over the limit: {0}")]
    TooLarge(String),
    /// The visitor wants no more.
    #[error("stopped")]
    Stopped,
}

/// A directory of a tree, with the rules in force in it.
#[derive(Clone, PartialEq, Eq)]
struct Dir {
    id: ObjectId,
    rules: Rules,
}

/// A directory to visit: the distinct trees that the columns (positions × branches) show for it.
struct Frame {
    path: BString,
    depth: usize,
    dirs: Vec<Dir>,
    cells: Vec<Option<u16>>,
}

/// Walks, calling `visit` for each path that differs; it returns false to stop.
pub fn walk(
    trees: &impl Trees,
    roots: &Roots,
    limits: WalkLimits,
    visit: &mut dyn FnMut(PathChange) -> bool,
) -> Result<(), WalkError> {
    let book = RuleBook::default();
    let mut walker = Walker { trees, limits, branches: roots.new.len(), roots, book };
    let root_dirs = std::iter::once(&roots.new)
        .chain(roots.olds.iter().map(|old| &old.trees))
        .flatten()
        .map(|id| id.map(|id| Dir { id, rules: Rules::default() }))
        .collect();
    let mut num_entries = 0;
    let mut stack: Vec<Frame> =
        walker.frame(BString::default(), 0, root_dirs).into_iter().collect();
    while let Some(frame) = stack.pop() {
        let entries = walker.read(&frame)?;
        num_entries += entries.iter().map(|listing| listing.entries.len() as u64).sum::<u64>();
        walker.check_limits(&frame, num_entries)?;
        for ((name, _), row) in merge(&entries) {
            let mut path = frame.path.clone();
            path.extend_from_slice(name);
            if let Some(change) = walker.compare(&frame, &row, &path)
                && !visit(change)
            {
                return Err(WalkError::Stopped);
            }
            stack.extend(walker.descend(&frame, &row, path));
        }
    }
    Ok(())
}

/// The entry of one name in each distinct directory of a frame.
type Row<'a> = Vec<Option<(&'a TreeEntry, &'a Rules)>>;

struct Walker<'a, T> {
    trees: &'a T,
    limits: WalkLimits,
    branches: usize,
    roots: &'a Roots,
    book: RuleBook,
}

impl<T: Trees> Walker<'_, T> {
    /// A frame over `columns`; `None` when there is nothing to see in it.
    fn frame(&self, path: BString, depth: usize, columns: Vec<Option<Dir>>) -> Option<Frame> {
        if columns.iter().all(Option::is_none) {
            return None; // which is so, too, when there are no branches at all
        }
        let mut positions = columns.chunks(self.branches);
        let new = positions.next().unwrap_or_default();
        let same = positions.zip(&self.roots.olds).all(|(old, as_now)| !differs(new, old, as_now));
        if same && !self.limits.everything && !self.wants_below(&path) {
            return None;
        }
        let mut dirs: Vec<Dir> = Vec::new();
        let mut cells = Vec::with_capacity(columns.len());
        for column in columns {
            cells.push(column.map(|dir| {
                let at = dirs.iter().position(|known| *known == dir).unwrap_or_else(|| {
                    dirs.push(dir);
                    dirs.len() - 1
                });
                u16::try_from(at).expect("there are fewer columns than 65,536: see max_branches")
            }));
        }
        Some(Frame { path, depth, dirs, cells })
    }

    /// Whether a path below the directory `prefix` is asked for. Paths with a prefix stand together.
    fn wants_below(&self, prefix: &BString) -> bool {
        self.roots.also.range(prefix.clone()..).next().is_some_and(|path| path.starts_with(prefix))
    }

    /// Reads the directories of a frame; adds the rules of their own attribute files.
    fn read(&mut self, frame: &Frame) -> Result<Vec<Listing>, WalkError> {
        let mut listings = Vec::with_capacity(frame.dirs.len());
        for (at, dir) in frame.dirs.iter().enumerate() {
            let entries = self.trees.tree(dir.id).map_err(|error| self.blame(frame, at, error))?;
            let rules = match entries.iter().find(|entry| is_attributes(entry)) {
                Some(file) => self.book.extend(&dir.rules, frame.path.as_bstr(), file.id, || {
                    self.trees.attributes(file.id)
                }),
                None => dir.rules.clone(),
            };
            listings.push(Listing { entries, rules });
        }
        Ok(listings)
    }

    fn blame(&self, frame: &Frame, at: usize, error: TreeError) -> WalkError {
        let is_new =
            frame.cells[..self.branches].iter().any(|cell| cell.map(usize::from) == Some(at));
        if is_new { WalkError::NewUnreadable(error) } else { WalkError::OldGone(error) }
    }

    fn check_limits(&self, frame: &Frame, num_entries: u64) -> Result<(), WalkError> {
        if num_entries > self.limits.max_entries {
            let most = self.limits.max_entries;
            return Err(WalkError::TooLarge(format!("more than {most} tree entries")));
        }
        if frame.depth > self.limits.max_depth {
            let most = self.limits.max_depth;
            return Err(WalkError::TooLarge(format!("directories more than {most} deep")));
        }
        Ok(())
    }

    /// The change of the file at `path`, if there is one.
    fn compare(&self, frame: &Frame, row: &Row<'_>, path: &BString) -> Option<PathChange> {
        let items: Vec<Option<Item>> = row.iter().map(|cell| item(cell, path)).collect();
        if items.iter().all(Option::is_none) {
            return None;
        }
        let columns: Vec<Option<Item>> =
            frame.cells.iter().map(|cell| cell.and_then(|at| items[usize::from(at)])).collect();
        let mut positions = columns.chunks(self.branches);
        let new = positions.next()?;
        let mut olds = positions.clone().zip(&self.roots.olds);
        let differs = olds.any(|(old, as_now)| differs(new, old, as_now));
        if !differs && !self.limits.everything && !self.roots.also.contains(path) {
            return None;
        }
        let is_news = positions.clone().any(|old| is_news(new, old));
        let old = positions.next().unwrap_or_default();
        let (path, new, old) = (path.clone(), present(new), present(old));
        Some(PathChange { path, new, old, differs, is_news })
    }

    /// The frame of the directory at `path`, if it must be visited.
    fn descend(&self, frame: &Frame, row: &Row<'_>, mut path: BString) -> Option<Frame> {
        let dirs: Vec<Option<Dir>> = row.iter().map(directory).collect();
        if dirs.iter().all(Option::is_none) {
            return None;
        }
        let columns = frame.cells.iter().map(|cell| dirs[usize::from((*cell)?)].clone()).collect();
        path.push(b'/');
        self.frame(path, frame.depth + 1, columns)
    }
}

/// A directory as read.
struct Listing {
    entries: Vec<TreeEntry>,
    rules: Rules,
}

/// The rows of a frame, in the order of their names, files before directories. A tree made by hand may
/// have a file and a directory of one name; both are shown. Of two files, the last is, as git has it.
fn merge(listings: &[Listing]) -> BTreeMap<(&[u8], bool), Row<'_>> {
    let mut rows: BTreeMap<(&[u8], bool), Row<'_>> = BTreeMap::new();
    for (at, listing) in listings.iter().enumerate() {
        for entry in &listing.entries {
            let name = (entry.name.as_slice(), entry.mode == TreeMode::Directory);
            let row = rows.entry(name).or_insert_with(|| vec![None; listings.len()]);
            row[at] = Some((entry, &listing.rules));
        }
    }
    rows
}

fn item(cell: &Option<(&TreeEntry, &Rules)>, path: &BString) -> Option<Item> {
    let (entry, rules) = (*cell)?;
    match entry.mode {
        TreeMode::File(kind) => {
            Some(Item { id: entry.id, kind, flags: rules.flags(path.as_bstr()) })
        }
        TreeMode::Directory => None,
    }
}

fn directory(cell: &Option<(&TreeEntry, &Rules)>) -> Option<Dir> {
    let (entry, rules) = (*cell)?;
    (entry.mode == TreeMode::Directory).then(|| Dir { id: entry.id, rules: rules.clone() })
}

/// Whether a row must be written: an index of the old state shows other things on some branch, or keeps
/// something that no branch shows any more.
fn differs<T: PartialEq>(new: &[Option<T>], old: &[Option<T>], as_now: &OldRoots) -> bool {
    let shown = as_now.shows.iter().map(|place| old[(*place)?].as_ref());
    !shown.eq(new.iter().map(Option::as_ref))
        || old.iter().any(|item| item.is_some() && !new.contains(item))
}

/// Whether one of two states shows what the other does not, whatever the branches.
fn is_news(new: &[Option<Item>], old: &[Option<Item>]) -> bool {
    let lacks = |state: &[Option<Item>], item: &Item| !state.contains(&Some(*item));
    new.iter().flatten().any(|item| lacks(old, item))
        || old.iter().flatten().any(|item| lacks(new, item))
}

fn present(position: &[Option<Item>]) -> Vec<(usize, Item)> {
    position.iter().enumerate().filter_map(|(branch, item)| Some((branch, (*item)?))).collect()
}

fn is_attributes(entry: &TreeEntry) -> bool {
    entry.name == ".gitattributes"
        && matches!(entry.mode, TreeMode::File(FileKind::Regular | FileKind::Executable))
}

#[cfg(test)]
mod tests;
