//! What a comparison must and must not say, over many seeds.

use ax_perf::{
    ClassFacts, ClassResult, CorpusFacts, FORMAT, Figures, MachineFacts, RunResult, Samples,
    ServerFacts, WorkloadFacts,
    compare::{Outcome, Rules, Verdict, compare, latency_rows, read},
    stats::Blocks,
    workload::{Ask, Kind},
};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

const SECONDS_US: u64 = 60_000_000;

/// Times as a search server's: most short, a long tail, and stretches in which all is slower. Each with
/// its time of day.
fn times(num: usize, seed: u64) -> Vec<(u64, u64)> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut weather = 1.0;
    (0..num)
        .map(|i| {
            if i % (num / 120).max(1) == 0 {
                weather = 1.0 + 0.1 * rng.random::<f64>();
            }
            // Sum of uniforms as a normal deviate, then a log-normal time.
            let normal: f64 = (0..12).map(|_| rng.random::<f64>()).sum::<f64>() - 6.0;
            let at = SECONDS_US * i as u64 / num as u64;
            (at, (2000.0 * weather * (0.6 * normal).exp()) as u64)
        })
        .collect()
}

fn blocks(times: &[(u64, u64)], factor: f64) -> Blocks {
    let at: Vec<u64> = times.iter().map(|(at, _)| *at).collect();
    let took: Vec<u64> = times.iter().map(|(_, took)| (*took as f64 * factor) as u64).collect();
    Blocks::new(&at, &took, SECONDS_US)
}

fn is_same(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Same | Verdict::SameWithinNoise)
}

/// Halves of the same samples, dealt at random: whatever differs is chance.
#[test]
fn a_run_is_the_same_as_itself() {
    let (mut said, mut same) = (0, 0);
    for seed in 0..100 {
        let mut all = times(8_000, seed);
        all.shuffle(&mut ChaCha8Rng::seed_from_u64(1000 + seed));
        let (a, b) = all.split_at(all.len() / 2);
        let rules = Rules { seed, ..Rules::default() };
        for row in latency_rows("x", &blocks(a, 1.0), &blocks(b, 1.0), rules) {
            said += 1;
            same += usize::from(is_same(row.verdict));
        }
    }
    assert!(same * 100 >= said * 95, "the same in {same} of {said}");
}

/// Two runs of the same server in different weather are hardly ever called worse.
#[test]
fn weather_is_not_a_regression() {
    let mut worse = 0;
    for seed in 0..60 {
        let (a, b) = (times(4_000, 2 * seed), times(4_000, 2 * seed + 1));
        let rows = latency_rows("x", &blocks(&a, 1.0), &blocks(&b, 1.0), Rules::default());
        worse += rows.iter().filter(|row| row.verdict == Verdict::Worse).count();
    }
    assert!(worse <= 180 / 50, "worse in {worse} of 180");
}

#[test]
fn a_fifth_more_is_found_and_a_fifth_less_too() {
    for seed in 0..20 {
        let (a, b) = (times(20_000, 2 * seed), times(20_000, 2 * seed + 1));
        let rows = |x: &Blocks, y: &Blocks| latency_rows("x", x, y, Rules::default());
        let (plain, slow) = (blocks(&a, 1.0), blocks(&b, 1.2));
        for (row, back) in rows(&plain, &slow).iter().zip(rows(&slow, &plain)) {
            if row.measure != "p99" {
                assert_eq!(row.verdict, Verdict::Worse, "seed {seed}: {row:?}");
                assert_eq!(back.verdict, Verdict::Better, "seed {seed}: {back:?}");
            }
        }
    }
}

#[test]
fn little_data_says_that_it_cannot_tell() {
    let (a, b) = (times(12, 1), times(12, 2));
    for row in latency_rows("x", &blocks(&a, 1.0), &blocks(&b, 1.2), Rules::default()) {
        assert_eq!(row.verdict, Verdict::TooNoisy, "{row:?}");
    }
}

/// The interval of the difference holds the truth about as often as it says.
#[test]
fn intervals_cover() {
    let mut inside = 0;
    for seed in 0..100 {
        let (a, b) = (times(4_000, 2 * seed + 500), times(4_000, 2 * seed + 501));
        let rows = latency_rows("x", &blocks(&a, 1.0), &blocks(&b, 1.1), Rules::default());
        let (low, high) = rows[0].interval;
        inside += usize::from((low..=high).contains(&0.1));
    }
    assert!(inside >= 94, "99 % are said, {inside} % held it");
}

