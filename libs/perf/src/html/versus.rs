//! The page of a comparison.

use super::{
    page::{Page, Tone},
    plot::{Axis, Line, plot},
};
use crate::{
    Histogram, RunResult,
    compare::{Comparison, Outcome, Verdict},
    table::{comparison_cells, outcome_words},
    workload::brief,
};

/// The whole page: every verdict, and the two runs' latencies on one another.
pub fn comparison(a: &RunResult, b: &RunResult, found: &Comparison) -> String {
    let title = format!("{}: before and after", a.workload.name);
    let mut page = Page::new(&title, &format!("{} · ax {} and {}", a.corpus.label, a.ax, b.ax));
    let outcome = found.outcome();
    let num = |verdict| found.rows.iter().filter(|row| row.verdict == verdict).count().to_string();
    page.tiles(&[
        (outcome_words(outcome).to_owned(), "all in all".to_owned(), outcome == Outcome::Worse),
        (num(Verdict::Worse), "worse".to_owned(), outcome == Outcome::Worse),
        (num(Verdict::Better), "better".to_owned(), false),
        (num(Verdict::TooNoisy), "too noisy to say".to_owned(), false),
    ]);
    for unlike in &found.unlike {
        page.note(&format!("Not alike, compared by force: {unlike}"));
    }
    page.heading("Measures");
    let columns = [
        ("class", "l"),
        ("measure", "l"),
        ("before", ""),
        ("after", ""),
        ("difference", ""),
        ("99 % interval", ""),
        ("verdict", "l"),
    ];
    let rows: Vec<_> = found.rows.iter().map(comparison_cells).collect();
    page.table(&columns, &rows, |y, x| match (found.rows[y].verdict, x + 1 == columns.len()) {
        (Verdict::Worse, true) => Tone::Bad,
        (Verdict::Better, true) => Tone::Good,
        _ => Tone::Plain,
    });
    for before in &a.classes {
        if let Some(after) = b.classes.iter().find(|class| class.name == before.name) {
            page.heading(&before.name);
            let histograms = [before, after]
                .map(|class| -> Histogram { class.samples.took_us.iter().copied().collect() });
            both(&mut page, &histograms);
        }
    }
    page.finish()
}

fn both(page: &mut Page, histograms: &[Histogram; 2]) {
    let low = histograms.iter().map(|h| h.quantile(0.0)).min().unwrap_or(1).max(1) as f64;
    let high = histograms.iter().map(Histogram::max).max().unwrap_or(1).max(10) as f64;
    let x = Axis {
        logarithmic: true,
        range: ((low / 1.3).min(high / 10.0), high * 1.2),
        name: "latency, logarithmic".into(),
        spelt: brief,
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let y = Axis { logarithmic: false, range: (0.0, 1.0), name: String::new(), spelt: percent };
    let lines = [0, 1].map(|number| Line {
        number,
        class: if number == 0 { "dash" } else { "" },
        points: histograms[number].cumulative().into_iter().map(|(us, q)| (us as f64, q)).collect(),
    });
    let key = [("before".to_owned(), 0), ("after".to_owned(), 1)];
    page.plot(&key, &plot(&x, &y, 240.0, &lines));
}
