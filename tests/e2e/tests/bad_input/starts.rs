//! Processes that cannot start, and configurations that are wrong.

use crate::{goes_on, good_repo};
use anyhow::{Context as _, ensure};
use ax_e2e::{ax, standalone::Standalone};
use std::{fs, path::Path, process::Output};
use tokio::process::Command;

/// A file, the code, and what the message must name.
const CONFIGS: &[(&str, &str, &str)] = &[
    ("[ingest]\nmax_file_byte = 1", "AX-F001", "did you mean `ingest.max_file_bytes`?"),
    ("[querry]\nreplicas = 1", "AX-F001", "did you mean `query`?"),
    ("[cluster]\nshards = 0", "AX-F002", "cluster.shards"),
    ("[cluster]\nshards = \"four\"", "AX-F002", "string"),
    ("[query]\nlisten = \"70800\"", "AX-F002", "query.listen"),
    ("[changes]\nbackend = \"kafak\"", "AX-F002", "embedded, kafka"),
    ("[coordination]\nbackend = \"etcd\"", "AX-F002", "coordination.endpoints"),
    ("[cluster\nshards = 1", "AX-F003", "line 1"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_configurations_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ax.toml");
    for (text, code, names) in CONFIGS {
        fs::write(&file, text).unwrap();
        refused(&check(&file, &[]).await.unwrap(), code, names).unwrap();
    }
    fs::write(&file, "[cluster]\nshards = 2\n").unwrap();
    let valid = check(&file, &[]).await.unwrap();
    assert!(valid.status.success(), "{valid:?}");
    let variable = check(&file, &[("AX_CLUSTER__SHRADS", "3")]).await.unwrap();
    refused(&variable, "AX-F001", "did you mean `cluster.shards`?").unwrap();
    let absent = check(&folder.path().join("absent.toml"), &[]).await.unwrap();
    refused(&absent, "AX-F003", "absent.toml").unwrap();
}

async fn check(file: &Path, variables: &[(&str, &str)]) -> anyhow::Result<Output> {
    let mut command = Command::new(ax::binary().await?);
    command.args(["config", "check", "--config"]).arg(file).envs(variables.iter().copied());
    command.output().await.context("run ax")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_leaves_the_first_alone() {
    let folder = tempfile::tempdir().unwrap();
    let repo = good_repo(folder.path()).await.unwrap();
    let (data, other) = (folder.path().join("data"), folder.path().join("other"));
    let mut server = Standalone::start(&data, &[repo.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    let taken = server.api().base().trim_start_matches("http://").to_owned();
    refused(&serve(&other, &taken).await.unwrap(), "AX-F004", &taken).unwrap();
    refused(&serve(&data, "127.0.0.1:0").await.unwrap(), "AX-F005", "").unwrap();
    goes_on(&server).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_folder_that_is_none_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    refused(&serve(&file, "127.0.0.1:0").await.unwrap(), "AX-F006", "no folder").unwrap();
    let listen = serve(&folder.path().join("data"), "nowhere").await.unwrap();
    refused(&listen, "AX-F002", "localhost:7080").unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let data = folder.path().join("data");
    refused(&serve(&data, &port).await.unwrap(), "AX-F004", "--listen").unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_went_away_and_odd_variables_are_no_panic() {
    use std::os::unix::ffi::OsStrExt;
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(ax::binary().await.unwrap());
    command.args(["config", "show"]).stdout(writer);
    command.env("SOMETHING", std::ffi::OsStr::from_bytes(b"\xff"));
    let done = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.is_empty(), "{}: {said}", done.status);
}

/// A server that must end by itself.
async fn serve(data: &Path, listen: &str) -> anyhow::Result<Output> {
    let mut command = Command::new(ax::binary().await?);
    command.arg("serve").arg("--data").arg(data).args(["--listen", listen]).kill_on_drop(true);
    command.env("AX_QUERY__GRPC_LISTEN", "127.0.0.1:0");
    let done = tokio::time::timeout(crate::NOTICED_WITHIN, command.output());
    done.await.context("it should have ended")?.context("run ax")
}

fn refused(done: &Output, code: &str, names: &str) -> anyhow::Result<()> {
    let said = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.code() == Some(2), "{}: {said}", done.status);
    ensure!(said.contains(code) && said.contains(names), "{code} {names}: {said}");
    Ok(())
}
