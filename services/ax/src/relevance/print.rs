//! Findings on a terminal.

use crate::client::{
    out::line,
    table::{Align, lines},
};
use ax_relevance::{
    Estimate, Half, Results, Row,
    ablation::Ablation,
    baseline::Comparison,
    sweep::{Setting, Trial},
    table,
};

/// Rows that a list of queries has on the terminal; all of them are in the JSON.
const MOST_ROWS: usize = 25;
/// Trials that are listed, best first.
const MOST_TRIALS: usize = 15;

/// Which half is meant, for people.
pub fn half_words(half: Option<Half>) -> &'static str {
    match half {
        Some(Half::Tune) => "the half for tuning",
        Some(Half::Test) => "the half for testing",
        None => "all queries",
    }
}

/// The figures, and the queries that found nothing.
pub fn figures(rows: &[Row], results: &Results, half: Option<Half>) {
    line(format!("Figures of {}, ± half the 95 % interval", half_words(half)));
    let header: Vec<_> =
        table::FIGURES.iter().enumerate().map(|(i, name)| (*name, align(i > 0))).collect();
    print(&header, rows.iter().map(table::figure_cells).collect());
    let missed = table::missed(results, half);
    if !missed.is_empty() {
        line(format!("\nNot among the first 50: {} queries", missed.len()));
        print_some(&[("set", Align::Left), ("query", Align::Left), ("file", Align::Left)], missed);
    }
    let partial = results.queries.iter().filter(|query| query.partial).count();
    if partial > 0 {
        line(format!("\n{partial} answers were partial: the figures are too low"));
    }
}

/// What each signal is worth.
pub fn ablations(found: &[Ablation]) {
    line("\nWithout each signal: change of the figures, with 95 % intervals");
    let last = table::ABLATION.len() - 1;
    let header: Vec<_> = table::ABLATION
        .iter()
        .enumerate()
        .map(|(i, name)| (*name, align(i > 0 && i < last)))
        .collect();
    print(&header, found.iter().map(table::ablation_cells).collect());
}

/// The best of what was tried.
pub fn trials(trials: &[Trial]) {
    let columns = table::trial_columns(trials);
    let mut best: Vec<&Trial> = trials.iter().collect();
    best.sort_by(|a, b| b.score.total_cmp(&a.score));
    best.truncate(MOST_TRIALS);
    line(format!("\nThe best {} of {} trials, on the half for tuning", best.len(), trials.len()));
    let mut header: Vec<_> = columns.iter().map(|name| (name.as_str(), Align::Right)).collect();
    header.push(("MRR", Align::Right));
    print(&header, best.into_iter().map(|trial| table::trial_cells(trial, &columns)).collect());
}

/// What the best setting is, and what it gains where it was not tuned.
pub fn best(start: &Setting, best: &Setting, gain: &Estimate) {
    let changed = best.iter().filter(|(name, value)| start.get(*name) != Some(value));
    let changed: Vec<_> =
        changed.map(|(name, value)| format!("{name}={}", table::number(*value))).collect();
    if changed.is_empty() {
        return line("\nNothing tried is better than the setting it began from");
    }
    line(format!("\nBest: {}", changed.join(" ")));
    line(format!("MRR on the half for testing: {}", table::difference(gain)));
}

/// What changed since the baseline.
pub fn comparison(found: &Comparison) {
    line(format!(
        "\nAgainst the baseline, on the half for testing ({} queries in common, {} not)",
        found.num_common, found.num_single
    ));
    if found.other_corpus {
        line("The baseline is of other files: compared by force");
    }
    for (name, before, now) in &found.parameters {
        let value = |value: &Option<f32>| value.map_or_else(|| "?".to_owned(), table::number);
        line(format!("{name}: {} → {}", value(before), value(now)));
    }
    let header = [("measure", Align::Left), ("difference", Align::Left)];
    print(&header, table::difference_cells(&found.differences));
    for (name, changes) in [("Better", &found.better), ("Worse", &found.worse)] {
        line(format!("\n{name}: {} queries of both halves", changes.len()));
        let header = ["set", "rank", "query", "file"].map(|name| (name, Align::Left));
        print_some(&header, changes.iter().map(table::change_cells).collect());
    }
    let verdict = if found.is_worse() { "worse by more than noise" } else { "not worse" };
    line(format!("\nVerdict: {verdict}"));
}

fn align(is_number: bool) -> Align {
    if is_number { Align::Right } else { Align::Left }
}

fn print_some(header: &[(&str, Align)], mut rows: Vec<Vec<String>>) {
    let more = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    if !rows.is_empty() {
        print(header, rows);
    }
    if more > 0 {
        line(format!("… and {more} more; --json FILE has them all"));
    }
}

fn print(header: &[(&str, Align)], rows: Vec<Vec<String>>) {
    lines(header, &rows).into_iter().for_each(line);
}
