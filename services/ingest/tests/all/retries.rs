//! What is emitted again although no branch moved: files that come back, and files that another limit
//! leaves out or takes.

use crate::support::{Repo, World};
use ax_ingest::{Control, Outcome, Worker};
use ax_model::{FileVersion, SkipReason};
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Loose blobs of HEAD, each with the place it is hidden at.
fn blobs(repo: &Repo) -> Vec<(PathBuf, PathBuf)> {
    let listed = repo.git(&["ls-tree", "-r", "HEAD"]);
    let ids = listed.lines().map(|line| line.split_whitespace().nth(2).unwrap().to_owned());
    let mut files: Vec<_> = ids.map(|id| repo.loose(&id)).collect();
    files.sort();
    files.dedup();
    files.into_iter().map(|file| (file.clone(), file.with_extension("hidden"))).collect()
}

fn hide(blobs: &[(PathBuf, PathBuf)]) {
    blobs.iter().for_each(|(file, hidden)| std::fs::rename(file, hidden).unwrap());
}

fn put_back(blobs: &[(PathBuf, PathBuf)]) {
    blobs.iter().for_each(|(file, hidden)| std::fs::rename(hidden, file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_back_is_read() {
    let repo = Repo::new();
    for n in 0..30 {
        repo.write(&format!("d{}/f{n}", n % 3), format!("file {n}\n"));
    }
    repo.commit("one");
    let blobs = blobs(&repo);
    for half in [&blobs[..15], &blobs[15..], &blobs[..]] {
        let world = World::new(repo.path());
        let mut worker = Worker::new(world.registration.clone()).unwrap();
        let control = Control::alone(&world.name(), &world.config);
        let mut step = async || worker.step(&world.deps, &world.config, &control).await.unwrap();
        hide(half);
        assert_eq!(step().await.totals.num_skipped, half.len() as u64);
        world.fold().check_totals(&world.name());
        assert_eq!(step().await.outcome, Outcome::UpToDate, "they are still away");
        put_back(&half[1..]);
        let report = step().await;
        assert_eq!((report.outcome, report.totals.num_skipped), (Outcome::Emitted, 1));
        world.fold().check_totals(&world.name());
        put_back(&half[..1]);
        assert_eq!(step().await.outcome, Outcome::Emitted);
        world.compare(&repo);
        assert_eq!(world.fold().info(&world.name()).unwrap().num_skipped, 0);
        assert_eq!(step().await.outcome, Outcome::UpToDate);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_files_come_back_than_are_listed() {
    let repo = Repo::new();
    for n in 0..700 {
        repo.write(&format!("d{}/f{n}", n % 7), format!("file {n}\n"));
    }
    repo.commit("one");
    let blobs = blobs(&repo);
    let world = World::new(repo.path());
    hide(&blobs);
    assert_eq!(world.sync().await.totals.num_skipped, 700);
    assert_eq!(world.sync().await.outcome, Outcome::UpToDate);
    put_back(&blobs);
    repo.write("another", "push").commit("two");
    world.sync().await;
    world.check(&repo).await;
    assert_eq!(world.fold().info(&world.name()).unwrap().num_skipped, 0);
    assert_eq!(world.sync().await.outcome, Outcome::UpToDate);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_deleted_slowly_and_put_back() {
    let repo = Repo::new();
    for n in 0..20 {
        repo.write(&format!("f{n}"), format!("file {n}\n"));
    }
    repo.commit("one");
    let world = World::new(repo.path());
    world.check(&repo).await;
    repo.write("f0", "changed").write("f1", "changed, too").commit("two");
    hide(&blobs(&repo));
    world.sync().await; // the objects are gone first
    std::fs::remove_file(repo.path().join(".git/HEAD")).unwrap();
    assert!(world.try_sync().await.unwrap_err().is_retryable());
    std::fs::write(repo.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    put_back(&hidden(&repo.path().join(".git/objects")));
    world.check(&repo).await;
    assert_eq!(world.fold().info(&world.name()).unwrap().num_skipped, 0);
}

fn hidden(objects: &Path) -> Vec<(PathBuf, PathBuf)> {
    let folders = std::fs::read_dir(objects).unwrap().map(|folder| folder.unwrap().path());
    let files = folders.filter(|folder| folder.is_dir()).flat_map(|folder| {
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect::<Vec<_>>()
    });
    let hidden = files.filter(|file| file.extension().is_some_and(|ext| ext == "hidden"));
    hidden.map(|file| (file.with_extension(""), file)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directorys_file_that_becomes_readable() {
    if nix::unistd::geteuid().is_root() {
        return read_by_root_too().await;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    std::fs::write(&file, "x").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
    let world = World::new(dir.path());
    world.sync().await;
    assert_eq!(world.fold().only(&world.name(), "f").1, Err(SkipReason::Unreadable));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    world.sync().await;
    assert_eq!(world.fold().only(&world.name(), "f").1.unwrap(), "x");
}

/// Nothing is unreadable to root but what is no file.
async fn read_by_root_too() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("f");
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRUSR).unwrap();
    let world = World::new(dir.path());
    world.sync().await;
    assert_eq!(world.fold().only(&world.name(), "f").1, Err(SkipReason::Unreadable));
    std::fs::remove_file(&file).unwrap();
    std::fs::write(&file, "x").unwrap();
    world.sync().await;
    assert_eq!(world.fold().only(&world.name(), "f").1.unwrap(), "x");
}

const SIZES: [usize; 6] = [10, 400, 500, 501, 900, 3000];

fn is_left_out(version: &FileVersion, max_file_bytes: u64) -> bool {
    version.num_bytes > max_file_bytes
}

/// Each file is text, or too large, as the limit of now says.
fn check_limit(world: &World) {
    let fold = world.fold();
    let versions = fold.versions(&world.name());
    assert_eq!(versions.len(), SIZES.len());
    for version in versions.values().flatten() {
        let expected = is_left_out(version, world.config.max_file_bytes);
        assert_eq!(fold.text(version).is_err(), expected, "{version:?}");
    }
    fold.check_totals(&world.name());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_limit_takes_or_leaves_out_what_it_concerns() {
    let repo = Repo::new();
    for size in SIZES {
        repo.write(&format!("d/{size}"), "x".repeat(size));
    }
    repo.commit("one");
    let plain = tempfile::tempdir().unwrap();
    for size in SIZES {
        std::fs::write(plain.path().join(size.to_string()), "x".repeat(size)).unwrap();
    }
    for source in [repo.path(), plain.path()] {
        let mut world = World::new(source);
        for (limit, num_emitted) in [(500, 6), (1000, 2), (1000, 0), (300, 4), (5000, 5)] {
            world.config.max_file_bytes = limit;
            let report = world.sync().await;
            assert_eq!(report.files_emitted, num_emitted, "{limit}");
            check_limit(&world);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_taken_back_after_a_failure() {
    let repo = Repo::new();
    for size in SIZES {
        repo.write(&format!("d/{size}"), "x".repeat(size));
    }
    repo.commit("one");
    for step in 0..4 {
        let mut world = World::new(repo.path());
        world.config.max_file_bytes = 500;
        world.sync().await;
        world.config.max_file_bytes = 5000;
        world.log.fail_from(Some(step), true);
        let _ = world.try_sync().await; // the last step may be past the end
        world.log.fail_from(None, false);
        world.config.max_file_bytes = 500;
        world.sync().await;
        check_limit(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_comes_first_when_every_path_is_emitted() {
    let repo = Repo::new();
    for n in 0..400 {
        repo.write(&format!("d{}/f{n}", n % 7), format!("file {n}\n"));
    }
    repo.commit("one");
    let mut world = World::new(repo.path());
    world.check(&repo).await;
    let before = world.log.records().len();
    repo.write("d6/f6", "changed").write("zz/own", "new").commit("two");
    world.config.default_spread = 2; // which moves many of the others to another shard
    assert_eq!(world.check(&repo).await.files_emitted, 401);
    let paths: Vec<String> = world.log.records()[before..]
        .iter()
        .map(|(_, record)| ax_changes::codec::decode(record).unwrap().key.path)
        .collect();
    let last_own = paths.iter().rposition(|path| ["d6/f6", "zz/own"].contains(&path.as_str()));
    // Not the very first: two readers keep the order of their chunks, no more.
    assert!(last_own.unwrap() < 100, "{last_own:?}");
}
