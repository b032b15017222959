//! Kafka, one broker.

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::free_port;
use crate::process::Process;
use crate::scripts::{self, READY_WITHIN};

/// What the broker logs once it is registered and serves.
const STARTED: &str = "Kafka Server started";

/// A running Kafka broker that does not create topics by itself. A restart keeps port and data, and
/// takes some three seconds: the former session has to lapse first.
#[derive(Debug)]
pub struct Kafka {
    // Before the folder: fields drop in this order, and the server must be gone first.
    process: Process,
    bootstrap: String,
    _data: TempDir,
}

impl Kafka {
    /// Starts one and waits until it serves.
    pub async fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let flags = [
            ("data", data.path().join("kafka").display().to_string()),
            ("port", port.to_string()),
            ("controller-port", free_port()?.to_string()),
        ];
        let process = scripts::start("kafka", &flags).await?;
        let mut kafka = Self { process, bootstrap: format!("127.0.0.1:{port}"), _data: data };
        kafka.ready().await?;
        Ok(kafka)
    }

    /// The value for clients' `bootstrap.servers`.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The process, for pauses, signals and the log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it outright.
    pub fn kill9(&mut self) -> anyhow::Result<()> {
        self.process.kill9()
    }

    /// Kills it if it runs, starts it on the same port and data, and waits until it serves.
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
        self.process.wait_for_log(STARTED, READY_WITHIN).await?;
        let address = self.bootstrap.clone();
        self.process
            .wait_for("accepts connections", READY_WITHIN, async || {
                Ok(TcpStream::connect(&address).await.map(drop)?)
            })
            .await
    }
}
