//! From single queries to figures.

use crate::{BaselineResult, ClassResult, Figures, Histogram, Latency, Samples, Slice, SlowQuery};
use std::{collections::BTreeMap, time::Duration};

/// How many slow queries are kept.
const SLOWEST: usize = 10;
/// Stretches that a run is shown in, at most.
const MAX_SLICES: f64 = 60.0;
/// Shortest stretch, in seconds: shorter ones hold too few queries.
const MIN_SLICE: f64 = 0.25;

/// One query that was asked.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Number of its class.
    pub class: usize,
    /// Its number within the class.
    pub query: u32,
    /// Intended start, from the beginning of the measurement.
    pub at_us: u64,
    /// Until the last byte of the answer.
    pub took_us: u64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a query.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// An answer.
    Answered(Said),
    /// A stable code, or what broke in a word.
    Failed(String),
}

/// What the server said of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said {
    /// Its own time.
    pub server_us: u64,
    /// Matching files.
    pub files: u64,
    /// Matched lines.
    pub lines: u64,
    /// Documents verified.
    pub candidates: u64,
    /// Bytes verified.
    pub bytes_verified: u64,
    /// Something is missing.
    pub partial: bool,
    /// Correlation id.
    pub request_id: String,
}

impl Default for Outcome {
    fn default() -> Self {
        Self::Answered(Said::default())
    }
}

/// What all samples amount to.
#[derive(Debug, Clone)]
pub struct Collected {
    /// All classes together.
    pub overall: Figures,
    /// Each class, in order.
    pub classes: Vec<ClassResult>,
    /// Over time.
    pub series: Vec<Slice>,
    /// The slowest, slowest first.
    pub slowest: Vec<SlowQuery>,
}

/// Folds the samples of a measurement of length `over`. `names` are the classes' names, `text` gives a
/// query's text by class and number.
pub fn collect(
    mut samples: Vec<Sample>,
    names: &[String],
    text: impl Fn(usize, u32) -> String,
    over: Duration,
) -> Collected {
    samples.sort_by_key(|sample| (sample.at_us, sample.took_us));
    let seconds = over.as_secs_f64();
    let overall = figures(samples.iter(), seconds);
    let classes = names.iter().enumerate().map(|(class, name)| {
        let of_class = || samples.iter().filter(move |sample| sample.class == class);
        let answered = of_class().filter(|sample| said(sample).is_some());
        let mut columns = Samples::default();
        for sample in answered {
            columns.at_us.push(sample.at_us);
            columns.took_us.push(sample.took_us);
            columns.query.push(sample.query);
        }
        let figures = figures(of_class(), seconds);
        ClassResult { name: name.clone(), figures, samples: columns }
    });
    let classes = classes.collect();
    Collected {
        overall,
        classes,
        series: series(&samples, seconds),
        slowest: slowest(&samples, names, text),
    }
}

fn said(sample: &Sample) -> Option<&Said> {
    match &sample.outcome {
        Outcome::Answered(said) => Some(said),
        Outcome::Failed(_) => None,
    }
}

fn figures<'a>(samples: impl Iterator<Item = &'a Sample>, seconds: f64) -> Figures {
    let mut figures = Figures::default();
    let mut times = Histogram::default();
    for sample in samples {
        figures.asked += 1;
        match &sample.outcome {
            Outcome::Answered(said) => {
                figures.answered += 1;
                figures.partial += u64::from(said.partial);
                times.record(sample.took_us);
            }
            Outcome::Failed(code) => *figures.errors.entry(code.clone()).or_default() += 1,
        }
    }
    figures.throughput = figures.answered as f64 / seconds.max(1e-9);
    figures.latency = latency(&times);
    figures
}

/// The figures of a histogram.
pub fn latency(times: &Histogram) -> Latency {
    Latency {
        mean: times.mean(),
        p50: times.quantile(0.5),
        p90: times.quantile(0.9),
        p95: times.quantile(0.95),
        p99: times.quantile(0.99),
        max: times.max(),
    }
}

fn series(samples: &[Sample], seconds: f64) -> Vec<Slice> {
    let length = (seconds / MAX_SLICES).max(MIN_SLICE).min(seconds.max(1e-3));
    let num = (seconds / length).ceil().max(1.0) as usize;
    let mut slices = vec![(Slice::default(), Histogram::default()); num];
    for (number, (slice, _)) in slices.iter_mut().enumerate() {
        slice.at_seconds = number as f64 * length;
        slice.seconds = length.min(seconds - slice.at_seconds);
    }
    for sample in samples {
        let number = ((sample.at_us as f64 / 1e6 / length) as usize).min(num - 1);
        let (slice, times) = &mut slices[number];
        if said(sample).is_some() {
            slice.answered += 1;
            times.record(sample.took_us);
        } else {
            slice.errors += 1;
        }
    }
    let finished = slices.into_iter().map(|(mut slice, times)| {
        slice.p50_us = times.quantile(0.5);
        slice.p95_us = times.quantile(0.95);
        slice.max_us = times.max();
        slice
    });
    finished.collect()
}

/// Each query once, by its slowest time.
fn slowest(
    samples: &[Sample],
    names: &[String],
    text: impl Fn(usize, u32) -> String,
) -> Vec<SlowQuery> {
    let mut worst: BTreeMap<(usize, u32), &Sample> = BTreeMap::new();
    for sample in samples.iter().filter(|sample| said(sample).is_some()) {
        let kept = worst.entry((sample.class, sample.query)).or_insert(sample);
        if sample.took_us > kept.took_us {
            *kept = sample;
        }
    }
    let mut worst: Vec<&Sample> = worst.into_values().collect();
    worst.sort_by_key(|sample| std::cmp::Reverse(sample.took_us));
    worst.truncate(SLOWEST);
    let shown = worst.into_iter().map(|sample| {
        let said = said(sample).cloned().unwrap_or_default();
        SlowQuery {
            class: names.get(sample.class).cloned().unwrap_or_default(),
            query: text(sample.class, sample.query),
            at_us: sample.at_us,
            took_us: sample.took_us,
            server_us: said.server_us,
            files: said.files,
            lines: said.lines,
            candidates: said.candidates,
            bytes_verified: said.bytes_verified,
            partial: said.partial,
            request_id: said.request_id,
        }
    });
    shown.collect()
}

