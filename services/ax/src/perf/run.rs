//! `ax perf run`.

use super::{
    PerfError,
    args::{OutputArgs, RunArgs},
    ask::{Asker, Query},
    corpus,
    drive::{Drive, drive},
    files,
    looks::Looks,
    machine, places,
    progress::Progress,
    ripgrep,
    target::Server,
};
use crate::client::{
    http::Api,
    out::line,
    table::{Align, lines},
};
use ax_perf::{
    ClassFacts, CorpusFacts, Draw, Feed, MachineFacts, RunResult, Schedule, ServerFacts,
    WorkloadFacts,
    collect::{Collected, collect},
    html, table,
    workload::{self, Arrivals, Class, Load, Pace, Workload},
};
use std::{
    path::Path,
    process::ExitCode,
    time::{Duration, Instant, SystemTime},
};

/// Runs the command.
pub async fn run(args: RunArgs) -> Result<ExitCode, PerfError> {
    let text = files::read(&args.workload)?;
    let stem = args.workload.file_stem().unwrap_or_default().to_string_lossy();
    let workload = workload::read(&stem, &text, &args.settings)?;
    let folder = args.workload.parent().unwrap_or(Path::new("."));
    let mut patterns = corpus::patterns(&workload, folder)?;
    let machine = machine::facts();
    let server = Server::of(&workload).await?;
    places::find(&server.url, &workload, &mut patterns).await?;
    let classes = || workload.classes.iter().zip(&patterns);
    let of_class = |(class, patterns): (&Class, &Vec<String>)| {
        patterns.iter().map(|pattern| Query::of_class(class, pattern, &workload.load)).collect()
    };
    let queries: Vec<Vec<Query>> = classes().map(of_class).collect();
    let facts = workload_facts(&workload, &queries);
    let over = over(&workload, &server.url).await?;
    let mut result =
        measure(&workload.load, queries.clone(), facts, (&server, over, machine)).await?;
    if let Some(baseline) = &workload.baseline {
        let (classes, results) = (&workload.classes, &result.classes);
        result.baseline = ripgrep::measure(baseline, classes, results, &patterns, &queries).await?;
    }
    show(&result, &args.output)?;
    Ok(ExitCode::SUCCESS)
}

async fn measure(
    load: &Load,
    queries: Vec<Vec<Query>>,
    facts: WorkloadFacts,
    (server, over, machine): (&Server, (CorpusFacts, String), MachineFacts),
) -> Result<RunResult, PerfError> {
    let sizes: Vec<(f64, usize)> =
        facts.classes.iter().map(|class| (class.weight, class.num_queries)).collect();
    let draw = Draw::new(&sizes, load.seed);
    let feed = match load.pace {
        Pace::Closed => Feed::Closed(draw),
        Pace::Open { rate, arrivals } => {
            Feed::Open(draw, Box::new(Schedule::new(rate, arrivals, load.seed)))
        }
    };
    let rules = Drive {
        clients: load.clients,
        warm_up: load.warm_up,
        total: Some(load.warm_up + load.duration),
        patience: load.timeout,
    };
    let asked = Asked { queries, feed, rules, timeout: load.timeout };
    let what = format!("measuring {}", facts.name);
    let (collected, measured, cost, started_at_ms) = asked.run(&server.url, &facts, &what).await?;
    let (corpus, version) = over;
    let server =
        ServerFacts { url: server.url.clone(), started_here: server.is_started_here(), version };
    let parts = Parts { facts, corpus, server, machine, measured, cost, started_at_ms };
    Ok(parts.assemble(collected))
}

/// Queries, and how to ask them.
pub struct Asked {
    /// By class.
    pub queries: Vec<Vec<Query>>,
    /// When.
    pub feed: Feed,
    /// By how many.
    pub rules: Drive,
    /// Longest deadline among them.
    pub timeout: Duration,
}

impl Asked {
    /// Asks everything of the server at `url`.
    pub async fn run(
        self,
        url: &str,
        facts: &WorkloadFacts,
        what: &str,
    ) -> Result<(Collected, Duration, Option<ax_perf::Cost>, u64), PerfError> {
        let asker = Asker::new(url, self.timeout)?;
        let began = Instant::now();
        let started_at_ms = now_ms();
        let looks = Looks::start(asker.clone(), began + self.rules.warm_up);
        let progress = Progress::start(what, began, self.rules.total);
        let texts: Vec<Vec<String>> = self
            .queries
            .iter()
            .map(|queries| queries.iter().map(|query| query.text.clone()).collect())
            .collect();
        let (samples, measured) =
            drive(self.feed, self.queries, asker, self.rules, (began, progress)).await;
        let cost = looks.finish().await;
        let names: Vec<String> = facts.classes.iter().map(|class| class.name.clone()).collect();
        let text = |class: usize, query: u32| texts[class][query as usize].clone();
        Ok((collect(samples, &names, text, measured), measured, cost, started_at_ms))
    }
}

