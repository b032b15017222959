//! The lease keeper: its holder knows of the loss before the store ends the lease.

use crate::backend::{Backend, LONG, TTL, connect, put};
use anyhow::ensure;
use ax_coordination::{
    LeaseKeeper,
    embedded::{EmbeddedConfig, EmbeddedStore},
    etcd::{EtcdConfig, EtcdStore},
};
use ax_harness::{Etcd, Process, Spec, eventually};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::time::timeout;

pub async fn a_keeper_holds_and_lets_go(backend: &Backend) {
    let keeper = LeaseKeeper::start(backend.store.clone(), TTL).await.unwrap();
    put(&*backend.store, "k", "v", Some(keeper.id())).await;
    let other = backend.store.grant(TTL).await.unwrap();
    put(&*backend.store, "other", "v", Some(other)).await;
    if backend.has_real_time() {
        gone(backend, "other").await;
    }
    assert!(!keeper.is_lost());
    assert_eq!(backend.value("k").await.as_deref(), Some("v"));
    drop(keeper);
    gone(backend, "k").await;
}

async fn gone(backend: &Backend, key: &str) {
    eventually(LONG, "the key goes", async || {
        ensure!(backend.store.get(key).await?.is_none(), "{key} is there");
        Ok(())
    })
    .await
    .unwrap();
}

pub async fn a_revoked_lease_is_noticed(backend: &Backend) {
    let keeper = LeaseKeeper::start(backend.store.clone(), TTL).await.unwrap();
    backend.store.revoke(keeper.id()).await.unwrap();
    timeout(LONG, keeper.lost()).await.unwrap();
    assert!(keeper.is_lost());
}

/// The runtime has one thread, and that does not run: as in a process that was stopped.
#[tokio::test]
async fn a_holder_that_was_stopped_sees_the_loss_at_its_first_look() {
    const TTL: Duration = Duration::from_millis(200);
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig::new(dir.path());
    let store = Arc::new(EmbeddedStore::open(config).await.unwrap());
    let keeper = LeaseKeeper::start(store, TTL).await.unwrap();
    let stopped = Instant::now();
    while stopped.elapsed() < TTL {
        std::hint::spin_loop();
    }
    assert!(keeper.is_lost(), "the clock says so, though no task has run");
    // Nor does a renewal that comes too late bring it back.
    for _ in 0..100 {
        tokio::task::yield_now().await;
        assert!(keeper.is_lost());
    }
    timeout(LONG, keeper.lost()).await.unwrap();
}

#[tokio::test]
async fn a_lease_is_lost_a_ttl_after_the_store_went_away() {
    const TTL: Duration = Duration::from_millis(300);
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(EmbeddedStore::open(EmbeddedConfig::new(dir.path())).await.unwrap());
    let started = Instant::now();
    let keeper = LeaseKeeper::start(store.clone(), TTL).await.unwrap();
    store.close().await;
    timeout(LONG, keeper.lost()).await.unwrap();
    assert!(keeper.is_lost());
    assert!(started.elapsed() >= TTL, "not before it is sure");
}

/// A paused etcd ends no lease; the holder counts it as lost all the same, while it is paused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_hangs_is_a_store_that_is_gone() {
    let server = Etcd::start().await.unwrap();
    let store = Arc::new(connect(&server).await);
    let keeper = LeaseKeeper::start(store.clone(), TTL).await.unwrap();
    put(&*store, "k", "v", Some(keeper.id())).await;
    server.pause().unwrap();
    timeout(LONG, keeper.lost()).await.unwrap();
    server.resume().unwrap();
    assert!(keeper.is_lost(), "for good");
}

const ENDPOINT: &str = "AX_TEST_LEASE_ENDPOINT";

/// A process is stopped until its lease has ended in the store, then woken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_is_woken_knows_that_its_lease_is_lost() {
    let server = Etcd::start().await.unwrap();
    let store = EtcdStore::connect(holder_config(server.endpoint())).await.unwrap();
    let spec = Spec::new("lease holder", std::env::current_exe().unwrap())
        .args(["--exact", "keeper::child_that_holds_a_lease", "--nocapture"])
        .env(ENDPOINT, server.endpoint());
    let mut holder = Process::spawn(spec).unwrap();
    holder.wait_for_log("holding", LONG).await.unwrap();
    holder.pause().unwrap();
    eventually(LONG, "the lease ends", async || {
        use ax_coordination::Coordination as _;
        ensure!(store.get("held").await?.is_none(), "the key is there");
        Ok(())
    })
    .await
    .unwrap();
    holder.resume().unwrap();
    holder.wait_exit(LONG).await.unwrap();
    let log = holder.log().unwrap();
    assert!(log.contains("woken") && log.contains("lost: true"), "{log}");
}

fn holder_config(endpoint: &str) -> EtcdConfig {
    EtcdConfig {
        endpoints: vec![endpoint.to_owned()],
        namespace: "holder/".to_owned(),
        ..EtcdConfig::default()
    }
}

/// Not a test by itself: the process of the test above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_holds_a_lease() {
    let Some(endpoint) = std::env::var_os(ENDPOINT) else { return };
    let config = holder_config(endpoint.to_str().unwrap());
    let store = Arc::new(EtcdStore::connect(config).await.unwrap());
    let keeper = LeaseKeeper::start(store.clone(), TTL).await.unwrap();
    put(&*store, "held", "v", Some(keeper.id())).await;
    println!("holding");
    let watching = tokio::task::spawn_blocking(move || {
        let mut last = Instant::now();
        while last.elapsed() < TTL / 4 {
            last = Instant::now();
            std::thread::yield_now();
        }
        println!("woken after {:?}, lost: {}", last.elapsed(), keeper.is_lost());
    });
    watching.await.unwrap();
}