/// A run of one class, with these times and failures.
fn run(label: &str, times: &[(u64, u64)], failed: u64) -> RunResult {
    let asked = times.len() as u64 + failed;
    let mut figures = Figures { asked, answered: times.len() as u64, ..Figures::default() };
    figures.errors.insert("AX-S001".into(), failed);
    let at_us = times.iter().map(|(at, _)| *at).collect();
    let took_us = times.iter().map(|(_, took)| *took).collect();
    let samples = Samples { at_us, took_us, query: vec![0; times.len()] };
    let class = ClassFacts {
        name: "x".into(),
        weight: 1.0,
        kind: Kind::Query,
        ask: Ask::Count,
        num_queries: 1,
        digest: "d".into(),
    };
    let workload = WorkloadFacts {
        name: "w".into(),
        pace: "closed loop".into(),
        clients: 1,
        warm_up_seconds: 1.0,
        timeout_ms: 1000,
        cache: false,
        seed: 1,
        classes: vec![class],
    };
    RunResult {
        format: FORMAT,
        ax: "0".into(),
        started_at_ms: 0,
        workload,
        corpus: CorpusFacts { label: label.into(), ..CorpusFacts::default() },
        server: ServerFacts::default(),
        machine: MachineFacts::default(),
        seconds: 60.0,
        overall: figures.clone(),
        classes: vec![ClassResult { name: "x".into(), figures, samples }],
        cost: None,
        series: Vec::new(),
        slowest: Vec::new(),
        baseline: Vec::new(),
    }
}

#[test]
fn failures_convict_whatever_the_threshold() {
    let times = times(4_000, 1);
    let lenient = Rules { threshold: 10.0, noise: 10.0, ..Rules::default() };
    let outcome = |before: u64, after: u64| {
        let (a, b) = (run("l", &times, before), run("l", &times, after));
        compare(&a, &b, lenient, false).unwrap().outcome()
    };
    assert_eq!(outcome(0, 0), Outcome::NotWorse);
    assert_eq!(outcome(0, 1), Outcome::NotWorse, "one in four thousand may be chance");
    assert_eq!(outcome(0, 40), Outcome::Worse);
    assert_eq!(outcome(40, 0), Outcome::NotWorse);
}

#[test]
fn a_short_run_neither_passes_nor_convicts() {
    let (before, after) = (run("l", &times(12, 1), 0), run("l", &times(12, 2), 0));
    let found = compare(&before, &after, Rules::default(), false).unwrap();
    assert_eq!(found.outcome(), Outcome::CannotTell);
    let failed = compare(&before, &run("l", &times(12, 2), 400), Rules::default(), false).unwrap();
    assert_eq!(failed.outcome(), Outcome::Worse, "worse wins over noise");
}

#[test]
fn throughput_is_of_the_whole_run() {
    let (many, few) = (times(8_000, 1), times(6_000, 2));
    let rules = Rules { threshold: 0.05, ..Rules::default() };
    let found = compare(&run("l", &many, 0), &run("l", &few, 0), rules, false).unwrap();
    let row = found.rows.iter().find(|row| row.measure == "throughput").unwrap();
    assert_eq!((row.verdict, row.class.as_str()), (Verdict::Worse, "all"));
    assert!((row.difference + 0.25).abs() < 1e-9);
}

#[test]
fn runs_that_are_not_alike_are_refused_unless_forced() {
    let (a, b) = (run("one", &times(100, 1), 0), run("two", &times(100, 1), 0));
    let fault = compare(&a, &b, Rules::default(), false).unwrap_err();
    assert!(fault.message.contains("corpus: `one` and `two`"), "{fault}");
    let forced = compare(&a, &b, Rules::default(), true).unwrap();
    assert_eq!(forced.unlike.len(), 1);
    let mut part = a.clone();
    part.corpus.num_files = 7;
    let fault = compare(&a, &part, Rules::default(), false).unwrap_err();
    assert!(fault.message.contains("files indexed: `0` and `7`"), "{fault}");
}

#[test]
fn results_are_read_back_and_other_files_refused() {
    let text = serde_json::to_string(&run("l", &times(50, 1), 2)).unwrap();
    let back = read("f", &text).unwrap();
    assert_eq!((back.overall.num_errors(), back.classes[0].samples.took_us.len()), (2, 50));
    for (text, says) in [("{\"format\":99}", "format 99"), ("{}", "no result"), ("x", "no result")]
    {
        let fault = read("f", text).unwrap_err();
        assert!(fault.message.contains(says) && fault.message.starts_with("f: "), "{fault}");
    }
}
