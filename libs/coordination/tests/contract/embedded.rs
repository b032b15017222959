//! What the embedded store owes beyond the contract: it survives `kill -9`, and has its folder alone.

use crate::backend::{LONG, done, put};
use anyhow::ensure;
use ax_coordination::{
    Coordination, CoordinationError, Expect, Revision,
    embedded::{EmbeddedConfig, EmbeddedStore},
};
use ax_harness::{Process, Spec, eventually};
use bytes::Bytes;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Instant,
};
use tokio::{process::Command, task::JoinSet};

const DIR: &str = "AX_TEST_CRASH_DIR";

/// Bytes of each value that the child writes; without it, one.
const VALUE_BYTES: &str = "AX_TEST_CRASH_VALUE_BYTES";

const CHILD_ARGS: [&str; 3] = ["--exact", "embedded::child_that_writes", "--nocapture"];

/// Tasks that write in the child.
const WRITERS: u32 = 8;

fn config(dir: &Path) -> EmbeddedConfig {
    EmbeddedConfig { snapshot_every: 64, ..EmbeddedConfig::new(dir) }
}

/// Several times over the same folder, so that what a crash left is what the next one starts from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_loses_no_acknowledged_write() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut last = Revision(0);
    for run in 0..4 {
        let spec = Spec::new("writer", std::env::current_exe().unwrap());
        let mut child = Process::spawn(spec.args(CHILD_ARGS).env(DIR, dir.path())).unwrap();
        child.wait_for_log(&format!("acknowledged {} ", 150 + 30 * run), LONG).await.unwrap();
        let locked = EmbeddedStore::open(config(dir.path())).await;
        assert!(
            matches!(locked.err(), Some(CoordinationError::DataLocked(path)) if path == dir.path())
        );
        child.kill9().unwrap();
        read_acknowledged(&child.log().unwrap(), &mut acknowledged);

        let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
        let listing = store.list("k").await.unwrap();
        assert!(listing.revision > last);
        last = listing.revision;
        let there: BTreeMap<_, _> =
            listing.entries.iter().map(|entry| (entry.key.clone(), entry.modified)).collect();
        for (key, revision) in &acknowledged {
            assert!(there.get(key) >= Some(revision), "run {run}: {key} at {revision:?} is lost");
        }
        let modified: BTreeSet<_> = there.values().collect();
        assert_eq!(modified.len(), there.len(), "no revision is given twice");
        store.close().await;
    }
    assert!(acknowledged.len() >= 150 + 30 * 3, "{} keys", acknowledged.len());
}

