//! What the drills share: a cluster with three changing repositories, one that stays as it is and is
//! asked about all the while, and one for pushes that are waited for.

#![allow(dead_code)] // each test uses a part of it

use anyhow::{Context as _, ensure};
use ax_e2e::{
    Api, Cluster, Documents, GitRepo,
    churn::{self, Churn},
    cluster::{QUERY_NODES, Settings},
    probe::Probe,
};
use std::{io::Write as _, time::Duration};

/// A generous deadline for everything to be quiet and equal.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(90);

/// Files of the repository that stays as it is; over all shards.
pub const EVERGREEN_FILES: u64 = 40;
/// The word in each of them.
pub const EVERGREEN: &str = "evergreen_token";
/// Files per pushed marker: enough that each of the few shards gets some.
const MARKER_FILES: u64 = 16;

/// A cluster with repositories.
pub struct Rehearsal {
    /// Asks about the repository that stays as it is.
    pub probe: Probe,
    /// The balancer.
    pub front: Api,
    /// The cluster.
    pub cluster: Cluster,
    state: Option<churn::State>,
    steady: GitRepo,
    markers: GitRepo,
    num_markers: u32,
}

/// Pushed files that all contain one new word.
pub struct Marker {
    /// The word, as a query.
    pub query: String,
    /// How many files contain it.
    pub num_files: u64,
}

impl Marker {
    /// Waits until all of them are found.
    pub async fn wait(&self, api: &Api, within: Duration) -> anyhow::Result<()> {
        api.wait_for_count(&self.query, self.num_files, within).await
    }
}

impl Rehearsal {
    /// Starts the cluster, registers the repositories and waits until all is searchable.
    pub async fn start(name: &str, settings: Settings) -> anyhow::Result<Self> {
        let cluster = Cluster::start(name, settings).await?;
        let front = cluster.front()?;
        let repo = async |name: &str| GitRepo::init(cluster.repos().join(name), name).await;
        let steady = repo("steady").await?;
        for n in 0..EVERGREEN_FILES {
            steady.write(&format!("src/file{n}.txt"), format!("{EVERGREEN} number {n}\n"))?;
        }
        steady.commit("all there is").await?;
        let markers = repo("markers").await?;
        markers.write("README", "pushes that are waited for\n")?;
        markers.commit("first").await?;
        let moving = vec![repo("alpha").await?, repo("beta").await?, repo("gamma").await?];
        for repo in moving.iter().chain([&steady, &markers]) {
            let source = repo.path().to_str().context("a test's folder has a plain name")?;
            front.register(source, repo.name()).await?;
        }
        let state = Some(churn::State::new(moving, 20).await?);
        front.wait_for_count(EVERGREEN, EVERGREEN_FILES, SETTLED_WITHIN).await?;
        let probe = Probe::start(&front, EVERGREEN, EVERGREEN_FILES);
        let rehearsal = Self { probe, front, cluster, state, steady, markers, num_markers: 0 };
        rehearsal.settle().await?;
        Ok(rehearsal)
    }

    /// Commits files with a new word, enough for every shard.
    pub async fn push_marker(&mut self) -> anyhow::Result<Marker> {
        self.num_markers += 1;
        let query = format!("marker_word_{}", self.num_markers);
        for n in 0..MARKER_FILES {
            let path = format!("push{}/file{n}.txt", self.num_markers);
            self.markers.write(&path, format!("{query}\nfile {n}\n"))?;
        }
        self.markers.commit(&query).await?;
        Ok(Marker { query: format!("{query} file:.txt"), num_files: MARKER_FILES })
    }

    /// The repository of the markers.
    pub fn marker_repo(&self) -> &GitRepo {
        &self.markers
    }

    /// The changing repositories, to go on with; [`Rehearsal::keep_state`] gives them back.
    pub fn take_state(&mut self) -> anyhow::Result<churn::State> {
        self.state.take().context("the repositories are in use")
    }

    /// Gives the changing repositories back.
    pub fn keep_state(&mut self, state: churn::State) {
        self.state = Some(state);
    }

    /// Lets changes flow until `num` more queries are answered.
    pub async fn churn_for(&mut self, num: u64) -> anyhow::Result<()> {
        let churn = Churn::start(self.take_state()?);
        self.probe.answers_more(num).await?;
        self.state = Some(churn.stop().await?);
        Ok(())
    }

    /// What an index of all repositories must hold.
    pub async fn wanted(&self) -> anyhow::Result<Documents> {
        let mut wanted = self.steady.documents().await?;
        wanted.merge(self.markers.documents().await?)?;
        if let Some(state) = &self.state {
            wanted.merge(state.documents().await?)?;
        }
        Ok(wanted)
    }

    /// Waits until everything is quiet and equal.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.cluster.settle(&self.wanted().await?, &QUERY_NODES, SETTLED_WITHIN).await
    }

    /// No process panicked, or logged what a person must act on: all that was done to it is its
    /// everyday life.
    pub fn no_alarms(&self) -> anyhow::Result<()> {
        for alarm in ["panicked", " ERROR "] {
            let lines = self.cluster.logged(alarm)?;
            ensure!(lines.is_empty(), "{}", lines.join("\n"));
        }
        Ok(())
    }
}

/// What a kill cost.
pub struct Drill {
    /// Who was killed.
    pub name: &'static str,
    /// From the kill until a file pushed right after it was searchable.
    pub fresh_after: Duration,
    /// From the kill until everything was quiet and equal.
    pub settled_after: Duration,
}

/// Prints the times, past the capture of the test's output: they are worth seeing when all is well.
pub fn print(drills: &[Drill], slowest: Duration, num_queries: u64) {
    let mut table = String::from("\nkilled                     fresh after   settled after\n");
    for drill in drills {
        let (fresh, settled) = (drill.fresh_after.as_secs_f64(), drill.settled_after.as_secs_f64());
        table += &format!("{:<26} {fresh:>9.2} s   {settled:>11.2} s\n", drill.name);
    }
    table +=
        &format!("{num_queries} queries meanwhile, none failed; the slowest took {slowest:?}\n");
    // Nobody to tell when standard output is gone.
    let _ = std::io::stdout().write_all(table.as_bytes());
}
