//! What a rebuild has built so far is as safe from the collector as what is served (invariant I10).

use crate::support::{Writer, shard};
use ax_model::{Offset, OffsetRange, RebuildNumber, SegmentEntry};
use ax_store::{CollectPolicy, Link, Patience, Pins, RebuildStart, Store};
use object_store::memory::InMemory;
use std::{sync::Arc, time::Duration};

const EVERYTHING: CollectPolicy =
    CollectPolicy { keep_last: 1, keep_for: Duration::ZERO, orphan_grace: Duration::ZERO };

async fn collect(store: &Store) -> usize {
    let report = shard(store).collect(&EVERYTHING, &Pins::default(), i64::MAX).await.unwrap();
    report.num_segments
}

async fn is_there(store: &Store, entry: &SegmentEntry) -> bool {
    let folder = tempfile::tempdir().unwrap();
    shard(store).fetch_segment(entry, &folder.path().join("segment")).await.is_ok()
}

/// Begins a rebuild and publishes one segment of it.
async fn rebuild(writer: &mut Writer, number: u64) -> (Arc<Link>, SegmentEntry) {
    let start = RebuildStart {
        number: RebuildNumber(number),
        log_id: "log".into(),
        from: Offset(0),
        target: Offset(2),
        reason: String::new(),
    };
    let begun = writer.head.begin_rebuild(start, 1);
    writer.head = writer.shard.publish(&writer.head, begun).await.unwrap();
    let mut entry = writer.upload(0, 30).await.unwrap();
    let range = OffsetRange::new(Offset(0), Offset(2)).unwrap();
    entry.range = range;
    let mut next = writer.head.next(1);
    let growing = next.rebuild.as_mut().unwrap();
    growing.applied = range;
    growing.segments.push(entry.clone());
    writer.head = writer.shard.publish(&writer.head, next).await.unwrap();
    (writer.head.clone(), entry)
}

#[tokio::test]
async fn what_is_served_and_what_is_rebuilt_are_both_kept_until_the_flip() {
    let store = Store::over(Arc::new(InMemory::new()), Patience::without_waits(3));
    let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
    let served = writer.step(2, 40).await.unwrap().manifest.segments[0].clone();
    let (_, dropped) = rebuild(&mut writer, 1).await;
    collect(&store).await;
    assert!(is_there(&store, &served).await && is_there(&store, &dropped).await);
    // A later rebuild drops the first; a new owner keeps what it finds.
    let (_, built) = rebuild(&mut writer, 2).await;
    let mut next = Writer::take_over(&store, 2, "v").await.unwrap();
    collect(&store).await;
    assert!(is_there(&store, &served).await && is_there(&store, &built).await);
    assert!(!is_there(&store, &dropped).await);
    let flipped = next.head.flip(1).unwrap();
    next.head = next.shard.publish(&next.head, flipped).await.unwrap();
    assert_eq!(collect(&store).await, 1);
    assert!(!is_there(&store, &served).await && is_there(&store, &built).await);
    assert_eq!(next.head.manifest.segments, [built]);
}
