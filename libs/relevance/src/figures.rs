//! The measures of each set, and of all of them.

use crate::{Estimate, Half, Measure, QueryResult, bootstrap};
use serde::Serialize;

/// The measures of one set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The set; `all` for all of them.
    pub set: String,
    /// How many queries.
    pub num_queries: usize,
    /// How many of them found nothing that was expected.
    pub num_missed: usize,
    /// In the order of [`Measure::ALL`].
    pub measures: Vec<Estimate>,
}

/// A row per set that has queries, in order of appearance, and one for all when there are several. `half`
/// leaves out the queries of the other.
pub fn figures(queries: &[QueryResult], half: Option<Half>) -> Vec<Row> {
    let wanted: Vec<&QueryResult> =
        queries.iter().filter(|query| half.is_none_or(|half| query.half() == half)).collect();
    let mut sets: Vec<&str> = Vec::new();
    for query in &wanted {
        if !sets.contains(&query.set.as_str()) {
            sets.push(&query.set);
        }
    }
    let of_set = |set: &str| wanted.iter().copied().filter(|query| query.set == set).collect();
    let mut rows: Vec<Row> = sets.iter().map(|set| row(set, of_set(set))).collect();
    if rows.len() > 1 {
        rows.push(row("all", wanted));
    }
    rows
}

fn row(set: &str, queries: Vec<&QueryResult>) -> Row {
    let estimate = |measure: Measure| {
        bootstrap::mean(queries.iter().map(|query| (query.group(), query.score(measure))))
    };
    Row {
        set: set.to_owned(),
        num_queries: queries.len(),
        num_missed: queries.iter().filter(|query| query.first_rank().is_none()).count(),
        measures: Measure::ALL.map(estimate).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::tests::result;

    #[test]
    fn means_as_by_hand() {
        let queries = [
            result("names", 1, Some(1)),
            result("names", 2, Some(4)),
            result("words", 3, None),
            result("words", 4, Some(2)),
        ];
        let rows = figures(&queries, None);
        let found: Vec<_> = rows
            .iter()
            .map(|row| (row.set.as_str(), row.num_queries, row.num_missed, row.measures[0].value))
            .collect();
        assert_eq!(found, [("names", 2, 0, 0.625), ("words", 2, 1, 0.25), ("all", 4, 1, 0.4375)]);
        assert_eq!(rows[2].measures[2].value, 0.75, "recall@5");
    }

    #[test]
    fn halves_are_apart() {
        let queries: Vec<_> = (0..40).map(|i| result("s", i, Some(1))).collect();
        let num = |half| figures(&queries, half)[0].num_queries;
        let (tune, test) = (num(Some(Half::Tune)), num(Some(Half::Test)));
        assert!(tune > 0 && test > 0);
        assert_eq!((tune + test, num(None)), (40, 40));
        assert!(figures(&[], None).is_empty());
    }
}