/// A file that must not grow any further stands for a disk that is full; another limit, for room made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_waited_for_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spec = Spec::new("writer", "env")
        .args(["--ignore-signal=XFSZ", "prlimit", "--fsize=6000000:unlimited", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(CHILD_ARGS)
        .env(DIR, dir.path())
        .env(VALUE_BYTES, "20000");
    let mut child = Process::spawn(spec).unwrap();
    for writer in 0..WRITERS {
        let told = format!("writer {writer} was refused by AX-K001");
        child.wait_for_log(&told, LONG).await.unwrap();
    }
    let full = acknowledged_by(&child);
    assert!(!full.is_empty());
    let pid = child.pid().unwrap().to_string();
    let roomy = Command::new("prlimit").args(["--fsize=unlimited", "--pid", &pid]).status();
    assert!(roomy.await.unwrap().success());
    eventually(LONG, "writing goes on by itself", async || {
        let num_acknowledged = acknowledged_by(&child).len();
        ensure!(num_acknowledged >= full.len() + 100, "{num_acknowledged} after {}", full.len());
        Ok(())
    })
    .await
    .unwrap();
    child.kill9().unwrap();

    let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
    for (key, revision) in acknowledged_by(&child) {
        let entry = store.get(&key).await.unwrap().unwrap();
        assert!(entry.modified >= revision, "{key}: {:?} is before {revision:?}", entry.modified);
        assert_eq!(entry.value.len(), 20_000);
    }
    put(&store, "k", "v", None).await;
}

fn acknowledged_by(child: &Process) -> BTreeMap<String, Revision> {
    let mut acknowledged = BTreeMap::new();
    read_acknowledged(&child.log().unwrap(), &mut acknowledged);
    acknowledged
}

/// Lines are `acknowledged <n> <key> <revision> .`; the last one may be cut off.
fn read_acknowledged(log: &str, acknowledged: &mut BTreeMap<String, Revision>) {
    for line in log.lines().filter_map(|line| line.split_once("acknowledged ")) {
        let words: Vec<_> = line.1.split(' ').collect();
        if let [_, key, revision, "."] = words[..] {
            acknowledged.insert(key.to_owned(), Revision(revision.parse().unwrap()));
        }
    }
}

/// Not a test by itself: the process that the tests above kill or starve.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_writes() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let num_bytes =
        std::env::var_os(VALUE_BYTES).map_or(1, |n| n.to_str().unwrap().parse().unwrap());
    let value = Bytes::from(vec![7; num_bytes]);
    let store = Arc::new(EmbeddedStore::open(config(Path::new(&dir))).await.unwrap());
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let (store, value) = (store.clone(), value.clone());
        writers.spawn(async move {
            let mut refused = None;
            for n in (writer..100_000).step_by(WRITERS as usize) {
                let key = format!("k{n:05}");
                loop {
                    match store.put(&key, value.clone(), Expect::Any, None).await {
                        Ok(outcome) => {
                            println!("acknowledged {n} {key} {} .", done(outcome).0);
                            break;
                        }
                        Err(error) if refused.is_some() => assert!(error.is_retryable()),
                        Err(error) => {
                            println!("writer {writer} was refused by {}: {error}", error.code());
                            refused = Some(error);
                        }
                    }
                }
            }
        });
    }
    writers.join_all().await;
}

#[tokio::test]
async fn a_store_starts_in_milliseconds() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        let began = Instant::now();
        let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
        put(&store, "k", "v", None).await;
        // Two orders above what it takes, and below any election timeout.
        assert!(began.elapsed().as_millis() < 500, "{:?}", began.elapsed());
        store.close().await;
    }
}

#[tokio::test]
async fn keys_leases_and_revisions_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
    let lease = store.grant(LONG).await.unwrap();
    for n in 0..200 {
        put(&store, &format!("k{n:03}"), &n.to_string(), (n % 2 == 0).then_some(lease)).await;
    }
    let before = store.list("").await.unwrap();
    store.close().await;
    let closed = store.get("k000").await;
    assert!(matches!(closed, Err(CoordinationError::Unavailable(_))), "{closed:?}");

    let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
    assert_eq!(store.list("").await.unwrap(), before);
    assert_eq!(store.renew(lease).await.unwrap(), LONG);
    assert!(store.grant(LONG).await.unwrap() != lease);
    store.revoke(lease).await.unwrap();
    let listing = store.list("").await.unwrap();
    assert_eq!((listing.entries.len(), listing.revision.0), (100, before.revision.0 + 1));
}

#[tokio::test]
async fn a_watch_ends_with_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
    let mut watch = store.watch("", Revision(1)).await.unwrap();
    let (ended, ()) = tokio::join!(watch.next(), store.close());
    assert!(matches!(ended, Err(CoordinationError::Unavailable(_))), "{ended:?}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_explained() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let broken = EmbeddedStore::open(config(&file.path().join("below"))).await;
    let Some(CoordinationError::Broken(why)) = broken.err() else { panic!("it opened") };
    assert!(why.contains("below"), "{why}");
}

#[tokio::test]
async fn a_call_on_a_closed_store_does_not_hang() {
    let dir = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(config(dir.path())).await.unwrap();
    store.close().await;
    store.close().await;
    let refused = store.delete("k", Expect::Any).await;
    assert!(matches!(refused, Err(error) if error.is_retryable()));
}
