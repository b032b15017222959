//! `ax perf replay --shadow`: two servers asked the same, and their answers compared.

use super::{
    PerfError,
    ask::{Asker, Query},
};
use crate::client::out::{line, visible};
use ax_perf::replay::difference;
use futures::{StreamExt, stream};
use std::{process::ExitCode, time::Duration};

/// Differences that are printed; the others are counted.
const SHOWN: usize = 20;

/// Asks both, and prints in what they differ. Exit status 1 when they do.
pub async fn run(
    first: &str,
    second: &str,
    queries: &[Query],
    clients: usize,
    longest: Duration,
) -> Result<ExitCode, PerfError> {
    let (a, b) = (&Asker::new(first, longest)?, &Asker::new(second, longest)?);
    eprintln!("asking {} queries of {first} and {second}", queries.len());
    let mut answers = stream::iter(queries)
        .map(|query| async move {
            let (of_a, of_b) = tokio::join!(a.answer(query), b.answer(query));
            (query, of_a, of_b)
        })
        .buffered(clients);
    let (mut alike, mut different, mut broken) = (0_u64, 0_usize, 0_u64);
    let mut versions: Option<(String, String)> = None;
    while let Some((query, of_a, of_b)) = answers.next().await {
        let (of_a, of_b) = match (of_a, of_b) {
            (Ok(of_a), Ok(of_b)) => (of_a, of_b),
            (Err(why), _) | (_, Err(why)) => {
                broken += 1;
                eprintln!("ax: {}: {why}", visible(&query.text));
                continue;
            }
        };
        match difference(&of_a, &of_b) {
            None => alike += 1,
            Some(what) => {
                different += 1;
                if different <= SHOWN {
                    line(format_args!("{}\n  {}", visible(&query.text), visible(&what)));
                }
            }
        }
        versions = versions.or(Some((of_a.versions, of_b.versions)));
    }
    if different > SHOWN {
        line(format_args!("… and {} more", different - SHOWN));
    }
    line(format_args!("{alike} alike, {different} different, {broken} not asked of both"));
    if let Some((of_a, of_b)) = versions {
        line(format_args!("shards and their versions: {of_a} and {of_b}"));
    }
    Ok(match (different, broken) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(2),
        _ => ExitCode::from(1),
    })
}
