//! What a query says of its answer rather than of the files: how many, in which order, as what.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use crate::Place;

/// The shape of the answer, as far as the query itself says it. Who runs the query checks the numbers
/// against its own bounds; each knows its place for that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// Most files, or names, to return (`count:`).
    pub count: Option<Given<Count>>,
    /// Deadline, at least a millisecond (`timeout:`).
    pub timeout: Option<Given<Duration>>,
    /// Lines before and after each matched line (`context:`).
    pub context: Option<Given<u32>>,
    /// The order (`sort:`).
    pub sort: Sort,
    /// What is listed (`type:`, `select:`).
    pub select: Select,
}

/// A number that stands in the query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Given<T> {
    /// What it is.
    pub value: T,
    /// The filter, name and value.
    pub place: Place,
}

/// How much to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// Everything.
    All,
    /// At most so many; not zero.
    Most(u32),
}

/// The order of an answer. Equals are in order of rank, then of repository and path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Sort {
    /// Best first.
    #[default]
    Relevance,
    /// The one that changed last first.
    Recency,
    /// By repository, then path, both by bytes.
    Path,
    /// Largest first.
    Size,
}

/// What an answer lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Select {
    /// Files with their matched lines.
    #[default]
    Match,
    /// Files without lines.
    File,
    /// Repositories that have a matching file.
    Repo,
    /// Languages of the matching files.
    Language,
}

impl Sort {
    pub(crate) const NAMES: &[(&str, Sort)] = &[
        ("relevance", Sort::Relevance),
        ("recency", Sort::Recency),
        ("path", Sort::Path),
        ("size", Sort::Size),
    ];
}

/// What stands in the query for it, each after a space; nothing for what is the default.
impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.select {
            Select::Match => "",
            Select::File => " select:file",
            Select::Repo => " select:repo",
            Select::Language => " select:lang",
        })?;
        match Sort::NAMES.iter().find(|(_, sort)| *sort == self.sort) {
            Some((name, sort)) if *sort != Sort::default() => write!(f, " sort:{name}")?,
            _ => {}
        }
        match self.count.map(|count| count.value) {
            None => {}
            Some(Count::All) => f.write_str(" count:all")?,
            Some(Count::Most(number)) => write!(f, " count:{number}")?,
        }
        self.context.map_or(Ok(()), |lines| write!(f, " context:{}", lines.value))?;
        self.timeout.map_or(Ok(()), |time| write!(f, " timeout:{}ms", time.value.as_millis()))
    }
}
