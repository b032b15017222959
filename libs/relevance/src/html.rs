//! Findings as one page: no scripts, nothing from elsewhere, dark or light as the reader's system is.

use crate::{
    Estimate, Half, Measure, Results, Row,
    ablation::{Ablation, Verdict},
    baseline::Comparison,
    plot,
    sweep::Trial,
    table,
};
use std::fmt::Write as _;

/// Colours are variables, so that dark and light are one list each.
const CSS: &str = "\
:root{--bg:#fbfbfa;--card:#fff;--ink:#1d232b;--soft:#5d6773;--line:#e3e5e8;--grid:#eceef0;--bad:#c2331f;\
--good:#1a7f4b;--mark:#0f6fb5;--best:#d1741a}\
@media(prefers-color-scheme:dark){:root{--bg:#12161a;--card:#1a1f25;--ink:#e6e9ec;--soft:#98a3af;--line:#2c333b;\
--grid:#262c33;--bad:#ff8a70;--good:#5fd39a;--mark:#5fb2ee;--best:#f0a04b}}\
*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);\
font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}main{max-width:1120px;margin:0 auto;padding:36px 24px 64px}\
h1{font-size:26px;line-height:1.2;margin:0 0 4px;letter-spacing:-.01em}h2{font-size:17px;margin:36px 0 10px}\
h3{font-size:14px;margin:0 0 4px;font-weight:600}.sub{color:var(--soft);margin:0 0 22px}\
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;overflow-x:auto}\
.panels{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:12px}\
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13px}\
th{font-weight:550;color:var(--soft);text-align:right;padding:4px 7px;border-bottom:1px solid var(--line);white-space:nowrap}\
td{text-align:right;padding:5px 7px;border-bottom:1px solid var(--grid);white-space:nowrap}\
tr:last-child td{border-bottom:0}th.l,td.l{text-align:left}\
.bad{color:var(--bad)}.good{color:var(--good)}.note{color:var(--soft);font-size:13px;margin:8px 2px 0}\
svg{display:block;width:100%;height:auto}svg text{fill:var(--soft);font:11px system-ui,sans-serif}\
svg .g{stroke:var(--grid)}svg .now{stroke:var(--soft);stroke-dasharray:4 4}\
svg .p{fill:none;stroke:var(--mark);stroke-width:2;stroke-linejoin:round}svg .d{fill:var(--mark)}\
svg .best{fill:none;stroke:var(--best);stroke-width:2}\
svg .bar{stroke:var(--mark);stroke-width:3;stroke-linecap:round}svg .zero{stroke:var(--soft)}";

/// What a page can show; what is empty is left out.
pub struct Findings<'a> {
    /// The run.
    pub results: &'a Results,
    /// Figures of each set.
    pub figures: &'a [Row],
    /// The half that they are of; none for both.
    pub half: Option<Half>,
    /// What each signal is worth.
    pub ablations: &'a [Ablation],
    /// What a sweep tried.
    pub trials: &'a [Trial],
    /// The best setting that it found, and what that gains on the half for testing.
    pub best: Option<(&'a crate::sweep::Setting, Estimate)>,
    /// Against a baseline.
    pub comparison: Option<&'a Comparison>,
}

/// The whole page.
pub fn page(findings: &Findings<'_>) -> String {
    let Results { ax, corpus, num_files, queries, .. } = findings.results;
    let half = match findings.half {
        Some(Half::Tune) => "the half for tuning",
        Some(Half::Test) => "the half for testing",
        None => "all queries",
    };
    let corpus = corpus.get(..12).unwrap_or(corpus);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Relevance</title>\
         <style>{CSS}</style></head><body><main><h1>Relevance</h1><p class=\"sub\">{} queries \
         over {num_files} files ({}) · ax {}</p>",
        queries.len(),
        escape(corpus),
        escape(ax)
    );
    let _ = write!(page, "<h2>Figures of {half}</h2>");
    table(&mut page, &table::FIGURES, 1, findings.figures.iter().map(table::figure_cells));
    page.push_str("<p class=\"note\">± is half the 95 % interval (bootstrap over files).</p>");
    if let Some(comparison) = findings.comparison {
        compared(&mut page, comparison);
    }
    if !findings.ablations.is_empty() {
        ablated(&mut page, findings.ablations);
    }
    if !findings.trials.is_empty() {
        swept(&mut page, findings);
    }
    page.push_str("</main></body></html>\n");
    page
}

/// Text with what has a meaning in HTML and SVG spelt out. Queries and paths come from anywhere.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.extend(c.escape_default()),
            c => out.push(c),
        }
    }
    out
}

