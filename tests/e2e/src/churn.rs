//! Repositories that keep changing: files come, change and go, on branches that come and go.

use crate::{Documents, GitRepo};
use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle};

/// Between two commits. More would measure git rather than the cluster.
const PACE: Duration = Duration::from_millis(200);
/// Files per repository and branch at most; beyond that they are deleted rather than added.
const MAX_FILES: usize = 60;
/// Branches beside `main` at most.
const MAX_BRANCHES: usize = 3;

/// Commits to repositories in turn until stopped. The same seed makes the same changes.
pub struct Churn {
    stop: watch::Sender<bool>,
    task: JoinHandle<anyhow::Result<State>>,
}

/// Repositories and where their history stands.
pub struct State {
    repos: Vec<GitRepo>,
    branches: Vec<Vec<String>>,
    random: StdRng,
    num_commits: u64,
}

impl State {
    /// Repositories with a first commit each.
    pub async fn new(repos: Vec<GitRepo>, seed: u64) -> anyhow::Result<Self> {
        for repo in &repos {
            repo.write("README", format!("This is {}.\n", repo.name()))?;
            repo.commit("first").await?;
        }
        let branches = vec![Vec::new(); repos.len()];
        Ok(Self { repos, branches, random: StdRng::seed_from_u64(seed), num_commits: 0 })
    }

    /// Commits so far.
    pub fn num_commits(&self) -> u64 {
        self.num_commits
    }

    /// What an index of all of them must hold.
    pub async fn documents(&self) -> anyhow::Result<Documents> {
        let mut all = Documents::default();
        for repo in &self.repos {
            all.merge(repo.documents().await?)?;
        }
        Ok(all)
    }

    async fn step(&mut self) -> anyhow::Result<()> {
        let at = self.random.random_range(0..self.repos.len());
        match self.random.random_range(0..10) {
            0 => self.new_branch(at).await?,
            1 => self.drop_branch(at).await?,
            2 | 3 if !self.branches[at].is_empty() => {
                let nth = self.random.random_range(0..self.branches[at].len());
                let branch = self.branches[at][nth].clone();
                self.repos[at].checkout(&branch).await?;
                self.edit(at).await?;
                self.repos[at].checkout("main").await?;
            }
            _ => self.edit(at).await?,
        }
        self.num_commits += 1;
        Ok(())
    }

    async fn new_branch(&mut self, at: usize) -> anyhow::Result<()> {
        if self.branches[at].len() == MAX_BRANCHES {
            return Ok(());
        }
        let branch = format!("feature-{}", self.num_commits);
        self.repos[at].branch(&branch).await?;
        self.branches[at].push(branch);
        self.edit(at).await?;
        self.repos[at].checkout("main").await
    }

    async fn drop_branch(&mut self, at: usize) -> anyhow::Result<()> {
        match self.branches[at].pop() {
            Some(branch) => self.repos[at].delete_branch(&branch).await,
            None => Ok(()),
        }
    }

    /// One commit: a few files written, some of them new, and a few removed.
    async fn edit(&mut self, at: usize) -> anyhow::Result<()> {
        let repo = &self.repos[at];
        let commit = self.num_commits;
        let mut files: Vec<String> =
            repo.files().await?.into_iter().filter(|path| path != "README").collect();
        for _ in 0..self.random.random_range(1..5) {
            if files.len() > 5 && (files.len() > MAX_FILES || self.random.random_bool(0.3)) {
                let gone = files.swap_remove(self.random.random_range(0..files.len()));
                repo.remove(&gone)?;
            }
            // Few names, so that a file that was deleted comes back under the same key.
            let path = format!(
                "src/part{}/file{}.txt",
                self.random.random_range(0..4),
                self.random.random_range(0..30)
            );
            repo.write(&path, format!("{}\nwritten by commit {commit}\n", repo.name()))?;
            if !files.contains(&path) {
                files.push(path);
            }
        }
        repo.commit(&format!("commit {commit}")).await
    }
}

impl Churn {
    /// Goes on from `state`.
    pub fn start(state: State) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: tokio::spawn(run(state, stopped)) }
    }

    /// Stops after the commit in hand.
    pub async fn stop(self) -> anyhow::Result<State> {
        self.stop.send_replace(true);
        self.task.await.context("the committing task")?
    }
}

async fn run(mut state: State, mut stopped: watch::Receiver<bool>) -> anyhow::Result<State> {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return Ok(state),
            _ = pace.tick() => {}
        }
        state.step().await?;
    }
}
