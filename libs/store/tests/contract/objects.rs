use crate::{
    places::Place,
    support::{SHARD, shard},
};
use ax_model::{Offset, StoredBlob};
use ax_store::{Quarantined, StoreError};
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
