//! A real repository in a temporary folder, made by the `git` program.

use super::Shown;
use std::{
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// Runs git with a fixed identity and without the user's configuration.
pub fn git_in(dir: &Path, args: &[&str]) -> Vec<u8> {
    let output = Command::new("git")
        .args(["-c", "protocol.file.allow=always", "-c", "core.autocrlf=false"])
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "a")
        .env("GIT_AUTHOR_EMAIL", "a@example.org")
        .env("GIT_COMMITTER_NAME", "a")
        .env("GIT_COMMITTER_EMAIL", "a@example.org")
        .output()
        .expect("the git program is installed");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {errors}");
    output.stdout
}

pub struct Repo {
    dir: TempDir,
}

impl Repo {
    /// An empty repository whose HEAD is `main`.
    pub fn new() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// One whose objects are named by SHA-256.
    pub fn of_sha256() -> Self {
        let repo = Self { dir: tempfile::tempdir().unwrap() };
        repo.git(&["init", "-q", "-b", "main", "--object-format=sha256"]);
        repo
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn git(&self, args: &[&str]) -> String {
        String::from_utf8_lossy(&git_in(self.path(), args)).trim().to_owned()
    }

    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub fn commit(&self, message: &str) -> &Self {
        self.git(&["add", "-A", "-f"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self
    }

    pub fn blob(&self, id: &str) -> Vec<u8> {
        git_in(self.path(), &["cat-file", "blob", id])
    }

    pub fn branches(&self) -> Vec<String> {
        let names = self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
        names.lines().map(str::to_owned).collect()
    }

    /// What `git ls-tree` says of every branch.
    pub fn shown(&self) -> Shown {
        let mut shown = Shown::new();
        for branch in self.branches() {
            let listed = git_in(self.path(), &["ls-tree", "-r", "-z", "--full-tree", &branch]);
            for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
                let entry = String::from_utf8(entry.to_vec()).unwrap();
                let (meta, path) = entry.split_once('\t').unwrap();
                let mut meta = meta.split(' ');
                let (mode, id) = (meta.next().unwrap(), meta.nth(1).unwrap());
                let at = shown.entry(path.to_owned()).or_default();
                at.insert(branch.clone(), (mode.to_owned(), id.to_owned()));
            }
        }
        shown
    }

    /// The file of a loose object.
    pub fn loose(&self, id: &str) -> PathBuf {
        self.path().join(".git/objects").join(&id[..2]).join(&id[2..])
    }
}

/// Three states of one branch: some files, changed and added ones, and partly back again.
pub fn three_states() -> (Repo, [String; 3]) {
    let repo = Repo::new();
    for n in 0..30 {
        repo.write(&format!("d{}/f{n}", n % 3), format!("file {n}\n").repeat(n));
    }
    let head = |repo: &Repo| repo.git(&["rev-parse", "HEAD"]);
    let a = head(repo.commit("a"));
    for n in 0..20 {
        repo.write(&format!("d{}/f{n}", n % 3), format!("changed {n}\n").repeat(n));
        repo.write(&format!("new/{n}"), "new");
    }
    repo.git(&["rm", "-q", "-f", "d0/f27"]);
    let b = head(repo.commit("b"));
    repo.git(&["checkout", "-q", &a, "--", "d1", "d0"]);
    repo.git(&["rm", "-r", "-q", "-f", "new"]);
    repo.write("new/3", "kept").write("other", "c");
    let c = head(repo.commit("c"));
    (repo, [a, b, c])
}

/// Points `main` at a commit.
pub fn set(repo: &Repo, commit: &str) {
    repo.git(&["update-ref", "refs/heads/main", commit]);
}
