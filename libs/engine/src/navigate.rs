//! Finding one's way by name: what is defined under it, what stands at a place, and where it is used.
//!
//! Three look-ups of a [`Snapshot`](crate::Snapshot), each from the index and the bytes alone:
//! [`symbols`](crate::Snapshot::symbols) lists definitions, by an exact name from where somebody stands or
//! by a pattern; [`place`](crate::Snapshot::place) says which name stands at a line and column, and what
//! its file imports; [`references`](crate::Snapshot::references) lists the whole words in code.
//!
//! Names are compared, types are not: of two methods of one name both are answers, and the order
//! ([`Origin::distance`]) says which is likelier meant. Rejected: resolving names as a compiler does, which
//! needs every build's configuration, and one program per language.

mod class;
mod identifier;
mod imports;
mod in_order;
mod like;
mod lines;
mod names;
mod near;
mod place;
mod query;
mod references;
mod symbols;
mod wanted;

pub use class::NameClass;
pub use near::{Distance, Nearby, Origin};
pub use place::{Place, PlaceQuery};
pub use query::{SymbolName, SymbolQuery};
pub use references::{FileReferences, Occurrence, ReferenceQuery, References};
pub use symbols::{FoundSymbols, Symbol};

use crate::{docs::flag, snapshot::Part};

/// Longest name that is looked for.
pub const MAX_NAME_BYTES: usize = 512;

/// A document's facts that its rank needs, without copying them.
struct Facts<'a> {
    repo: &'a str,
    path: &'a str,
    language: &'a str,
    /// What it is worth less for: tests, vendored and generated files.
    penalty: u8,
}

fn facts(part: &Part, doc: u32) -> Facts<'_> {
    let docs = &part.segment.docs;
    let (flags, _) = docs.prior_facts(doc);
    let count = |bit: u8| u8::from(flags & bit != 0);
    Facts {
        repo: docs.strings.repos.get(docs.repo(doc) as usize).map_or("", String::as_str),
        path: std::str::from_utf8(part.segment.keys.path(docs.key(doc))).unwrap_or_default(),
        language: docs.strings.language(docs.language(doc)),
        penalty: count(flag::TEST) + 2 * count(flag::VENDORED) + 2 * count(flag::GENERATED),
    }
}

impl Facts<'_> {
    fn nearby<'f>(&'f self, container: Option<&'f str>, on_branch: bool) -> Nearby<'f> {
        let Self { repo, path, language, .. } = *self;
        Nearby { repo, path, language, container, on_branch }
    }
}

/// Whether the branch asked from shows a document; true when none is.
fn is_on<'p>(part: &'p Part, compass: &near::Compass<'p>) -> impl FnMut(u32) -> bool + 'p {
    let branch = compass.origin().branch.as_str();
    let mut shows = part.branches.matching(&part.segment.docs, move |name| name == branch);
    move |doc| branch.is_empty() || shows(doc)
}
