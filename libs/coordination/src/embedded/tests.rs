//! The store on a disk that fails: it goes on by itself, and loses nothing that it acknowledged.

mod disk;

use super::*;
use crate::{Event, LeaseId};
use disk::FailingDisk;
use health::Health;
use log_file::{FILE_NAME, LogFile};
use std::collections::BTreeMap;
use tempfile::TempDir;

/// A store on a failing disk.
struct Sick {
    store: EmbeddedStore,
    disk: FailingDisk,
    clock: Arc<ManualClock>,
    dir: TempDir,
}

async fn open(disk: FailingDisk) -> Sick {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::default());
    let config = EmbeddedConfig {
        clock: clock.clone(),
        tick: Duration::from_millis(5),
        snapshot_every: 10,
        ..EmbeddedConfig::new(dir.path())
    };
    let file = LogFile::mounted(dir.path(), disk.mount());
    let pauses = (Duration::from_millis(1), Duration::from_millis(4));
    let store = EmbeddedStore::open_on(config, Disk { file, pauses }).await.unwrap();
    Sick { store, disk, clock, dir }
}

impl Sick {
    async fn put(&self, key: &str, lease: Option<LeaseId>) -> Result<Revision, CoordinationError> {
        let value = vec![7; 3_000].into();
        match self.store.put(key, value, Expect::Any, lease).await? {
            CasOutcome::Done(revision) => Ok(revision),
            CasOutcome::Conflict(entry) => panic!("{entry:?} stands in the way of anything"),
        }
    }

    async fn recovered(&self) {
        self.store.driver.handle.recovered().await.unwrap();
    }

    async fn is_in_trouble(&self) {
        let mut health = self.store.driver.handle.health.clone();
        health.wait_for(|health| matches!(health, Health::Recovering(_))).await.unwrap();
    }

    async fn has(&self, key: &str) -> bool {
        self.store.get(key).await.unwrap().is_some()
    }

    async fn is_gone(&self, key: &str) {
        while self.has(key).await {
            tokio::task::yield_now().await; // a tick of the store's own will do it
        }
    }
}

/// Puts under faults from `after` on, on which the caller insists; false when no fault came.
async fn insists(after: u64, num_steps: u64) -> bool {
    let sick = open(FailingDisk::default()).await;
    let mut watch = sick.store.watch("", Revision(1)).await.unwrap();
    sick.disk.fail(after, num_steps);
    let mut acknowledged = BTreeMap::new();
    let mut is_checked = false;
    for n in 0..24 {
        let key = format!("k{n:02}");
        let revision = loop {
            match sick.put(&key, None).await {
                Ok(revision) => break revision,
                Err(error) => assert_eq!(error.code().as_str(), "AX-K001", "{error}"),
            }
            sick.recovered().await;
        };
        acknowledged.insert(key, revision);
        if sick.disk.has_failed() && !is_checked {
            survives_power_failure(&sick).await; // before the log is written anew by a snapshot
            is_checked = true;
        }
    }
    let listing = loop {
        match sick.store.list("k").await {
            Ok(listing) => break listing,
            Err(error) => assert!(error.is_retryable(), "{error}"), // the last snapshot failed
        }
        sick.recovered().await;
    };
    for (entry, (key, revision)) in listing.entries.iter().zip(&acknowledged) {
        assert_eq!((&entry.key, entry.modified), (key, *revision), "after {after}");
    }
    assert_eq!(listing.entries.len(), acknowledged.len());

    let mut seen = 0;
    while seen < listing.revision.0 {
        for event in watch.next().await.unwrap() {
            seen += 1;
            assert_eq!(event.revision(), Revision(seen), "after {after}: every change, once");
            assert!(matches!(event, Event::Put(_)));
        }
    }
    survives_power_failure(&sick).await;
    sick.disk.has_failed()
}

/// What the store shows now is on the disk, and not only in the kernel's cache.
async fn survives_power_failure(sick: &Sick) {
    let Ok(listing) = sick.store.list("k").await else { return }; // it fails just now
    let rebooted = open(sick.disk.after_power_failure()).await;
    assert_eq!(rebooted.store.list("k").await.unwrap(), listing);
}

