//! A process that ends at every possible step, and the next one that takes over (invariant I5).

use crate::{
    contract::faults::faulty,
    support::{Writer, after, check_chain},
};
use ax_model::ManifestVersion;
use ax_store::{
    CollectPolicy, Link, Pins, Store, StoreError,
    faults::{Fault, FaultStore, Rule},
};
use futures::poll;
use parking_lot::Mutex;
use std::{pin::pin, sync::Arc, time::Duration};

type Acknowledged = Mutex<Vec<Arc<Link>>>;

/// All that an owner does: takes over, publishes, merges, collects.
async fn session(store: &Store, epoch: u64, acked: &Acknowledged) -> Result<(), StoreError> {
    let mut writer = Writer::take_over(store, epoch, &format!("w{epoch}")).await?;
    acked.lock().push(writer.head.clone());
    for count in 1..=2 {
        let link = writer.step(count, 40).await?;
        acked.lock().push(link);
    }
    let merged = writer.upload(0, 80).await?;
    let mut next = after(&writer.head, 0, vec![]);
    next.segments = vec![merged];
    let link = writer.shard.publish(&writer.head, next).await?;
    acked.lock().push(link);
    let (keep_for, orphan_grace) = (Duration::ZERO, Duration::ZERO);
    let policy = CollectPolicy { keep_last: 2, keep_for, orphan_grace };
    writer.shard.collect(&policy, &Pins::default(), i64::MAX).await.map(drop)
}

/// After the end of a process, whatever it left: the next one does its whole work, and nothing that
/// was acknowledged is missing.
async fn check_recovery(faults: &FaultStore, sound: &Store, acked: &Acknowledged) {
    faults.heal();
    faults.deliver().await;
    let before = acked.lock().last().map_or(0, |link| link.manifest.position().0);
    let position = match crate::support::shard(sound).head().await.unwrap() {
        Some(head) => head.manifest.position().0,
        None => 0,
    };
    assert!(position >= before, "{position} after {before} was acknowledged");
    let kept = check_chain(sound).await;
    let boundary = kept.first().map_or(ManifestVersion(1), Link::version);
    for link in acked.lock().iter().filter(|link| link.version() >= boundary) {
        assert!(kept.contains(link), "version {} was acknowledged", link.version());
    }
    session(sound, 2, &Mutex::default()).await.unwrap();
    let links = check_chain(sound).await;
    assert_eq!(links.len(), 2, "the collector finished its work");
    assert_eq!(links[1].manifest.position().0, position + 3, "replayed, not skipped");
}

#[tokio::test]
async fn a_process_killed_at_any_call_is_replaced() {
    for fault in [Fault::DieBefore, Fault::DieAfter] {
        for call in 0.. {
            let (faults, store, sound) = faulty();
            faults.inject(Rule::nth(call, fault));
            let acked = Acknowledged::default();
            let outcome = session(&store, 1, &acked).await;
            let survived = !faults.is_dead();
            assert!(outcome.is_ok() || !survived, "{fault:?} at {call}: {outcome:?}");
            check_recovery(&faults, &sound, &acked).await;
            if survived {
                assert!(call > 20, "the session makes more than {call} calls");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_task_dropped_at_any_await_is_replaced() {
    let mut calls = 0;
    loop {
        let mut finished = false;
        for polls in 0..4 {
            let (faults, store, sound) = faulty();
            let acked = Acknowledged::default();
            finished = run_until(session(&store, 1, &acked), &faults, calls, polls).await;
            check_recovery(&faults, &sound, &acked).await;
        }
        if finished {
            assert!(calls > 20);
            return;
        }
        calls += 1;
    }
}

/// Drives `session` until it made so many calls, then as many polls more. True when it finished.
async fn run_until(
    session: impl Future<Output = Result<(), StoreError>>,
    faults: &FaultStore,
    calls: u64,
    mut polls: u32,
) -> bool {
    let mut session = pin!(session);
    loop {
        if faults.counts().total() >= calls {
            match polls.checked_sub(1) {
                Some(left) => polls = left,
                None => return false,
            }
        }
        if poll!(session.as_mut()).is_ready() {
            return true;
        }
        tokio::task::yield_now().await;
    }
}
