//! Which definitions of one segment are wanted, by what is asked of them beside their names.

use super::{SymbolName, SymbolQuery};
use crate::{
    Result, Stop,
    bits::Bits,
    search::{finder::Memory, pace::Pace, paths::PathFilter},
    snapshot::Part,
    symbols::{Named, Place},
};
use std::{cell::Cell, sync::Arc};

/// Which definitions of one segment are wanted.
pub(super) struct Wanted<'a, 'q> {
    part: &'a Part,
    /// Per number of a kind, whether it is wanted; none if all are.
    kinds: Option<Vec<bool>>,
    /// Per number of a repository, the same.
    repos: Option<Vec<bool>>,
    /// Per number of a language, the same.
    languages: Option<Vec<bool>>,
    /// The documents wanted, as far as that could be looked up.
    docs: Arc<Bits>,
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
        let repos: Option<Vec<bool>> = query.restricts_repositories().then(|| {
            let is_wanted = |name: &String| {
                !stop.is_due() && query.wants_repository(name, part.branches.facts_of(name))
            };
            strings.repos.iter().map(is_wanted).collect()
        });
        let languages: Option<Vec<bool>> = (!query.languages.is_empty()).then(|| {
            let is_wanted = |name: &String| query.languages.iter().all(|wanted| wanted == name);
            strings.languages.iter().map(is_wanted).collect()
        });
        let (mut docs, mut paths) = (Arc::clone(&part.live), Vec::new());
        for file in files {
            match file.look_up(&part.segment, &docs, stop)? {
                Some(found) => docs = Arc::new(found),
                None => paths.push(file),
            }
        }
        let in_docs = &part.segment.docs;
        // a look at each document is nothing beside one at each name, and much beside one at a single name
        if let SymbolName::Like(_) = query.name {
            if let Some(repos) = &repos {
                Arc::make_mut(&mut docs).retain(|doc| is(repos, in_docs.repo(doc)));
            }
            if let Some(languages) = &languages {
                Arc::make_mut(&mut docs).retain(|doc| is(languages, in_docs.language(doc)));
            }
        }
        let all = kinds.is_none() && repos.is_none() && languages.is_none() && files.is_empty();
        Ok(Self { part, kinds, repos, languages, docs, paths, all, stop })
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
        let late = Cell::new(false);
        let stop = || {
            late.set(self.stop.is_due());
            late.get()
        };
        let memory = self.paths.iter().map(|_| Memory::default()).collect();
        ask(&mut Asking { wanted: self, pace: Pace::new(&stop), late: &late, memory })
    }
}

/// What one thread needs to ask.
pub(super) struct Asking<'w, 'a, 'q> {
    wanted: &'w Wanted<'a, 'q>,
    pace: Pace<'w>,
    /// Time is up.
    late: &'w Cell<bool>,
    memory: Vec<Memory>,
}

impl Asking<'_, '_, '_> {
    /// Whether a definition is wanted. False once time is up.
    pub(super) fn is_wanted(&mut self, place: &Place) -> bool {
        let Self { wanted, pace, late, memory } = self;
        let Wanted { part, kinds, repos, languages, docs, paths, .. } = wanted;
        let of = |all: &Option<Vec<bool>>, number: u32| {
            all.as_ref().is_none_or(|wanted| is(wanted, number))
        };
        let in_docs = &part.segment.docs;
        let path = || part.segment.keys.path(in_docs.key(place.doc));
        !late.get()
            && docs.has(place.doc)
            && of(kinds, place.kind)
            && of(repos, in_docs.repo(place.doc))
            && of(languages, in_docs.language(place.doc))
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
