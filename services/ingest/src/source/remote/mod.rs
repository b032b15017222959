//! Remotes: a mirror of each ([`Mirror`]), and the ways to one: ssh, HTTP over TLS, git's own protocol.
//!
//! Whatever the other side does, a fetch ends: connecting is bounded, and a server that is silent for
//! longer than [`Access::silence`] is given up. HTTP bounds each read by itself; over ssh and
//! `git://` the transport is ours, since the library's would wait for ever on both.

mod connect;
mod credentials;
mod https;
mod mirror;
mod patient;
mod ssh;
mod unpack;

pub use mirror::Mirror;

use std::{path::PathBuf, time::Duration};

/// How remotes are reached, besides what git's own configuration on this machine says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Command in the place of `ssh`, which takes the options of OpenSSH, as in `ssh -i /etc/ax/key`; empty
    /// for git's own settings.
    pub ssh_command: String,
    /// PEM file of authorities to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// File of lines `https://user:password@host[/path]`, as `git credential-store` keeps them. Read at
    /// each fetch, so that a token can be changed at any time.
    pub credentials_file: Option<PathBuf>,
    /// Longest silence of a server before it is given up.
    pub silence: Duration,
}

impl Default for Access {
    fn default() -> Self {
        let silence = Duration::from_secs(60);
        Self { ssh_command: String::new(), ca_file: None, credentials_file: None, silence }
    }
}
