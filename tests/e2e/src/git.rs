//! Repositories made and changed by the git command.

use crate::{Documents, documents::Key};
use anyhow::{Context as _, bail};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;

/// A repository with a work tree.
#[derive(Debug, Clone)]
pub struct GitRepo {
    path: PathBuf,
    name: String,
}

impl GitRepo {
    /// Makes an empty one at `path` whose branch is `main`; `name` is what the cluster calls it.
    pub async fn init(path: impl Into<PathBuf>, name: &str) -> anyhow::Result<Self> {
        let repo = Self { path: path.into(), name: name.to_owned() };
        fs::create_dir_all(&repo.path)?;
        repo.git(&["init", "--quiet", "--initial-branch=main"]).await?;
        // Packing in the background would make the test's load depend on its length.
        repo.git(&["config", "gc.auto", "0"]).await?;
        Ok(repo)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the cluster calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a file of the work tree.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) -> anyhow::Result<()> {
        let full = self.path.join(path);
        let folder = full.parent().context("a file is in a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&full, text).with_context(|| format!("write {}", full.display()))
    }

    /// Removes a file of the work tree.
    pub fn remove(&self, path: &str) -> anyhow::Result<()> {
        fs::remove_file(self.path.join(path)).with_context(|| format!("remove {path}"))
    }

    /// Commits the work tree as it is.
    pub async fn commit(&self, message: &str) -> anyhow::Result<()> {
        self.git(&["add", "--all"]).await?;
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]).await.map(drop)
    }

    /// Checks out a branch.
    pub async fn checkout(&self, branch: &str) -> anyhow::Result<()> {
        self.git(&["checkout", "--quiet", branch]).await.map(drop)
    }

    /// Makes a branch where the work tree stands, and checks it out.
    pub async fn branch(&self, branch: &str) -> anyhow::Result<()> {
        self.git(&["checkout", "--quiet", "-b", branch]).await.map(drop)
    }

    /// Deletes a branch that is not checked out, merged or not.
    pub async fn delete_branch(&self, branch: &str) -> anyhow::Result<()> {
        self.git(&["branch", "--quiet", "-D", branch]).await.map(drop)
    }

    /// The files of the branch that is checked out.
    pub async fn files(&self) -> anyhow::Result<Vec<String>> {
        let listed = self.git(&["ls-tree", "-r", "-z", "--name-only", "HEAD"]).await?;
        Ok(listed.split_terminator('\0').map(str::to_owned).collect())
    }

    /// What an index of every branch must hold.
    pub async fn documents(&self) -> anyhow::Result<Documents> {
        let branches =
            self.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]).await?;
        let mut shown: BTreeMap<Key, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
        for branch in branches.lines() {
            let listed = self.git(&["ls-tree", "-r", "-z", branch]).await?;
            for entry in listed.split_terminator('\0') {
                let (facts, path) = entry.split_once('\t').context("ls-tree prints a tab")?;
                let blob = facts.split(' ').nth(2).context("ls-tree prints three facts")?;
                let key = Key { repo: self.name.clone(), path: path.to_owned() };
                let versions = shown.entry(key).or_default();
                versions.entry(blob.to_owned()).or_default().insert(branch.to_owned());
            }
        }
        Ok(Documents { files: shown })
    }

    /// Runs git in the repository, away from the settings of this machine, and returns its output.
    pub async fn git(&self, args: &[&str]) -> anyhow::Result<String> {
        let mut git = Command::new("git");
        git.args(args).current_dir(&self.path).env("GIT_CONFIG_GLOBAL", "/dev/null");
        git.env("GIT_CONFIG_NOSYSTEM", "1");
        for who in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{who}_NAME"), "Tester");
            git.env(format!("GIT_{who}_EMAIL"), "tester@example.org");
        }
        let done = git.output().await.context("run git")?;
        if !done.status.success() {
            let reason = String::from_utf8_lossy(&done.stderr);
            bail!("git {args:?} in {}: {reason}", self.path.display());
        }
        Ok(String::from_utf8(done.stdout)?)
    }
}
