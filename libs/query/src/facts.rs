//! Conditions on what is known of repositories: `archived:`, `fork:`, `public:` and `visibility:`.
//!
//! Everything is searched unless a query says otherwise, so that `archived:yes` ("also those") leaves
//! nothing out. Zoekt means "only those" by it, Sourcegraph what is meant here; there it is typed often,
//! since archived repositories and forks are left out by default. Of the two ways to be wrong about it,
//! finding too much is the one that is seen.

use std::fmt::{self, Display, Formatter};

use ax_model::RepositoryFacts;

use crate::QueryError;
use crate::filter::Filter;
use crate::settings::{Places, choose};

/// A condition on one fact of a file's repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FactFilter {
    /// Which one.
    pub fact: Fact,
    /// What it must be; `None`: either, so that the condition always holds.
    pub wanted: Option<bool>,
}

/// A fact that a query can ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fact {
    /// Nobody works on the repository any more.
    Archived,
    /// It began as a copy of another one.
    Fork,
    /// Everybody may read it at its code host.
    Public,
}

/// Of `archived:` and `fork:`.
const WITH_OTHERS: &[(&str, Option<bool>)] = &[
    ("yes", None),
    ("no", Some(false)),
    ("only", Some(true)),
    ("true", None),
    ("false", Some(false)),
];
/// Of `public:`.
const ALONE: &[(&str, Option<bool>)] = &[
    ("yes", Some(true)),
    ("no", Some(false)),
    ("only", Some(true)),
    ("true", Some(true)),
    ("false", Some(false)),
];
/// Of `visibility:`.
const VISIBILITIES: &[(&str, Option<bool>)] =
    &[("public", Some(true)), ("private", Some(false)), ("any", None)];

impl FactFilter {
    /// Reads the value of one of the four filters.
    pub(crate) fn parse(filter: Filter, value: &str, at: &Places) -> Result<Self, QueryError> {
        let (fact, known) = match filter {
            Filter::Archived => (Fact::Archived, WITH_OTHERS),
            Filter::Fork => (Fact::Fork, WITH_OTHERS),
            Filter::Visibility => (Fact::Public, VISIBILITIES),
            _ => (Fact::Public, ALONE),
        };
        Ok(Self { fact, wanted: choose(filter, value, at, known)? })
    }

    /// Whether it holds for a repository.
    pub fn holds(self, facts: &RepositoryFacts) -> bool {
        let is_so = match self.fact {
            Fact::Archived => facts.archived,
            Fact::Fork => facts.fork,
            Fact::Public => facts.public,
        };
        self.wanted.is_none_or(|wanted| wanted == is_so)
    }
}

impl Display for FactFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let with_others = match self.wanted {
            None => "yes",
            Some(true) => "only",
            Some(false) => "no",
        };
        match (self.fact, self.wanted) {
            (Fact::Archived, _) => write!(f, "archived:{with_others}"),
            (Fact::Fork, _) => write!(f, "fork:{with_others}"),
            (Fact::Public, None) => f.write_str("visibility:any"),
            (Fact::Public, Some(true)) => f.write_str("public:yes"),
            (Fact::Public, Some(false)) => f.write_str("public:no"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_of_which_nothing_is_known_is_none_of_all_this() {
        let unknown = RepositoryFacts::default();
        for fact in [Fact::Archived, Fact::Fork, Fact::Public] {
            let holds = |wanted| FactFilter { fact, wanted }.holds(&unknown);
            assert_eq!([None, Some(false), Some(true)].map(holds), [true, true, false], "{fact:?}");
        }
    }
}
