//! A bit that flips in a segment that a running node has mapped: found, fetched again, right answers
//! after, and no restart.

use crate::support::*;
use ax_query_node::scrub::ScrubRules;
use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

const TEXT: &str = "a needle in the hay\n";

/// In place, as a disk does it: the file is mapped, and must not be cut short or replaced. In the store it
/// is packed, and the text is not seen in it; then any bit in the middle will do.
fn flip(file: &Path) {
    let bytes = fs::read(file).unwrap();
    let text = bytes.windows(TEXT.len()).position(|window| window == TEXT.as_bytes());
    let at = text.map_or(bytes.len() / 2, |at| at + 2); // "n" becomes "~"
    let opened = OpenOptions::new().write(true).open(file).unwrap();
    opened.write_all_at(&[bytes[at] ^ 0x10], at as u64).unwrap();
}

fn cached(corpus: &Corpus) -> Vec<PathBuf> {
    let dir = corpus.dir.path().join("cache/solo/g1/s0");
    fs::read_dir(&dir).unwrap().map(|file| file.unwrap().path()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bit_that_flips_under_a_running_node_is_mended() {
    let corpus = Corpus::new();
    corpus.write(0, &[("r", "other.txt", "nothing to see\n")]).await;
    corpus.write(0, &[("r", "a.txt", TEXT)]).await;
    let mut config = corpus.config("solo");
    config.scrub = ScrubRules { every: Duration::from_millis(20), ..ScrubRules::default() };
    let node = corpus.start(config).await;
    let finds = || async {
        let answer = get(&node, "/api/v1/search?q=needle").await.json();
        let summary = &answer["summary"];
        summary["num_files"] == 1 && summary["partial"] == false
    };
    assert!(finds().await);
    for round in 0..3 {
        let files = cached(&corpus);
        let with_text = |file: &&PathBuf| {
            fs::read(file).unwrap().windows(TEXT.len()).any(|window| window == TEXT.as_bytes())
        };
        let file = files.iter().find(with_text).unwrap();
        let right = fs::read(file).unwrap();
        flip(file);
        eventually("the file is whole again", || async {
            fs::read(file).is_ok_and(|bytes| bytes == right)
        })
        .await;
        eventually("the answer is right again", finds).await;
        assert_eq!(cached(&corpus).len(), files.len(), "round {round}: nothing is left behind");
    }
    node.shutdown().await;
}

/// Both copies are wrong: the shard says that it is missing, and what is wrong is not served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_mended_is_not_served() {
    let corpus = Corpus::new();
    corpus.write(0, &[("r", "a.txt", TEXT)]).await;
    let mut config = corpus.config("solo");
    config.scrub = ScrubRules { every: Duration::from_millis(20), ..ScrubRules::default() };
    let node = corpus.start(config).await;
    let file = cached(&corpus).pop().unwrap();
    let name = file.file_name().unwrap();
    let stored = corpus.dir.path().join("store/g1/s00000/segments").join(name);
    let right = fs::read(&stored).unwrap();
    flip(&stored);
    flip(&file);
    eventually("the damage is named", || async {
        let answer = get(&node, "/api/v1/search?q=needle&timeout=2s").await.json();
        answer["summary"]["missing"][0]["code"] == "AX-S002"
    })
    .await;
    fs::write(&stored, right).unwrap();
    eventually("the shard is back once the store is right", || async {
        let answer = get(&node, "/api/v1/search?q=needle&timeout=2s").await.json();
        answer["summary"]["num_files"] == 1 && answer["summary"]["partial"] == false
    })
    .await;
    node.shutdown().await;
}
