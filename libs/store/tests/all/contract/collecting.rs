use crate::{
    contract::places::Place,
    support::{Writer, after, check_chain, shard},
};
use ax_model::{Epoch, ManifestVersion};
use ax_store::{CollectPolicy, Collector, Pins, StoreError};
use std::time::Duration;

/// Later than any object was stored.
const LATER: i64 = i64::MAX;

fn keep(keep_last: usize) -> CollectPolicy {
    CollectPolicy { keep_last, keep_for: Duration::ZERO, orphan_grace: Duration::ZERO }
}

pub async fn keeps_what_the_policy_keeps(place: Place) {
    let mut writer = Writer::take_over(&place.store, 1, "w").await.unwrap();
    for _ in 0..5 {
        writer.step(1, 100).await.unwrap();
    }
    // A merge: the three oldest segments become one.
    let merged = writer.upload(0, 300).await.unwrap();
    let mut next = after(&writer.head, 0, vec![]);
    let old = next.segments.splice(..3, [merged]).collect::<Vec<_>>();
    writer.head = writer.shard.publish(&writer.head, next).await.unwrap();

    let reader = shard(&place.store);
    let mut collector = Collector::new(shard(&place.store), keep(2));
    let pins = Pins { versions: [ManifestVersion(5)].into(), ..Pins::default() };
    let report = collector.run(&pins, LATER).await.unwrap();
    assert_eq!((report.boundary.0, report.num_links, report.num_segments), (5, 4, 0));
    check_chain(&place.store).await;

    let report = collector.run(&Pins::default(), LATER).await.unwrap();
    assert_eq!((report.boundary.0, report.num_links, report.num_segments), (6, 1, 0));
    let report = Collector::new(shard(&place.store), keep(1)).run(&Pins::default(), LATER).await;
    let report = report.unwrap();
    assert_eq!((report.boundary.0, report.num_links, report.num_segments), (7, 1, 3));
    assert_eq!(collector.run(&Pins::default(), LATER).await.unwrap().num_links, 0);

    let error = reader.link(ManifestVersion(3)).await.unwrap_err();
    assert!(matches!(error, StoreError::Collected { .. }), "{error}");
    assert_eq!(reader.head().await.unwrap().unwrap().version().0, 7);
    let dir = tempfile::tempdir().unwrap();
    for entry in &old {
        let error = reader.fetch_segment(entry, &dir.path().join("x")).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    }
    writer.step(1, 100).await.unwrap();
    assert_eq!(check_chain(&place.store).await.len(), 2);
}

/// The writer stops between its upload and its publication, for ever as far as anyone can tell. The
/// shard goes on, and what stood at its next version is collected. Then it wakes.
pub async fn a_stalled_writer_cannot_revive_a_name(place: Place) {
    let mut stalled = Writer::take_over(&place.store, 1, "stalled").await.unwrap();
    stalled.step(1, 100).await.unwrap();
    let upload = stalled.upload(1, 100).await.unwrap();

    // While nobody has taken over, its upload is no orphan, however old.
    shard(&place.store).collect(&keep(1), &Pins::default(), LATER).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let dest = dir.path().join("x");
    shard(&place.store).fetch_segment(&upload, &dest).await.unwrap();

    let mut owner = Writer::take_over(&place.store, 2, "owner").await.unwrap();
    for _ in 0..3 {
        owner.step(1, 100).await.unwrap();
    }
    let report = shard(&place.store).collect(&keep(1), &Pins::default(), LATER).await.unwrap();
    assert_eq!(report.boundary, owner.head.version());
    let error = shard(&place.store).fetch_segment(&upload, &dest).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");

    match stalled.publish(1, vec![upload]).await.unwrap_err() {
        StoreError::Fenced { epoch, .. } => assert_eq!(epoch, Epoch(2)),
        error => panic!("{error}"),
    }
    let head = shard(&place.store).head().await.unwrap().unwrap();
    assert_eq!(head, owner.head);
    let error = shard(&place.store).link(ManifestVersion(3)).await.unwrap_err();
    assert!(matches!(error, StoreError::Collected { .. }), "{error}");
    assert_eq!(check_chain(&place.store).await.len(), 1);
}

pub async fn two_collectors_do_no_harm(place: Place) {
    let mut writer = Writer::take_over(&place.store, 1, "w").await.unwrap();
    let mut collectors: Vec<_> =
        (1..=2).map(|n| Collector::new(shard(&place.store), keep(n))).collect();
    for _ in 0..6 {
        let pins = Pins::default();
        let [one, two] = collectors.as_mut_slice() else { unreachable!() };
        let (one, two, step) =
            tokio::join!(one.run(&pins, LATER), two.run(&pins, LATER), writer.step(1, 50));
        one.unwrap();
        two.unwrap();
        step.unwrap();
        let last = check_chain(&place.store).await.pop().unwrap();
        assert_eq!(last, *writer.head);
    }
}
