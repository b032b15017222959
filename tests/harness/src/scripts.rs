//! The scripts in `tests/servers`, which know how each server is installed and run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::process::{Process, Spec};

/// A cold build of the S3 server on a busy machine, with room to spare.
const INSTALL_WITHIN: Duration = Duration::from_secs(1200);

/// A server's own start is one to three seconds; the rest is for a machine that compiles beside it.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(90);

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../servers").join(name)
}

/// Installs what `server` needs unless it is there. A step of its own so that a first, slow
/// installation does not count as a slow start.
async fn install(server: &str) -> anyhow::Result<()> {
    let spec = Spec::new(format!("install.sh {server}"), script("install.sh")).arg(server);
    let mut installer = Process::spawn(spec)?;
    let status = installer.wait_exit(INSTALL_WITHIN).await?;
    if !status.success() {
        bail!("installing {server} ended with {status}; {}", installer.log_tail());
    }
    Ok(())
}

/// Installs and starts a server. `flags` are names and values, as its script documents them.
pub(crate) async fn start(server: &str, flags: &[(&str, String)]) -> anyhow::Result<Process> {
    install(server).await?;
    let args = flags.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]);
    let spec = Spec::new(server, script(&format!("{server}.sh"))).args(args);
    Process::spawn(spec).with_context(|| format!("start {server}"))
}
