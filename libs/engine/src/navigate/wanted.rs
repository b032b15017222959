//! Which definitions of one segment are wanted, by what is asked of them beside their names.

use super::SymbolQuery;
use crate::{
    Result, Stop,
    bits::Bits,
    search::{finder::Memory, pace::Pace, paths::PathFilter},
    snapshot::Part,
    symbols::{Named, Place},
};

/// Which definitions of one segment are wanted.
pub(super) struct Wanted<'a, 'q> {
    part: &'a Part,
    /// Per number of a kind, whether it is wanted; none if all are.
    kinds: Option<Vec<bool>>,
    /// The documents wanted, as far as that could be looked up.
    docs: Bits,
    /// Filters on paths that could not: each path is read when a definition in it is asked for.
    paths: Vec<&'q PathFilter>,
    /// Nothing is asked of a definition but its name.
    all: bool,
    stop: &'q Stop,
}

impl<'a, 'q> Wanted<'a, 'q> {
    /// `files` are the query's filters on paths, compiled.
    pub(super) fn new(
        part: &'a Part,
        query: &SymbolQuery<'_>,
        files: &'q [PathFilter],
        stop: &'q Stop,
    ) -> Result<Self> {
        let strings = &part.segment.docs.strings;
        let kinds = query.kinds.as_ref().map(|kinds| {
            let is_wanted = |name: &String| kinds.iter().any(|kind| kind.as_str() == name);
            strings.symbol_kinds.iter().map(is_wanted).collect()
        });
        let (mut docs, mut paths) = ((*part.live).clone(), Vec::new());
        for file in files {
            match file.look_up(&part.segment, &docs, stop)? {
                Some(found) => docs = found,
                None => paths.push(file),
            }
        }
        let in_docs = &part.segment.docs;
        if query.restricts_repositories() {
            let is_wanted = |name: &String| {
                !stop.is_due() && query.wants_repository(name, part.branches.facts_of(name))
            };
            let wanted: Vec<bool> = in_docs.strings.repos.iter().map(is_wanted).collect();
            docs.retain(|doc| is(&wanted, in_docs.repo(doc)));
        }
        if !query.languages.is_empty() {
            let is_wanted = |name: &String| query.languages.iter().all(|wanted| wanted == name);
            let wanted: Vec<bool> = in_docs.strings.languages.iter().map(is_wanted).collect();
            docs.retain(|doc| is(&wanted, in_docs.language(doc)));
        }
        let all = kinds.is_none() && paths.is_empty() && docs == *part.live;
        Ok(Self { part, kinds, docs, paths, all, stop })
    }

    /// No document is wanted.
    pub(super) fn is_nothing(&self) -> bool {
        self.docs.is_empty()
    }

    /// The segment's part of the snapshot.
    pub(super) fn part(&self) -> &'a Part {
        self.part
    }

    /// Asks for one definition after another.
    pub(super) fn asking<T>(&self, ask: impl FnOnce(&mut Asking<'_, '_, 'q>) -> T) -> T {
        let stop = || self.stop.is_due();
        let memory = self.paths.iter().map(|_| Memory::default()).collect();
        ask(&mut Asking { wanted: self, pace: Pace::new(&stop), memory })
    }
}

/// What one thread needs to ask.
pub(super) struct Asking<'w, 'a, 'q> {
    wanted: &'w Wanted<'a, 'q>,
    pace: Pace<'w>,
    memory: Vec<Memory>,
}

impl Asking<'_, '_, '_> {
    /// Whether a definition is wanted. False once time is up.
    pub(super) fn is_wanted(&mut self, place: &Place) -> bool {
        let Self { wanted, pace, memory } = self;
        let Wanted { part, kinds, docs, paths, .. } = wanted;
        let path = || part.segment.keys.path(part.segment.docs.key(place.doc));
        docs.has(place.doc)
            && kinds.as_ref().is_none_or(|kinds| is(kinds, place.kind))
            && paths
                .iter()
                .zip(memory)
                .all(|(filter, memory)| filter.is_match(memory, path(), pace))
    }

    /// Whether any definition of a name is. Where all are, nothing is read for it.
    pub(super) fn has_any(&mut self, named: &Named<'_>) -> Result<bool> {
        if self.wanted.all {
            return Ok(true);
        }
        let mut any = false;
        named.each_place(|place| any = any || self.is_wanted(&place))?;
        Ok(any)
    }
}

fn is(wanted: &[bool], number: u32) -> bool {
    wanted.get(number as usize).copied().unwrap_or(false)
}
