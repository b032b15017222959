//! Whether one run is faster than another, by more than noise.
//!
//! Each measure gets an interval of its relative difference at 99 % ([`crate::stats`]), and from it a
//! verdict. With `t` the threshold, `d` the difference and `n` the widest noise that still tells something:
//!
//! | interval | verdict |
//! |---|---|
//! | all of it worse than 0, and `d` worse than `t` | worse |
//! | all of it better than 0, and `d` better than `t` | better |
//! | within ± `t` | the same |
//! | otherwise, half its width at most `n` | the same within noise |
//! | otherwise | too noisy to say |

use crate::{
    ClassResult, Figures, RunResult,
    result::FORMAT,
    stats::{Blocks, Interval, quantile_differences, rate_difference, share_difference},
};
use ax_model::{Code, Fault};
use serde::Serialize;

/// Of each interval.
const CONFIDENCE: f64 = 0.99;
/// The same as a quantile of the normal distribution.
const Z: f64 = 2.576;
/// Fewest answers of a class on each side that say anything.
const LEAST: usize = 20;

/// What counts as a difference.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rules {
    /// A smaller relative difference does not matter: 0.05 is 5 %.
    pub threshold: f64,
    /// An interval of a larger half width tells nothing.
    pub noise: f64,
    /// Of the draws.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self { threshold: 0.05, noise: 0.25, seed: 1 }
    }
}

/// What is said of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Better.
    Better,
    /// No difference that matters.
    Same,
    /// No difference that noise would not explain.
    SameWithinNoise,
    /// Nothing can be said.
    TooNoisy,
    /// Worse.
    Worse,
}

/// One measure of one class.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// The class.
    pub class: String,
    /// The measure: `p50`, `p95`, `p99`, `throughput` or `errors`.
    pub measure: &'static str,
    /// In the first run: microseconds, answers per second, or a share.
    pub before: f64,
    /// In the second.
    pub after: f64,
    /// Relative difference; of shares the absolute one.
    pub difference: f64,
    /// Ends of its interval.
    pub interval: (f64, f64),
    /// What follows.
    pub verdict: Verdict,
    /// Noise in it means that the whole comparison cannot tell.
    pub must_tell: bool,
}

/// Two runs side by side.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What counted as a difference.
    pub rules: Rules,
    /// In what the runs should not be compared at all, when it was done nevertheless.
    pub unlike: Vec<String>,
    /// Every measure.
    pub rows: Vec<Row>,
}

/// How a comparison ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing is worse.
    NotWorse,
    /// Something is.
    Worse,
    /// A measure that must tell is too noisy.
    CannotTell,
}

impl Comparison {
    /// What all rows together say. Worse wins over noise.
    pub fn outcome(&self) -> Outcome {
        if self.rows.iter().any(|row| row.verdict == Verdict::Worse) {
            Outcome::Worse
        } else if self.rows.iter().any(|row| row.must_tell && row.verdict == Verdict::TooNoisy) {
            Outcome::CannotTell
        } else {
            Outcome::NotWorse
        }
    }
}

/// Reads a result that `ax perf run --json` wrote. `name` is the file, for errors.
pub fn read(name: &str, text: &str) -> Result<RunResult, Fault> {
    #[derive(serde::Deserialize)]
    struct Form {
        format: u32,
    }
    let bad = |why: String| {
        let fault = Fault::new(Code::ConfigUnreadable, format!("{name}: {why}"));
        fault.in_field(name).hint("give files that `ax perf run --json FILE` wrote")
    };
    let form: Form = serde_json::from_str(text)
        .map_err(|error| bad(format!("it is no result of a run: {error}")))?;
    if form.format != FORMAT {
        return Err(bad(format!("it has format {}; this version reads {FORMAT}", form.format)));
    }
    serde_json::from_str(text).map_err(|error| bad(error.to_string()))
}

/// In what two runs differ that makes their times say nothing about each other.
pub fn unlike(a: &RunResult, b: &RunResult) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, a: String, b: String| {
        if a != b {
            found.push(format!("{what}: `{a}` and `{b}`"));
        }
    };
    check("corpus", a.corpus.label.clone(), b.corpus.label.clone());
    check("revision of the corpus", a.corpus.revision.clone(), b.corpus.revision.clone());
    check("files indexed", a.corpus.num_files.to_string(), b.corpus.num_files.to_string());
    let (wa, wb) = (&a.workload, &b.workload);
    check("pace", wa.pace.clone(), wb.pace.clone());
    check("clients", wa.clients.to_string(), wb.clients.to_string());
    check("cache", wa.cache.to_string(), wb.cache.to_string());
    let classes = |result: &RunResult| {
        let one =
            |c: &crate::ClassFacts| format!("{} {} {:?} {}", c.name, c.weight, c.ask, c.digest);
        result.workload.classes.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    check("queries", classes(a), classes(b));
    check("cores", a.machine.cores.to_string(), b.machine.cores.to_string());
    found
}

