//! The oracle: `ax serve` and ripgrep over the same files find the same lines, for hundreds of patterns
//! drawn from those files and for every edge that was thought of by hand. None is excepted.

mod corpus;
mod edges;
mod patterns;
mod ripgrep;

use anyhow::{Context as _, ensure};
use ax_e2e::{Api, standalone::Standalone};
use corpus::Corpus;
use futures::{StreamExt as _, stream};
use patterns::Pattern;
use ripgrep::Ripgrep;
use serde::Deserialize;
use std::{collections::BTreeSet, path::Path, time::Instant};

/// A matched line: path and number from one.
type Line = (String, u64);

/// Differences shown for one pattern.
const SHOWN: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_pattern_finds_the_lines_that_ripgrep_finds() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("corpus");
    let corpus = Corpus::make(&root).await.unwrap();
    let patterns = patterns::all(&corpus);
    assert!(patterns.len() >= 300, "only {} patterns", patterns.len());
    let mut server = Standalone::start(&folder.path().join("data"), &[&root]).await.unwrap();
    server.imported("corpus").await.unwrap();

    let left_out = binary_files_are_the_same(&server, &corpus).await.unwrap();
    let rg = Ripgrep::new(&root, left_out);
    let started = Instant::now();
    let compared: Vec<anyhow::Result<usize>> = stream::iter(&patterns)
        .map(|pattern| compare(server.api(), &rg, pattern))
        .buffer_unordered(2)
        .collect()
        .await;
    let (found, failed): (Vec<_>, Vec<_>) = compared.into_iter().partition(Result::is_ok);
    let num_lines: usize = found.into_iter().filter_map(Result::ok).sum();
    println!(
        "{} files, {} patterns, {num_lines} lines compared in {:.1?}",
        corpus.num_files(),
        patterns.len(),
        started.elapsed()
    );
    let failed: Vec<String> =
        failed.into_iter().filter_map(Result::err).map(|e| format!("{e:#}")).collect();
    assert!(failed.is_empty(), "{} patterns differ:\n{}", failed.len(), failed.join("\n"));
    server.no_panics().unwrap();
}

/// What ax leaves out with a reason is what ripgrep calls binary, but for one documented difference:
/// ripgrep gives up at a NUL anywhere, ax only at one in the first 8 KiB, as git does.
async fn binary_files_are_the_same(
    server: &Standalone,
    corpus: &Corpus,
) -> anyhow::Result<BTreeSet<String>> {
    let skipped = server.skipped("corpus").await?;
    let odd = skipped.iter().find(|(_, reason)| reason != "binary");
    ensure!(odd.is_none(), "a reason other than binary: {odd:?}");
    let ours: BTreeSet<String> = skipped.into_iter().map(|(path, _)| path).collect();
    let mut theirs = ripgrep::binary_files(corpus.root()).await?;
    for path in edges::LATE_NUL {
        ensure!(theirs.remove(*path), "{path} has a NUL");
    }
    let differ: Vec<_> = ours.symmetric_difference(&theirs).take(SHOWN).collect();
    ensure!(differ.is_empty(), "binary for one of the two only: {differ:?}");
    ensure!(!ours.is_empty(), "no binary file to compare");
    Ok(ours)
}

async fn compare(api: &Api, rg: &Ripgrep<'_>, pattern: &Pattern) -> anyhow::Result<usize> {
    let what = || format!("{pattern:?}");
    let theirs = rg.search(pattern).await.with_context(what)?;
    let ours = ask(api, pattern).await.with_context(what)?;
    let (ours_only, theirs_only): (Vec<_>, Vec<_>) =
        (ours.difference(&theirs).collect(), theirs.difference(&ours).collect());
    ensure!(
        ours_only.is_empty() && theirs_only.is_empty(),
        "{pattern:?}: {} lines, ripgrep {}\n  only ours: {:?}\n  only ripgrep's: {:?}",
        ours.len(),
        theirs.len(),
        &ours_only[..ours_only.len().min(SHOWN)],
        &theirs_only[..theirs_only.len().min(SHOWN)],
    );
    Ok(ours.len())
}

#[derive(Deserialize)]
struct Answer {
    files: Vec<File>,
    summary: Summary,
}

#[derive(Deserialize)]
struct File {
    path: String,
    lines: Vec<Number>,
}

#[derive(Deserialize)]
struct Number {
    number: u64,
}

#[derive(Deserialize)]
struct Summary {
    num_files: usize,
    num_lines: usize,
    more: bool,
    partial: bool,
}

/// Asks ax for every line; the counts of the answer must be those of what it lists.
async fn ask(api: &Api, pattern: &Pattern) -> anyhow::Result<BTreeSet<Line>> {
    let options = [("all", "true"), ("lines", "100000"), ("timeout", "60s")];
    let query = pattern.query();
    let asked = [&[("q", query.as_str())], &options[..]].concat();
    let (status, text) = api.get_text("/api/v1/search", &asked).await?;
    ensure!(status == 200, "{query}: {status} {text}");
    let answer: Answer = serde_json::from_str(&text)?;
    let summary = &answer.summary;
    ensure!(!summary.more && !summary.partial, "{query}: incomplete");
    let num_files = answer.files.iter().filter(|file| !file.lines.is_empty()).count();
    let mut lines = BTreeSet::new();
    for file in &answer.files {
        for line in &file.lines {
            let is_new = lines.insert((file.path.clone(), line.number));
            ensure!(is_new, "{query}: line {} of {} is listed twice", line.number, file.path);
        }
    }
    ensure!(
        summary.num_files == num_files,
        "{query}: {num_files} files, not {}",
        summary.num_files
    );
    ensure!(
        summary.num_lines == lines.len(),
        "{query}: {} lines, not {}",
        lines.len(),
        summary.num_lines
    );
    Ok(lines)
}

/// Reads a file of the corpus as text.
fn read(root: &Path, path: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(root.join(path)).with_context(|| path.to_owned())
}
