//! The walk against the plain definition: flatten every position, compare path by path.

use super::*;
use proptest::prelude::*;
use std::{cell::RefCell, collections::HashMap};

type Files = BTreeMap<String, u8>;

/// Trees made from flat lists of files; ids are hashes of the content, as git's are.
#[derive(Default)]
struct Forest {
    trees: RefCell<HashMap<ObjectId, Vec<TreeEntry>>>,
    num_reads: RefCell<usize>,
}

impl Forest {
    fn plant(&self, files: &Files) -> ObjectId {
        let mut entries = Vec::new();
        let mut dirs: BTreeMap<&str, Files> = BTreeMap::new();
        for (path, content) in files {
            match path.split_once('/') {
                Some((dir, rest)) => {
                    dirs.entry(dir).or_default().insert(rest.to_owned(), *content);
                }
                None => entries.push(TreeEntry {
                    name: path.as_str().into(),
                    mode: TreeMode::File(FileKind::Regular),
                    id: blob(*content),
                }),
            }
        }
        for (dir, files) in dirs {
            let id = self.plant(&files);
            entries.push(TreeEntry { name: dir.into(), mode: TreeMode::Directory, id });
        }
        let id = hash(format!("{entries:?}").as_bytes());
        self.trees.borrow_mut().insert(id, entries);
        id
    }
}

fn hash(bytes: &[u8]) -> ObjectId {
    ObjectId::try_from(&blake3::hash(bytes).as_bytes()[..20]).unwrap()
}

fn blob(content: u8) -> ObjectId {
    hash(&[content])
}

impl Trees for Forest {
    fn tree(&self, id: ObjectId) -> Result<Vec<TreeEntry>, TreeError> {
        *self.num_reads.borrow_mut() += 1;
        let gone = || TreeError { id, reason: "gone".into() };
        self.trees.borrow().get(&id).cloned().ok_or_else(gone)
    }

    /// Content 1 declares all C files generated.
    fn attributes(&self, id: ObjectId) -> Option<Vec<u8>> {
        (id == blob(1)).then(|| b"*.c linguist-generated\n".to_vec())
    }
}

const LIMITS: WalkLimits = WalkLimits { max_entries: 100_000, max_depth: 100, everything: false };

/// Branch → files, for the new position and then each old one.
type World = Vec<Vec<Option<Files>>>;

/// What branches show at a path now, and showed in the first old position.
type Shown = (Vec<(usize, Item)>, Vec<(usize, Item)>);

/// An old position each of whose branches is still shown under its name.
fn old(trees: Vec<Option<ObjectId>>) -> OldRoots {
    OldRoots { shows: (0..trees.len()).map(Some).collect(), trees }
}

fn run(forest: &Forest, world: &World, limits: WalkLimits) -> Result<Vec<PathChange>, WalkError> {
    run_as_shown(forest, world, &[], limits)
}

/// With what each branch shows of the first old position, if not its own.
fn run_as_shown(
    forest: &Forest,
    world: &World,
    shows: &[Option<usize>],
    limits: WalkLimits,
) -> Result<Vec<PathChange>, WalkError> {
    let plant = |position: &Vec<Option<Files>>| -> Vec<Option<ObjectId>> {
        position.iter().map(|files| files.as_ref().map(|files| forest.plant(files))).collect()
    };
    let mut olds: Vec<OldRoots> = world[1..].iter().map(|position| old(plant(position))).collect();
    if !shows.is_empty() {
        olds[0].shows = shows.to_vec();
    }
    let roots = Roots { new: plant(&world[0]), olds, ..Roots::default() };
    let mut changes = Vec::new();
    walk(forest, &roots, limits, &mut |change| {
        changes.push(change);
        true
    })?;
    Ok(changes)
}

fn state(position: &[Option<Files>], path: &str) -> Vec<(usize, Item)> {
    let show = |(branch, files): (usize, &Option<Files>)| {
        let files = files.as_ref()?;
        let id = blob(*files.get(path)?);
        Some((branch, Item { id, kind: FileKind::Regular, flags: flags(files, path) }))
    };
    position.iter().enumerate().filter_map(show).collect()
}

fn flags(files: &Files, path: &str) -> Flags {
    let under_rules = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| &path[..=at]);
    let generated = std::iter::once("")
        .chain(under_rules)
        .any(|dir| files.get(&format!("{dir}.gitattributes")) == Some(&1));
    Flags { generated: generated && path.ends_with(".c"), vendored: false }
}

