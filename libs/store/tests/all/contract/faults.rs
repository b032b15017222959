//! A store that breaks its promises, at every call of a publication.

use crate::support::{Writer, check_chain, segment_file, shard};
use ax_model::{Code, Epoch, OffsetRange};
use ax_store::{
    CollectPolicy, Patience, Pins, Store, StoreError,
    faults::{Fault, FaultStore, Op, Rule},
};
use bytes::Bytes;
use object_store::memory::InMemory;
use std::{sync::Arc, time::Duration};

const FAULTS: [Fault; 14] = [
    Fault::TimeoutBefore,
    Fault::TimeoutAfter,
    Fault::Late(0),
    Fault::Late(1),
    Fault::Late(3),
    Fault::Late(1_000),
    Fault::RefusedBefore,
    Fault::RefusedAfter,
    Fault::Unavailable,
    Fault::Full,
    Fault::Slow(Duration::from_millis(1)),
    Fault::Truncated,
    Fault::FlippedBit,
    Fault::DieAfter,
];
/// More calls than a publication makes, with its upload.
const CALLS: u32 = 9;

/// The store behind the faults, and the same store without them.
pub fn faulty() -> (FaultStore, Store, Store) {
    let inner = Arc::new(InMemory::new());
    let faults = FaultStore::new(inner.clone());
    let store = Store::over(Arc::new(faults.clone()), Patience::without_waits(3));
    (faults, store, Store::over(inner, Patience::without_waits(3)))
}

fn every_rule() -> impl Iterator<Item = Rule> {
    FAULTS.iter().flat_map(|fault| {
        (0..CALLS).flat_map(move |skip| {
            [1, 2, u32::MAX].map(|times| Rule { times, ..Rule::nth(skip, *fault) })
        })
    })
}

#[tokio::test]
async fn no_fault_loses_an_acknowledged_link_or_makes_two_of_one_version() {
    for rule in every_rule() {
        let (faults, store, sound) = faulty();
        let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
        writer.step(2, 50).await.unwrap();

        faults.inject(rule.clone());
        let outcome = writer.step(3, 60).await;
        faults.heal();
        match &outcome {
            Ok(link) => assert_eq!(shard(&sound).head().await.unwrap(), Some(link.clone())),
            Err(error) => assert!(!error.is_fenced(), "{rule:?}: {error}"),
        }
        go_on(&mut writer, outcome.is_err()).await;
        faults.deliver().await;

        let links = check_chain(&sound).await;
        let head = links.last().unwrap();
        assert_eq!(*head, *writer.head, "{rule:?}");
        if let Ok(link) = outcome {
            assert!(links.contains(&link), "{rule:?}");
        }
    }
}

/// A failed publication is not the end of a writer: it looks where its chain stands and publishes
/// what is missing. A late write of its own may come first.
async fn go_on(writer: &mut Writer, failed: bool) {
    if failed {
        writer.reload().await.unwrap();
    }
    if let Err(error) = writer.step(1, 10).await {
        assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
        writer.reload().await.unwrap();
        writer.step(1, 10).await.unwrap();
    }
}

#[tokio::test]
async fn no_fault_lets_a_fenced_writer_publish() {
    for rule in every_rule() {
        let (faults, store, sound) = faulty();
        let mut old = Writer::take_over(&store, 1, "old").await.unwrap();
        let mut new = Writer::take_over(&sound, 2, "new").await.unwrap();
        faults.inject(rule.clone());
        let error = old.step(1, 10).await.unwrap_err();
        assert!(!matches!(error, StoreError::Conflict { .. }), "{rule:?}: {error}");
        faults.heal();
        assert!(old.step(1, 10).await.unwrap_err().is_fenced(), "{rule:?}");
        faults.deliver().await;
        new.step(1, 10).await.unwrap();
        assert_eq!(check_chain(&sound).await.last(), Some(&*new.head));
    }
}

