//! Servers of git repositories: OpenSSH, and a web server with git's own http-backend.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::free_port;
use crate::process::Process;
use crate::scripts::{self, READY_WITHIN};

/// A running OpenSSH server, which lets in this user with a key made for it. A restart keeps port and keys.
#[derive(Debug)]
pub struct Sshd {
    // Before the folder: fields drop in this order, and the server must be gone first.
    process: Process,
    port: u16,
    data: TempDir,
}

impl Sshd {
    /// Starts one and waits until it takes connections.
    pub async fn start() -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let flags = [("data", data.path().display().to_string()), ("port", port.to_string())];
        let process = scripts::start("sshd", &flags).await?;
        let mut sshd = Self { process, port, data };
        sshd.ready().await?;
        Ok(sshd)
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a repository on this machine through `port`: the server's own, or a proxy's before it.
    pub fn url(&self, port: u16, repo: &Path) -> anyhow::Result<String> {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid())?.context("this user")?;
        Ok(format!("ssh://{}@127.0.0.1:{port}{}", user.name, repo.display()))
    }

    /// A command that trusts the server and has the key that it lets in.
    pub fn command(&self) -> String {
        let data = self.data.path().display();
        // The host key belongs to the server, whichever port a proxy in front of it listens on.
        format!(
            "ssh -F /dev/null -i {data}/user_key -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes \
             -o UserKnownHostsFile={data}/known_hosts -o HostKeyAlias=[127.0.0.1]:{}",
            self.port
        )
    }

    /// The same, with a key that nobody lets in.
    pub fn command_of_a_stranger(&self) -> anyhow::Result<String> {
        let key = self.data.path().join("strangers_key");
        if !key.exists() {
            let mut keygen = std::process::Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key);
            anyhow::ensure!(keygen.status()?.success(), "ssh-keygen failed");
        }
        Ok(self.command().replace("/user_key", "/strangers_key"))
    }

    /// The process, for pauses, signals and the log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it if it runs, starts it again, and waits until it takes connections.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.restart()?;
        self.ready().await
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let port = self.port;
        self.process
            .wait_for("takes connections", READY_WITHIN, async || {
                TcpStream::connect(("127.0.0.1", port)).await?;
                Ok(())
            })
            .await
    }
}

/// A running web server for the bare repositories in a folder, behind a certificate of a CA of its own.
#[derive(Debug)]
pub struct GitHttps {
    process: Process,
    port: u16,
    data: TempDir,
}

impl GitHttps {
    /// The one user.
    pub const USER: &str = "reader";
    /// The user's password, with what must be escaped in a URL.
    pub const PASSWORD: &str = "s3cret p@ss/word:";

    /// Starts one for the bare repositories in `repos`, and waits until it takes connections.
    pub async fn start(repos: &Path) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let port = free_port()?;
        let flags = [
            ("data", data.path().display().to_string()),
            ("port", port.to_string()),
            ("repos", repos.display().to_string()),
            ("user", Self::USER.to_owned()),
            ("password", Self::PASSWORD.to_owned()),
        ];
        let process = scripts::start("https", &flags).await?;
        let mut server = Self { process, port, data };
        server.ready().await?;
        Ok(server)
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The certificate of the CA that signed its own.
    pub fn ca_file(&self) -> PathBuf {
        self.data.path().join("ca.pem")
    }

    /// The URL of a repository that everybody may read.
    pub fn open_url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/git/{name}", self.port)
    }

    /// The URL of the same repository behind the password.
    pub fn private_url(&self, name: &str) -> String {
        format!("https://127.0.0.1:{}/private/{name}", self.port)
    }

    /// The process, for pauses, signals and the log.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Kills it if it runs, starts it again, and waits until it takes connections.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.restart()?;
        self.ready().await
    }

    async fn ready(&mut self) -> anyhow::Result<()> {
        let port = self.port;
        self.process
            .wait_for("takes connections", READY_WITHIN, async || {
                TcpStream::connect(("127.0.0.1", port)).await?;
                Ok(())
            })
            .await
    }
}
