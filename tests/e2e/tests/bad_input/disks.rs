//! Disks that flip bits, disks that are full, and how often a segment is on one.

use crate::{NOTICED_WITHIN, goes_on, good_repo};
use anyhow::{Context as _, ensure};
use ax_e2e::{GitRepo, standalone::Standalone};
use ax_harness::eventually;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};
use tokio::process::Command;
use walkdir::WalkDir;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flipped_bits_are_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let repo = good_repo(folder.path()).await.unwrap();
    let data = folder.path().join("data");
    let mut server = Standalone::start(&data, &[repo.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    goes_on(&server).await.unwrap();

    server.process().kill9().unwrap();
    let cached = flip_all(&data.join("query")).unwrap();
    server.kill_and_restart().await.unwrap();
    goes_on(&server).await.context("the cache is fetched again").unwrap();

    server.process().kill9().unwrap();
    let stored = flip_all(&data.join("store")).unwrap();
    fs::remove_dir_all(data.join("query")).unwrap();
    server.process().start().unwrap();
    is_noticed(&mut server).await.unwrap();
    println!("{cached} cached and {stored} stored segments damaged");

    // The same bits again: the store is whole.
    flip_all(&data.join("store")).unwrap();
    eventually(NOTICED_WITHIN, "the store is mended", async || goes_on(&server).await)
        .await
        .unwrap();
}

/// Every segment of the store is damaged and none is cached: no file may be found, and not "nothing".
async fn is_noticed(server: &mut Standalone) -> anyhow::Result<()> {
    let api = server.api().clone();
    let looks = async || {
        let (status, answer) =
            api.get("/api/v1/search", &[("q", "needle"), ("timeout", "2s")]).await?;
        let is_honest = status != 200 || answer["summary"]["partial"] == true;
        ensure!(is_honest, "served: {answer}");
        ensure!(answer.to_string().contains("AX-S002"), "{status} {answer}");
        Ok(())
    };
    server.process().wait_for("says that segments are damaged", NOTICED_WITHIN, looks).await
}

/// Flips a bit in the middle of every segment below a folder; how many there are.
fn flip_all(folder: &Path) -> anyhow::Result<usize> {
    let files: Vec<PathBuf> = WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "seg"))
        .map(walkdir::DirEntry::into_path)
        .collect();
    ensure!(!files.is_empty(), "no segment in {}", folder.display());
    for file in &files {
        let mut bytes = fs::read(file)?;
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(file, bytes)?;
    }
    Ok(files.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_nothing_but_writing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(folder.path().join("disk")).await.unwrap() else {
        println!("skipped: this user may not mount a small file system");
        return;
    };
    let good = good_repo(folder.path()).await.unwrap();
    let mut server = Standalone::start(&disk.path.join("data"), &[good.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    goes_on(&server).await.unwrap();

    let large = GitRepo::init(folder.path().join("large"), "large").await.unwrap();
    for i in 0..160_u64 {
        large.write(&format!("f{i}.txt"), noise(i, 400_000)).unwrap();
    }
    large.commit("more than fits").await.unwrap();
    server.api().register(&large.path().display().to_string(), "large").await.unwrap();
    server.process().wait_for_log("AX-S007", NOTICED_WITHIN).await.unwrap();
    goes_on(&server).await.unwrap();

    disk.grow().await.unwrap();
    server.api().wait_for_count("repo:large", 160, 2 * NOTICED_WITHIN).await.unwrap();
    goes_on(&server).await.unwrap();
}

/// One copy in the store, and one that indexer and query node share under their own names, also when a
/// merge of a later run takes its parts from the cache: two to mend each other, and no third.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_on_the_disk_twice() {
    let folder = tempfile::tempdir().unwrap();
    let repo = good_repo(folder.path()).await.unwrap();
    let data = folder.path().join("data");
    let mut server = Standalone::start(&data, &[repo.path()]).await.unwrap();
    server.imported("good").await.unwrap();
    for n in 0..24_u64 {
        if n == 12 {
            server.kill_and_restart().await.unwrap();
        }
        // The same paths, so the same shard: enough segments there for merges.
        repo.write("d.txt", noise(n, 20_000)).unwrap();
        repo.write("e.txt", format!("commit{n}\n")).unwrap();
        repo.commit("one more").await.unwrap();
        server
            .api()
            .wait_for_count(&format!("content:commit{n}"), 1, NOTICED_WITHIN)
            .await
            .unwrap();
    }
    let look = async || {
        let held = Held::look(&data)?;
        let shared = held.indexer.keys().filter(|id| held.query.contains_key(*id)).count();
        ensure!(shared > 0, "{held:?}");
        held.check()
    };
    let (local, stored) =
        eventually(NOTICED_WITHIN, "indexer and query node share segments", look).await.unwrap();
    println!("{stored} bytes of segments in the store, {local} beside it");
    goes_on(&server).await.unwrap();
}

/// Segments by their ids, with the inode and the size of each file.
#[derive(Debug)]
struct Held {
    store: Files,
    indexer: Files,
    query: Files,
}

type Files = BTreeMap<String, (u64, u64)>;

impl Held {
    fn look(data: &Path) -> anyhow::Result<Self> {
        let role = |name: &str| segments_in(&data.join(name));
        Ok(Self { store: role("store")?, indexer: role("indexer")?, query: role("query")? })
    }

    /// Bytes beside the store, and bytes in it.
    fn check(&self) -> anyhow::Result<(u64, u64)> {
        for (id, (inode, _)) in &self.indexer {
            let cached = self.query.get(id).map(|(inode, _)| inode);
            ensure!(cached.is_none_or(|cached| cached == inode), "{id} is there twice: {self:?}");
        }
        let local: BTreeSet<_> = self.indexer.values().chain(self.query.values()).collect();
        let stored: BTreeSet<_> = self.store.values().collect();
        ensure!(local.is_disjoint(&stored), "the store's copy is its own: {self:?}");
        let num_bytes =
            |files: &BTreeSet<&(u64, u64)>| files.iter().map(|file| file.1).sum::<u64>();
        // By number: in the store they are packed.
        ensure!(local.len() <= stored.len(), "{} beside {}: {self:?}", local.len(), stored.len());
        Ok((num_bytes(&local), num_bytes(&stored)))
    }
}

fn segments_in(folder: &Path) -> anyhow::Result<Files> {
    let mut files = Files::new();
    for entry in WalkDir::new(folder).into_iter().filter_map(Result::ok) {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.strip_suffix(".seg")) else {
            continue;
        };
        // Gone meanwhile: it is not there.
        if let Ok(facts) = entry.metadata() {
            files.insert(id.to_owned(), (facts.ino(), facts.len()));
        }
    }
    Ok(files)
}

/// Text that does not compress.
fn noise(seed: u64, len: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        // xorshift64 (Marsaglia 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..len / 16).map(|_| format!("{:015x}\n", next() >> 4)).collect()
}

/// A file system in memory, unmounted on drop.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// Mounts one of 32 MB; `None` when that is not permitted.
    async fn mount(path: PathBuf) -> anyhow::Result<Option<Self>> {
        fs::create_dir_all(&path)?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(&path);
        Ok(mount.output().await.is_ok_and(|done| done.status.success()).then_some(Self { path }))
    }

    async fn grow(&self) -> anyhow::Result<()> {
        let mut mount = Command::new("mount");
        let done = mount.args(["-o", "remount,size=1g"]).arg(&self.path).output().await?;
        ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, since the server on it may die after us.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.path).output();
    }
}
