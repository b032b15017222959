use crate::{
    contract::places::Place,
    support::{segment_file, shard},
};
use ax_model::{Code, ContentHash, Epoch, OffsetRange, SegmentEntry, SegmentId, Stored};
use ax_store::{Compression, StoreError};
use std::path::Path;

/// More than two parts of an upload, and no whole number of them.
const LARGE: usize = (17 << 20) + 12_345;

fn file(dir: &Path, seed: u64, num_bytes: usize) -> (std::path::PathBuf, SegmentEntry) {
    segment_file(dir, Epoch(1), seed, num_bytes, OffsetRange::default())
}

/// A file of lines, which packs well.
fn text_file(dir: &Path, num_bytes: usize) -> (std::path::PathBuf, SegmentEntry) {
    let (path, entry) = file(dir, num_bytes as u64, 0);
    let lines = (0..).flat_map(|n| format!("static int line_{n}(void);\n").into_bytes());
    let bytes: Vec<u8> = lines.take(num_bytes).collect();
    std::fs::write(&path, &bytes).unwrap();
    let (num_bytes, checksum) = (bytes.len() as u64, ContentHash::of(&bytes));
    (path, SegmentEntry { num_bytes, checksum, ..entry })
}

fn names(dir: &Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

pub async fn goes_up_and_comes_down(place: Place) {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shard = shard(&place.store);
    for (seed, num_bytes) in [(1, 0), (2, 1), (3, 8 << 20), (4, LARGE)] {
        let (source, entry) = file(dir.path(), seed, num_bytes);
        let stored = shard.put_segment(&source, &entry).await.unwrap();
        // as after an unknown outcome
        assert_eq!(shard.put_segment(&source, &entry).await.unwrap(), stored);
        let dest = cache.path().join("segment");
        shard.fetch_segment(&stored, &dest).await.unwrap();
        assert!(std::fs::read(&dest).unwrap() == std::fs::read(&source).unwrap());
        assert_eq!(names(cache.path()), 1, "nothing is left beside it");
    }
    let (_, missing) = file(dir.path(), 5, 10);
    let error = shard.fetch_segment(&missing, &cache.path().join("none")).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
    assert_eq!(names(cache.path()), 1);
}

/// What one process packs and another does not: every reader reads both, by what the entry says.
pub async fn raw_and_packed_stand_side_by_side(place: Place) {
    let dir = tempfile::tempdir().unwrap();
    for num_bytes in [0, 300, LARGE] {
        for (compression, packs) in
            [(Compression::None, false), (Compression::Zstd { level: 1 }, true)]
        {
            let writer = shard(&place.store.packing(compression));
            let (source, entry) = text_file(dir.path(), num_bytes);
            let stored = writer.put_segment(&source, &entry).await.unwrap();
            assert_eq!(stored.stored != Stored::Raw, packs);
            assert_eq!(stored.stored_bytes() < entry.num_bytes, packs && num_bytes > 0);
            for reader in [Compression::None, Compression::default()] {
                let reader = shard(&place.store.packing(reader));
                let dest = dir.path().join("back");
                reader.fetch_segment(&stored, &dest).await.unwrap();
                assert!(std::fs::read(&dest).unwrap() == std::fs::read(&source).unwrap());
            }
        }
    }
}

/// Objects that are not what an entry says, by damage or by malice: each is refused, in bounded
/// memory, and leaves no file.
pub async fn a_bad_object_is_refused(place: Place) {
    let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let shard = shard(&place.store);
    let (source, entry) = text_file(dir.path(), 2 << 20);
    let raw = std::fs::read(&source).unwrap();
    let good = zstd::bulk::compress(&raw, 3).unwrap();
    let bomb = zstd::bulk::compress(&vec![0; 4 << 20], 3).unwrap().repeat(512); // 2 GiB
    let half = good[..good.len() / 2].to_vec();
    let twice = good.repeat(2);
    let other = zstd::bulk::compress(&vec![7; 2 << 20], 3).unwrap();
    let noise = blake3::hash(b"noise").as_bytes().repeat(100);
    let behind = [&good[..], b"more"].concat();
    for object in [raw, bomb, half, twice, other, noise, behind, Vec::new()] {
        let stored = Stored::Zstd { num_bytes: object.len() as u64 };
        let entry = SegmentEntry { stored, ..entry.clone() };
        place.write(&format!("g1/s00003/segments/{}.seg", entry.id), object).await;
        let error = shard.fetch_segment(&entry, &cache.path().join("x")).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
        let error = shard.put_segment(&source, &entry).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
        assert_eq!(names(cache.path()), 0);
    }
    let stored = Stored::Zstd { num_bytes: good.len() as u64 };
    place.write(&format!("g1/s00003/segments/{}.seg", entry.id), good.clone()).await;
    let longer = SegmentEntry { stored: Stored::Zstd { num_bytes: 1 << 40 }, ..entry.clone() };
    let as_raw = SegmentEntry { stored: Stored::Raw, ..entry.clone() };
    for wrong in [longer, as_raw] {
        let error = shard.fetch_segment(&wrong, &cache.path().join("x")).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
    }
    let right = SegmentEntry { stored, ..entry };
    shard.fetch_segment(&right, &cache.path().join("x")).await.unwrap();
}

pub async fn is_never_overwritten(place: Place) {
    let dir = tempfile::tempdir().unwrap();
    let shard = shard(&place.store);
    for num_bytes in [100, LARGE] {
        let (source, entry) = file(dir.path(), 1, num_bytes);
        let entry = shard.put_segment(&source, &entry).await.unwrap();
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
    let place = crate::contract::places::memory();
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
