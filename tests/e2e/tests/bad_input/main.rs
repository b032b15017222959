//! What people and disks do wrong: each gives a typed error with its stable code, loses nothing, and
//! the server goes on answering.

mod disks;
mod requests;
mod sources;
mod starts;

use anyhow::{Context as _, ensure};
use ax_e2e::{GitRepo, standalone::Standalone};
use reqwest::Method;
use serde_json::Value;
use std::{path::Path, time::Duration};

/// Within which the server must have seen a fault, or have recovered from it.
const NOTICED_WITHIN: Duration = Duration::from_secs(60);

/// A repository called `good` with three files that have a needle.
async fn good_repo(folder: &Path) -> anyhow::Result<GitRepo> {
    let repo = GitRepo::init(folder.join("good"), "good").await?;
    for name in ["a.txt", "b.txt", "c.txt"] {
        repo.write(name, format!("needle in {name}\n"))?;
    }
    repo.commit("first").await?;
    Ok(repo)
}

/// The server still answers, completely and rightly.
async fn goes_on(server: &Standalone) -> anyhow::Result<()> {
    let found = server.api().count("content:needle repo:good").await?;
    ensure!(found == 3, "{found} files");
    server.no_panics()
}

/// A request as a program might send it; status and body.
async fn send(
    server: &Standalone,
    method: Method,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> anyhow::Result<(u16, Value)> {
    let url = format!("{}{path}", server.api().base());
    let request = reqwest::Client::new().request(method, url);
    let request = request.header("content-type", "application/json").body(body);
    let answer = request.send().await?;
    let (status, text) = (answer.status().as_u16(), answer.text().await?);
    let body = serde_json::from_str(&text).with_context(|| format!("{status}: {text:.200}"))?;
    Ok((status, body))
}

/// The fault that ingest tells about a repository; empty when there is none.
async fn failure(server: &Standalone, repo: &str) -> anyhow::Result<String> {
    let repo = server.api().repo(repo).await?;
    Ok(repo["progress"]["failure"].as_str().unwrap_or_default().to_owned())
}
