//! Repositories that are broken, or go away.

use crate::{NOTICED_WITHIN, failure, goes_on, good_repo};
use anyhow::ensure;
use ax_e2e::{GitRepo, standalone::Standalone};
use ax_harness::eventually;
use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broken_repositories_do_not_break_others() {
    let folder = tempfile::tempdir().unwrap();
    let good = good_repo(folder.path()).await.unwrap();
    let broken = GitRepo::init(folder.path().join("broken"), "broken").await.unwrap();
    for name in ["whole.txt", "garbled.txt", "missing.txt"] {
        broken.write(name, format!("contents of {name}\n")).unwrap();
    }
    broken.commit("first").await.unwrap();
    let garbled = object(&broken, "HEAD:garbled.txt").await.unwrap();
    fs::set_permissions(&garbled, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(garbled, b"no zlib stream at all").unwrap();
    fs::remove_file(object(&broken, "HEAD:missing.txt").await.unwrap()).unwrap();

    let data = folder.path().join("data");
    let mut server = Standalone::start(&data, &[good.path(), broken.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    unreadable_files_are_listed(&mut server).await.unwrap();
    without_its_tree(&server, folder.path().join("treeless")).await.unwrap();
    what_is_no_repository(&server).await.unwrap();
    goes_on(&server).await.unwrap();
}

/// The file of a loose object.
async fn object(repo: &GitRepo, revision: &str) -> anyhow::Result<PathBuf> {
    let id = repo.git(&["rev-parse", revision]).await?;
    let (folder, file) = id.trim().split_at(2);
    Ok(repo.path().join(".git/objects").join(folder).join(file))
}

/// What can be read is searchable; what cannot is listed with the reason.
async fn unreadable_files_are_listed(server: &mut Standalone) -> anyhow::Result<()> {
    server.imported("broken").await?;
    let api = server.api();
    api.wait_for_count("\"contents of whole\" repo:broken", 1, NOTICED_WITHIN).await?;
    let wanted =
        ["garbled.txt", "missing.txt"].map(|path| (path.to_owned(), "unreadable".to_owned()));
    let skipped = server.skipped("broken").await?;
    ensure!(skipped == wanted, "{skipped:?}");
    Ok(())
}

/// A commit whose tree is gone: nothing of it can be read, and the repository says so.
async fn without_its_tree(server: &Standalone, path: PathBuf) -> anyhow::Result<()> {
    let repo = GitRepo::init(path, "treeless").await?;
    repo.write("a.txt", "text\n")?;
    repo.commit("first").await?;
    fs::remove_file(object(&repo, "HEAD^{tree}").await?)?;
    server.api().register(&repo.path().display().to_string(), "treeless").await?;
    fails_with(server, "treeless", "AX-R002").await
}

async fn what_is_no_repository(server: &Standalone) -> anyhow::Result<()> {
    server.api().register("/no/such/folder", "gone").await?;
    server.api().register("/dev/null", "device").await?;
    fails_with(server, "gone", "AX-R001").await?;
    fails_with(server, "device", "AX-R004").await
}

async fn fails_with(server: &Standalone, repo: &str, code: &str) -> anyhow::Result<()> {
    eventually(NOTICED_WITHIN, &format!("{repo} fails with {code}"), async || {
        let failure = failure(server, repo).await?;
        ensure!(failure.contains(code), "{failure:?}");
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repository_that_vanishes_stays_as_last_seen_and_goes_on_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let good = good_repo(folder.path()).await.unwrap();
    let repo = GitRepo::init(folder.path().join("large"), "large").await.unwrap();
    for i in 0..2_000 {
        repo.write(&format!("d{}/f{i}.txt", i % 20), format!("vanishing {i}\n").repeat(20))
            .unwrap();
    }
    repo.commit("many").await.unwrap();
    let data = folder.path().join("data");
    let mut server = Standalone::start(&data, &[good.path(), repo.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    let api = server.api().clone();
    let begun = async || {
        let repo = api.repo("large").await?;
        ensure!(repo["progress"]["files_done"].as_u64() > Some(0), "{repo}");
        Ok(())
    };
    server.process().wait_for("begins", NOTICED_WITHIN, begun).await.unwrap();
    let away = folder.path().join("away");
    fs::rename(repo.path(), &away).unwrap();
    fails_with(&server, "large", "AX-R001").await.unwrap();
    goes_on(&server).await.unwrap();

    fs::rename(&away, repo.path()).unwrap();
    api.wait_for_count("content:vanishing", 2_000, NOTICED_WITHIN).await.unwrap();
    let wanted = repo.documents().await.unwrap();
    let mut found = api.documents().await.unwrap();
    found.files.retain(|key, _| key.repo == "large");
    wanted.expect("large", &found).unwrap();
}