/// Compares two runs; ones that are not alike are refused unless `force`.
pub fn compare(
    a: &RunResult,
    b: &RunResult,
    rules: Rules,
    force: bool,
) -> Result<Comparison, Fault> {
    let unlike = unlike(a, b);
    if !unlike.is_empty() && !force {
        let message = format!("the runs are not alike: {}", unlike.join("; "));
        let fault = Fault::new(Code::BadRequest, message);
        return Err(fault.hint("--force compares them nevertheless"));
    }
    let mut rows = Vec::new();
    for before in &a.classes {
        if let Some(after) = b.classes.iter().find(|class| class.name == before.name) {
            rows.extend(class_rows(before, after, (a.seconds, b.seconds), rules));
        }
    }
    rows.extend(throughput_row(a, b, rules));
    Ok(Comparison { rules, unlike, rows })
}

/// Answers per second of all classes: they take turns, so that a slow one slows all. `None` in an open
/// loop, where the rate is the workload's and not the server's.
fn throughput_row(a: &RunResult, b: &RunResult, rules: Rules) -> Option<Row> {
    if !a.workload.pace.starts_with("closed") {
        return None;
    }
    let all = |run: &RunResult| {
        let at: Vec<u64> = run.classes.iter().flat_map(|c| c.samples.at_us.clone()).collect();
        Blocks::new(&at, &at, (run.seconds * 1e6) as u64)
    };
    let (of_a, of_b) = (all(a), all(b));
    let interval = rate_difference(&of_a, &of_b, (a.seconds, b.seconds), CONFIDENCE, rules.seed);
    let rates = (of_a.len() as f64 / a.seconds, of_b.len() as f64 / b.seconds);
    let told = match of_a.len().min(of_b.len()) >= LEAST {
        true => verdict(rates.1 / rates.0 - 1.0, interval, -1.0, rules),
        false => Verdict::TooNoisy,
    };
    Some(row("all", "throughput", rates, interval, told))
}

fn class_rows(
    before: &ClassResult,
    after: &ClassResult,
    seconds: (f64, f64),
    rules: Rules,
) -> Vec<Row> {
    let blocks = |class: &ClassResult, seconds: f64| {
        Blocks::new(&class.samples.at_us, &class.samples.took_us, (seconds * 1e6) as u64)
    };
    let (of_a, of_b) = (blocks(before, seconds.0), blocks(after, seconds.1));
    let mut rows = match of_a.is_empty() && of_b.is_empty() {
        true => Vec::new(), // the errors say all there is to say
        false => latency_rows(&before.name, &of_a, &of_b, rules),
    };
    rows.push(error_row(&before.name, &before.figures, &after.figures, rules));
    rows
}

/// Intervals of p50, p95 and p99 of one class.
pub fn latency_rows(class: &str, a: &Blocks, b: &Blocks, rules: Rules) -> Vec<Row> {
    const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];
    let intervals = quantile_differences(a, b, &QUANTILES, CONFIDENCE, rules.seed);
    let figures = a.quantiles(&QUANTILES).into_iter().zip(b.quantiles(&QUANTILES));
    let named = ["p50", "p95", "p99"].into_iter().zip(figures.zip(intervals));
    let enough = a.len().min(b.len()) >= LEAST;
    let rows = named.map(|(measure, ((before, after), interval))| {
        let (before, after) = (zero_if_none(before), zero_if_none(after));
        let told = match enough {
            true => verdict(after / before - 1.0, interval, 1.0, rules),
            false => Verdict::TooNoisy,
        };
        row(class, measure, (before, after), interval, told)
    });
    rows.collect()
}

fn zero_if_none(figure: f64) -> f64 {
    if figure.is_nan() { 0.0 } else { figure }
}

fn row(
    class: &str,
    measure: &'static str,
    (before, after): (f64, f64),
    interval: Interval,
    verdict: Verdict,
) -> Row {
    Row {
        class: class.to_owned(),
        measure,
        before,
        after,
        difference: after / before - 1.0,
        interval: (interval.low, interval.high),
        verdict,
        // The p99 of a short run is mostly noise: it may convict, but its silence is no doubt.
        must_tell: measure != "p99",
    }
}

/// `sign` is 1 when more is worse, and -1 when more is better.
fn verdict(difference: f64, interval: Interval, sign: f64, rules: Rules) -> Verdict {
    let t = rules.threshold;
    let (d, ends) = (difference * sign, [interval.low * sign, interval.high * sign]);
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    if low > 0.0 && d > t {
        Verdict::Worse
    } else if high < 0.0 && d < -t {
        Verdict::Better
    } else if low >= -t && high <= t {
        Verdict::Same
    } else if interval.half_width() <= rules.noise {
        Verdict::SameWithinNoise
    } else {
        Verdict::TooNoisy
    }
}

/// Failures and partial answers together, as shares of what was asked: any that chance does not explain
/// are worse, whatever the threshold.
fn error_row(class: &str, before: &Figures, after: &Figures, rules: Rules) -> Row {
    let failed = |figures: &Figures| (figures.num_errors() + figures.partial, figures.asked);
    let (a, b) = (failed(before), failed(after));
    let interval = share_difference(a, b, Z);
    let share = |(part, all): (u64, u64)| part as f64 / all.max(1) as f64;
    let verdict = if interval.low > 0.0 {
        Verdict::Worse
    } else if interval.high < 0.0 {
        Verdict::Better
    } else if a.0 == 0 && b.0 == 0 {
        Verdict::Same
    } else if interval.half_width() <= rules.noise {
        Verdict::SameWithinNoise
    } else {
        Verdict::TooNoisy
    };
    Row {
        difference: share(b) - share(a),
        ..row(class, "errors", (share(a), share(b)), interval, verdict)
    }
}