fn expected(world: &World) -> BTreeMap<String, Shown> {
    let paths = world.iter().flatten().flatten().flat_map(Files::keys);
    let mut changes = BTreeMap::new();
    for path in paths {
        let states: Vec<_> = world.iter().map(|position| state(position, path)).collect();
        if states[1..].iter().any(|old| *old != states[0]) {
            changes.insert(path.clone(), (states[0].clone(), states[1].clone()));
        }
    }
    changes
}

fn files() -> impl Strategy<Value = Files> {
    let name = prop_oneof![Just("a"), Just("b.c"), Just("d"), Just(".gitattributes")];
    let path = proptest::collection::vec(name, 1..4).prop_map(|parts| parts.join("/"));
    proptest::collection::btree_map(path, 0u8..3, 0..8).prop_map(|mut files| {
        // A file and a directory of one name cannot stand in one tree, nor is a directory of rules.
        let all: Vec<String> = files.keys().cloned().collect();
        files.retain(|path, _| {
            !all.iter().any(|other| other.starts_with(&format!("{path}/")))
                && !path.contains(".gitattributes/")
        });
        files
    })
}

fn world() -> impl Strategy<Value = World> {
    (1usize..4, 2usize..4).prop_flat_map(|(branches, positions)| {
        let position = proptest::collection::vec(proptest::option::of(files()), branches);
        proptest::collection::vec(position, positions)
    })
}

/// The paths of which an index of the old position would show something wrong, or something lost.
fn wrong(world: &World, shows: &[Option<usize>]) -> Vec<String> {
    let paths: BTreeSet<_> = world.iter().flatten().flatten().flat_map(Files::keys).collect();
    let is_wrong = |path: &&String| {
        let (new, old) = (state(&world[0], path), state(&world[1], path));
        let of = |branch: usize| old.iter().find(|(at, _)| *at == branch).map(|(_, item)| *item);
        let shown: Vec<_> = shows.iter().map(|place| of((*place)?)).collect();
        let wanted = |branch: usize| new.iter().find(|(at, _)| *at == branch).map(|(_, i)| *i);
        let lost = old.iter().any(|(_, item)| !new.iter().any(|(_, other)| other == item));
        lost || (0..shows.len()).any(|branch| shown[branch] != wanted(branch))
    };
    paths.into_iter().filter(is_wrong).cloned().collect()
}

proptest! {
    #[test]
    fn a_copy_is_reported_where_it_differs_from_its_origin(
        position in proptest::collection::vec(proptest::option::of(files()), 3),
        new in proptest::collection::vec((proptest::option::of(files()), 0usize..6), 3),
        shows in proptest::collection::vec(proptest::option::of(0usize..3), 3),
    ) {
        // Most new branches are a copy of an old one, as they are in life.
        let files = |(own, copy): (Option<Files>, usize)| position.get(copy).cloned().unwrap_or(own);
        let world = vec![new.into_iter().map(files).collect(), position.clone()];
        let found = run_as_shown(&Forest::default(), &world, &shows, LIMITS).unwrap();
        let mut found: Vec<_> = found.into_iter().map(|change| change.path.to_string()).collect();
        found.sort();
        prop_assert_eq!(found, wrong(&world, &shows));
    }

    #[test]
    fn reports_exactly_what_differs(world in world()) {
        let forest = Forest::default();
        let found: BTreeMap<_, _> = run(&forest, &world, LIMITS)
            .unwrap()
            .into_iter()
            .map(|change| (change.path.to_string(), (change.new, change.old)))
            .collect();
        prop_assert_eq!(found, expected(&world));
    }

    #[test]
    fn everything_is_every_path_once(world in world()) {
        let changes = run(&Forest::default(), &world, WalkLimits { everything: true, ..LIMITS });
        let mut found: Vec<String> = changes.unwrap().iter().map(|c| c.path.to_string()).collect();
        let mut all: Vec<String> =
            world.iter().flatten().flatten().flat_map(Files::keys).cloned().collect();
        found.sort();
        all.sort();
        all.dedup();
        prop_assert_eq!(found, all);
    }
}

fn some_files(paths: &[(&str, u8)]) -> Option<Files> {
    Some(paths.iter().map(|(path, content)| ((*path).to_owned(), *content)).collect())
}