#[tokio::test]
async fn no_fault_gives_one_epoch_to_two_or_takes_it_back() {
    for rule in every_rule() {
        let (faults, store, sound) = faulty();
        Writer::take_over(&sound, 1, "old").await.unwrap();
        faults.inject(rule.clone());
        let outcome = Writer::take_over(&store, 2, "new").await;
        faults.heal();
        if let Err(error) = outcome {
            assert!(!error.is_fenced(), "{rule:?}: {error}");
        }
        let mut writer = Writer::take_over(&store, 2, "new").await.unwrap();
        faults.deliver().await;
        go_on(&mut writer, false).await;
        let links = check_chain(&sound).await;
        assert!(links.len() == 3 || links.len() == 2, "{rule:?}: {}", links.len());
    }
}

/// The three moments at which a write given up for lost can still arrive.
#[tokio::test]
async fn a_write_that_arrives_late_is_met_as_ones_own() {
    for moment in 0..3 {
        let (faults, store, sound) = faulty();
        let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
        faults.inject(Rule::always(Op::Create, "manifests", Fault::Late(1_000)));
        let error = writer.step(3, 10).await.unwrap_err();
        assert!(error.is_retryable(), "{error}");
        faults.heal();

        if moment == 0 {
            faults.deliver().await;
        }
        writer.reload().await.unwrap();
        assert_eq!(writer.head.manifest.position().0, if moment == 0 { 3 } else { 0 });
        if moment == 1 {
            faults.deliver().await;
            let error = writer.step(1, 10).await.unwrap_err();
            assert!(matches!(error, StoreError::Conflict { .. }), "{error}");
            writer.reload().await.unwrap();
            assert_eq!(writer.head.manifest.position().0, 3);
        }
        writer.step(1, 10).await.unwrap();
        faults.deliver().await;
        assert_eq!(check_chain(&sound).await.last(), Some(&*writer.head));
    }
}

#[tokio::test]
async fn a_late_write_of_a_fenced_writer_never_counts() {
    let (faults, store, sound) = faulty();
    let mut old = Writer::take_over(&store, 1, "old").await.unwrap();
    faults.inject(Rule::always(Op::Create, "manifests", Fault::Late(1_000)));
    old.step(3, 10).await.unwrap_err();
    let mut new = Writer::take_over(&sound, 2, "new").await.unwrap();
    new.step(1, 10).await.unwrap();
    new.shard.collect(&keep_one(), &Pins::default(), i64::MAX).await.unwrap();
    faults.heal();
    faults.deliver().await; // the name that it takes was collected
    assert_eq!(check_chain(&sound).await.last(), Some(&*new.head));
    old.reload().await.unwrap();
    assert_eq!(old.head, new.head);
    let report = new.shard.collect(&keep_one(), &Pins::default(), i64::MAX).await.unwrap();
    assert_eq!(report.num_links, 1, "the revived name is swept");
}

/// Regression: a spurious "it exists" was believed of the boundary, links were deleted without one,
/// and a stalled writer brought a name back.
#[tokio::test]
async fn nothing_is_deleted_before_the_boundary_is_seen() {
    for place in ["boundary", ""] {
        let (faults, store, sound) = faulty();
        let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
        for _ in 0..3 {
            writer.step(1, 10).await.unwrap();
        }
        faults.inject(Rule::always(Op::Create, place, Fault::RefusedBefore));
        let error = writer.shard.collect(&keep_one(), &Pins::default(), i64::MAX).await;
        assert!(error.unwrap_err().is_retryable());
        assert_eq!(faults.counts().of(Op::Delete), 0);
        assert_eq!(check_chain(&sound).await.len(), 4);
    }
}

fn keep_one() -> CollectPolicy {
    CollectPolicy { keep_last: 1, keep_for: Duration::ZERO, orphan_grace: Duration::ZERO }
}

#[tokio::test]
async fn a_full_store_says_so() {
    let (faults, store, _) = faulty();
    let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
    for place in ["segments", "manifests"] {
        faults.inject(Rule::always(Op::Create, place, Fault::Full));
        assert_eq!(writer.step(1, 10).await.unwrap_err().code(), Code::StoreFull);
        faults.heal();
    }
    writer.step(1, 10).await.unwrap();
}

