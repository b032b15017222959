//! Measures building and searching: `cargo run --release -p ax-engine --example bench -- DIR [WORK]`,
//! with `--symbols` to extract definitions, `--segment-mb N` to cut segments, and `--query Q` (many)
//! with `--repeat N` and `--count-only` to measure those only. WORK holds the segments, and is kept and used again;
//! without it a temporary folder is used.

#![allow(clippy::print_stdout)] // a program for people

use anyhow::{Context, Result};
use ax_engine::{
    BuildOptions, Doc, SearchOptions, Segment, SegmentBuilder, Snapshot, Stop, plan_merges,
};
use ax_model::{
    BlobId, Content, ContentHash, DocKey, FileKind, FileVersion, Generation, OffsetRange, RepoName,
    SegmentId, ShardId, SkipReason,
};
use ax_query::Limits;
use bytes::Bytes;
use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

struct Arguments {
    folder: PathBuf,
    work: Option<PathBuf>,
    symbols: bool,
    segment_bytes: u64,
    queries: Vec<String>,
    repeat: u32,
    count_only: bool,
}

fn arguments() -> Result<Arguments> {
    let mut arguments = Arguments {
        folder: PathBuf::new(),
        work: None,
        symbols: false,
        segment_bytes: 2 << 30,
        queries: Vec::new(),
        repeat: 1,
        count_only: false,
    };
    let mut given = std::env::args().skip(1);
    let mut folders = Vec::new();
    while let Some(argument) = given.next() {
        match argument.as_str() {
            "--symbols" => arguments.symbols = true,
            "--segment-mb" => {
                let mb: u64 = given.next().context("--segment-mb needs a number")?.parse()?;
                arguments.segment_bytes = mb << 20;
            }
            "--count-only" => arguments.count_only = true,
            "--repeat" => {
                arguments.repeat = given.next().context("--repeat needs a number")?.parse()?
            }
            "--query" => arguments.queries.push(given.next().context("--query needs one")?),
            _ => folders.push(PathBuf::from(argument)),
        }
    }
    let mut folders = folders.into_iter();
    arguments.folder = folders.next().context("name the folder to index")?;
    arguments.work = folders.next();
    Ok(arguments)
}

fn main() -> Result<()> {
    let arguments = arguments()?;
    let temporary = tempfile::tempdir()?;
    let work = arguments.work.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&work)?;
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&work)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ext| ext == "seg"))
        .collect();
    paths.sort();
    if paths.is_empty() {
        paths = build(&arguments, &work)?;
    }
    let started = Instant::now();
    let segments = paths.iter().map(|path| Segment::open(path)).collect::<Result<Vec<_>, _>>()?;
    let snapshot = Snapshot::new(segments)?;
    println!("open {:.0} ms", started.elapsed().as_secs_f64() * 1e3);
    sizes(&snapshot);
    let entries: Vec<_> = snapshot.segments().map(|segment| segment.entry()).collect();
    println!("merges planned: {:?}", plan_merges(&entries, &Default::default()));
    if arguments.queries.is_empty() {
        literals(&snapshot)?;
        regexes(&snapshot)?;
    }
    small(&arguments, &snapshot, &work)?;
    for query in &arguments.queries {
        let found = snapshot.search(
            &ax_query::parse(query, &Limits::default())?,
            &counting(),
            &Stop::never(),
        )?;
        println!("{query}: {} lines in {} files", found.num_lines, found.num_files);
        for (name, options) in [("count", counting()), ("lines", all()), ("first", first())] {
            if arguments.count_only && name != "count" {
                continue;
            }
            let cpu = cpu_seconds();
            let started = Instant::now();
            for _ in 0..arguments.repeat {
                measure(&snapshot, query, &options)?;
            }
            let runs = f64::from(2 * arguments.repeat);
            println!(
                "{query}: {name}: {:.2} ms, {:.2} ms of CPU",
                started.elapsed().as_secs_f64() * 1e3 / runs,
                (cpu_seconds() - cpu) * 1e3 / runs
            );
        }
    }
    println!("peak memory {} MB (mapped pages included)", peak_mb());
    Ok(())
}

fn all() -> SearchOptions {
    SearchOptions { limit: usize::MAX, ..SearchOptions::default() }
}

fn counting() -> SearchOptions {
    SearchOptions { count_only: true, ..all() }
}

fn first() -> SearchOptions {
    SearchOptions::default()
}

