//! `ax perf replay`: recorded queries, asked again.

use super::{
    PerfError,
    args::ReplayArgs,
    ask::Query,
    drive::Drive,
    files, machine,
    run::{Asked, Parts, digest, searched, show},
    shadow,
};
use ax_perf::{
    ClassFacts, CorpusFacts, Feed, ServerFacts, WorkloadFacts,
    replay::{self, Recorded},
    workload::{Ask, Kind},
};
use std::{path::Path, process::ExitCode, time::Duration};

/// Deadline of a query whose own was not recorded.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The longest deadline that a server takes.
const LONGEST: Duration = Duration::from_secs(300);

/// Runs the command.
pub async fn run(args: ReplayArgs) -> Result<ExitCode, PerfError> {
    let recorded = replay::read(&args.file.display().to_string(), &files::read(&args.file)?)?;
    let queries: Vec<Query> =
        recorded.iter().map(|query| Query::recorded(query, TIMEOUT, args.cache)).collect();
    if let Some(shadow) = &args.shadow {
        let clients = usize::from(args.clients);
        return shadow::run(&args.server, shadow, &queries, clients, LONGEST).await;
    }
    let speed = (!args.fast).then_some(args.speed);
    let facts = facts(&args, &queries);
    let (num_files, version) = searched(&args.server).await?;
    let machine = machine::facts();
    let asked = Asked {
        feed: Feed::recorded(&recorded.iter().map(|query| query.at_ms).collect::<Vec<_>>(), speed),
        queries: vec![queries],
        rules: Drive {
            clients: args.clients.into(),
            warm_up: Duration::ZERO,
            total: None,
            patience: LONGEST,
        },
        timeout: LONGEST,
    };
    let what = match speed.and_then(|speed| length(&recorded).map(|length| length / speed)) {
        Some(seconds) => format!("replaying {} queries over {seconds:.0} s", recorded.len()),
        None => format!("replaying {} queries", recorded.len()),
    };
    let (collected, measured, cost, started_at_ms) = asked.run(&args.server, &facts, &what).await?;
    let server = ServerFacts { url: args.server.clone(), started_here: false, version };
    let corpus = CorpusFacts { num_files, ..CorpusFacts::default() };
    let parts = Parts { facts, corpus, server, machine, measured, cost, started_at_ms };
    show(&parts.assemble(collected), &args.output)?;
    Ok(ExitCode::SUCCESS)
}

/// Seconds between the first and the last query.
fn length(recorded: &[Recorded]) -> Option<f64> {
    let (first, last) = (recorded.first()?, recorded.last()?);
    Some((last.at_ms - first.at_ms) as f64 / 1e3)
}

fn facts(args: &ReplayArgs, queries: &[Query]) -> WorkloadFacts {
    let name = args.file.file_stem().unwrap_or_else(|| Path::new("replay").as_os_str());
    let class = ClassFacts {
        name: "recorded".to_owned(),
        weight: 1.0,
        kind: Kind::Query,
        ask: Ask::Page(0), // each query says it itself
        num_queries: queries.len(),
        digest: digest(queries),
    };
    let pace = match args.fast {
        true => "closed loop, each recorded query once".to_owned(),
        false => format!("open loop, as recorded, {}x", args.speed),
    };
    WorkloadFacts {
        name: format!("replay of {}", name.to_string_lossy()),
        pace,
        clients: args.clients.into(),
        warm_up_seconds: 0.0,
        timeout_ms: 0,
        cache: args.cache,
        seed: 0,
        classes: vec![class],
    }
}