/// All of a result but its figures.
pub struct Parts {
    /// What was asked.
    pub facts: WorkloadFacts,
    /// Over what.
    pub corpus: CorpusFacts,
    /// Of whom.
    pub server: ServerFacts,
    /// From where.
    pub machine: MachineFacts,
    /// For how long.
    pub measured: Duration,
    /// What it cost the server.
    pub cost: Option<ax_perf::Cost>,
    /// Since when.
    pub started_at_ms: u64,
}

impl Parts {
    /// The result.
    pub fn assemble(self, collected: Collected) -> RunResult {
        let Collected { overall, classes, series, slowest } = collected;
        RunResult {
            format: ax_perf::FORMAT,
            ax: env!("CARGO_PKG_VERSION").to_owned(),
            started_at_ms: self.started_at_ms,
            workload: self.facts,
            corpus: self.corpus,
            server: self.server,
            machine: self.machine,
            seconds: self.measured.as_secs_f64(),
            overall,
            classes,
            cost: self.cost,
            series,
            slowest,
            baseline: Vec::new(),
        }
    }
}

/// Writes and prints a result. Files first: who reads only the head of what is printed ends the process.
pub fn show(result: &RunResult, output: &OutputArgs) -> Result<(), PerfError> {
    files::write_outputs(output, result, || html::run(result))?;
    let side = |name| if name == "class" { Align::Left } else { Align::Right };
    let header = table::CLASS_COLUMNS.map(|name| (name, side(name)));
    lines(&header, &table::class_rows(result)).iter().for_each(line);
    for (code, number) in &result.overall.errors {
        line(format_args!("{number} × {code}"));
    }
    line("");
    for row in &result.baseline {
        line(format_args!(
            "{}: our time over {}'s: median {:.3}x, worst {:.3}x ({})",
            row.class, row.tool, row.ratio_median, row.ratio_worst, row.worst_query
        ));
    }
    let facts = table::facts(result).into_iter().filter(|(_, value)| !value.is_empty());
    let facts: Vec<_> = facts.map(|(name, value)| vec![name.to_owned(), value]).collect();
    lines(&[("", Align::Left), ("", Align::Left)], &facts).iter().skip(1).for_each(line);
    Ok(())
}

/// The corpus, and the version token of what is searched.
async fn over(workload: &Workload, url: &str) -> Result<(CorpusFacts, String), PerfError> {
    let (num_files, version) = searched(url).await?;
    let revision = match &workload.corpus.path {
        Some(path) => machine::revision(path).await,
        None => String::new(),
    };
    let label = workload.corpus.label.clone();
    Ok((CorpusFacts { label, revision, num_files }, version))
}

/// How many files a server has, and the version token of that.
pub async fn searched(url: &str) -> Result<(u64, String), PerfError> {
    let query = [("q", "repo:.".to_owned()), ("count", "true".to_owned())];
    let answer = Api::new(url)?.get("/api/v1/search", &query).await?;
    let summary = &answer["summary"];
    let version = summary["version"].as_str().unwrap_or_default().to_owned();
    Ok((summary["num_files"].as_u64().unwrap_or(0), version))
}

fn workload_facts(workload: &Workload, queries: &[Vec<Query>]) -> WorkloadFacts {
    let load = &workload.load;
    let classes = workload.classes.iter().zip(queries).map(|(class, queries)| ClassFacts {
        name: class.name.clone(),
        weight: class.weight,
        kind: class.kind,
        ask: class.ask,
        num_queries: queries.len(),
        digest: digest(queries),
    });
    WorkloadFacts {
        name: workload.name.clone(),
        pace: match load.pace {
            Pace::Closed => "closed loop".to_owned(),
            Pace::Open { rate, arrivals: Arrivals::Even } => format!("open loop, {rate}/s, even"),
            Pace::Open { rate, arrivals: Arrivals::Poisson } => {
                format!("open loop, {rate}/s, Poisson")
            }
        },
        clients: load.clients,
        warm_up_seconds: load.warm_up.as_secs_f64(),
        timeout_ms: u64::try_from(load.timeout.as_millis()).unwrap_or(u64::MAX),
        cache: load.cache,
        seed: load.seed,
        classes: classes.collect(),
    }
}

/// A hash of queries in their order.
pub fn digest(queries: &[Query]) -> String {
    let texts: Vec<&str> = queries.iter().map(|query| query.text.as_str()).collect();
    ax_perf::digest(&texts)
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
