//! Ports that stay ours.

use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher as _, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context as _;

/// Below the range that the kernel gives to outgoing connections, 32768 and up. Rejected: binding
/// port 0 and letting go of it, since any client's connection may take that port before the server
/// does, and again each time the server is down between a kill and a restart.
const FIRST: u16 = 20_000;
const NUM_PORTS: u16 = 12_000;

/// Locks of the ports given out, held until this process ends, however it ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A loopback port that nobody listens on, and that no other test process will be given while this one
/// lives, so that a server can be restarted on it.
pub fn free_port() -> anyhow::Result<u16> {
    let folder = std::env::temp_dir().join("ax-harness-ports");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    // Shared with other users of the machine; fails harmlessly when the folder is another's.
    let _ = fs::set_permissions(&folder, Permissions::from_mode(0o777));
    // Each process starts elsewhere, or all would queue for the same locks.
    let start = RandomState::new().hash_one(std::process::id()) % u64::from(NUM_PORTS);
    let mut held = HELD.lock().map_err(|_| anyhow::anyhow!("a thread died choosing a port"))?;
    (0..NUM_PORTS)
        .map(|step| FIRST + (start as u16 + step) % NUM_PORTS)
        .find_map(|port| Some((port, claim(&folder, port)?)))
        .map(|(port, lock)| {
            held.push(lock);
            port
        })
        .context("every port is taken")
}

fn claim(folder: &Path, port: u16) -> Option<File> {
    let lock = File::create(folder.join(port.to_string())).ok()?;
    lock.try_lock().ok()?;
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
    Some(lock)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ports_are_given_once() {
        let ports: BTreeSet<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.len(), 50);
        assert!(ports.iter().all(|port| (FIRST..FIRST + NUM_PORTS).contains(port)));
    }
}
