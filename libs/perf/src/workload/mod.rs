//! What a run does: who is asked, what, by how many, how fast, for how long. Read from TOML in two
//! stages: the text as written (`raw`), then this, whole and checked (`resolve`).

mod raw;
mod resolve;
mod spans;

#[cfg(test)]
mod tests;

pub use raw::Setting;
pub use resolve::read;
pub use spans::{brief, duration, spelt};

use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};

/// A workload that can be run as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// Its name, for people.
    pub name: String,
    /// Who is asked.
    pub target: Target,
    /// What the target has indexed.
    pub corpus: Corpus,
    /// What is asked, at least one class.
    pub classes: Vec<Class>,
    /// By how many, how fast, for how long.
    pub load: Load,
    /// What else answers the same, in the same run.
    pub baseline: Option<Baseline>,
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A server that runs.
    Running {
        /// Its address, as in `http://127.0.0.1:7080`.
        url: String,
    },
    /// A server of this binary, started on a fresh folder and stopped at the end.
    Serve,
}

/// What the target has indexed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corpus {
    /// Runs over different labels are not compared.
    pub label: String,
    /// The text on this machine: words are drawn from it, and the baseline searches it.
    pub path: Option<PathBuf>,
    /// What a server that is started serves: paths or URLs.
    pub repos: Vec<String>,
}

/// Queries of one kind.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Its name in tables and plots.
    pub name: String,
    /// How often it is asked, relative to the others.
    pub weight: f64,
    /// Where its patterns come from.
    pub source: Source,
    /// How a pattern becomes a query.
    pub kind: Kind,
    /// Whether upper and lower case differ; of literals and regular expressions only.
    pub case_sensitive: bool,
    /// What is wanted of the answer.
    pub ask: Ask,
    /// Most matched lines wanted in all; 0 for no bound.
    pub max_lines: u32,
}

/// Where patterns come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The workload.
    List(Vec<String>),
    /// A file, one per line.
    File(PathBuf),
    /// Words of the corpus, drawn by occurrence: common ones come as often as a reader meets them.
    Words {
        /// How many.
        num: usize,
    },
}

/// How a pattern becomes a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is one already.
    Query,
    /// It stands in the text as it is.
    Literal,
    /// It is a regular expression.
    Regex,
}

/// What is wanted of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ask {
    /// The best files, at most so many.
    Page(u32),
    /// Every file.
    All,
    /// Exact counts and no files.
    Count,
    /// Definitions whose names match the pattern, as after `sym:`.
    Symbols,
    /// What the name at a place means; the pattern is `REPO:PATH:LINE:COL`, or a word that stands for a place
    /// at which the server knows it to be used.
    Definitions,
    /// Where the pattern, a name, is used.
    References,
}

impl Ask {
    /// Whether a pattern is a name or a place, and no query.
    pub fn is_of_names(self) -> bool {
        matches!(self, Self::Symbols | Self::Definitions | Self::References)
    }
}

/// By how many, how fast, for how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// When the next query is asked.
    pub pace: Pace,
    /// Queries under way at the same time, at most.
    pub clients: usize,
    /// Asked before anything is measured.
    pub warm_up: Duration,
    /// How long is measured.
    pub duration: Duration,
    /// Deadline of a query.
    pub timeout: Duration,
    /// Whether the server may answer from what it keeps of earlier answers.
    pub cache: bool,
    /// Of every draw.
    pub seed: u64,
}

/// When the next query is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// When a client has its answer: the server sets the pace.
    Closed,
    /// At times set beforehand, whatever the server does.
    Open {
        /// Queries per second.
        rate: f64,
        /// How they lie in time.
        arrivals: Arrivals,
    },
}

/// How queries of an open loop lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrivals {
    /// All gaps the same.
    Even,
    /// Each at random, as people who know nothing of one another: exponential gaps.
    Poisson,
}

/// What else answers the same, in the same run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The folder that ripgrep searches.
    pub path: PathBuf,
}

impl Class {
    /// The query of a pattern, as it is sent.
    pub fn query(&self, pattern: &str) -> String {
        let case = if self.case_sensitive { "yes" } else { "no" };
        match self.kind {
            Kind::Query => pattern.to_owned(),
            Kind::Literal => {
                let escaped = pattern.replace('\\', "\\\\").replace('"', "\\\"");
                format!("content:\"{escaped}\" case:{case}")
            }
            Kind::Regex => format!("content:/{}/ case:{case}", slashes_escaped(pattern)),
        }
    }
}

/// A slash would end the expression, unless it is escaped already.
fn slashes_escaped(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut escaped = false;
    for c in pattern.chars() {
        if c == '/' && !escaped {
            out.push('\\');
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}
