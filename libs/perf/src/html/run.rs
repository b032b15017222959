//! The page of one run.

use super::{
    page::{Page, Tone},
    plot::{Axis, Line, plot},
    server::server,
};
use crate::{
    Histogram, RunResult,
    table::{CLASS_COLUMNS, bytes, class_rows, facts, rate},
    workload::{brief, spelt},
};

/// The whole page.
pub fn run(result: &RunResult) -> String {
    let workload = &result.workload;
    let sub = format!(
        "{} · {} · {} · {:.0} s after {:.0} s of warm-up",
        result.corpus.label,
        workload.pace,
        count(workload.clients as u64, "client", "clients"),
        result.seconds,
        workload.warm_up_seconds
    );
    let mut page = Page::new(&workload.name, sub.trim_start_matches([' ', '·']));
    tiles(&mut page, result);
    page.heading("Latency by class of query");
    classes(&mut page, result);
    plots(&mut page, result);
    if let Some(cost) = &result.cost {
        server(&mut page, cost, result.seconds);
    }
    baseline(&mut page, result);
    slowest(&mut page, result);
    page.heading("About this run");
    page.facts(&facts(result));
    page.finish()
}

/// `1 client`, `8 clients`.
fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn tiles(page: &mut Page, result: &RunResult) {
    let (all, latency) = (&result.overall, &result.overall.latency);
    let micros = |us: u64| spelt(us as f64);
    let mut tiles = vec![
        (micros(latency.p50), "p50".to_owned(), false),
        (micros(latency.p95), "p95".to_owned(), false),
        (micros(latency.p99), "p99".to_owned(), false),
        (micros(latency.max), "slowest".to_owned(), false),
        (format!("{}/s", rate(all.throughput)), "answers".to_owned(), false),
        (all.num_errors().to_string(), "errors".to_owned(), all.num_errors() > 0),
    ];
    if all.partial > 0 {
        tiles.push((all.partial.to_string(), "partial answers".to_owned(), true));
    }
    if let Some(cost) = &result.cost {
        let cores = cost.cpu_seconds / result.seconds;
        tiles.push((format!("{cores:.2}"), "cores busy in the server".to_owned(), false));
        let memory = bytes(cost.peak_anonymous_bytes);
        tiles.push((memory, "peak anonymous memory".to_owned(), false));
    }
    page.tiles(&tiles);
}

fn classes(page: &mut Page, result: &RunResult) {
    let columns = CLASS_COLUMNS.map(|name| (name, if name == "class" { "l" } else { "" }));
    let rows = class_rows(result);
    // Of the last two columns, partial answers and errors, any number is bad.
    page.table(&columns, &rows, |y, x| match x + 2 >= columns.len() && rows[y][x] != "0" {
        true => Tone::Bad,
        false => Tone::Plain,
    });
    for (code, num) in &result.overall.errors {
        page.note(&format!("{num} × {code}"));
    }
}

fn plots(page: &mut Page, result: &RunResult) {
    page.heading("How many are answered within a time");
    let histograms: Vec<Histogram> = result
        .classes
        .iter()
        .map(|class| class.samples.took_us.iter().copied().collect())
        .collect();
    let fastest = histograms.iter().filter(|h| h.count() > 0).map(|h| h.quantile(0.0)).min();
    let slowest = result.overall.latency.max.max(10) as f64;
    let low = (fastest.unwrap_or(1).max(1) as f64 / 1.3).min(slowest / 10.0);
    let x = Axis {
        logarithmic: true,
        range: (low, slowest * 1.2),
        name: "latency, logarithmic".into(),
        spelt: brief,
    };
    let share = Axis { logarithmic: false, range: (0.0, 1.0), name: String::new(), spelt: percent };
    let lines = histograms.iter().enumerate().map(|(number, histogram)| {
        let mut points = vec![(low, 0.0)];
        points.extend(steps(&histogram.cumulative()));
        Line { number, class: "", points }
    });
    page.plot(&class_key(result), &plot(&x, &share, 330.0, &lines.collect::<Vec<_>>()));
    over_time(page, result);
}

/// A share holds until the next time at which anything was answered.
fn steps(cumulative: &[(u64, f64)]) -> Vec<(f64, f64)> {
    let mut points = Vec::with_capacity(2 * cumulative.len());
    let mut before = 0.0;
    for &(micros, share) in cumulative {
        points.extend([(micros as f64, before), (micros as f64, share)]);
        before = share;
    }
    points
}

fn class_key(result: &RunResult) -> Vec<(String, usize)> {
    result.classes.iter().enumerate().map(|(number, class)| (class.name.clone(), number)).collect()
}

