//! What registrations and checkpoints say of repositories, between the message and the model.

use ax_model::{RepositoryFacts, SaidFacts};
use ax_proto::cluster::{self as proto, Registration};

/// What a message says; an absent one says nothing.
pub fn said_of(facts: Option<&proto::RepositoryFacts>) -> SaidFacts {
    let proto::RepositoryFacts { archived, fork, public, rank } =
        facts.copied().unwrap_or_default();
    SaidFacts { archived, fork, public, rank }
}

/// What is known from a registration: from whoever registered the repository, else from its code host.
pub fn said_by(registration: &Registration) -> SaidFacts {
    said_of(registration.facts.as_ref()).or(said_of(registration.heard.as_ref()))
}

/// The message for what is said; none when nothing is, so that records stay as they were.
pub fn said_to_wire(said: SaidFacts) -> Option<proto::RepositoryFacts> {
    let SaidFacts { archived, fork, public, rank } = said;
    (said != SaidFacts::default()).then_some(proto::RepositoryFacts {
        archived,
        fork,
        public,
        rank,
    })
}

/// The message for facts that hold; none for those of a repository of which nothing is known.
pub fn facts_to_wire(facts: RepositoryFacts) -> Option<proto::RepositoryFacts> {
    let RepositoryFacts { archived, fork, public, rank } = facts;
    let some = |holds: bool| holds.then_some(true);
    let (archived, fork, public) = (some(archived), some(fork), some(public));
    said_to_wire(SaidFacts { archived, fork, public, rank: (rank > 0).then_some(rank) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_survive_the_store() {
        let facts = RepositoryFacts { archived: true, fork: false, public: true, rank: 9 };
        assert_eq!(said_of(facts_to_wire(facts).as_ref()).settled(), facts);
        assert_eq!(facts_to_wire(RepositoryFacts::default()), None);
        let said = SaidFacts { archived: Some(false), ..SaidFacts::default() };
        assert_eq!(said_of(said_to_wire(said).as_ref()), said, "a no is more than silence");
    }

    #[test]
    fn who_registers_it_knows_better_than_the_code_host() {
        let no = SaidFacts { archived: Some(false), ..SaidFacts::default() };
        let yes = SaidFacts { archived: Some(true), fork: Some(true), ..SaidFacts::default() };
        let (facts, heard) = (said_to_wire(no), said_to_wire(yes));
        let said = said_by(&Registration { facts, heard, ..Default::default() });
        assert_eq!(said, SaidFacts { archived: Some(false), ..yes });
    }
}
