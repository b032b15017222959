//! What is said of a repository beside its text, by whoever declares it or by its code host.

use serde::{Deserialize, Serialize};

/// Facts by which repositories are told apart and ranked. What nobody says counts as no, and as a rank
/// of 0: so they are in records and segments written before there were any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RepositoryFacts {
    /// Nobody works on it any more.
    pub archived: bool,
    /// It began as a copy of another one.
    pub fork: bool,
    /// Everybody may read it at its code host. No permission here: only `public:` asks for it.
    pub public: bool,
    /// How much it weighs among others, as the stars of a code host say it.
    pub rank: u32,
}

/// The same as far as one source says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SaidFacts {
    /// See [`RepositoryFacts::archived`].
    pub archived: Option<bool>,
    /// See [`RepositoryFacts::fork`].
    pub fork: Option<bool>,
    /// See [`RepositoryFacts::public`].
    pub public: Option<bool>,
    /// See [`RepositoryFacts::rank`].
    pub rank: Option<u32>,
}

impl SaidFacts {
    /// Each fact as it is said here, or else there.
    pub fn or(self, other: Self) -> Self {
        Self {
            archived: self.archived.or(other.archived),
            fork: self.fork.or(other.fork),
            public: self.public.or(other.public),
            rank: self.rank.or(other.rank),
        }
    }

    /// With no, and 0, for what is not said.
    pub fn settled(self) -> RepositoryFacts {
        RepositoryFacts {
            archived: self.archived.unwrap_or_default(),
            fork: self.fork.unwrap_or_default(),
            public: self.public.unwrap_or_default(),
            rank: self.rank.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_to_say_a_fact_decides_it() {
        let typed = SaidFacts { archived: Some(false), rank: Some(7), ..SaidFacts::default() };
        let heard = SaidFacts {
            archived: Some(true),
            fork: Some(true),
            rank: Some(9),
            ..SaidFacts::default()
        };
        let both = RepositoryFacts { archived: false, fork: true, public: false, rank: 7 };
        assert_eq!(typed.or(heard).settled(), both);
        assert_eq!(SaidFacts::default().settled(), RepositoryFacts::default());
    }
}