fn over_time(page: &mut Page, result: &RunResult) {
    let time = || Axis {
        logarithmic: false,
        range: (0.0, result.seconds.max(0.1)),
        name: "seconds into the measurement".into(),
        spelt: plain,
    };
    let answered: Vec<_> = result.series.iter().filter(|slice| slice.answered > 0).collect();
    let line = |number, class, of: fn(&crate::Slice) -> f64| Line {
        number,
        class,
        points: answered.iter().map(|s| (s.at_seconds + s.seconds / 2.0, of(s))).collect(),
    };
    page.heading("Latency over time");
    let highest = answered.iter().map(|slice| slice.max_us).max().unwrap_or(1).max(10) as f64;
    let lowest = answered.iter().map(|slice| slice.p50_us).min().unwrap_or(1).max(1) as f64;
    let y = Axis {
        logarithmic: true,
        range: (lowest / 1.5, highest * 1.3),
        name: String::new(),
        spelt: brief,
    };
    let lines = [
        line(7, "thin", |slice| slice.max_us as f64),
        line(1, "", |slice| slice.p95_us as f64),
        line(0, "", |slice| slice.p50_us as f64),
    ];
    let key = [("p50", 0), ("p95", 1), ("slowest", 7)].map(|(name, n)| (name.to_owned(), n));
    page.plot(&key, &plot(&time(), &y, 260.0, &lines));

    page.heading("Throughput over time");
    let rates = |slice: &crate::Slice| slice.answered as f64 / slice.seconds.max(1e-9);
    let errors = |slice: &crate::Slice| slice.errors as f64 / slice.seconds.max(1e-9);
    let all = |number, class, of: &dyn Fn(&crate::Slice) -> f64| Line {
        number,
        class,
        points: result.series.iter().map(|s| (s.at_seconds + s.seconds / 2.0, of(s))).collect(),
    };
    let most = result.series.iter().map(rates).fold(1.0, f64::max) * 1.1;
    let y = Axis { logarithmic: false, range: (0.0, most), name: String::new(), spelt: plain };
    let mut lines = vec![all(2, "", &rates)];
    let mut key = vec![("answers per second".to_owned(), 2)];
    if result.overall.num_errors() > 0 {
        lines.push(all(1, "dash", &errors));
        key.push(("errors per second".to_owned(), 1));
    }
    page.plot(&key, &plot(&time(), &y, 220.0, &lines));
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn plain(value: f64) -> String {
    if value >= 10.0 || value == value.trunc() {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn baseline(page: &mut Page, result: &RunResult) {
    if result.baseline.is_empty() {
        return;
    }
    page.heading("Beside ripgrep, in the same run");
    let columns = [
        ("class", "l"),
        ("patterns", ""),
        ("its p50", ""),
        ("its max", ""),
        ("our time over its: median", ""),
        ("worst", ""),
        ("of", "q"),
    ];
    let ratio = |ratio: f64| format!("{ratio:.3}x");
    let tone = |y: usize, x: usize| {
        let row = &result.baseline[y];
        match [(4, row.ratio_median), (5, row.ratio_worst)].into_iter().find(|(at, _)| *at == x) {
            Some((_, ratio)) if ratio > 1.0 => Tone::Bad,
            Some(_) => Tone::Good,
            None => Tone::Plain,
        }
    };
    let rows = result.baseline.iter().map(|row| {
        vec![
            row.class.clone(),
            row.num_queries.to_string(),
            spelt(row.latency.p50 as f64),
            spelt(row.latency.max as f64),
            ratio(row.ratio_median),
            ratio(row.ratio_worst),
            row.worst_query.clone(),
        ]
    });
    page.table(&columns, &rows.collect::<Vec<_>>(), tone);
}

fn slowest(page: &mut Page, result: &RunResult) {
    page.heading("Slowest queries");
    let columns = [
        ("query", "q"),
        ("class", "l"),
        ("took", ""),
        ("in the server", ""),
        ("files", ""),
        ("lines", ""),
        ("documents verified", ""),
        ("bytes verified", ""),
        ("at", ""),
    ];
    let rows = result.slowest.iter().map(|slow| {
        let partial = if slow.partial { " (partial)" } else { "" };
        vec![
            slow.query.clone(),
            slow.class.clone(),
            spelt(slow.took_us as f64),
            spelt(slow.server_us as f64),
            format!("{}{partial}", slow.files),
            slow.lines.to_string(),
            slow.candidates.to_string(),
            bytes(slow.bytes_verified),
            format!("{:.1} s", slow.at_us as f64 / 1e6),
        ]
    });
    page.table(&columns, &rows.collect::<Vec<_>>(), |_, _| Tone::Plain);
    page.note("Each query once, by its slowest time. The server's time begins when it has read the request.");
}
