//! What the etcd back end owes beyond the contract: it outlives etcd's crashes and pauses.

use crate::{
    backend::{LONG, config, connect, put},
    watches::{Fold, after},
};
use ax_coordination::{
    Coordination, CoordinationError, Expect, MAX_VALUE_BYTES, Revision,
    etcd::{EtcdConfig, EtcdStore},
};
use ax_harness::{Etcd, eventually, free_port};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::timeout};

/// Writes until told to stop; what was acknowledged.
async fn write_until(store: Arc<EtcdStore>, writer: u32, stop: Arc<AtomicBool>) -> Vec<Revision> {
    let mut acknowledged = Vec::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("w/{writer}/{}", n % 5);
        match store.put(&key, n.to_string().into(), Expect::Any, None).await {
            Ok(outcome) => acknowledged.push(crate::backend::done(outcome)),
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_resumes_without_a_gap_when_etcd_is_killed_and_restarted() {
    let mut server = Etcd::start().await.unwrap();
    let store = Arc::new(connect(&server).await);
    let start = put(&*store, "start", "x", None).await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        writers.spawn(write_until(store.clone(), writer, stop.clone()));
    }
    let mut watch = store.watch("w/", after(start)).await.unwrap();
    let mut fold = Fold::default();
    for _ in 0..3 {
        let goal = fold.revisions.len() + 200;
        while fold.revisions.len() < goal {
            fold.add(timeout(LONG, watch.next()).await.expect("events in time").unwrap());
        }
        server.kill9().unwrap();
        server.restart().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = writers.join_all().await.concat();
    acknowledged.sort_unstable();
    while fold.revisions.last() < acknowledged.last() {
        fold.add(timeout(LONG, watch.next()).await.expect("events in time").unwrap());
    }
    let missing: Vec<_> = acknowledged
        .iter()
        .filter(|revision| fold.revisions.binary_search(revision).is_err())
        .collect();
    assert_eq!(missing, [] as [&Revision; 0]);
    // A write that was not acknowledged may still have happened, and may still be on its way here.
    eventually(LONG, "the watch has seen all", async || {
        if let Ok(events) = timeout(Duration::from_millis(100), watch.next()).await {
            fold.add(events?);
        }
        fold.check(&*store, "w/").await
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_fail_in_bounded_time_while_etcd_is_away_and_work_once_it_is_back() {
    let mut server = Etcd::start().await.unwrap();
    let request_timeout = Duration::from_millis(500);
    let store =
        EtcdStore::connect(EtcdConfig { request_timeout, ..config(&server) }).await.unwrap();
    put(&store, "k", "0", None).await;
    for round in 0..2 {
        match round {
            0 => server.pause().unwrap(),
            _ => server.kill9().unwrap(),
        }
        let began = Instant::now();
        let write = store.put("k", "1".into(), Expect::Any, None).await;
        let (read, list) = (store.get("k").await, store.list("").await);
        let (grant, renew) =
            (store.grant(LONG).await, store.renew(ax_coordination::LeaseId(7)).await);
        let errors = [write.err(), read.err(), list.err(), grant.err(), renew.err()];
        for error in errors {
            assert!(matches!(error, Some(CoordinationError::Unavailable(_))), "{round}: {error:?}");
        }
        assert!(began.elapsed() < 6 * request_timeout, "{round}: {:?}", began.elapsed());
        match round {
            0 => server.resume().unwrap(),
            _ => server.restart().await.unwrap(),
        }
        eventually(LONG, "it works again", async || Ok(store.get("k").await?)).await.unwrap();
        put(&store, "k", "2", None).await;
    }
}

#[tokio::test]
async fn an_etcd_that_is_not_there_is_unavailable() {
    let endpoint = format!("http://127.0.0.1:{}", free_port().unwrap());
    let config = EtcdConfig {
        endpoints: vec![endpoint],
        request_timeout: Duration::from_millis(300),
        ..EtcdConfig::default()
    };
    let error = EtcdStore::connect(config).await.err();
    assert!(matches!(error, Some(CoordinationError::Unavailable(_))), "{error:?}");
}

#[tokio::test]
async fn an_endpoint_that_is_no_address_is_refused() {
    let config =
        EtcdConfig { endpoints: vec!["http://not an address".into()], ..EtcdConfig::default() };
    let error = EtcdStore::connect(config).await.err();
    assert!(matches!(error, Some(CoordinationError::Broken(_))), "{error:?}");
}

/// A refused connection is certain not to have written anything, so the next endpoint gets its turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_among_others_is_not_felt() {
    let server = Etcd::start().await.unwrap();
    let mut config = config(&server);
    config.endpoints.insert(0, format!("http://127.0.0.1:{}", free_port().unwrap()));
    config.endpoints.push(format!("http://127.0.0.1:{}", free_port().unwrap()));
    let store = EtcdStore::connect(config).await.unwrap();
    for n in 0..50 {
        let lease = store.grant(LONG).await.unwrap();
        put(&store, &format!("k{n}"), "v", Some(lease)).await;
        store.renew(lease).await.unwrap();
    }
    let mut watch = store.watch("k", Revision(1)).await.unwrap();
    let mut fold = Fold::default();
    while fold.revisions.len() < 50 {
        fold.add(timeout(LONG, watch.next()).await.expect("events in time").unwrap());
    }
    fold.check(&store, "").await.unwrap();
}

/// One page of these would be longer than any message that is taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_of_large_values_comes_in_pages_that_fit() {
    let server = Etcd::start().await.unwrap();
    let store = connect(&server).await;
    let value = bytes::Bytes::from(vec![7; MAX_VALUE_BYTES]);
    for n in 0..70 {
        let key = format!("k{n:02}");
        crate::backend::done(store.put(&key, value.clone(), Expect::Absent, None).await.unwrap());
    }
    // a page of it may take longer than a request has, on a machine that stands still now and then
    let listed = async || Ok(store.list("k").await?);
    let listing = eventually(LONG, "the listing", listed).await.unwrap();
    assert_eq!(listing.entries.len(), 70);
    assert!(listing.entries.is_sorted_by_key(|entry| entry.key.clone()));
    assert!(listing.entries.iter().all(|entry| entry.value == value));
    // A watch from the beginning would need one such message too, and is sent to the listing.
    let mut watch = store.watch("k", Revision(1)).await.unwrap();
    let refused = timeout(LONG, watch.next()).await.unwrap();
    assert!(matches!(refused, Err(CoordinationError::Compacted { .. })), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn namespaces_do_not_see_each_other() {
    let server = Etcd::start().await.unwrap();
    let (one, other) = (connect(&server).await, connect(&server).await);
    put(&one, "k", "one", None).await;
    assert_eq!(other.get("k").await.unwrap(), None);
    let at = put(&other, "k", "other", None).await;
    assert_eq!(one.list("").await.unwrap().entries.len(), 1);
    let mut watch = other.watch("", Revision(1)).await.unwrap();
    let events = timeout(LONG, watch.next()).await.unwrap().unwrap();
    assert_eq!((events.len(), events[0].key(), events[0].revision()), (1, "k", at));
}
