//! Kafka, one broker.

use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::process::Process;
use crate::scripts::{self, READY_WITHIN};
use crate::{Proxy, free_port};

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
        let port = free_port()?;
        Self::start_on(port, port).await
    }

    /// Starts one behind a proxy, where clients find it: a broker tells them its address, so a proxy
    /// that it does not know of would be passed by.
    pub async fn start_proxied() -> anyhow::Result<(Self, Proxy)> {
        let port = free_port()?;
        let proxy = Proxy::start(format!("127.0.0.1:{port}")).await?;
        Ok((Self::start_on(port, proxy.address().port()).await?, proxy))
    }

    async fn start_on(port: u16, advertised_port: u16) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let flags = [
            ("data", data.path().join("kafka").display().to_string()),
            ("port", port.to_string()),
            ("controller-port", free_port()?.to_string()),
            ("advertised-port", advertised_port.to_string()),
        ];
        let process = scripts::start("kafka", &flags).await?;
        let bootstrap = format!("127.0.0.1:{advertised_port}");
        let mut kafka = Self { process, bootstrap, _data: data };
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
