use crate::{
    contract::places::Place,
    support::{SHARD, shard},
};
use ax_model::{Code, ContentHash, Offset, StoredBlob};
use ax_store::{Compression, Quarantined, StoreError};
use bytes::Bytes;

fn record(offset: u64, reason: &str) -> Quarantined {
    Quarantined {
        shard: SHARD,
        offset: Offset(offset),
        log_id: "log".into(),
        code: "AX-C004".into(),
        reason: reason.into(),
        key: Bytes::from_static(b"repo\0path"),
        value: Bytes::from(vec![0xff; 10_000]),
        at_ms: 5,
    }
}

pub async fn sets_changes_aside(place: Place) {
    let shard = shard(&place.store);
    assert_eq!(shard.quarantined_offsets(10).await.unwrap(), (vec![], 0));
    for offset in [900, 7, u64::MAX] {
        shard.quarantine(&record(offset, "first")).await.unwrap();
    }
    shard.quarantine(&record(7, "again")).await.unwrap();
    let (offsets, total) = shard.quarantined_offsets(2).await.unwrap();
    assert_eq!((offsets, total), (vec![Offset(7), Offset(900)], 3));
    assert_eq!(shard.quarantined(Offset(7)).await.unwrap(), Some(record(7, "again")));
    assert_eq!(shard.quarantined(Offset(8)).await.unwrap(), None);
    shard.remove_quarantined(Offset(7)).await.unwrap();
    shard.remove_quarantined(Offset(7)).await.unwrap();
    assert_eq!(shard.quarantined_offsets(10).await.unwrap().1, 2);
}

pub async fn blobs_may_be_packed_or_not(place: Place) {
    let text = Bytes::from(b"static int line(void);\n".repeat(300_000)); // more than one frame
    let noise = Bytes::from(blake3::hash(b"noise").as_bytes().to_vec());
    for (raw_first, text) in [(true, &text), (false, &text), (true, &noise)] {
        let kinds = [Compression::None, Compression::default()];
        let stores = kinds.map(|kind| place.store.packing(kind));
        let (first, second) = (&stores[usize::from(!raw_first)], &stores[usize::from(raw_first)]);
        let blob = first.put_blob(text.clone()).await.unwrap();
        assert_eq!(second.put_blob(text.clone()).await.unwrap(), blob, "one name for both");
        assert_eq!(first.get_blob(&blob).await.unwrap(), text);
        assert_eq!(second.get_blob(&blob).await.unwrap(), text);
        place.remove(&path_of(&blob)).await;
    }
}

/// Frames of another text, frames of far more than the blob, half a frame, noise.
pub async fn a_bad_blob_is_refused(place: Place) {
    let text = Bytes::from(b"static int line(void);\n".repeat(1_000));
    let blob = place.store.put_blob(text.clone()).await.unwrap();
    let pack = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).unwrap();
    let good = pack(&text);
    let bomb = pack(&vec![0; 4 << 20]).repeat(20);
    let noise = blake3::hash(b"noise").as_bytes().to_vec();
    let bad = [pack(&vec![7; text.len()]), bomb, good[..good.len() / 2].to_vec(), noise];
    for object in bad {
        place.write(&path_of(&blob), object).await;
        let error = place.store.get_blob(&blob).await.unwrap_err();
        assert_eq!(error.code(), Code::SegmentCorrupt, "{error}");
    }
    place.write(&path_of(&blob), good).await;
    assert_eq!(place.store.get_blob(&blob).await.unwrap(), text);
}

fn path_of(blob: &StoredBlob) -> String {
    let name = ContentHash(blob.hash).to_string();
    format!("blobs/{}/{name}", &name[..2])
}

pub async fn keeps_blobs_by_their_hash(place: Place) {
    let store = &place.store;
    for text in [Bytes::new(), Bytes::from(vec![7; 3 << 20])] {
        let blob = store.put_blob(text.clone()).await.unwrap();
        assert_eq!(store.put_blob(text.clone()).await.unwrap(), blob);
        assert_eq!(store.get_blob(&blob).await.unwrap(), text);
        let longer = StoredBlob { num_bytes: blob.num_bytes + 1, ..blob };
        assert_eq!(store.get_blob(&longer).await.unwrap(), text, "the hash decides");
    }
    let missing = StoredBlob { hash: [9; 32], num_bytes: 1 };
    let error = store.get_blob(&missing).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { .. }), "{error}");
}
