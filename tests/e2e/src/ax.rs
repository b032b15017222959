//! The `ax` binary under test: built once per test process, run as a role or as the client.

use anyhow::{Context as _, bail};
use ax_harness::Spec;
use std::{
    path::{Path, PathBuf},
    process::Output,
};
use tokio::{process::Command, sync::OnceCell};

static BINARY: OnceCell<PathBuf> = OnceCell::const_new();

/// Path of the binary: the one that `AX_BIN` names, or one built now, in the profile and target folder
/// of the running test.
///
/// `make test` sets `AX_BIN` right after building it together with the tests: on its own, `ax` resolves
/// other features, and every dependency would be compiled twice. Rejected: an artifact dependency,
/// which needs a nightly cargo.
pub async fn binary() -> anyhow::Result<&'static Path> {
    BINARY.get_or_try_init(build).await.map(PathBuf::as_path)
}

async fn build() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("AX_BIN") {
        let given = PathBuf::from(given);
        anyhow::ensure!(given.is_file(), "AX_BIN: {} is not there", given.display());
        return Ok(given);
    }
    let test = std::env::current_exe().context("the path of the running test")?;
    let profile_dir = test.ancestors().nth(2).context("a test is at target/PROFILE/deps/test")?;
    let target = profile_dir.parent().context("a profile's folder is in the target folder")?;
    let profile = match profile_dir.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        Some(other) => other,
        None => bail!("{} is not a profile's folder", profile_dir.display()),
    };
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--quiet", "-p", "ax", "--profile", profile, "--target-dir"]);
    cargo.arg(target).current_dir(env!("CARGO_MANIFEST_DIR"));
    let built = cargo.output().await.context("run cargo")?;
    if !built.status.success() {
        bail!("`ax` does not build:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    Ok(profile_dir.join("ax"))
}

/// A role as a process that the harness can start: `role` is a subcommand, `config` its file.
pub async fn role(name: &str, role: &str, config: &Path) -> anyhow::Result<Spec> {
    Ok(Spec::new(name, binary().await?).arg(role).arg("--config").arg(config))
}

/// Runs a client command, as in `["status", "--json"]`, against the server at `base`.
pub async fn client(base: &str, args: &[&str]) -> anyhow::Result<Output> {
    let mut command = Command::new(binary().await?);
    command.args(args).args(["--server", base]).kill_on_drop(true);
    command.output().await.context("run ax")
}
