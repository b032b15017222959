//! The repository that is pushed to: a bare one in a temporary folder. Commits are put together without a
//! work tree, so that one to a large repository takes as long as one to a small.

use super::super::PerfError;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

const BRANCH: &str = "refs/heads/main";

/// Removed when dropped.
pub struct Repository {
    folder: TempDir,
    git: PathBuf,
}

impl Repository {
    /// A copy of the repository at `source`, of its present commit; of a plain folder, one commit of all that is in it.
    pub async fn copy_of(source: &Path) -> Result<Self, PerfError> {
        let failed = |error: std::io::Error| PerfError::Other(error.to_string());
        let source = std::path::absolute(source).map_err(failed)?;
        let folder = tempfile::Builder::new().prefix("ax-push-").tempdir().map_err(failed)?;
        let git = folder.path().join("pushed.git");
        let this = Self { folder, git };
        eprintln!("copying {}", source.display());
        if source.join(".git").exists() || source.join("HEAD").exists() {
            let mut clone = Command::new("git");
            clone.args(["clone", "--quiet", "--bare", "--shared"]).arg(&source).arg(&this.git);
            finished(clone, "").await?;
            this.run(&["read-tree", "HEAD"], "").await?;
            let head = this.run(&["rev-parse", "HEAD"], "").await?;
            this.run(&["update-ref", BRANCH, &head], "").await?;
        } else {
            let mut init = Command::new("git");
            init.args(["init", "--quiet", "--bare"]).arg(&this.git);
            finished(init, "").await?;
            let source = source.display().to_string();
            this.run(&["--work-tree", &source, "add", "--all", "--force"], "").await?;
            let commit = this.commit(None, "everything").await?;
            this.push(&commit).await?;
        }
        this.run(&["symbolic-ref", "HEAD", BRANCH], "").await?;
        Ok(this)
    }

    /// Where it is.
    pub fn path(&self) -> String {
        self.git.display().to_string()
    }

    /// A commit that adds `files` new files, each with `marker` in it; no branch shows it yet.
    pub async fn prepare(&self, push: u32, files: u32, marker: &str) -> Result<String, PerfError> {
        let mut entries = String::new();
        for file in 0..files {
            let text = format!(
                "/* {marker} */\nint pushed_{push}_{file}(void)\n{{\n\treturn {file};\n}}\n"
            );
            let blob = self.run(&["hash-object", "-w", "--stdin"], &text).await?;
            entries.push_str(&format!("100644 {blob}\tax-perf-push/{push}/file_{file}.c\n"));
        }
        self.run(&["update-index", "--add", "--index-info"], &entries).await?;
        let parent = self.run(&["rev-parse", BRANCH], "").await?;
        self.commit(Some(&parent), &format!("push {push}")).await
    }

    /// Shows a commit: the moment of the push.
    pub async fn push(&self, commit: &str) -> Result<(), PerfError> {
        self.run(&["update-ref", BRANCH, commit], "").await.map(drop)
    }

    async fn commit(&self, parent: Option<&str>, message: &str) -> Result<String, PerfError> {
        let tree = self.run(&["write-tree"], "").await?;
        let mut args = vec!["commit-tree", tree.as_str(), "-m", message];
        args.extend(parent.iter().flat_map(|parent| ["-p", parent]));
        self.run(&args, "").await
    }

    async fn run(&self, args: &[&str], input: &str) -> Result<String, PerfError> {
        let mut command = Command::new("git");
        command.arg("--git-dir").arg(&self.git).args(args);
        command.env("GIT_INDEX_FILE", self.folder.path().join("index"));
        for who in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{who}_NAME"), "ax perf push");
            command.env(format!("GIT_{who}_EMAIL"), "push@localhost");
        }
        finished(command, input).await
    }
}

/// Runs a command to its end; what it printed, without the last line's end.
async fn finished(mut command: Command, input: &str) -> Result<String, PerfError> {
    let failed = |why: String| PerfError::Other(format!("git: {why}"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes()).await.map_err(|error| failed(error.to_string()))?;
    }
    let output = child.wait_with_output().await.map_err(|error| failed(error.to_string()))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned()),
        false => Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}
