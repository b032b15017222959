//! Results as cells of a table, for a terminal; columns are aligned by who prints them.

use crate::{
    Figures, RunResult,
    compare::{Outcome, Row, Verdict},
    workload::spelt,
};

/// Names of the columns of [`class_rows`]; all but the first hold numbers.
pub const CLASS_COLUMNS: [&str; 10] =
    ["class", "asked", "p50", "p90", "p95", "p99", "max", "answers/s", "partial", "errors"];

/// What stands where there is nothing to measure.
pub const NONE: &str = "–";

/// A row per class, and one for all of them when there are several.
pub fn class_rows(result: &RunResult) -> Vec<Vec<String>> {
    let row = |name: &str, figures: &Figures| {
        let latency = &figures.latency;
        let times = [latency.p50, latency.p90, latency.p95, latency.p99, latency.max];
        let mut cells = vec![name.to_owned(), figures.asked.to_string()];
        let answered = figures.answered > 0;
        cells.extend(times.map(|us| if answered { spelt(us as f64) } else { NONE.to_owned() }));
        cells.push(rate(figures.throughput));
        cells.extend([figures.partial, figures.num_errors()].map(|number| number.to_string()));
        cells
    };
    let mut rows: Vec<_> =
        result.classes.iter().map(|class| row(&class.name, &class.figures)).collect();
    if rows.len() > 1 {
        rows.push(row("all", &result.overall));
    }
    rows
}

/// What else there is to know of a run, as names and values; empty values may be left out.
pub fn facts(result: &RunResult) -> Vec<(&'static str, String)> {
    let machine = &result.machine;
    let mut facts = vec![
        ("server", result.server.url.clone()),
        ("searched", result.server.version.clone()),
        ("corpus", result.corpus.label.clone()),
        ("revision", result.corpus.revision.clone()),
        ("files", nonzero(result.corpus.num_files)),
        ("ax", result.ax.clone()),
        ("pace", format!("{}, {} clients", result.workload.pace, result.workload.clients)),
        ("kept answers", if result.workload.cache { "allowed" } else { "off" }.to_owned()),
        (
            "machine",
            format!(
                "{} cores, {}, {}, {}",
                machine.cores,
                bytes(machine.memory_bytes),
                machine.processor,
                machine.kernel
            ),
        ),
        ("load before", format!("{:.2}", machine.load_before)),
    ];
    if let Some(cost) = &result.cost {
        let per_answer = cost.cpu_seconds * 1e6 / result.overall.answered.max(1) as f64;
        facts.extend([
            ("CPU", format!("{:.2} s, {} per answer", cost.cpu_seconds, spelt(per_answer))),
            (
                "memory",
                format!(
                    "peak {} anonymous, {} with mapped files",
                    bytes(cost.peak_anonymous_bytes),
                    bytes(cost.peak_resident_bytes)
                ),
            ),
            ("read from disks", bytes(cost.read_bytes)),
        ]);
    }
    facts
}

fn nonzero(number: u64) -> String {
    if number == 0 { String::new() } else { number.to_string() }
}

/// Cells of a comparison's row: class, measure, before, after, difference, interval, verdict.
pub fn comparison_cells(row: &Row) -> Vec<String> {
    let figure = |value: f64| match row.measure {
        "throughput" => format!("{}/s", rate(value)),
        "errors" => format!("{:.2} %", value * 100.0),
        _ => spelt(value),
    };
    let percent = |value: f64| match value.is_finite() {
        true => format!("{:+.1} %", value * 100.0),
        false => "?".to_owned(),
    };
    let (low, high) = row.interval;
    vec![
        row.class.clone(),
        row.measure.to_owned(),
        figure(row.before),
        figure(row.after),
        percent(row.difference),
        format!("{} … {}", percent(low), percent(high)),
        verdict_words(row).to_owned(),
    ]
}

/// A verdict as people say it.
pub fn verdict_words(row: &Row) -> &'static str {
    match (row.verdict, row.measure) {
        (Verdict::Worse, "errors") => "more errors",
        (Verdict::Better, "errors") => "fewer errors",
        (Verdict::Worse, _) => "slower",
        (Verdict::Better, _) => "faster",
        (Verdict::Same, _) => "the same",
        (Verdict::SameWithinNoise, _) => "the same within noise",
        (Verdict::TooNoisy, _) => "too noisy to say",
    }
}

/// An outcome as people say it.
pub fn outcome_words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotWorse => "not worse",
        Outcome::Worse => "worse",
        Outcome::CannotTell => "cannot tell",
    }
}

/// A number per second, with about three figures.
pub fn rate(per_second: f64) -> String {
    let decimals = if per_second < 10.0 { 2 } else { usize::from(per_second < 100.0) };
    format!("{per_second:.decimals$}")
}

/// A size for people, in powers of 1,000.
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut value, mut unit) = (number as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