#[test]
fn the_unchanged_is_not_read() {
    let forest = Forest::default();
    let old = some_files(&[("a/x", 2), ("b/x", 2), ("c/x", 2)]);
    let new = some_files(&[("a/x", 2), ("b/x", 3), ("c/x", 2)]);
    let changes = run(&forest, &vec![vec![new], vec![old]], LIMITS).unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(*forest.num_reads.borrow(), 4, "two roots and two versions of b");
}

#[test]
fn a_lost_tree_is_blamed_on_the_side_that_needs_it() {
    let forest = Forest::default();
    let here = Some(forest.plant(&some_files(&[("a", 1)]).unwrap()));
    let lost = Some(blob(9));
    let mut nothing = |_| true;
    let roots = Roots { new: vec![here], olds: vec![old(vec![lost])], ..Roots::default() };
    assert!(matches!(walk(&forest, &roots, LIMITS, &mut nothing), Err(WalkError::OldGone(_))));
    let roots = Roots { new: vec![lost], olds: vec![old(vec![here])], ..Roots::default() };
    assert!(matches!(
        walk(&forest, &roots, LIMITS, &mut nothing),
        Err(WalkError::NewUnreadable(_))
    ));
}

#[test]
fn a_tree_bomb_ends() {
    let forest = Forest::default();
    let mut id = forest.plant(&some_files(&[("a", 1)]).unwrap());
    for _ in 0..20 {
        let entry =
            |n: u8| TreeEntry { name: vec![b'a' + n].into(), mode: TreeMode::Directory, id };
        let entries: Vec<_> = (0..10).map(entry).collect();
        id = hash(format!("{entries:?}").as_bytes());
        forest.trees.borrow_mut().insert(id, entries);
    }
    let roots = Roots { new: vec![Some(id)], olds: vec![old(vec![None])], ..Roots::default() };
    assert!(matches!(walk(&forest, &roots, LIMITS, &mut |_| true), Err(WalkError::TooLarge(_))));
}

#[test]
fn what_is_asked_for_is_reported_though_it_does_not_differ() {
    let forest = Forest::default();
    let id = forest.plant(&some_files(&[("a/x", 2), ("a/y", 2), ("a.b", 2), ("b/x", 2)]).unwrap());
    let also = ["a/x", "gone", "b"].map(BString::from).into();
    let roots = Roots { new: vec![Some(id)], olds: vec![old(vec![Some(id)])], also };
    let mut found = Vec::new();
    walk(&forest, &roots, LIMITS, &mut |change| {
        found.push((change.path.to_string(), change.differs));
        true
    })
    .unwrap();
    assert_eq!(found, [("a/x".to_owned(), false)]);
    assert_eq!(*forest.num_reads.borrow(), 2, "the root and a");
}

#[test]
fn more_branches_of_the_same_are_no_news() {
    let one = some_files(&[("a", 2), ("b", 2)]);
    let other = some_files(&[("a", 2), ("b", 3), ("c", 2)]);
    let world = vec![vec![one.clone(), other], vec![one, None]];
    let changes = run(&Forest::default(), &world, LIMITS).unwrap();
    let news: Vec<_> = changes.iter().map(|c| (c.path.to_string(), c.is_news)).collect();
    let expected = [("a", false), ("b", true), ("c", true)];
    assert_eq!(news, expected.map(|(path, is_news)| (path.to_owned(), is_news)));
}

#[test]
fn a_file_and_a_directory_of_one_name_are_both_shown() {
    let forest = Forest::default();
    let dir = forest.plant(&some_files(&[("x", 2)]).unwrap());
    let entry = |mode, id| TreeEntry { name: "a".into(), mode, id };
    let file = TreeMode::File(FileKind::Regular);
    let id = hash(b"by hand");
    let entries = vec![entry(file, blob(2)), entry(TreeMode::Directory, dir)];
    forest.trees.borrow_mut().insert(id, entries);
    let roots = Roots { new: vec![Some(id)], olds: vec![old(vec![None])], ..Roots::default() };
    let mut found = Vec::new();
    walk(&forest, &roots, LIMITS, &mut |change| {
        found.push(change.path.to_string());
        true
    })
    .unwrap();
    assert_eq!(found, ["a", "a/x"]);
}