/// A table whose first `texts` columns hold text.
fn table(
    page: &mut String,
    columns: &[&str],
    texts: usize,
    rows: impl Iterator<Item = Vec<String>>,
) {
    let class = |place: usize| if place < texts { " class=\"l\"" } else { "" };
    page.push_str("<div class=\"card\"><table><thead><tr>");
    for (place, name) in columns.iter().enumerate() {
        let _ = write!(page, "<th{}>{}</th>", class(place), escape(name));
    }
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        page.push_str("<tr>");
        for (place, cell) in row.iter().enumerate() {
            let _ = write!(page, "<td{}>{}</td>", class(place), escape(cell));
        }
        page.push_str("</tr>");
    }
    page.push_str("</tbody></table></div>");
}

fn compared(page: &mut String, comparison: &Comparison) {
    let (class, verdict) = match comparison.is_worse() {
        true => ("bad", "worse than the baseline beyond noise"),
        false => ("good", "not worse than the baseline"),
    };
    let _ = write!(page, "<h2 class=\"{class}\">On the half for testing: {verdict}</h2>");
    let rows = table::difference_cells(&comparison.differences);
    table(page, &["measure", "difference"], 1, rows.into_iter());
    for (name, changes) in [("Worse", &comparison.worse), ("Better", &comparison.better)] {
        if !changes.is_empty() {
            let _ = write!(page, "<h2>{name}: {} queries</h2>", changes.len());
            let columns = ["set", "rank", "query", "file"];
            table(page, &columns, 4, changes.iter().map(table::change_cells));
        }
    }
}

fn ablated(page: &mut String, ablations: &[Ablation]) {
    page.push_str("<h2>Without each signal</h2><div class=\"card\">");
    page.push_str(&bars(ablations));
    page.push_str(
        "</div><p class=\"note\">Change of MRR on the half for testing, with its 95 % interval. \
         Left of zero: the signal helps.</p>",
    );
    table(page, &table::ABLATION, 1, ablations.iter().map(table::ablation_cells));
}

/// The interval of each ablation, one below the other.
fn bars(ablations: &[Ablation]) -> String {
    const ROW: f64 = 22.0;
    let (left, right, height) = (150.0, 1040.0, ROW * ablations.len() as f64 + 26.0);
    let ends = || ablations.iter().flat_map(|found| [found.test_mrr.low, found.test_mrr.high]);
    let (low, high) = (ends().fold(-0.001, f64::min), ends().fold(0.001, f64::max));
    let x = |value: f64| left + (value - low) / (high - low) * (right - left);
    let mut out = format!("<svg viewBox=\"0 0 1060 {height}\" role=\"img\">");
    let zero = x(0.0);
    let bottom = height - 22.0;
    let _ = write!(
        out,
        "<line class=\"zero\" x1=\"{zero:.1}\" x2=\"{zero:.1}\" y1=\"0\" y2=\"{bottom}\"/>"
    );
    for value in [low, 0.0, high] {
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value:+.3}</text>",
            x(value),
            height - 6.0
        );
    }
    for (number, found) in ablations.iter().enumerate() {
        let y = ROW * number as f64 + 12.0;
        let Estimate { value, low, high } = found.test_mrr;
        let class = match found.verdict {
            Verdict::Harms => "best",
            _ => "d",
        };
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <line class=\"bar\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
             <circle class=\"{class}\" cx=\"{:.1}\" cy=\"{y}\" r=\"5\"/>",
            left - 12.0,
            y + 4.0,
            escape(&found.parameter),
            x(low),
            x(high),
            x(value)
        );
    }
    out.push_str("</svg>");
    out
}

fn swept(page: &mut String, findings: &Findings<'_>) {
    page.push_str("<h2>MRR by value, on the half for tuning</h2><div class=\"panels\">");
    let best = findings.best.map(|(setting, _)| setting.clone()).unwrap_or_default();
    let panels = plot::panels(findings.trials, &best);
    let range = plot::range(&panels);
    for panel in &panels {
        let (name, svg) = (escape(&panel.name), plot::svg(panel, range));
        let _ = write!(page, "<div class=\"card\"><h3>{name}</h3>{svg}</div>");
    }
    page.push_str(
        "</div><p class=\"note\">Of a grid all trials, of a descent each parameter's last turn. \
         A dot per trial, a line through the best of each value, dashed \
         where the search began, a ring around the best setting. Values by their square root.</p>",
    );
    if let Some((_, gain)) = findings.best {
        let measure = Measure::Mrr.name();
        let gain = table::difference(&gain);
        let _ = write!(
            page,
            "<p class=\"note\">The best setting changes {measure} on the half for testing, which \
             the search never saw, by {gain}.</p>"
        );
    }
    let columns = table::trial_columns(findings.trials);
    let mut names: Vec<&str> = columns.iter().map(String::as_str).collect();
    names.push("MRR");
    page.push_str("<h2>Trials</h2>");
    let rows = findings.trials.iter().map(|trial| table::trial_cells(trial, &columns));
    table(page, &names, 0, rows);
}

#[cfg(test)]
mod tests;
