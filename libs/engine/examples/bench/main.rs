//! Measures the engine beside ripgrep on a folder of text: `make bench`, or
//! `cargo run --release -p ax-engine --example bench -- DIR [--json FILE]`.
//!
//! Each part runs in a process of its own, so that the memory of one is not counted for the next:
//! a build without symbols, one with them, and searches over the second. Every figure is of one run
//! on one machine: compare the ratios.

#![allow(clippy::print_stdout)] // a program for people

mod build;
mod corpus;
mod process;
mod report;
mod ripgrep;
mod search;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};

/// The same as in the product, or memory would be another's.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[derive(Parser)]
#[command(about = "Measures the engine beside ripgrep on a folder of text")]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// The folder of text.
    folder: Option<PathBuf>,
    /// Where segments are kept and found again; a temporary folder otherwise.
    #[arg(long)]
    work: Option<PathBuf>,
    /// Writes all figures to this file as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Leaves ripgrep out.
    #[arg(long)]
    alone: bool,
}

#[derive(Subcommand)]
enum Part {
    /// Builds segments of a folder and prints the cost as JSON.
    Build(build::Arguments),
    /// Searches segments and prints the cost as JSON.
    Search(search::Arguments),
    /// Measures some queries on segments built before.
    Query(search::QueryArguments),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::Build(part)) => print_json(&build::run(&part)?),
        Some(Part::Search(part)) => print_json(&search::run(&part)?),
        Some(Part::Query(part)) => search::queries(&part),
        None => run_all(&arguments),
    }
}

fn print_json(value: &impl Serialize) -> Result<()> {
    println!("{}", serde_json::to_string(value)?);
    Ok(())
}

fn run_all(arguments: &Arguments) -> Result<()> {
    let folder = arguments.folder.as_deref().context("name the folder of text to measure on")?;
    let temporary = tempfile::tempdir()?;
    let work = arguments.work.as_deref().unwrap_or(temporary.path());
    let (plain, symbols) = (work.join("plain"), work.join("symbols"));
    let mut builds = Vec::new();
    for (dir, flag) in [(&plain, None), (&symbols, Some("--symbols"))] {
        eprintln!("building {}", flag.map_or("without symbols", |_| "with symbols"));
        let args = [Path::new("build"), folder, dir].map(Path::as_os_str);
        let built: build::Built = child(args.into_iter().chain(flag.map(AsRef::as_ref)))?;
        report::print_build(&built);
        builds.push(built);
    }
    eprintln!("searching (about {})", if arguments.alone { "10 s" } else { "3 min" });
    let args = [Path::new("search"), folder, symbols.as_path()].map(Path::as_os_str);
    let alone = arguments.alone.then_some("--alone".as_ref());
    let searched: search::Searched = child(args.into_iter().chain(alone))?;
    report::print_searches(&searched);
    if let Some(path) = &arguments.json {
        let all = serde_json::json!({
            "cores": std::thread::available_parallelism()?.get(),
            "builds": builds,
            "searches": searched,
        });
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)?;
        println!("\nall figures: {}", path.display());
    }
    Ok(())
}

/// Runs a part in a process of its own; what it says about its progress passes through.
fn child<'a, T: DeserializeOwned>(
    arguments: impl IntoIterator<Item = &'a std::ffi::OsStr>,
) -> Result<T> {
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let output = command.args(arguments).stderr(std::process::Stdio::inherit()).output()?;
    anyhow::ensure!(output.status.success(), "a part of the benchmark failed: {}", output.status);
    Ok(serde_json::from_slice(&output.stdout)?)
}