fn build(arguments: &Arguments, work: &Path) -> Result<Vec<PathBuf>> {
    let started = Instant::now();
    let (mut paths, mut text_bytes, mut reading) = (Vec::new(), 0, Duration::ZERO);
    let mut builder = new_builder(arguments, work, 0)?;
    for entry in walkdir::WalkDir::new(&arguments.folder).sort_by_file_name() {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        let begun = Instant::now();
        let text = std::fs::read(entry.path())?;
        let path = entry.path().strip_prefix(&arguments.folder)?.to_string_lossy().into_owned();
        let doc = new_doc(text);
        reading += begun.elapsed();
        builder.put(&DocKey::new(RepoName::new("corpus")?, path)?, vec![doc])?;
        if builder.text_bytes() >= arguments.segment_bytes {
            text_bytes += builder.text_bytes();
            finish(builder, work, &mut paths)?;
            builder = new_builder(arguments, work, paths.len())?;
        }
    }
    text_bytes += builder.text_bytes();
    finish(builder, work, &mut paths)?;
    let (took, mb) = (started.elapsed().as_secs_f64(), text_bytes as f64 / 1e6);
    println!(
        "build {took:.1} s, {:.1} MB/s over {mb:.0} MB; {:.1} s of CPU; reading and hashing {:.1} s; peak {} MB",
        mb / took,
        cpu_seconds(),
        reading.as_secs_f64(),
        peak_mb()
    );
    Ok(paths)
}

fn new_builder(arguments: &Arguments, work: &Path, number: usize) -> Result<SegmentBuilder> {
    Ok(SegmentBuilder::new(BuildOptions {
        shard: ShardId(0),
        generation: Generation(1),
        id: SegmentId(format!("{number:03}")),
        symbols: arguments.symbols,
        scratch_dir: work.to_owned(),
    })?)
}

fn finish(builder: SegmentBuilder, work: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let path = work.join(format!("{:03}.seg", paths.len()));
    println!(
        "finishing: holds about {} MB, peak so far {} MB",
        builder.memory_bytes() >> 20,
        peak_mb()
    );
    builder.finish(OffsetRange::default(), &path)?;
    paths.push(path);
    Ok(())
}

fn new_doc(text: Vec<u8>) -> Doc {
    let is_binary = memchr::memchr(0, &text[..text.len().min(8192)]).is_some();
    let version = FileVersion {
        blob: BlobId(ContentHash::of(&text).0[..20].to_vec()),
        branches: vec!["main".into()],
        content: Content::Inline(Bytes::new()),
        kind: FileKind::Regular,
        num_bytes: text.len() as u64,
        encoding: String::new(),
        generated: false,
        vendored: false,
    };
    let text = if is_binary { Err(SkipReason::Binary) } else { Ok(Bytes::from(text)) };
    Doc { version, text, committed_at_ms: 0 }
}

/// What it costs to make ten changed files searchable: build, open, and derive live documents.
fn small(arguments: &Arguments, snapshot: &Snapshot, work: &Path) -> Result<()> {
    let docs: Vec<_> = snapshot.documents().take(10).collect::<Result<_, _>>()?;
    let started = Instant::now();
    let mut builder = new_builder(arguments, work, 999)?;
    for doc in &docs {
        let text = snapshot.file(&doc.key, None)?.and_then(|view| view.text.ok());
        builder.put(&doc.key, vec![new_doc(text.unwrap_or_default())])?;
    }
    let path = work.join("small");
    builder.finish(OffsetRange::default(), &path)?;
    let built = started.elapsed();
    let newer = snapshot.with_newer(Segment::open(&path)?)?;
    println!("ten files: built {built:?}, searchable {:?}", started.elapsed());
    anyhow::ensure!(newer.stats().live_docs == snapshot.stats().live_docs, "documents were lost");
    Ok(std::fs::remove_file(path)?)
}

fn sizes(snapshot: &Snapshot) {
    let stats = snapshot.stats();
    let ratio = stats.index_bytes as f64 / stats.text_bytes as f64;
    println!(
        "{} docs, {} bytes of text, index {ratio:.3} of it",
        stats.live_docs, stats.text_bytes
    );
    let mut sums = std::collections::BTreeMap::<String, u64>::new();
    for (name, bytes) in snapshot.segments().flat_map(|segment| segment.section_sizes()) {
        let kind = match name.rsplit_once('.') {
            Some((_, extension)) if name.starts_with("index/") => format!("index/*.{extension}"),
            _ => name,
        };
        *sums.entry(kind).or_default() += bytes;
    }
    for (name, bytes) in sums {
        println!("  {name:20} {:8.4} of the text", bytes as f64 / stats.text_bytes as f64);
    }
}

