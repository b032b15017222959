//! The repository as text.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::Rust;

/// Endings of files that people write as programs.
const SOURCES: &[&str] = &["rs", "proto", "sh", "py", "js", "mjs", "ts", "css", "html", "go", "tf"];

/// One text file.
#[derive(Debug, Clone)]
pub struct File {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl File {
    /// A file, mostly for the rules' own tests.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// What follows the last dot of its name, or nothing.
    pub fn ending(&self) -> &str {
        Path::new(&self.path).extension().and_then(|ending| ending.to_str()).unwrap_or_default()
    }

    /// Whether it is a program that people wrote here. Test data is not: it may hold anything.
    pub fn is_source(&self) -> bool {
        SOURCES.contains(&self.ending()) && !self.has_folder("testdata")
    }

    /// Whether all of it is test code.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        self.has_folder("tests") || name.ends_with("tests.rs")
    }

    /// Whether a folder on its path has this name.
    pub fn has_folder(&self, name: &str) -> bool {
        let folders = self.path.rsplit_once('/').map_or("", |(folders, _)| folders);
        folders.split('/').any(|folder| folder == name)
    }

    /// Its text as Rust; `None` when it is something else.
    pub fn rust(&self) -> Option<Rust> {
        (self.is_source() && self.ending() == "rs").then(|| Rust::read(&self.text))
    }
}

/// Every text file that git has, or would take: new files are checked before they are committed.
#[derive(Debug)]
pub struct Tree {
    /// In the order of their paths.
    pub files: Vec<File>,
}

impl Tree {
    /// Reads the repository that this crate is part of.
    pub fn read() -> anyhow::Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = Command::new("git").arg("-C").arg(&root).args(arguments).output();
        let listed = listed.context("git lists the files to check: is it installed?")?;
        ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
        let paths = String::from_utf8(listed.stdout).context("a path is not UTF-8")?;
        let mut files: Vec<File> =
            paths.split_terminator('\0').filter_map(|path| read(&root, path)).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self { files })
    }

    /// The file at this path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// `None` for what is not text, or deleted and not yet committed.
fn read(root: &Path, path: &str) -> Option<File> {
    let place: PathBuf = root.join(path);
    let text = String::from_utf8(std::fs::read(place).ok()?).ok()?;
    Some(File::new(path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_a_file_is() {
        let is_test = |path| File::new(path, "").is_test();
        assert!(is_test("libs/a/tests/b.rs") && is_test("libs/a/src/b/tests.rs"));
        assert!(is_test("libs/a/src/log_tests.rs"));
        assert!(!is_test("libs/a/src/b.rs") && !is_test("libs/contests/src/b.rs"));
        assert!(!File::new("libs/a/testdata/b.rs", "").is_source());
        assert!(!File::new("README.md", "").is_source());
    }

    #[test]
    fn the_tree_holds_this_file() {
        let tree = Tree::read().unwrap();
        let this = tree.file("tests/tidy/src/tree.rs").unwrap();
        assert!(this.text.contains("the_tree_holds_this_file"));
    }
}
