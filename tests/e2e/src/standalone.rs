//! `ax serve` as a process of its own.

use crate::{Api, ax};
use anyhow::{Context as _, ensure};
use ax_harness::{Process, Spec, eventually, free_port};
use std::{
    path::{Path, PathBuf},
    process::Output,
    time::Duration,
};

/// A cold start of a debug build on a machine that compiles beside it.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// An import of a few thousand files on the same machine.
const IMPORTED_WITHIN: Duration = Duration::from_secs(180);

/// A standalone server, killed on drop.
#[derive(Debug)]
pub struct Standalone {
    process: Process,
    api: Api,
    data: PathBuf,
}

impl Standalone {
    /// Starts a server of `repos` that keeps its data in `data`; returns once it is ready.
    pub async fn start(data: &Path, repos: &[&Path]) -> anyhow::Result<Self> {
        let mut server = Self::spawn(data, repos, &[]).await?;
        server.ready().await?;
        Ok(server)
    }

    /// Starts one with variables, and does not wait for it.
    pub async fn spawn(
        data: &Path,
        repos: &[&Path],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut spec = Spec::new("ax serve", ax::binary().await?).arg("serve");
        spec = spec.arg("--data").arg(data).args(["--listen", &address]);
        // Its gRPC service needs no fixed port, and tests run beside one another.
        spec = spec.env("AX_QUERY__GRPC_LISTEN", "127.0.0.1:0");
        for (name, value) in variables {
            spec = spec.env(name, value);
        }
        for repo in repos {
            spec = spec.arg("--repo").arg(repo);
        }
        let api = Api::new(format!("http://{address}"))?;
        Ok(Self { process: Process::spawn(spec)?, api, data: data.to_owned() })
    }

    /// Waits until it answers.
    pub async fn ready(&mut self) -> anyhow::Result<()> {
        let url = format!("{}/readyz", self.api.base());
        self.process.wait_for_http(&url, READY_WITHIN).await.map(drop)
    }

    /// The same server, dead and started again.
    pub async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        self.process.restart()?;
        self.ready().await
    }

    /// Its API.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Waits until all of `name` is searchable, as far as it has been read.
    pub async fn imported(&mut self, name: &str) -> anyhow::Result<()> {
        let api = self.api.clone();
        let token = self
            .process
            .wait_for(&format!("imports {name}"), IMPORTED_WITHIN, async || {
                api.version_of(name).await
            })
            .await?;
        let what = format!("{name} is searchable");
        eventually(IMPORTED_WITHIN, &what, async || {
            let options = [("wait_for", token.as_str()), ("limit", "1"), ("timeout", "10s")];
            let answer = api.search("repo:.", &options).await?;
            ensure!(answer["summary"]["partial"] == false, "{}", answer["summary"]);
            Ok(())
        })
        .await
    }

    /// Paths whose text is left out, with the reason.
    pub async fn skipped(&self, name: &str) -> anyhow::Result<Vec<(String, String)>> {
        let path = format!("/api/v1/repos/{name}/skipped");
        let mut skipped: Vec<(String, String)> = Vec::new();
        loop {
            let after = skipped.last().map_or(String::new(), |(path, _)| path.clone());
            let page = self.api.get_ok(&path, &[("after", &after)]).await?;
            for file in page["skipped"].as_array().context("skipped is a list")? {
                let text = |field: &str| file[field].as_str().unwrap_or_default().to_owned();
                skipped.push((text("path"), text("reason")));
            }
            if page["more"] == false {
                return Ok(skipped);
            }
        }
    }

    /// Runs a client command against it.
    pub async fn client(&self, args: &[&str]) -> anyhow::Result<Output> {
        ax::client(self.api.base(), args).await
    }

    /// What it logged since it was last started.
    pub fn log(&self) -> anyhow::Result<String> {
        self.process.log()
    }

    /// An error when a thread of it has panicked.
    pub fn no_panics(&self) -> anyhow::Result<()> {
        let log = self.process.log()?;
        ensure!(!log.contains("panicked at"), "{}", self.process.log_tail());
        Ok(())
    }
}
