//! `linguist-generated` and `linguist-vendored`, from the `.gitattributes` files of a tree.
//!
//! [`Rules`] are those in force in one directory of one tree. They grow while a walk descends, and
//! compare equal when the same files made them, so that a walk can skip a directory whose content
//! *and* rules are unchanged. `.git/info/attributes` is not read: it belongs to one clone.

use gix::{
    ObjectId,
    attrs::{Search, StateRef, search::MetadataCollection, search::Outcome},
    bstr::BStr,
    glob::pattern::Case,
};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Larger attribute files are ignored, with a warning: each line costs time for each file below.
pub const MAX_ATTRIBUTE_BYTES: usize = 1 << 20;

const NAMES: [&str; 2] = ["linguist-generated", "linguist-vendored"];

/// What the attributes say of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags {
    /// Made by a program.
    pub generated: bool,
    /// Copied from elsewhere.
    pub vendored: bool,
}

/// The rules in force in one directory. Cheap to clone.
#[derive(Clone, Default)]
pub struct Rules(Option<Arc<Chain>>);

struct Chain {
    /// Distinct per chain of files within one [`RuleBook`]; never zero.
    id: u32,
    /// The contents of the files, outermost first, with the directory of each.
    files: Vec<(PathBuf, Arc<[u8]>)>,
    search: Search,
    names: MetadataCollection,
}

impl PartialEq for Rules {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for Rules {}

impl Rules {
    fn id(&self) -> u32 {
        self.0.as_ref().map_or(0, |chain| chain.id)
    }

    /// True when no file below can be affected.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// What the rules say of `path`, relative to the root.
    pub fn flags(&self, path: &BStr) -> Flags {
        let Some(chain) = &self.0 else { return Flags::default() };
        let mut found = Outcome::default();
        found.initialize_with_selection(&chain.names, NAMES);
        chain.search.pattern_matching_relative_path(path, Case::Sensitive, Some(false), &mut found);
        let mut flags = Flags::default();
        for matched in found.iter_selected() {
            let on = is_true(matched.assignment.state);
            match matched.assignment.name.as_str() {
                "linguist-generated" => flags.generated = on,
                _ => flags.vendored = on,
            }
        }
        flags
    }
}

/// `attr`, `attr=true` and, as linguist has it, any value but `false`.
fn is_true(state: StateRef<'_>) -> bool {
    match state {
        StateRef::Set => true,
        StateRef::Value(value) => value.as_bstr() != "false",
        StateRef::Unset | StateRef::Unspecified => false,
    }
}

/// Makes rules, each chain of files once.
#[derive(Default)]
pub struct RuleBook {
    made: HashMap<(u32, PathBuf, ObjectId), Rules>,
}

impl RuleBook {
    /// The rules of `dir` (with a final slash, empty at the root), whose `.gitattributes` is the blob
    /// `id`, under those of its parent. `read` fetches the blob; `None` when it cannot be read.
    pub fn extend(
        &mut self,
        parent: &Rules,
        dir: &BStr,
        id: ObjectId,
        read: impl FnOnce() -> Option<Vec<u8>>,
    ) -> Rules {
        let dir = PathBuf::from(dir.to_string());
        let key = (parent.id(), dir.clone(), id);
        if let Some(rules) = self.made.get(&key) {
            return rules.clone();
        }
        let rules = match read() {
            Some(bytes) if matters(parent, &bytes) => self.chain(parent, dir, bytes.into()),
            _ => parent.clone(),
        };
        self.made.insert(key, rules.clone());
        rules
    }

    fn chain(&self, parent: &Rules, dir: PathBuf, bytes: Arc<[u8]>) -> Rules {
        let mut files = parent.0.as_ref().map(|chain| chain.files.clone()).unwrap_or_default();
        files.push((dir, bytes));
        let mut names = MetadataCollection::default();
        let mut search = Search::default();
        for (dir, bytes) in &files {
            let allow_macros = dir.as_os_str().is_empty(); // as git: only in the top directory
            let source = dir.join(".gitattributes");
            // It fails only when a path cannot be expressed in git's terms, which came from git.
            let _ = search.add_patterns_buffer(
                bytes,
                source,
                Some(Path::new("")),
                &mut names,
                allow_macros,
            );
        }
        let id = u32::try_from(self.made.len() + 1).unwrap_or(u32::MAX);
        Rules(Some(Arc::new(Chain { id, files, search, names })))
    }
}

/// A file without our attributes changes nothing, unless a macro above gave it other names for them.
fn matters(parent: &Rules, bytes: &[u8]) -> bool {
    if bytes.len() > MAX_ATTRIBUTE_BYTES {
        tracing::warn!(num_bytes = bytes.len(), "attribute file ignored: over 1 MiB");
        return false;
    }
    !parent.is_empty() || bytes.windows(9).any(|window| window == b"linguist-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> ObjectId {
        ObjectId::try_from(&[n; 20][..]).unwrap()
    }

    fn rules(files: &[(&str, &str)]) -> Rules {
        let mut book = RuleBook::default();
        let mut rules = Rules::default();
        for (n, (dir, text)) in files.iter().enumerate() {
            let read = || Some(text.as_bytes().to_vec());
            rules = book.extend(&rules, (*dir).into(), id(n as u8), read);
        }
        rules
    }

    fn check(files: &[(&str, &str)], path: &str, generated: bool, vendored: bool) {
        let found = rules(files).flags(path.into());
        assert_eq!(found, Flags { generated, vendored }, "{path} under {files:?}");
    }

    #[test]
    fn patterns() {
        let root = [("", "*.pb.go linguist-generated\nthird_party/** linguist-vendored=true\n")];
        check(&root, "a/b.pb.go", true, false);
        check(&root, "a/b.go", false, false);
        check(&root, "third_party/x/y.pb.go", true, true);
        check(&[("", "*.c linguist-generated=false\n")], "x.c", false, false);
        check(&[("", "* linguist-vendored\n*.c -linguist-vendored\n")], "x.c", false, false);
    }

    #[test]
    fn deeper_files_win_and_reach_only_below() {
        let files = [("", "*.c linguist-generated\n"), ("lib/", "*.c -linguist-generated\n")];
        check(&files, "lib/x.c", false, false);
        check(&files, "src/x.c", true, false);
        check(&[("lib/", "/x.c linguist-vendored\n")], "lib/x.c", false, true);
        check(&[("lib/", "/x.c linguist-vendored\n")], "lib/sub/x.c", false, false);
    }

    #[test]
    fn macros_of_the_top_directory() {
        let files = [("", "[attr]made linguist-generated\n"), ("out/", "*.c made\n")];
        check(&files, "out/x.c", true, false);
    }

    #[test]
    fn files_without_our_attributes_make_no_rules() {
        assert!(rules(&[("", "*.txt text eol=lf\n")]).is_empty());
    }

    #[test]
    fn rules_are_equal_when_the_same_files_made_them() {
        let mut book = RuleBook::default();
        let read = || Some(b"*.c linguist-generated\n".to_vec());
        let a = book.extend(&Rules::default(), "".into(), id(1), read);
        let b = book.extend(&Rules::default(), "".into(), id(1), || None);
        let c = book.extend(&Rules::default(), "".into(), id(2), read);
        assert!(a == b && a != c && a != Rules::default());
    }
}