/// Median time of each query of a class, by its number.
pub fn medians(samples: &Samples) -> BTreeMap<u32, u64> {
    let mut by_query: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (query, took) in samples.query.iter().zip(&samples.took_us) {
        by_query.entry(*query).or_default().push(*took);
    }
    let median = |mut times: Vec<u64>| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    by_query.into_iter().map(|(query, times)| (query, median(times))).collect()
}

/// Our median times of a class beside another tool's: `theirs` holds a pattern's number, text and time.
pub fn beside(tool: &str, class: &ClassResult, theirs: &[(u32, String, u64)]) -> BaselineResult {
    let ours = medians(&class.samples);
    let mut ratios: Vec<(f64, &str)> = theirs
        .iter()
        .filter_map(|(query, text, took)| {
            Some((*ours.get(query)? as f64 / (*took).max(1) as f64, text.as_str()))
        })
        .collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let worst = ratios.last().copied().unwrap_or_default();
    BaselineResult {
        tool: tool.to_owned(),
        class: class.name.clone(),
        num_queries: theirs.len() as u64,
        latency: latency(&theirs.iter().map(|(_, _, took)| *took).collect()),
        ratio_median: ratios.get(ratios.len() / 2).copied().unwrap_or_default().0,
        ratio_worst: worst.0,
        worst_query: worst.1.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(class: usize, query: u32, at_ms: u64, took_ms: u64) -> Sample {
        let (at_us, took_us) = (at_ms * 1000, took_ms * 1000);
        Sample { class, query, at_us, took_us, ..Sample::default() }
    }

    fn failed(at_ms: u64, code: &str) -> Sample {
        Sample { outcome: Outcome::Failed(code.into()), ..sample(1, 0, at_ms, 9999) }
    }

    fn collected() -> Collected {
        let mut samples: Vec<Sample> =
            (0..100).map(|i| sample(0, i as u32 % 7, i * 100, i + 1)).collect();
        samples.extend([failed(5, "AX-Q001"), failed(9_990, "AX-Q001"), failed(9_999, "timeout")]);
        let partial = Said { partial: true, files: 3, ..Said::default() };
        samples.push(Sample { outcome: Outcome::Answered(partial), ..sample(1, 1, 10, 500) });
        samples.reverse();
        let names = ["fast".to_owned(), "slow".to_owned()];
        let text = |class, query| format!("{class}/{query}");
        collect(samples, &names, text, Duration::from_secs(10))
    }

    #[test]
    fn failures_are_counted_and_not_timed() {
        let all = collected();
        let overall = &all.overall;
        assert_eq!((overall.asked, overall.answered, overall.partial), (104, 101, 1));
        assert_eq!(
            overall.errors.iter().collect::<Vec<_>>(),
            [(&"AX-Q001".into(), &2), (&"timeout".into(), &1)]
        );
        assert_eq!(overall.num_errors(), 3);
        assert!((overall.throughput - 10.1).abs() < 1e-9);
        assert!((overall.latency.max as f64 / 500_000.0 - 1.0).abs() < 0.001);
        let fast = &all.classes[0].figures.latency;
        assert!((fast.p50 as f64 / 50_000.0 - 1.0).abs() < 0.001, "{fast:?}");
        assert!((fast.p95 as f64 / 95_000.0 - 1.0).abs() < 0.001, "{fast:?}");
        assert!(all.classes[0].samples.at_us.is_sorted());
    }

    #[test]
    fn slices_cover_the_time_and_all_queries() {
        let all = collected();
        assert_eq!(all.series.len(), 40);
        assert_eq!(all.series.iter().map(|slice| slice.answered).sum::<u64>(), 101);
        assert_eq!(all.series.iter().map(|slice| slice.errors).sum::<u64>(), 3);
        let seconds: f64 = all.series.iter().map(|slice| slice.seconds).sum();
        assert!((seconds - 10.0).abs() < 1e-9);
    }

    #[test]
    fn each_slow_query_is_told_once() {
        let slowest = collected().slowest;
        assert_eq!(slowest.len(), 8, "seven queries of one class, one of the other");
        assert_eq!((slowest[0].query.as_str(), slowest[0].files), ("1/1", 3));
        assert!(slowest.windows(2).all(|pair| pair[0].took_us >= pair[1].took_us));
    }

    #[test]
    fn ratios_are_over_medians_of_each_query() {
        let class = collected().classes.remove(0);
        let ours = medians(&class.samples);
        let theirs: Vec<_> = ours.iter().map(|(q, us)| (*q, format!("q{q}"), us * 2)).collect();
        let mut result = beside("rg", &class, &theirs);
        assert_eq!((result.ratio_median, result.ratio_worst), (0.5, 0.5));
        let slow: Vec<_> = theirs
            .iter()
            .map(|(q, text, us)| (*q, text.clone(), if *q == 3 { us / 8 } else { *us }))
            .collect();
        result = beside("rg", &class, &slow);
        assert_eq!((result.ratio_median, result.worst_query.as_str()), (0.5, "q3"));
        assert!((result.ratio_worst - 4.0).abs() < 0.01);
    }
}
