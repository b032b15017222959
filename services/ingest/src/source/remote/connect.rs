//! From a URL to branches and objects in the mirror.

use super::{
    Access, credentials, https,
    patient::Patient,
    ssh::{self, Complaints},
    unpack::unpack,
};
use gix::{
    bstr::ByteSlice,
    protocol::{
        handshake::Ref,
        transport::{
            Protocol,
            client::{
                blocking_io::Transport,
                git::{ConnectMode, blocking_io::Connection},
            },
        },
    },
    remote::{
        Direction,
        fetch::{Status, Tags},
    },
    url::Scheme,
};
use std::{
    io,
    net::{TcpStream, ToSocketAddrs},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Longest wait for a `git://` server to take the connection.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Port of git's own protocol.
const GIT_PORT: u16 = 9418;

/// A fetch that failed.
pub struct Failure {
    /// What happened.
    pub reason: String,
    /// True when the server refused us: who we say we are, or that we do not say it.
    pub is_refusal: bool,
}

impl From<gix::Error> for Failure {
    fn from(error: gix::Error) -> Self {
        let is_refusal = error.is_unauthenticated() || error.is_permission_denied();
        Self { reason: crate::error::explain(&error), is_refusal }
    }
}

/// Fetches all branches of `url` into `repo`, and returns what the remote shows.
pub fn receive(
    repo: &gix::Repository,
    url: &gix::Url,
    access: &Access,
    stop: &Arc<AtomicBool>,
) -> Result<Vec<Ref>, Failure> {
    let mut url = url.clone();
    let account = credentials::take_from(&mut url);
    let remote = repo
        .remote_at(url.clone())?
        .with_fetch_tags(Tags::None)
        .with_refspecs(["+refs/heads/*:refs/heads/*"], Direction::Fetch)?;
    // Configuration may rewrite the URL, even its scheme.
    let (real, version) = remote.sanitized_url_and_version(Direction::Fetch)?;
    match real.scheme {
        Scheme::Ssh => {
            let (ssh, complaints) =
                ssh::connect(repo, &real, version, access, stop).map_err(gix::Error::from_error)?;
            let received = take(repo, remote.to_connection_with_transport(ssh), stop);
            received.map_err(|error| told(error, &complaints))
        }
        Scheme::Git => {
            let daemon = daemon(&real, version, access, stop).map_err(gix::Error::from_error)?;
            Ok(take(repo, remote.to_connection_with_transport(daemon), stop)?)
        }
        Scheme::Http | Scheme::Https => {
            let options = https::options(repo, &real, access)?;
            let connection = remote.connect(Direction::Fetch)?.with_transport_options(options);
            let mut helpers = connection.configured_credentials_for_current_url();
            let connection = connection.with_credentials(move |action| {
                let own = account.as_ref().map(|account| (&url, account));
                let file = access.credentials_file.as_deref();
                credentials::answer(action, own, file, &mut helpers)
            });
            Ok(take(repo, connection, stop)?)
        }
        _ => Ok(take(repo, remote.connect(Direction::Fetch)?, stop)?),
    }
}

fn take<T: Transport>(
    repo: &gix::Repository,
    connection: gix::remote::Connection<'_, '_, '_, T>,
    stop: &AtomicBool,
) -> gix::Result<Vec<Ref>> {
    let head = gix::refspec::parse("HEAD".into(), gix::refspec::parse::Operation::Fetch)
        .map(|spec| spec.to_owned());
    let options = gix::remote::ref_map::Options {
        extra_refspecs: head.into_iter().collect(), // only to learn where HEAD points there
        ..Default::default()
    };
    let fetch = connection.prepare_fetch(gix::progress::Discard, options)?;
    let outcome = fetch.with_write_packed_refs_only(true).receive(gix::progress::Discard, stop)?;
    if let Status::Change { write_pack_bundle, .. } = &outcome.status {
        unpack(repo, write_pack_bundle)?;
    }
    Ok(outcome.ref_map.remote_refs)
}

/// What the program said tells more than that the connection ended.
fn told(error: gix::Error, complaints: &Complaints) -> Failure {
    let failure = Failure::from(error);
    let said = complaints.text();
    if said.is_empty() {
        return failure;
    }
    let is_refusal = failure.is_refusal || said.contains("Permission denied");
    Failure { reason: format!("{}: {said}", failure.reason), is_refusal }
}

/// A connection of git's own protocol.
fn daemon(
    url: &gix::Url,
    version: Protocol,
    access: &Access,
    stop: &Arc<AtomicBool>,
) -> io::Result<Connection<Patient<TcpStream>, Patient<TcpStream>>> {
    let host = url.host().ok_or_else(|| io::Error::other("the URL names no host"))?;
    let addresses = (host, url.port.unwrap_or(GIT_PORT)).to_socket_addrs()?;
    let mut failed = io::Error::other("the host has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, CONNECT_WITHIN) {
            Ok(stream) => {
                let patient = |stream| Patient::new(stream, access.silence, stop.clone());
                let (read, write) = (patient(stream.try_clone()?), patient(stream));
                let (path, host) = (url.path.as_bstr().to_owned(), Some((host, url.port)));
                let mode = ConnectMode::Daemon;
                return Ok(Connection::new(read, write, version, path, host, mode, false));
            }
            Err(error) => failed = error,
        }
    }
    Err(failed)
}
