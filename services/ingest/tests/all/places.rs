//! Remotes and plain directories.

use crate::support::{Repo, World};
use ax_ingest::Outcome;
use ax_model::{Code, SkipReason};
use std::{collections::BTreeMap, path::Path};

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_is_cloned_fetched_and_pruned() {
    let repo = Repo::new();
    repo.write("a", "1").write("d/b", "2").commit("one");
    repo.git(&["tag", "-a", "v1", "-m", "not a branch"]);
    let world = World::of(&format!("file://{}", repo.path().display()));
    world.check(&repo).await;
    assert_eq!(world.sync().await.outcome, Outcome::UpToDate);
    repo.git(&["checkout", "-q", "-b", "x"]);
    repo.write("a", "of x").commit("two");
    world.check(&repo).await;
    assert_eq!(world.fold().info(&world.name()).unwrap().default_branch, "x", "HEAD moved there");
    repo.git(&["checkout", "-q", "--orphan", "y"]);
    repo.write("only", "y").commit("three");
    repo.git(&["branch", "-q", "-f", "main", "y"]);
    repo.git(&["branch", "-q", "-D", "x"]);
    world.check(&repo).await;
    let shown = world.fold().shown(&world.name());
    assert!(shown.values().all(|branches| branches.keys().all(|branch| branch != "x")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_remote_fills_later() {
    let repo = Repo::new();
    let world = World::of(&format!("file://{}", repo.path().display()));
    world.check(&repo).await;
    repo.write("a", "1").commit("one");
    world.check(&repo).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_that_cannot_be_reached() {
    for source in ["file:///does/not/exist.git", "https://user:secret@127.0.0.1:9/a.git"] {
        let error = World::of(source).try_sync().await.unwrap_err();
        assert_eq!(error.code(), Code::RepositoryUnreachable, "{error}");
        assert!(error.is_retryable() && !error.to_string().contains("secret"), "{error}");
    }
}

/// Path → text or reason, as the stream has it.
fn folded(world: &World) -> BTreeMap<String, Result<String, SkipReason>> {
    let fold = world.fold();
    fold.check_totals(&world.name());
    let text = |version| fold.text(version).map(|text| String::from_utf8(text.to_vec()).unwrap());
    let versions = fold.versions(&world.name());
    versions.iter().map(|(path, versions)| (path.clone(), text(&versions[0]))).collect()
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn texts(files: &[(&str, &str)]) -> BTreeMap<String, Result<String, SkipReason>> {
    files.iter().map(|(path, text)| ((*path).to_owned(), Ok((*text).to_owned()))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plain_directory_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a", "1");
    write(dir.path(), "d/a.b", "2");
    write(dir.path(), "d/a/c", "3");
    let world = World::new(dir.path());
    world.sync().await;
    assert_eq!(folded(&world), texts(&[("a", "1"), ("d/a.b", "2"), ("d/a/c", "3")]));
    assert_eq!(world.sync().await.outcome, Outcome::UpToDate);
    write(dir.path(), "a", "x"); // of the same size, within the same second
    std::fs::remove_file(dir.path().join("d/a.b")).unwrap();
    write(dir.path(), ".hidden/e", "4");
    assert_eq!(world.sync().await.files_emitted, 3);
    assert_eq!(folded(&world), texts(&[("a", "x"), ("d/a/c", "3"), (".hidden/e", "4")]));
    std::fs::remove_dir_all(dir.path().join("d")).unwrap();
    world.sync().await;
    assert_eq!(folded(&world), texts(&[("a", "x"), (".hidden/e", "4")]));
    let fold = world.fold();
    let info = fold.info(&world.name()).unwrap();
    assert!(info.default_branch.is_empty() && info.branches.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_special_in_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "text", "t");
    write(dir.path(), "inner/.git/HEAD", "ref: refs/heads/main\n");
    write(dir.path(), "inner/file", "i");
    write(dir.path(), "long", &"x".repeat(2000));
    write(dir.path(), ".gitattributes", "gen.* linguist-generated\n");
    write(dir.path(), "gen.c", "g");
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("link")).unwrap();
    let pipe = dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let mut world = World::new(dir.path());
    world.config.max_file_bytes = 1000;
    world.config.data_dir = dir.path().join("own-data"); // is not part of the directory
    for _ in 0..2 {
        world.sync().await;
        let found = folded(&world);
        let skipped: Vec<_> = found
            .iter()
            .filter_map(|(path, text)| Some((path.as_str(), text.as_ref().err()?)))
            .collect();
        let expected = [
            ("link", &SkipReason::Symlink),
            ("long", &SkipReason::TooLarge),
            ("pipe", &SkipReason::Unreadable),
        ];
        assert_eq!(skipped, expected);
        let read: Vec<_> =
            found.iter().filter(|(_, text)| text.is_ok()).map(|(path, _)| path).collect();
        assert_eq!(read, [".gitattributes", "gen.c", "inner/file", "text"]);
    }
    assert!(world.fold().only(&world.name(), "gen.c").0.generated);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_after_failures_and_without_its_listing() {
    let dir = tempfile::tempdir().unwrap();
    for n in 0..40 {
        write(dir.path(), &format!("f{n}"), &"x".repeat(n));
    }
    for step in 0..6 {
        let world = World::new(dir.path());
        world.sync().await;
        write(dir.path(), "f1", "changed");
        write(dir.path(), "g", "new");
        world.log.fail_from(Some(step), true);
        let _ = world.try_sync().await; // the last step may be past the end
        world.log.fail_from(None, false);
        write(dir.path(), "f1", "x");
        std::fs::remove_file(dir.path().join("g")).unwrap();
        world.sync().await;
        let found = folded(&world);
        assert_eq!(found.len(), 40);
        assert_eq!(found["f1"], Ok("x".to_owned()));
        if step == 0 {
            std::fs::remove_dir_all(&world.config.data_dir).unwrap();
            std::fs::remove_file(dir.path().join("f2")).unwrap();
            world.sync().await; // what was emitted is not known any more: all anew
            assert_eq!(folded(&world).len(), 39);
            write(dir.path(), "f2", "xx");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_gone_keeps_its_last_state() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    write(&root, "a", "1");
    let world = World::new(&root);
    world.sync().await;
    std::fs::rename(&root, dir.path().join("away")).unwrap();
    assert_eq!(world.try_sync().await.unwrap_err().code(), Code::RepositoryVanished);
    assert_eq!(folded(&world), texts(&[("a", "1")]));
}
