//! The server that is asked: one that runs, or one started for the run.

use super::PerfError;
use crate::client::{http::Api, wait::wait_until_searchable};
use ax_perf::workload::{Target, Workload};
use indicatif::ProgressBar;
use serde_json::Value;
use std::{
    net::TcpListener,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A start on a machine that does other things too.
const READY_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Parsing half a gigabyte tells nothing before its end.
const PARSED_WITHIN: Duration = Duration::from_secs(900);
/// Of the log, when the server does not come up.
const TAIL: usize = 15;

/// A server to ask; one that was started ends, with its data, when this is dropped.
pub struct Server {
    /// Its address.
    pub url: String,
    started: Option<(Child, TempDir)>,
}

impl Server {
    /// The workload's; one that is started has everything indexed when this returns.
    pub async fn of(workload: &Workload) -> Result<Self, PerfError> {
        match &workload.target {
            Target::Running { url } => Ok(Self { url: url.clone(), started: None }),
            Target::Serve => Self::serving(&workload.corpus.repos).await,
        }
    }

    /// Whether it was started here.
    pub fn is_started_here(&self) -> bool {
        self.started.is_some()
    }

    /// One started on a fresh folder for `repos`, with everything indexed.
    pub async fn serving(repos: &[String]) -> Result<Self, PerfError> {
        let failed =
            |error: std::io::Error| PerfError::Other(format!("cannot start a server: {error}"));
        let folder = tempfile::Builder::new().prefix("ax-perf-").tempdir().map_err(failed)?;
        let log = std::fs::File::create(folder.path().join("log")).map_err(failed)?;
        let address = free_address().map_err(failed)?;
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        command.arg("serve").arg("--data").arg(folder.path().join("data"));
        command.args(["--listen", &address]).env("AX_QUERY__GRPC_LISTEN", "127.0.0.1:0");
        for repo in repos {
            command.args(["--repo", repo]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).kill_on_drop(true);
        let child = command.spawn().map_err(failed)?;
        let mut server = Self { url: format!("http://{address}"), started: Some((child, folder)) };
        server.ready().await?;
        server.indexed().await?;
        Ok(server)
    }

    async fn ready(&mut self) -> Result<(), PerfError> {
        let api = Api::new(&self.url)?;
        let tried = async {
            while api.stream("/readyz", &[]).await.is_err() {
                tokio::time::sleep(LOOK_EVERY).await;
                if let Some((child, folder)) = &mut self.started
                    && let Ok(Some(status)) = child.try_wait()
                {
                    return Err(format!("the server ended ({status}):\n{}", tail(folder.path())));
                }
            }
            Ok(())
        };
        let slow = || Err(format!("the server is not ready after {} s", READY_WITHIN.as_secs()));
        let ready = tokio::time::timeout(READY_WITHIN, tried).await.unwrap_or_else(|_| slow());
        ready.map_err(PerfError::Other)
    }

    /// Waits for every repository, with a bar for each on a terminal.
    async fn indexed(&self) -> Result<(), PerfError> {
        eprintln!("indexing");
        let api = Api::new(&self.url)?;
        let repositories = api.get("/api/v1/repos", &[]).await?;
        for repository in repositories["repositories"].as_array().into_iter().flatten() {
            let name = repository["name"].as_str().unwrap_or_default();
            wait_until_searchable(&api, name).await?;
        }
        self.parsed(&api).await
    }

    /// Waits for the definitions, which may come after the text: looking for them takes the cores that are
    /// to be measured. Gives up once their number has stood still for long.
    async fn parsed(&self, api: &Api) -> Result<(), PerfError> {
        eprintln!("looking for definitions");
        let bar = ProgressBar::new(0);
        let (mut last, mut moved) = (u64::MAX, Instant::now());
        loop {
            let left = unparsed(&api.get("/api/v1/status", &[]).await?);
            if left == 0 {
                bar.finish_and_clear();
                return Ok(());
            }
            bar.set_length(bar.length().unwrap_or(0).max(left));
            bar.set_position(bar.length().unwrap_or(0) - left);
            if left != last {
                (last, moved) = (left, Instant::now());
            } else if moved.elapsed() > PARSED_WITHIN {
                let seconds = PARSED_WITHIN.as_secs();
                let why = format!("no definitions were found for {seconds} s; {left} files wait");
                return Err(PerfError::Other(why));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// Files of all shards whose definitions are still looked for.
fn unparsed(status: &Value) -> u64 {
    let shards = status["shards"].as_array().into_iter().flatten();
    shards.map(|shard| shard["here"]["num_unparsed"].as_u64().unwrap_or(0)).sum()
}

fn free_address() -> std::io::Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

fn tail(folder: &Path) -> String {
    let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}