/// Each write, flush and change of length fails in its turn, alone or with those after it.
#[tokio::test]
async fn any_step_of_the_disk_may_fail_and_nothing_acknowledged_is_lost() {
    for (num_steps, stride) in [(1, 1), (6, 5)] {
        let mut after = 0;
        while insists(after, num_steps).await {
            after += stride;
        }
        println!("{num_steps} failures at any of {after} steps");
        assert!(after > 100, "a put takes several steps, and so does a snapshot");
    }
}

#[tokio::test]
async fn while_the_disk_is_full_callers_are_told_and_watches_wait() {
    let sick = open(FailingDisk::default()).await;
    sick.put("before", None).await.unwrap();
    let mut watch = sick.store.watch("", Revision(1)).await.unwrap();
    assert_eq!(watch.next().await.unwrap().len(), 1);
    sick.disk.fill();
    for _ in 0..20 {
        let refused = sick.put("refused", None).await.unwrap_err();
        assert!(matches!(refused, CoordinationError::Unavailable(_)), "{refused}");
    }
    let unread = sick.store.get("before").await.unwrap_err();
    assert!(unread.to_string().contains("opened again"), "{unread}");
    let next = tokio::spawn(async move { watch.next().await });
    sick.disk.heal();
    sick.recovered().await;
    assert!(sick.has("before").await);
    let revision = sick.put("after", None).await.unwrap();
    let events = next.await.unwrap().unwrap();
    assert_eq!(events.first().unwrap().revision(), Revision(2), "of {revision:?}");
}

/// Time in which nobody could renew does not count; what had ended before stays ended.
#[tokio::test]
async fn leases_lose_and_win_nothing_by_a_full_disk() {
    let sick = open(FailingDisk::default()).await;
    let seconds = Duration::from_secs;
    let long = sick.store.grant(seconds(10)).await.unwrap();
    let short = sick.store.grant(seconds(5)).await.unwrap();
    sick.put("long", Some(long)).await.unwrap();
    sick.put("short", Some(short)).await.unwrap();
    sick.clock.advance(seconds(4));
    sick.store.renew(long).await.unwrap();
    sick.disk.fill();
    sick.put("refused", None).await.unwrap_err();
    sick.clock.advance(seconds(30));
    sick.disk.heal();
    sick.recovered().await;
    assert!(sick.has("short").await, "one second is left of it");
    sick.clock.advance(Duration::from_millis(999));
    assert!(sick.has("short").await);

    sick.disk.fill();
    sick.clock.advance(Duration::from_millis(1));
    sick.is_in_trouble().await; // its end could not be written
    sick.disk.heal();
    sick.recovered().await;
    let gone = sick.store.renew(short).await;
    assert!(matches!(gone, Err(CoordinationError::LeaseGone(_))), "{gone:?}");
    sick.is_gone("short").await;
    assert!(sick.has("long").await);
    sick.clock.advance(seconds(9));
    sick.is_gone("long").await;
}

#[tokio::test]
async fn a_log_that_is_gone_does_not_come_back_empty() {
    let sick = open(FailingDisk::default()).await;
    sick.put("k", None).await.unwrap();
    sick.disk.fill();
    sick.put("refused", None).await.unwrap_err();
    std::fs::remove_file(sick.dir.path().join(FILE_NAME)).unwrap();
    sick.disk.heal();
    let ended = sick.store.driver.handle.recovered().await;
    assert!(matches!(ended, Err(CoordinationError::Broken(_))), "{ended:?}");
    let broken = sick.store.get("k").await.unwrap_err();
    assert!(broken.to_string().contains("removed or replaced"), "{broken}");
}

#[tokio::test]
async fn a_store_in_trouble_can_be_closed() {
    let sick = open(FailingDisk::default()).await;
    sick.disk.fill();
    sick.put("refused", None).await.unwrap_err();
    let mut watch = sick.store.watch("", Revision(1)).await.unwrap();
    let (ended, ()) = tokio::join!(watch.next(), sick.store.close());
    assert!(matches!(ended, Err(CoordinationError::Unavailable(_))), "{ended:?}");
}