/// Literals drawn from the corpus itself: identifiers at places spread over it.
fn literals(snapshot: &Snapshot) -> Result<()> {
    let words = words(snapshot)?;
    println!("{} literals", words.len());
    let count = counting();
    let cases: [(&str, &str, SearchOptions); 4] = [
        ("every match, counted", "case:yes ", count.clone()),
        ("every match, with lines", "case:yes ", all()),
        ("the same, ignoring case, counted", "case:no ", count),
        ("first 50 files", "case:yes ", SearchOptions::default()),
    ];
    for (name, prefix, options) in cases {
        let mut times = Vec::new();
        let cpu = cpu_seconds();
        for word in &words {
            let query = format!("{prefix}content:\"{word}\"");
            times.push((measure(snapshot, &query, &options)?, word));
        }
        times.sort();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].0;
        let worst: Vec<&str> = times.iter().rev().take(3).map(|(_, word)| word.as_str()).collect();
        println!(
            "  {name}: p50 {:?} p95 {:?} max {:?} (slowest: {worst:?}); {:.2} ms of CPU on average",
            at(0.5),
            at(0.95),
            at(1.0),
            (cpu_seconds() - cpu) * 1e3 / (2 * words.len()) as f64
        );
    }
    Ok(())
}

fn words(snapshot: &Snapshot) -> Result<Vec<String>> {
    let docs: Vec<_> = snapshot.documents().collect::<Result<_, _>>()?;
    let docs: Vec<_> = docs.into_iter().filter(|doc| doc.skip.is_none()).collect();
    let mut words = Vec::new();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    while words.len() < 150 {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let doc = &docs[(random >> 33) as usize % docs.len()];
        let Some(view) = snapshot.file(&doc.key, None)? else { continue };
        let text =
            String::from_utf8_lossy(view.text.as_ref().map_or(&[], Vec::as_slice)).into_owned();
        let found: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .filter(|word| (4..=30).contains(&word.len()))
            .collect();
        if let Some(word) = found.get((random >> 20) as usize % found.len().max(1)) {
            words.push((*word).to_owned());
        }
    }
    Ok(words)
}

const REGEXES: [&str; 14] = [
    r"kmalloc\(\w+, GFP_",
    r"\b[A-Z]+_SUSPEND\b",
    r"^static\s+int\s+\w+_probe\(",
    r"struct\s+\w+\s*\{",
    r"(?i)copyright.*intel",
    r"\w{5}\s+\w{5}\s+\w{5}\s+\w{5}",
    r"[a-z]+_[a-z]+_lock\(",
    r"0x[0-9a-f]{8}",
    r"return -E[A-Z]+;$",
    r"[A-Z]{20,}",
    r"err|warn|info",
    r"\d{3}-\d{4}",
    r"(?i)todo|fixme|xxx",
    r"^\s*$",
];

fn regexes(snapshot: &Snapshot) -> Result<()> {
    println!("regexes, every match counted");
    let count = counting();
    for regex in REGEXES {
        let query = format!("case:yes content:/{}/", regex.replace('/', "\\/"));
        let time = measure(snapshot, &query, &count)?;
        let parsed = ax_query::parse(&query, &Limits::default())?;
        let found = snapshot.search(&parsed, &count, &Stop::never())?;
        println!(
            "  {regex}: {time:?}, {} lines in {} files, {} candidates, {} MB",
            found.num_lines,
            found.num_files,
            found.num_candidates,
            found.num_bytes_verified / 1_000_000
        );
    }
    Ok(())
}

/// The better of two runs: the first may meet cold pages.
fn measure(snapshot: &Snapshot, query: &str, options: &SearchOptions) -> Result<Duration> {
    let query = ax_query::parse(query, &Limits::default())?;
    let mut best = Duration::MAX;
    for _ in 0..2 {
        let started = Instant::now();
        let found = snapshot.search(&query, options, &Stop::never())?;
        best = best.min(started.elapsed());
        std::hint::black_box(found);
    }
    Ok(best)
}

/// Time that this process spent on all cores so far; zero where the kernel does not say.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks =
        after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// The most memory this process ever had resident, from the kernel; zero where it does not say.
fn peak_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kb.unwrap_or(0) / 1024
}
