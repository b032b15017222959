//! Leases.

use crate::backend::{Backend, LONG, TTL, put};
use anyhow::{bail, ensure};
use ax_coordination::{CoordinationError, Event, Expect, LeaseId, Revision};
use ax_harness::eventually;
use bytes::Bytes;
use std::time::Duration;
use tokio::time::timeout;

const STEP: Duration = Duration::from_millis(100);

pub async fn an_ended_lease_takes_its_keys_along(backend: &Backend) {
    let store = &*backend.store;
    let lease = store.grant(TTL).await.unwrap();
    let mut last = Revision(0);
    for key in ["t/a", "t/b", "t/c"] {
        last = put(store, key, "v", Some(lease)).await;
    }
    backend.put("t/free", "v").await;
    let free = store.get("t/free").await.unwrap().unwrap();
    assert_eq!(store.get("t/a").await.unwrap().unwrap().lease, Some(lease));
    let mut watch = store.watch("t/", Revision(last.0 + 1)).await.unwrap();
    assert_eq!(watch.next().await.unwrap(), [Event::Put(free)]);
    backend.pass(TTL);
    let events = timeout(LONG, watch.next()).await.unwrap().unwrap();
    let keys: Vec<_> = events.iter().map(Event::key).collect();
    assert_eq!(keys, ["t/a", "t/b", "t/c"], "all in one go");
    assert!(events.iter().all(|event| matches!(event, Event::Deleted { .. })));
    assert!(events.iter().all(|event| event.revision() == events[0].revision()));
    assert_gone(backend, lease).await;
    assert_eq!(backend.store.list("t/").await.unwrap().entries.len(), 1);
}

async fn assert_gone(backend: &Backend, lease: LeaseId) {
    let renewed = backend.store.renew(lease).await;
    assert!(matches!(renewed, Err(CoordinationError::LeaseGone(id)) if id == lease), "{renewed:?}");
    for expect in [Expect::Any, Expect::Absent] {
        let put = backend.store.put("gone", Bytes::new(), expect, Some(lease)).await;
        assert!(matches!(put, Err(CoordinationError::LeaseGone(id)) if id == lease), "{put:?}");
    }
    assert_eq!(backend.value("gone").await, None);
}

/// Beside one that is not renewed, which tells that its time has passed.
pub async fn a_renewed_lease_lives_on(backend: &Backend) {
    let store = &*backend.store;
    let renewed = store.grant(TTL).await.unwrap();
    put(store, "renewed", "v", Some(renewed)).await;
    for round in 0..2 {
        let other = store.grant(TTL).await.unwrap();
        put(store, "other", "v", Some(other)).await;
        eventually(LONG, "the other lease ends", async || {
            let left = store.renew(renewed).await?;
            ensure!(left >= TTL, "{left:?} left of a ttl of {TTL:?}");
            backend.pass(STEP);
            match store.get("other").await? {
                Some(_) => bail!("it is there"),
                None => Ok(()),
            }
        })
        .await
        .unwrap();
        assert_eq!(backend.value("renewed").await.as_deref(), Some("v"), "round {round}");
    }
}

pub async fn a_revoked_lease_is_gone(backend: &Backend) {
    let store = &*backend.store;
    let lease = store.grant(10 * TTL).await.unwrap();
    put(store, "k", "v", Some(lease)).await;
    store.revoke(lease).await.unwrap();
    assert_eq!(backend.value("k").await, None);
    assert_gone(backend, lease).await;
    store.revoke(lease).await.unwrap();
    assert_ne!(store.grant(TTL).await.unwrap(), lease, "an id is never given twice");
}

pub async fn a_key_written_anew_leaves_its_lease(backend: &Backend) {
    let store = &*backend.store;
    let (first, second) =
        (store.grant(10 * TTL).await.unwrap(), store.grant(10 * TTL).await.unwrap());
    put(store, "freed", "v", Some(first)).await;
    put(store, "freed", "v", None).await;
    put(store, "moved", "v", Some(first)).await;
    put(store, "moved", "v", Some(second)).await;
    store.revoke(first).await.unwrap();
    assert_eq!(backend.value("freed").await.as_deref(), Some("v"));
    assert_eq!(backend.value("moved").await.as_deref(), Some("v"));
    store.revoke(second).await.unwrap();
    assert_eq!(backend.value("moved").await, None);
}
