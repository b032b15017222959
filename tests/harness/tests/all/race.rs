//! What is asked of an S3 server: many writers create the same key, one wins, and its bytes stay.

use std::fmt;
use std::sync::Arc;

use anyhow::Context as _;
use futures::future::join_all;
use object_store::aws::{AmazonS3, AmazonS3Builder, S3ConditionalPut};
use object_store::path::Path;
use object_store::{
    Error, ObjectStore as _, ObjectStoreExt as _, PutMode, PutPayload, RetryConfig,
};
use tokio::sync::Barrier;

/// A client that never tries again: a retry would hide what the server answers.
pub fn client(endpoint: &str, bucket: &str, key: &str, secret: &str) -> anyhow::Result<AmazonS3> {
    let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    let builder = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_bucket_name(bucket)
        .with_access_key_id(key)
        .with_secret_access_key(secret)
        .with_region("us-east-1")
        .with_allow_http(true)
        .with_retry(retry)
        .with_conditional_put(S3ConditionalPut::ETagMatch);
    builder.build().context("build the client")
}

/// Outcomes of many rounds. All but `one_winner` are faults of the server.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub one_winner: u32,
    pub no_winner: u32,
    pub many_winners: u32,
    /// One winner, but another's bytes are there.
    pub wrong_bytes: u32,
    /// Losers told something else than that the key exists.
    pub odd_answers: u32,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "one winner {}, none {}, many {}, wrong bytes {}, odd answers {}",
            self.one_winner, self.no_winner, self.many_winners, self.wrong_bytes, self.odd_answers
        )
    }
}

/// Plays rounds in which `writers` create one fresh key at the same moment.
pub async fn race(store: Arc<AmazonS3>, rounds: u32, writers: usize) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for round in 0..rounds {
        let key = Path::from(format!("race/{round:06}"));
        let start = Arc::new(Barrier::new(writers));
        let attempts = (0..writers).map(|writer| {
            let (store, key, start) = (store.clone(), key.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                store.put_opts(&key, body(round, writer).into(), PutMode::Create.into()).await
            })
        });
        let outcomes = join_all(attempts).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let stored = store.get(&key).await?.bytes().await?;
        let mut winners = Vec::new();
        for (writer, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Ok(_) => winners.push(writer),
                Err(Error::AlreadyExists { .. }) => {}
                Err(_) => tally.odd_answers += 1,
            }
        }
        match winners[..] {
            [] => tally.no_winner += 1,
            [winner] if stored == body(round, winner) => tally.one_winner += 1,
            [_] => tally.wrong_bytes += 1,
            _ => tally.many_winners += 1,
        }
    }
    Ok(tally)
}

/// Some tens of kilobytes, so that writing takes long enough to be overtaken.
fn body(round: u32, writer: usize) -> Vec<u8> {
    format!("{round} {writer} ").repeat(4000).into_bytes()
}

/// For callers that only put.
pub fn payload(text: &str) -> PutPayload {
    PutPayload::from(text.to_owned())
}
