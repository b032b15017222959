//! The page of metrics lists what the source counts, and nothing else.

use std::collections::BTreeMap;

use crate::{Complaints, File};

/// How a metric is made, and what that is called on the page.
const MACROS: [(&str, &str); 3] =
    [("counter!(", "counter"), ("gauge!(", "gauge"), ("histogram!(", "histogram")];

/// `page` has one table row per metric: name and type first. Every macro in `files` that names a metric
/// has its row with that type, and every row its macro.
pub fn metrics_are_documented(files: &[File], page: &File) -> Complaints {
    let listed = listed(&page.text);
    let mut made = BTreeMap::new();
    for file in files.iter().filter(|file| is_source(&file.path)) {
        made.extend(metrics(&file.text).map(|(name, kind)| (name, (kind, file.path.as_str()))));
    }
    let mut complaints = Complaints::new();
    for (name, (kind, place)) in &made {
        match listed.get(name) {
            None => complaints.push(format!("{}: add a row for {name} of {place}", page.path)),
            Some(row) if row != kind => {
                complaints.push(format!("{}: {name} is a {kind}, see {place}", page.path));
            }
            Some(_) => {}
        }
    }
    let gone = listed.keys().filter(|name| !made.contains_key(*name));
    complaints.extend(gone.map(|name| format!("{}: nothing counts {name}", page.path)));
    complaints
}

fn is_source(path: &str) -> bool {
    path.ends_with(".rs") && (path.starts_with("libs/") || path.starts_with("services/"))
}

/// Names and types of the metrics that a source makes.
fn metrics(text: &str) -> impl Iterator<Item = (&str, &'static str)> {
    MACROS.into_iter().flat_map(move |(start, kind)| {
        let calls = text.match_indices(start).map(|(at, _)| &text[at + start.len()..]);
        let names = calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        names.map(move |name| (name, kind))
    })
}

/// Rows as in `| `ax_name_total` | counter | …`.
fn listed(text: &str) -> BTreeMap<&str, &str> {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim().split('|').map(str::trim).collect();
        let ["", name, kind, _, _, _, _, ""] = cells[..] else { return None };
        name.starts_with('`').then_some((name.trim_matches('`'), kind))
    });
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(page: &str) -> Vec<String> {
        let source = "metrics::counter!(\"ax_a_total\", \"code\" => x)\n\
                      metrics::histogram!(\n    \"ax_b_seconds\"\n).record(1)";
        let files = [File::new("libs/x/src/lib.rs", source), File::new("tests/x.rs", source)];
        metrics_are_documented(&files, &File::new("metrics.md", page))
    }

    #[test]
    fn agreement_is_silent() {
        let page = "| name | type | l | u | r | m |\n|---|---|---|---|---|---|\n\
                    | `ax_a_total` | counter | `code` | x | any | m |\n\
                    | `ax_b_seconds` | histogram | | s | any | m |\n";
        assert!(complaints(page).is_empty(), "{:?}", complaints(page));
    }

    #[test]
    fn each_difference_is_told() {
        let page = "| `ax_a_total` | gauge | | x | any | m |\n| `ax_c` | gauge | | x | any | m |\n";
        let complaints = complaints(page);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].contains("ax_a_total is a counter"));
        assert!(complaints[1].contains("add a row for ax_b_seconds"));
        assert!(complaints[2].contains("nothing counts ax_c"));
    }
}
