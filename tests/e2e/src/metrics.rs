//! The page of metrics, and what a process shows.

use anyhow::{Context as _, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Labels that Prometheus' text format itself adds to histograms.
const OF_THE_FORMAT: [&str; 2] = ["le", "quantile"];

/// A metric as the page has it.
#[derive(Debug)]
struct Row {
    kind: String,
    labels: BTreeSet<String>,
    role: String,
}

/// `docs/metrics.md`, by the metrics' names.
#[derive(Debug)]
pub struct Page(BTreeMap<String, Row>);

impl Page {
    /// Reads the page.
    pub fn read() -> anyhow::Result<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
        let text = fs::read_to_string(path)?;
        let rows = text.lines().filter_map(row).collect::<BTreeMap<_, _>>();
        ensure!(!rows.is_empty(), "the page has no rows");
        Ok(Self(rows))
    }

    /// Checks that everything that a process of `role` shows of ours is on the page, as it is there;
    /// returns the names.
    pub fn check(&self, role: &str, shown: &str) -> anyhow::Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        for line in shown.lines() {
            let Some(("ax", rest)) = line.strip_prefix("# TYPE ").and_then(|l| l.split_once('_'))
            else {
                continue;
            };
            let (name, kind) = rest.split_once(' ').context("a type has a name")?;
            let name = format!("ax_{name}");
            let row = self.0.get(&name).with_context(|| format!("{name} is not on the page"))?;
            ensure!(row.kind == kind, "{name} of {role} is a {kind}; the page says {}", row.kind);
            ensure!([role, "any"].contains(&row.role.as_str()), "{role} shows {name}: {row:?}");
            let labels = labels_of(&name, shown);
            ensure!(labels.is_subset(&row.labels), "{name} of {role} has {labels:?}: {row:?}");
            names.insert(name);
        }
        Ok(names)
    }
}

fn row(line: &str) -> Option<(String, Row)> {
    let cells: Vec<&str> = line.split('|').map(str::trim).collect();
    let ["", name, kind, labels, _, role, _, ""] = cells[..] else { return None };
    let name = name.strip_prefix('`')?.strip_suffix('`')?.to_owned();
    let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
    let labels = labels.filter(|label| !label.is_empty()).collect();
    Some((name, Row { kind: kind.to_owned(), labels, role: role.to_owned() }))
}

/// Names of the labels that the samples of a metric have.
fn labels_of(name: &str, shown: &str) -> BTreeSet<String> {
    let samples = shown.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let rest = ["_bucket", "_sum", "_count", ""].iter().find_map(|s| rest.strip_prefix(s))?;
        rest.strip_prefix('{')?.split_once('}').map(|(labels, _)| labels)
    });
    samples
        .flat_map(|labels| labels.split("\",").filter_map(|label| label.split_once('=')))
        .map(|(label, _)| label.to_owned())
        .filter(|label| !OF_THE_FORMAT.contains(&label.as_str()))
        .collect()
}
