//! The HTTP API as a client sees it.

use crate::{Documents, documents::Key};
use anyhow::{Context as _, bail, ensure};
use ax_harness::eventually;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::time::Duration;

/// Longest wait for an answer: longer than any deadline that a test gives to a query.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// A client of one address: a query node's, or the balancer's. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    http: reqwest::Client,
}

impl Api {
    /// A client of `base`, as in `http://127.0.0.1:7080`.
    pub fn new(base: impl Into<String>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
        Ok(Self { base: base.into(), http })
    }

    /// Where it asks.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// A GET; status and JSON body, whatever the status.
    pub async fn get(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<(u16, Value)> {
        let answer = self.http.get(self.url(path, query)).send().await?;
        let (status, text) = (answer.status().as_u16(), answer.text().await?);
        let body = serde_json::from_str(&text).with_context(|| format!("{status}: {text:?}"))?;
        Ok((status, body))
    }

    /// A GET whose body is not made a JSON tree, which for a large answer would take gigabytes.
    pub async fn get_text(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<(u16, String)> {
        let answer = self.http.get(self.url(path, query)).send().await?;
        Ok((answer.status().as_u16(), answer.text().await?))
    }

    /// A GET that must answer 200.
    pub async fn get_ok(&self, path: &str, query: &[(&str, &str)]) -> anyhow::Result<Value> {
        match self.get(path, query).await? {
            (200, body) => Ok(body),
            (status, body) => bail!("{path} {query:?} answered {status}: {body}"),
        }
    }

    /// A search; `options` as the API names them, as in `("wait_for", token)`.
    pub async fn search(&self, q: &str, options: &[(&str, &str)]) -> anyhow::Result<Value> {
        let query = [&[("q", q)], options].concat();
        self.get_ok("/api/v1/search", &query).await
    }

    /// A search of everything that matches, which must be complete.
    pub async fn search_all(&self, q: &str) -> anyhow::Result<Value> {
        let answer = self.search(q, &[("all", "true")]).await?;
        let summary = &answer["summary"];
        ensure!(summary["partial"] == false && summary["more"] == false, "{q}: {summary}");
        Ok(answer)
    }

    /// How many files match; an incomplete answer is an error.
    pub async fn count(&self, q: &str) -> anyhow::Result<u64> {
        let answer = self.search(q, &[("all", "true"), ("count", "true")]).await?;
        let summary = &answer["summary"];
        ensure!(summary["partial"] == false, "{q}: {summary}");
        summary["num_files"].as_u64().context("num_files is a number")
    }

    /// Registers a repository under a name.
    pub async fn register(&self, source: &str, name: &str) -> anyhow::Result<()> {
        let body = json!({ "source": source, "name": name }).to_string();
        let request = self.http.post(self.url("/api/v1/repos", &[]));
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await?;
        let status = answer.status();
        ensure!(status == 202, "registering {name} answered {status}: {}", answer.text().await?);
        Ok(())
    }

    /// Asks for a repository's removal.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        let answer = self.http.delete(self.url(&repo_path(name), &[])).send().await?;
        let status = answer.status();
        ensure!(status == 202, "removing {name} answered {status}: {}", answer.text().await?);
        Ok(())
    }

    /// One repository.
    pub async fn repo(&self, name: &str) -> anyhow::Result<Value> {
        self.get_ok(&repo_path(name), &[]).await
    }

    /// The version token of everything that ingest emitted of a repository so far.
    pub async fn version_of(&self, name: &str) -> anyhow::Result<String> {
        let repo = self.repo(name).await?;
        let progress = &repo["progress"];
        ensure!(progress["phase"] == "done", "{name}: {progress}");
        let version = progress["version"].as_str().unwrap_or_default();
        ensure!(!version.is_empty(), "{name} has no version yet: {progress}");
        Ok(version.to_owned())
    }

    /// The cluster as the node sees it.
    pub async fn status(&self) -> anyhow::Result<Value> {
        self.get_ok("/api/v1/status", &[]).await
    }

    /// Every document that the cluster shows, by listing all files of all repositories.
    pub async fn documents(&self) -> anyhow::Result<Documents> {
        let answer = self.search_all("repo:*").await?;
        let mut documents = Documents::default();
        for file in answer["files"].as_array().context("files is a list")? {
            let text = |field: &str| file[field].as_str().unwrap_or_default().to_owned();
            let branches = file["branches"].as_array().context("branches is a list")?;
            let branches = branches.iter().filter_map(|name| name.as_str()).map(str::to_owned);
            let key = Key { repo: text("repo"), path: text("path") };
            documents.add(key, text("blob"), branches)?;
        }
        Ok(documents)
    }

    /// Waits until exactly `num_files` files match `q`, in a complete answer.
    pub async fn wait_for_count(
        &self,
        q: &str,
        num_files: u64,
        within: Duration,
    ) -> anyhow::Result<()> {
        eventually(within, &format!("{num_files} files match {q}"), async || {
            let found = self.count(q).await?;
            ensure!(found == num_files, "{found} files match");
            Ok(())
        })
        .await
    }

    fn url(&self, path: &str, query: &[(&str, &str)]) -> String {
        let pairs = query.iter().map(|(name, value)| format!("{name}={}", encode(value)));
        let pairs = pairs.collect::<Vec<_>>().join("&");
        let mark = if pairs.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{pairs}", self.base)
    }
}

fn repo_path(name: &str) -> String {
    format!("/api/v1/repos/{}", encode(name))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
