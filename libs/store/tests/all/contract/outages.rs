//! A real server that is killed under a writer.

use crate::{
    contract::places,
    support::{Writer, check_chain},
};
use ax_harness::{S3, eventually};
use ax_model::ManifestVersion;
use ax_store::{Link, StoreError};
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

const LINKS: usize = 40;
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_killed_loses_nothing_acknowledged() {
    let mut place = places::s3().await;
    let server = place.server.take().unwrap();
    let mut writer = Writer::take_over(&place.store, 1, "w").await.unwrap();
    let (progress, seen) = watch::channel(0);
    // On one task: the killer's waits are not `Send`.
    let (_server, acked) =
        tokio::join!(kill_now_and_then(server, seen), publish(&mut writer, progress));
    let links = check_chain(&place.store).await;
    assert_eq!(links.last(), Some(&*writer.head));
    for link in acked {
        assert!(links.contains(&link), "version {} was acknowledged", link.version());
    }
    assert_eq!(links[0].version(), ManifestVersion(1));
}

async fn publish(writer: &mut Writer, progress: watch::Sender<usize>) -> Vec<Arc<Link>> {
    let mut acked = Vec::new();
    while acked.len() < LINKS {
        match writer.step(1, 100).await {
            Ok(link) => acked.push(link),
            Err(error) => recover(writer, error).await,
        }
        progress.send_replace(acked.len());
    }
    acked
}

async fn recover(writer: &mut Writer, error: StoreError) {
    let passes = error.is_retryable() || matches!(error, StoreError::Conflict { .. });
    assert!(passes, "{error}");
    let reload = async || Ok(writer.reload().await?);
    eventually(DEADLINE, "the store is back", reload).await.unwrap();
}

async fn kill_now_and_then(mut server: S3, mut seen: watch::Receiver<usize>) -> S3 {
    for links in [5, 15, 25] {
        seen.wait_for(|so_far| *so_far >= links).await.unwrap();
        server.kill9().unwrap();
        server.restart().await.unwrap();
    }
    server
}
