//! Findings as cells of tables; columns are aligned by who prints them.

use crate::{Estimate, Measure, Results, Row, ablation::Ablation, baseline::Change, sweep::Trial};

/// Columns of [`figure_cells`]; all but the first hold numbers.
pub const FIGURES: [&str; 9] = [
    "set",
    "queries",
    "missed",
    "MRR",
    "recall@1",
    "recall@5",
    "recall@10",
    "recall@50",
    "nDCG@10",
];

/// Columns of [`ablation_cells`]; the first and the last hold text.
pub const ABLATION: [&str; 7] =
    ["without", "value", "MRR, tune", "nDCG, tune", "MRR, test", "nDCG, test", "the signal"];

/// A row of figures, each with half the width of its interval.
pub fn figure_cells(row: &Row) -> Vec<String> {
    let mut cells = vec![row.set.clone(), row.num_queries.to_string(), row.num_missed.to_string()];
    cells.extend(row.measures.iter().map(with_margin));
    cells
}

/// A row of an ablation.
pub fn ablation_cells(found: &Ablation) -> Vec<String> {
    let mut cells = vec![found.parameter.clone(), number(found.value)];
    let differences = [found.tune_mrr, found.tune_ndcg, found.test_mrr, found.test_ndcg];
    cells.extend(differences.iter().map(difference));
    cells.push(found.verdict.words().to_owned());
    cells
}

/// A changed query: set, query, ranks, file.
pub fn change_cells(change: &Change) -> Vec<String> {
    let Change { set, query, file, before, after, .. } = change;
    vec![set.clone(), format!("{} → {}", rank(*before), rank(*after)), query.clone(), file.clone()]
}

/// The names of the columns of [`trial_cells`]: the parameters that the trials differ in.
pub fn trial_columns(trials: &[Trial]) -> Vec<String> {
    let Some(first) = trials.first() else { return Vec::new() };
    let differs = |name: &&String| {
        trials.iter().any(|trial| trial.setting.get(*name) != first.setting.get(*name))
    };
    first.setting.keys().filter(differs).cloned().collect()
}

/// The values of these parameters, and the MRR.
pub fn trial_cells(trial: &Trial, columns: &[String]) -> Vec<String> {
    let value = |name: &String| trial.setting.get(name).map_or_else(String::new, |v| number(*v));
    let mut cells: Vec<String> = columns.iter().map(value).collect();
    cells.push(format!("{:.4}", trial.score));
    cells
}

/// Queries that found nothing that was expected: set, query, the first file expected.
pub fn missed(results: &Results, half: Option<crate::Half>) -> Vec<Vec<String>> {
    let missed = results.queries.iter().filter(|query| {
        query.first_rank().is_none() && half.is_none_or(|half| query.half() == half)
    });
    let cells = missed.map(|query| {
        let file = query.expected.first().map(|one| one.file.to_string());
        vec![query.set.clone(), query.query.clone(), file.unwrap_or_default()]
    });
    cells.collect()
}

/// A line for each measure: how much more it is now.
pub fn difference_cells(differences: &[Estimate]) -> Vec<Vec<String>> {
    let names = Measure::ALL.iter().map(|measure| measure.name().to_owned());
    names.zip(differences).map(|(name, found)| vec![name, difference(found)]).collect()
}

/// A mean and half the width of its interval.
pub fn with_margin(estimate: &Estimate) -> String {
    format!("{:.3} ±{:.3}", estimate.value, (estimate.high - estimate.low) / 2.0)
}

/// A difference with its interval.
pub fn difference(estimate: &Estimate) -> String {
    let Estimate { value, low, high } = estimate;
    if [value, low, high].iter().all(|end| **end == 0.0) {
        return "0".to_owned();
    }
    format!("{value:+.4} ({low:+.4} … {high:+.4})")
}

/// A rank; a dash for none.
pub fn rank(rank: Option<u32>) -> String {
    rank.map_or_else(|| "–".to_owned(), |rank| rank.to_string())
}

/// A parameter's value.
pub fn number(value: f32) -> String {
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!([1.0, 0.75, 0.04, 20.0, 0.0].map(number), ["1", "0.75", "0.04", "20", "0"]);
        let estimate = Estimate { value: -0.01234, low: -0.02, high: 0.001 };
        assert_eq!(difference(&estimate), "-0.0123 (-0.0200 … +0.0010)");
        assert_eq!(difference(&Estimate { value: 0.0, low: 0.0, high: 0.0 }), "0");
        assert_eq!(with_margin(&Estimate { value: 0.5, low: 0.4, high: 0.6 }), "0.500 ±0.100");
        assert_eq!([rank(Some(7)), rank(None)], ["7", "–"]);
    }

    #[test]
    fn trials_show_only_what_differs() {
        let trial = |b: f32| Trial {
            moved: None,
            setting: [("b".to_owned(), b), ("k1".to_owned(), 1.2)].into(),
            score: 0.5,
        };
        let trials = [trial(0.5), trial(0.75)];
        let columns = trial_columns(&trials);
        assert_eq!(columns, ["b"]);
        assert_eq!(trial_cells(&trials[1], &columns), ["0.75", "0.5000"]);
    }
}
