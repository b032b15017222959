//! etcd, one node or several.

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::process::Process;
use crate::scripts::{self, READY_WITHIN};
use crate::{free_port, http};

/// A running etcd. A restart keeps port and data, and answers about a second later.
#[derive(Debug)]
pub struct Etcd {
    // Before the folder: fields drop in this order, and the server must be gone first.
    process: Process,
    endpoint: String,
    _data: TempDir,
}

impl Etcd {
    /// Starts one and waits until it is healthy.
    pub async fn start() -> anyhow::Result<Self> {
        let mut nodes = Self::start_cluster(1).await?;
        nodes.pop().context("a cluster of one has one node")
    }

    /// Starts a cluster of this many nodes and waits until each of them is healthy.
    pub async fn start_cluster(num_nodes: usize) -> anyhow::Result<Vec<Self>> {
        let ports = (0..num_nodes).map(|_| free_port()).collect::<anyhow::Result<Vec<_>>>()?;
        let peers = ports.iter().map(|port| format!("node{port}=http://127.0.0.1:{port}"));
        let peers = peers.collect::<Vec<_>>().join(",");
        let mut nodes = Vec::new();
        for port in ports {
            nodes.push(Self::spawn(port, &peers).await?);
        }
        // Only now: a node is healthy once most of them are there.
        for node in &mut nodes {
            node.ready().await?;
        }
        Ok(nodes)
    }

    async fn spawn(peer_port: u16, peers: &str) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let flags = [
            ("data", data.path().join("etcd").display().to_string()),
            ("port", port.to_string()),
            ("peer-port", peer_port.to_string()),
            ("name", format!("node{peer_port}")),
            ("cluster", peers.to_owned()),
        ];
        let process = scripts::start("etcd", &flags).await?;
        Ok(Self { process, endpoint: format!("http://127.0.0.1:{port}"), _data: data })
    }

    /// The URL for clients.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The process, for pauses, signals and the log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it outright.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.process.kill9()
    }

    /// Kills it if it runs, starts it on the same port and data, and waits until it is healthy.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.restart()?;
        self.ready().await
    }

    /// Stops it in its tracks; connections stay.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.process.pause()
    }

    /// Lets it go on.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.process.resume()
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let url = format!("{}/health", self.endpoint);
        self.process
            .wait_for("is healthy", READY_WITHIN, async || {
                let (_, body) = http::get(&url).await?;
                ensure!(body.contains("\"health\":\"true\""), "it answers {body}");
                Ok(())
            })
            .await
    }
}