/// Invariant I15, for each kind of object: read again after one bad read, refused after many.
#[tokio::test]
async fn damage_is_read_again_and_then_refused() {
    for damage in [Fault::FlippedBit, Fault::Truncated] {
        let (faults, store, sound) = faulty();
        let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
        let entry = writer.upload(1, 5_000).await.unwrap();
        writer.publish(1, vec![entry.clone()]).await.unwrap();
        let blob = store.put_blob(Bytes::from_static(b"some text of a blob")).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let dest = dir.path().join("segment");

        faults.inject(Rule::next(Op::Get, "segments", damage));
        faults.inject(Rule::next(Op::Get, "manifests", damage));
        faults.inject(Rule::next(Op::Get, "blobs", damage));
        shard(&store).fetch_segment(&entry, &dest).await.unwrap();
        assert_eq!(shard(&store).head().await.unwrap(), Some(writer.head.clone()));
        store.get_blob(&blob).await.unwrap();
        std::fs::remove_file(&dest).unwrap();

        faults.inject(Rule::always(Op::Get, "", damage));
        let error = shard(&store).fetch_segment(&entry, &dest).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is served");
        let error = shard(&store).head().await.unwrap_err();
        assert_eq!(error.code(), Code::ManifestCorrupt, "{error}");
        let error = store.get_blob(&blob).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
        let error = writer.shard.collect(&Default::default(), &Default::default(), 0).await;
        assert_eq!(error.unwrap_err().code(), Code::ManifestCorrupt);
        faults.heal();
        check_chain(&sound).await;
    }
}

#[tokio::test]
async fn an_upload_in_parts_survives_each_fault_once() {
    let dir = tempfile::tempdir().unwrap();
    for op in [Op::StartUpload, Op::Part, Op::EndUpload] {
        for fault in [Fault::TimeoutBefore, Fault::TimeoutAfter, Fault::Unavailable] {
            let (faults, store, sound) = faulty();
            let (source, entry) =
                segment_file(dir.path(), Epoch(1), 1, 9 << 20, OffsetRange::default());
            faults.inject(Rule::next(op, "", fault));
            let entry = shard(&store).put_segment(&source, &entry).await.unwrap();
            shard(&sound).fetch_segment(&entry, &dir.path().join("back")).await.unwrap();

            let (source, entry) =
                segment_file(dir.path(), Epoch(1), 2, 9 << 20, OffsetRange::default());
            faults.inject(Rule::always(op, "", fault));
            // The end may have taken effect each time: then it is found to be there.
            let outcome = shard(&store).put_segment(&source, &entry).await;
            let is_there = op == Op::EndUpload && fault == Fault::TimeoutAfter;
            assert_eq!(outcome.is_ok(), is_there, "{op:?} {fault:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_store_that_lost_its_newest_link_is_not_believed() {
    let (_, store, sound) = faulty();
    let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
    writer.step(1, 10).await.unwrap();
    let newest = object_store::path::Path::from("g1/s00003/manifests/00000000000000000002.pb");
    let mut inner = None;
    sound.decorated(|store| inner.insert(store).clone(), Patience::default());
    object_store::ObjectStoreExt::delete(&inner.unwrap(), &newest).await.unwrap();
    let error = writer.reload().await.unwrap_err();
    assert_eq!(error.code(), Code::ManifestCorrupt, "{error}");
}

#[tokio::test]
async fn a_quiet_head_costs_one_listing() {
    let (faults, store, _) = faulty();
    let mut writer = Writer::take_over(&store, 1, "w").await.unwrap();
    let reader = shard(&store);
    reader.head().await.unwrap();
    let before = faults.counts();
    for _ in 0..10 {
        reader.head().await.unwrap();
    }
    assert_eq!(faults.counts().of(Op::List) - before.of(Op::List), 10);
    assert_eq!(faults.counts().of(Op::Get), before.of(Op::Get));
    let before = faults.counts();
    writer.publish(1, vec![]).await.unwrap();
    assert_eq!(faults.counts().total() - before.total(), 2, "one creation, one look");
}
