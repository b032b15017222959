//! Searching segments, and ripgrep beside them.

use crate::{
    build,
    corpus::{MULTI_LINE, REGEXES, words},
    process::{Clock, Cost, anonymous_bytes},
    ripgrep::{self, Ripgrep},
};
use anyhow::Result;
use ax_engine::{SearchOptions, SearchOutcome, Snapshot, Stop};
use ax_query::Limits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const NUM_WORDS: usize = 150;
/// The name of the case of patterns whose matches may span lines.
pub const OVER_LINES: &str = "over lines";

#[derive(clap::Args)]
pub struct Arguments {
    folder: PathBuf,
    work: PathBuf,
    #[arg(long)]
    alone: bool,
}

#[derive(clap::Args)]
pub struct QueryArguments {
    work: PathBuf,
    queries: Vec<String>,
    #[arg(long, default_value_t = 10)]
    repeat: u32,
    /// Only this way of asking: count, lines or first.
    #[arg(long)]
    way: Option<String>,
}

impl QueryArguments {
    fn ways(&self) -> impl Iterator<Item = (&'static str, SearchOptions)> {
        let ways = [("count", counting()), ("lines", all()), ("first", SearchOptions::default())];
        let is_wanted = |name: &str| self.way.as_deref().is_none_or(|way| way == name);
        ways.into_iter().filter(move |(name, _)| is_wanted(name))
    }
}

/// What all searches cost.
#[derive(Debug, Serialize, Deserialize)]
pub struct Searched {
    pub open: Cost,
    pub ten_files: Cost,
    /// Each word asked in several ways.
    pub literals: Vec<Case>,
    pub regexes: Vec<Case>,
    /// Memory backed by no file, after all searches.
    pub anonymous_bytes: u64,
}

/// One way to ask, and every query asked so.
#[derive(Debug, Serialize, Deserialize)]
pub struct Case {
    pub name: String,
    pub runs: Vec<Run>,
}

/// One query: the better of two runs, since the first may meet cold pages.
#[derive(Debug, Serialize, Deserialize)]
pub struct Run {
    pub query: String,
    pub cost: Cost,
    pub num_lines: u64,
    pub num_files: u64,
    pub num_candidates: u64,
    pub num_bytes_verified: u64,
    pub ripgrep: Option<Ripgrep>,
}

pub fn run(arguments: &Arguments) -> Result<Searched> {
    let clock = Clock::start();
    let snapshot = build::open(&arguments.work)?;
    let open = clock.stop();
    let words = words(&snapshot, NUM_WORDS)?;
    let mut searched = Searched {
        open,
        ten_files: build::ten_files(&snapshot)?,
        literals: literals(&snapshot, &words)?,
        regexes: Vec::new(),
        anonymous_bytes: 0,
    };
    for (name, patterns) in [("one line", REGEXES.as_slice()), (OVER_LINES, MULTI_LINE.as_slice())]
    {
        let regex = |pattern: &&str| format!("content:/{}/", pattern.replace('/', "\\/"));
        let queries = patterns.iter().map(regex).map(|query| format!("case:yes {query}"));
        searched.regexes.push(case(&snapshot, name, queries, &counting())?);
    }
    searched.anonymous_bytes = anonymous_bytes();
    if !arguments.alone {
        compare(arguments, &words, &mut searched)?;
    }
    Ok(searched)
}

fn literals(snapshot: &Snapshot, words: &[String]) -> Result<Vec<Case>> {
    let ways: [(&str, &str, SearchOptions); 4] = [
        ("every match, counted", "case:yes", counting()),
        ("the same, ignoring case", "case:no", counting()),
        ("every match, with its lines", "case:yes", all()),
        ("first 50 files, ranked", "case:yes", SearchOptions::default()),
    ];
    let mut cases = Vec::new();
    for (name, prefix, options) in ways {
        let queries = words.iter().map(|word| format!("{prefix} content:\"{word}\""));
        cases.push(case(snapshot, name, queries, &options)?);
    }
    Ok(cases)
}

/// ripgrep goes last, all of it, so that it does not push what is measured out of the caches.
fn compare(arguments: &Arguments, words: &[String], searched: &mut Searched) -> Result<()> {
    let folder = arguments.folder.as_path();
    let ways: [&[&str]; 2] = [&["--fixed-strings"], &["--fixed-strings", "--ignore-case"]];
    for (case, flags) in searched.literals.iter_mut().zip(ways) {
        for (run, word) in case.runs.iter_mut().zip(words) {
            run.ripgrep = Some(ripgrep::count(folder, word, flags)?);
        }
    }
    let kinds: [(&[&str], &[&str]); 2] = [(&REGEXES, &[]), (&MULTI_LINE, &["--multiline"])];
    for (case, (patterns, flags)) in searched.regexes.iter_mut().zip(kinds) {
        for (run, pattern) in case.runs.iter_mut().zip(patterns) {
            run.ripgrep = Some(ripgrep::count(folder, pattern, flags)?);
        }
    }
    Ok(())
}

fn case(
    snapshot: &Snapshot,
    name: &str,
    queries: impl Iterator<Item = String>,
    options: &SearchOptions,
) -> Result<Case> {
    let runs = queries.map(|query| measure(snapshot, query, options)).collect::<Result<_>>()?;
    Ok(Case { name: name.to_owned(), runs })
}

fn measure(snapshot: &Snapshot, query: String, options: &SearchOptions) -> Result<Run> {
    let (_, first) = timed(snapshot, &query, options)?;
    let (found, second) = timed(snapshot, &query, options)?;
    let cost = if first.seconds < second.seconds { first } else { second };
    Ok(Run {
        query,
        cost,
        num_lines: found.num_lines,
        num_files: found.num_files,
        num_candidates: found.num_candidates,
        num_bytes_verified: found.num_bytes_verified,
        ripgrep: None,
    })
}

/// Parsing and compiling the query included, as every user pays for them.
fn timed(
    snapshot: &Snapshot,
    query: &str,
    options: &SearchOptions,
) -> Result<(SearchOutcome, Cost)> {
    let clock = Clock::start();
    let parsed = ax_query::parse(query, &Limits::default())?;
    let found = snapshot.search(&parsed, options, &Stop::never())?;
    Ok((found, clock.stop()))
}

fn all() -> SearchOptions {
    SearchOptions { limit: usize::MAX, ..SearchOptions::default() }
}

fn counting() -> SearchOptions {
    SearchOptions { count_only: true, ..all() }
}

/// Some queries, each many times, to see what a change of the engine does to them.
pub fn queries(arguments: &QueryArguments) -> Result<()> {
    let snapshot = build::open(&arguments.work)?;
    for query in &arguments.queries {
        for (name, options) in arguments.ways() {
            let run = measure(&snapshot, query.clone(), &options)?;
            let clock = Clock::start();
            for _ in 0..arguments.repeat {
                timed(&snapshot, query, &options)?;
            }
            let (cost, repeat) = (clock.stop(), f64::from(arguments.repeat.max(1)));
            println!(
                "{query}: {name}: {:.2} ms, {:.2} ms of CPU; {} lines in {} files, {} candidates, {} MB read",
                cost.seconds * 1e3 / repeat,
                cost.cpu_seconds * 1e3 / repeat,
                run.num_lines,
                run.num_files,
                run.num_candidates,
                run.num_bytes_verified / 1_000_000,
            );
        }
    }
    Ok(())
}
