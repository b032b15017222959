use crate::{
    places::Place,
    support::{segment_file, shard},
};
use ax_model::{Code, ContentHash, Epoch, OffsetRange, SegmentEntry, SegmentId};
use ax_store::StoreError;
use std::path::Path;

/// More than two parts of an upload, and no whole number of them.
const LARGE: usize = (17 << 20) + 12_345;

fn file(dir: &Path, seed: u64, num_bytes: usize) -> (std::path::PathBuf, SegmentEntry) {
    segment_file(dir, Epoch(1), seed, num_bytes, OffsetRange::default())
}

fn names(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

pub async fn goes_up_and_comes_down(place: Place) {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shard = shard(&place.store);
    for (seed, num_bytes) in [(1, 0), (2, 1), (3, 8 << 20), (4, LARGE)] {
        let (source, entry) = file(dir.path(), seed, num_bytes);
        shard.put_segment(&source, &entry).await.unwrap();
        shard.put_segment(&source, &entry).await.unwrap(); // as after an unknown outcome
        let dest = cache.path().join("segment");
        shard.fetch_segment(&entry, &dest).await.unwrap();
        assert!(std::fs::read(&dest).unwrap() == std::fs::read(&source).unwrap());
        assert_eq!(names(cache.path()), 1, "nothing is left beside it");
    }
    let (_, missing) = file(dir.path(), 5, 10);
    let error = shard.fetch_segment(&missing, &cache.path().join("none")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    assert_eq!(names(cache.path()), 1);
}

pub async fn is_never_overwritten(place: Place) {
    let dir = tempfile::tempdir().unwrap();
    let shard = shard(&place.store);
    for num_bytes in [100, LARGE] {
        let (source, entry) = file(dir.path(), 1, num_bytes);
        shard.put_segment(&source, &entry).await.unwrap();
        let (other, other_entry) = file(dir.path(), 2, num_bytes);
        let other_entry = SegmentEntry { id: entry.id.clone(), ..other_entry };
        let error = shard.put_segment(&other, &other_entry).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
        shard.fetch_segment(&entry, &dir.path().join("back")).await.unwrap();
        shard.remove_unpublished(&entry.id).await.unwrap();
        shard.remove_unpublished(&entry.id).await.unwrap();
    }
}

pub async fn a_wrong_local_file_never_appears(place: Place) {
    let dir = tempfile::tempdir().unwrap();
    let shard = shard(&place.store);
    for num_bytes in [100, LARGE] {
        let (source, entry) = file(dir.path(), 1, num_bytes);
        let wrong = [
            SegmentEntry { num_bytes: entry.num_bytes - 1, ..entry.clone() },
            SegmentEntry { num_bytes: entry.num_bytes + 1, ..entry.clone() },
            SegmentEntry { checksum: ContentHash::of(b"other"), ..entry.clone() },
        ];
        for wrong in wrong {
            let error = shard.put_segment(&source, &wrong).await.unwrap_err();
            assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
        }
        let error = shard.fetch_segment(&entry, &dir.path().join("x")).await.unwrap_err();
        assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    }
    let (source, entry) = file(dir.path(), 1, 1);
    let escaping = SegmentEntry { id: SegmentId("../x".into()), ..entry.clone() };
    assert!(shard.put_segment(&source, &escaping).await.is_err());
    assert!(shard.put_segment(&dir.path().join("none"), &entry).await.is_err());
}

#[test]
fn every_call_may_be_spawned() {
    fn check<T: Send>(_: T) {}
    let place = crate::places::memory();
    let shard = shard(&place.store);
    let dir = tempfile::tempdir().unwrap();
    let (source, entry) = file(dir.path(), 1, 1);
    check(shard.put_segment(&source, &entry));
    check(shard.fetch_segment(&entry, &source));
    check(shard.head());
    check(shard.history());
    check(shard.take_over(Epoch(1), "w", 0));
    check(shard.quarantined_offsets(1));
    check(shard.collect(&Default::default(), &Default::default(), 0));
    check(place.store.probe());
    check(place.store.put_blob(Default::default()));
    check(place.store.sweep(Default::default()));
}
