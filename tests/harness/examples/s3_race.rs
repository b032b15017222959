//! Races writers against any S3 server: `s3_race ENDPOINT BUCKET KEY SECRET ROUNDS [WRITERS]`.
//! The bucket must exist. README.md in tests/servers has the results for the servers tried.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};

#[allow(dead_code)] // the tests use more of it
#[path = "../tests/all/race.rs"]
mod race;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, bucket, key, secret, rounds, rest @ ..] = &args[..] else {
        bail!("s3_race ENDPOINT BUCKET KEY SECRET ROUNDS [WRITERS]");
    };
    let writers = rest.first().map_or("8", String::as_str).parse().context("WRITERS")?;
    let store = Arc::new(race::client(endpoint, bucket, key, secret)?);
    let started = Instant::now();
    let tally = race::race(store, rounds.parse().context("ROUNDS")?, writers).await?;
    #[allow(clippy::print_stdout)] // its result is what it prints
    {
        println!("{tally}; {:.1} s", started.elapsed().as_secs_f64());
    }
    Ok(())
}
