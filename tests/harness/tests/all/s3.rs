use std::sync::Arc;

use ax_harness::{S3, eventually};
use object_store::aws::AmazonS3;
use object_store::path::Path;
use object_store::{ObjectStore as _, ObjectStoreExt as _, PutMode};

use crate::race::{self, Tally, payload};

const BUCKET: &str = "segments";

async fn start() -> (S3, Arc<AmazonS3>) {
    let s3 = S3::start().await.unwrap();
    s3.create_bucket(BUCKET).unwrap();
    let store = race::client(s3.endpoint(), BUCKET, s3.access_key(), s3.secret_key()).unwrap();
    (s3, Arc::new(store))
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    let (mut s3, store) = start().await;
    let key = Path::from("a/b/c");
    store.put(&key, payload("hello")).await.unwrap();
    s3.kill9().unwrap();
    store.get(&key).await.unwrap_err();
    s3.restart().await.unwrap();
    assert_eq!(store.get(&key).await.unwrap().bytes().await.unwrap(), "hello");
    let listed = store.list_with_delimiter(Some(&Path::from("a"))).await.unwrap();
    assert_eq!(listed.common_prefixes, [Path::from("a/b")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_eight_writers_wins() {
    let (_s3, store) = start().await;
    let tally = race::race(store, 50, 8).await.unwrap();
    assert_eq!(tally, Tally { one_winner: 50, ..Tally::default() });
}

/// Writers create keys while the server is killed again and again: what was acknowledged is there,
/// whole, and nothing is there in part.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_kill_among_writes_loses_nothing_acknowledged() {
    let (mut s3, store) = start().await;
    for round in 0..5 {
        let writers: Vec<_> = (0..4)
            .map(|writer| tokio::spawn(write_until_down(store.clone(), round, writer)))
            .collect();
        let seen = Path::from(format!("kill/{round}/0/10"));
        let under_way = eventually(crate::SOON, "some are written", async || {
            Ok(store.head(&seen).await.map(drop)?)
        });
        under_way.await.unwrap();
        s3.kill9().unwrap();
        s3.restart().await.unwrap();
        for (writer, acknowledged) in writers.into_iter().enumerate() {
            let acknowledged = acknowledged.await.unwrap();
            assert!(round > 0 || writer > 0 || acknowledged >= 10);
            for number in 0..=acknowledged {
                let stored = store.get(&key(round, writer, number)).await;
                match stored {
                    Ok(stored) => assert_eq!(stored.bytes().await.unwrap(), body(number)),
                    Err(error) => assert_eq!(number, acknowledged, "{error}"),
                }
            }
        }
    }
}

/// Returns how many were acknowledged, the first failure ending it.
async fn write_until_down(store: Arc<AmazonS3>, round: usize, writer: usize) -> usize {
    for number in 0.. {
        let (key, body) = (key(round, writer, number), payload(&body(number)));
        if store.put_opts(&key, body, PutMode::Create.into()).await.is_err() {
            return number;
        }
    }
    unreachable!("the server is killed before the numbers run out")
}

fn key(round: usize, writer: usize, number: usize) -> Path {
    Path::from(format!("kill/{round}/{writer}/{number}"))
}

fn body(number: usize) -> String {
    format!("{number} ").repeat(20_000)
}
