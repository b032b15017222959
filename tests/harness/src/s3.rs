//! An S3 server whose conditional writes hold.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::free_port;
use crate::process::Process;
use crate::scripts::{self, READY_WITHIN};

/// A running S3 server, path-style, without TLS. A restart keeps port and data.
#[derive(Debug)]
pub struct S3 {
    // Before the folder: fields drop in this order, and the server must be gone first.
    process: Process,
    endpoint: String,
    data: TempDir,
}

impl S3 {
    /// Starts one and waits until it answers.
    pub async fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let flags = [
            ("data", data.path().display().to_string()),
            ("port", port.to_string()),
            ("access-key", Self::ACCESS_KEY.to_owned()),
            ("secret-key", Self::SECRET_KEY.to_owned()),
        ];
        let process = scripts::start("s3", &flags).await?;
        let mut s3 = Self { process, endpoint: format!("http://127.0.0.1:{port}"), data };
        s3.ready().await?;
        Ok(s3)
    }

    const ACCESS_KEY: &str = "automatosx";
    const SECRET_KEY: &str = "not-a-secret-in-tests";

    /// The URL for clients.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The id of the one account.
    pub fn access_key(&self) -> &str {
        Self::ACCESS_KEY
    }

    /// The secret of the one account.
    pub fn secret_key(&self) -> &str {
        Self::SECRET_KEY
    }

    /// The region that requests are signed for.
    pub fn region(&self) -> &str {
        "us-east-1"
    }

    /// Creates a bucket. By the server's rule that a folder is a bucket, which spares this crate the
    /// signing of requests.
    pub fn create_bucket(&self, name: &str) -> anyhow::Result<()> {
        fs::create_dir(self.bucket_folder(name)).with_context(|| format!("create bucket {name}"))
    }

    /// Where a bucket's objects are, each a file under its own name: for tests that damage one.
    pub fn bucket_folder(&self, name: &str) -> PathBuf {
        self.data.path().join("buckets").join(name)
    }

    /// The process, for pauses, signals and the log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it outright.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.process.kill9()
    }

    /// Kills it if it runs, starts it on the same port and data, and waits until it answers.
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
        self.process.wait_for_http(&url, READY_WITHIN).await.map(drop)
    }
}
