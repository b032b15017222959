//! What a person reads.

use crate::{
    build::Built,
    search::{Case, OVER_LINES, Run, Searched},
};

const MB: f64 = 1e6;

pub fn print_build(built: &Built) {
    let text = built.text_bytes as f64;
    println!(
        "\nbuild {} symbols: {} files, {:.0} MB of text",
        if built.symbols { "with" } else { "without" },
        built.num_files,
        text / MB
    );
    println!("  speed              {:8.1} MB/s", text / MB / built.cost.seconds);
    println!("  processor time     {:8.1} s", built.cost.cpu_seconds);
    println!("  reading, hashing   {:8.1} s of it", built.reading_seconds);
    println!("  peak memory        {:8.0} MB", built.peak_bytes as f64 / MB);
    println!("  index on disk      {:8.3} x the text", built.index_bytes as f64 / text);
    for (name, bytes) in &built.sections {
        println!("    {name:16} {:8.4} x", *bytes as f64 / text);
    }
}

pub fn print_searches(searched: &Searched) {
    println!("\nopening {:.0} ms", searched.open.seconds * 1e3);
    println!("ten changed files, built and opened: {:.0} ms", searched.ten_files.seconds * 1e3);
    println!("memory backed by no file, after all: {:.0} MB", searched.anonymous_bytes as f64 / MB);
    println!(
        "\n{:32} {:>8} {:>8} {:>8} {:>8}",
        format!("{} words of the text, ms", searched.literals[0].runs.len()),
        "p50",
        "p95",
        "max",
        "CPU"
    );
    for case in &searched.literals {
        row(&case.name, case, |run| Some((run.cost.seconds, run.cost.cpu_seconds)));
        row("  ripgrep", case, |run| {
            run.ripgrep.map(|other| (other.cost.seconds, other.cost.cpu_seconds))
        });
    }
    histogram(&searched.literals[0]);
    for case in &searched.regexes {
        println!(
            "\n{:50} {:>8} {:>8} {:>6} {:>9} {:>7}",
            format!("every match of a regex, {}", case.name),
            "ms",
            "rg ms",
            "ratio",
            "lines",
            "read MB"
        );
        for run in &case.runs {
            regex(run, case.name == OVER_LINES);
        }
        if let Some(ratio) = median(case.runs.iter().filter_map(ratio)) {
            println!("{:50} {:>24.2}", "median", ratio);
        }
    }
}

fn row(name: &str, case: &Case, of: impl Fn(&Run) -> Option<(f64, f64)>) {
    let costs: Vec<(f64, f64)> = case.runs.iter().filter_map(of).collect();
    if costs.is_empty() {
        return;
    }
    let mut times: Vec<f64> = costs.iter().map(|(seconds, _)| seconds * 1e3).collect();
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    let cpu = costs.iter().map(|(_, cpu)| cpu * 1e3).sum::<f64>() / costs.len() as f64;
    println!("{name:32} {:8.2} {:8.2} {:8.2} {cpu:8.2}", at(0.5), at(0.95), at(1.0));
}

/// How the words spread over time: one row per factor of two.
fn histogram(case: &Case) {
    let bucket = |seconds: f64| (seconds * 1e3).max(0.125).log2().ceil() as i32;
    let count = |place: i32, of: &dyn Fn(&Run) -> Option<f64>| {
        case.runs.iter().filter_map(of).filter(|seconds| bucket(*seconds) == place).count()
    };
    let ours = |run: &Run| Some(run.cost.seconds);
    let theirs = |run: &Run| run.ripgrep.map(|other| other.cost.seconds);
    println!("\n{}: words per time taken", case.name);
    let places = case.runs.iter().flat_map(|run| ours(run).into_iter().chain(theirs(run)));
    let (first, last) = places
        .map(bucket)
        .fold((i32::MAX, i32::MIN), |(low, high), place| (low.min(place), high.max(place)));
    for place in first..=last {
        let bars = format!(
            "{}{}",
            "█".repeat(count(place, &ours) / 2),
            "░".repeat(count(place, &theirs) / 2)
        );
        println!("  up to {:>8} ms {bars}", 2_f64.powi(place));
    }
    println!("  █ here  ░ ripgrep, each of two words");
}

fn regex(run: &Run, over_lines: bool) {
    let pattern = run.query.trim_start_matches("case:yes content:");
    let other = run.ripgrep.map(|other| format!("{:.1}", other.cost.seconds * 1e3));
    // over lines, ripgrep counts matches and not lines
    let lines = run.ripgrep.map_or(run.num_lines, |other| other.num_lines);
    let differs = lines != run.num_lines && !over_lines;
    println!(
        "{pattern:50} {:8.1} {:>8} {:>6} {:9} {:7}{}",
        run.cost.seconds * 1e3,
        other.unwrap_or_default(),
        ratio(run).map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        run.num_lines,
        run.num_bytes_verified / 1_000_000,
        if differs { format!("  (ripgrep: {lines} lines)") } else { String::new() }
    );
}

fn ratio(run: &Run) -> Option<f64> {
    Some(run.cost.seconds / run.ripgrep?.cost.seconds)
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
