//! etcd, one node.

use anyhow::ensure;
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
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let flags = [
            ("data", data.path().join("etcd").display().to_string()),
            ("port", port.to_string()),
            ("peer-port", free_port()?.to_string()),
        ];
        let process = scripts::start("etcd", &flags).await?;
        let mut etcd = Self { process, endpoint: format!("http://127.0.0.1:{port}"), _data: data };
        etcd.ready().await?;
        Ok(etcd)
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
