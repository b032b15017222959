//! Watches: every change, in order, once.

use crate::backend::{Backend, LONG, done};
use anyhow::ensure;
use ax_coordination::{Coordination, CoordinationError, Event, Expect, Revision, Watch};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};

pub fn after(revision: Revision) -> Revision {
    Revision(revision.0 + 1)
}

pub async fn a_watch_begins_in_the_past(backend: &Backend) {
    let store = &backend.store;
    let first = backend.put("a/1", "x").await;
    backend.put("b/1", "x").await;
    backend.put("a/2", "y").await;
    let deleted = done(store.delete("a/1", Expect::Any).await.unwrap());
    let mut watch = store.watch("a/", first).await.unwrap();
    let events = collect(&mut *watch, 3).await;
    let seen: Vec<_> = events.iter().map(|event| (event.key(), is_put(event))).collect();
    assert_eq!(seen, [("a/1", true), ("a/2", true), ("a/1", false)]);
    assert_eq!(events[0].revision(), first);
    assert_eq!(events[2], Event::Deleted { key: "a/1".to_owned(), revision: deleted });
    let Event::Put(put) = &events[1] else { panic!("{events:?}") };
    assert_eq!(Some(put), store.get("a/2").await.unwrap().as_ref());
}

fn is_put(event: &Event) -> bool {
    matches!(event, Event::Put(_))
}

async fn collect(watch: &mut dyn Watch, num_events: usize) -> Vec<Event> {
    let mut events = Vec::new();
    while events.len() < num_events {
        let next = timeout(LONG, watch.next()).await.expect("events in time").unwrap();
        assert!(!next.is_empty());
        events.extend(next);
    }
    events
}

pub async fn a_watch_waits_for_a_revision_ahead(backend: &Backend) {
    let now = backend.put("k", "0").await;
    let mut watch = backend.store.watch("k", Revision(now.0 + 3)).await.unwrap();
    let ahead = async { collect(&mut *watch, 1).await.remove(0) };
    let writer = async {
        // On a shared etcd others write too; then one of ours is skipped or two, never the last.
        for n in 1..=5 {
            backend.put("k", &n.to_string()).await;
        }
    };
    let (event, ()) = tokio::join!(ahead, writer);
    assert!(event.revision() >= Revision(now.0 + 3));
}

/// Revisions acknowledged to writers of `prefix`.
pub async fn write_concurrently(
    store: &Arc<dyn Coordination>,
    prefix: &'static str,
    writers: u32,
    writes: u32,
) -> Vec<Revision> {
    let mut tasks = JoinSet::new();
    for writer in 0..writers {
        let store = store.clone();
        tasks.spawn(async move {
            let mut acknowledged = Vec::new();
            for n in 0..writes {
                let key = format!("{prefix}{writer}/{}", n % 7);
                let outcome = match n % 10 {
                    // Each deletes what it wrote just before, so each is a change.
                    9 => {
                        let key = format!("{prefix}{writer}/{}", (n - 1) % 7);
                        store.delete(&key, Expect::Any).await
                    }
                    _ => store.put(&key, n.to_string().into(), Expect::Any, None).await,
                };
                acknowledged.push(done(outcome.unwrap()));
            }
            acknowledged
        });
    }
    let mut all = tasks.join_all().await.concat();
    all.sort_unstable();
    all
}

/// Folds events; fails on one that is out of order.
#[derive(Default)]
pub struct Fold {
    pub revisions: Vec<Revision>,
    values: BTreeMap<String, (Revision, Vec<u8>)>,
}

impl Fold {
    pub fn add(&mut self, events: Vec<Event>) {
        for event in events {
            assert!(
                Some(&event.revision()) > self.revisions.last(),
                "again, or too late: {event:?}"
            );
            self.revisions.push(event.revision());
            match event {
                Event::Put(entry) => {
                    self.values.insert(entry.key, (entry.modified, entry.value.to_vec()));
                }
                Event::Deleted { key, .. } => drop(self.values.remove(&key)),
            }
        }
    }

    pub async fn check(&self, store: &dyn Coordination, prefix: &str) -> anyhow::Result<()> {
        let listing = store.list(prefix).await?;
        let entries = listing.entries.into_iter();
        let there: BTreeMap<_, _> =
            entries.map(|entry| (entry.key, (entry.modified, entry.value.to_vec()))).collect();
        ensure!(there == self.values, "the store has {there:?}, the watch saw {:?}", self.values);
        Ok(())
    }
}

pub async fn nothing_is_missed_or_seen_twice_among_concurrent_writers(backend: &Backend) {
    let start = backend.put("start", "x").await;
    let store = backend.store.clone();
    let writers = tokio::spawn(async move { write_concurrently(&store, "w/", 8, 125).await });
    let mut watchers = JoinSet::new();
    for _ in 0..3 {
        let store = backend.store.clone();
        watchers.spawn(async move {
            let mut watch = store.watch("w/", after(start)).await.unwrap();
            let mut fold = Fold::default();
            while fold.revisions.len() < 1_000 {
                fold.add(timeout(LONG, watch.next()).await.expect("events in time").unwrap());
            }
            fold
        });
    }
    let acknowledged = writers.await.unwrap();
    while let Some(fold) = watchers.join_next().await {
        let fold = fold.unwrap();
        assert_eq!(fold.revisions, acknowledged);
        fold.check(&*backend.store, "w/").await.unwrap();
    }
}

/// Cut off by the clock at every point it may wait at.
pub async fn a_watch_that_is_cut_off_again_and_again_loses_nothing(backend: &Backend) {
    let start = backend.put("start", "x").await;
    let store = backend.store.clone();
    let writers = tokio::spawn(async move { write_concurrently(&store, "w/", 4, 50).await });
    let mut watch = backend.store.watch("w/", after(start)).await.unwrap();
    let mut fold = Fold::default();
    let deadline = Instant::now() + LONG;
    let mut patience = Duration::from_micros(50);
    while fold.revisions.len() < 200 && Instant::now() < deadline {
        match timeout(patience, watch.next()).await {
            Ok(events) => fold.add(events.unwrap()),
            Err(_) => patience = (patience * 5 / 4).min(Duration::from_millis(20)),
        }
    }
    assert_eq!(fold.revisions, writers.await.unwrap());
}

#[tokio::test]
async fn what_is_forgotten_is_said() {
    for backend in [Backend::embedded().await, Backend::etcd_alone().await] {
        check_forgotten(&backend).await;
    }
}

async fn check_forgotten(backend: &Backend) {
    let first = backend.put("k", "0").await;
    let last = backend.put("k", "1").await;
    backend.compact(last).await;
    let mut watch = backend.store.watch("k", first).await.unwrap();
    for attempt in 0..2 {
        let Err(CoordinationError::Compacted { asked, oldest }) = watch.next().await else {
            panic!("attempt {attempt}")
        };
        assert_eq!(asked, first);
        assert!(oldest > first);
    }
    let listing = backend.store.list("k").await.unwrap();
    let mut watch = backend.store.watch("k", after(listing.revision)).await.unwrap();
    let next = backend.put("k", "2").await;
    assert_eq!(collect(&mut *watch, 1).await[0].revision(), next);
}
