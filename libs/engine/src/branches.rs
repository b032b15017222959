//! What is known of a snapshot's repositories *now*: which branches show a document (those that it names,
//! as of when it was written, seen through the history of its repository's branches since), and what is
//! said of each repository beside its text. The newest segment that speaks of one decides, so that neither
//! writes a document again.

use crate::{docs::Docs, segment::Segment};
use ax_model::{RepoName, RepositoryFacts, RepositoryInfo};
use rustc_hash::FxHashMap;
use std::{collections::BTreeMap, sync::Arc};

/// What ingest calls the only branch of a repository whose HEAD is detached.
const DETACHED: &str = "HEAD";

/// The branches of every repository of a snapshot. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Branches {
    repos: Arc<BTreeMap<RepoName, Arc<RepositoryInfo>>>,
}

impl Branches {
    /// After a newer segment came.
    pub(crate) fn with_newer(&self, segment: &Segment) -> Self {
        if segment.deletions.is_empty() && segment.repositories.is_empty() {
            return self.clone();
        }
        let mut repos = BTreeMap::clone(&self.repos);
        segment.deleted_repositories().for_each(|repo| drop(repos.remove(repo.as_str())));
        for info in &segment.repositories {
            repos.insert(info.name.clone(), Arc::new(info.clone()));
        }
        Self { repos: Arc::new(repos) }
    }

    /// The branch that the repository's HEAD names; empty when it is not known.
    pub(crate) fn default_of(&self, repo: &RepoName) -> &str {
        self.repos.get(repo).map_or("", |info| &info.default_branch)
    }

    /// What is said of a repository; nothing if it is not known.
    pub(crate) fn facts_of(&self, repo: &str) -> RepositoryFacts {
        self.repos.get(repo).map_or_else(RepositoryFacts::default, |info| info.facts)
    }

    /// The branches that show a document, sorted.
    pub(crate) fn of<'a>(&'a self, docs: &'a Docs, doc: u32) -> Vec<&'a str> {
        self.shown(docs, Shown::of(docs, doc))
    }

    /// For each document, whether `holds` is true of any of its branches.
    pub(crate) fn matching<'a>(
        &'a self,
        docs: &'a Docs,
        holds: impl Fn(&str) -> bool + 'a,
    ) -> impl FnMut(u32) -> bool + 'a {
        by_shown(docs, move |what| self.shown(docs, what).into_iter().any(&holds))
    }

    /// For each document, whether HEAD of its repository shows it. A plain directory has no branches, and
    /// all of it is there. Where nothing is known of a repository, the first version of each path counts,
    /// which is HEAD's if HEAD has the path: that finds too much rather than too little.
    pub(crate) fn on_head<'a>(&'a self, segment: &'a Segment) -> impl FnMut(u32) -> bool + 'a {
        let (docs, keys) = (&segment.docs, &segment.keys);
        let mut is_shown = by_shown(docs, move |what| self.head_shows(docs, what));
        move |doc| is_shown(doc).unwrap_or_else(|| keys.docs(docs.key(doc)).start == doc)
    }

    /// `None` when nothing is known of the repository.
    fn head_shows(&self, docs: &Docs, what: Shown) -> Option<bool> {
        if docs.strings.branches(what.set).next().is_none() {
            return Some(true);
        }
        let default = self.repos.get(what.repo_name(docs))?.default_branch.as_str();
        let is_head = |name: &str| name == default || name == DETACHED;
        Some(self.shown(docs, what).into_iter().any(is_head))
    }

    fn shown<'a>(&'a self, docs: &'a Docs, what: Shown) -> Vec<&'a str> {
        let named: Vec<&str> = docs.strings.branches(what.set).collect();
        let facts = self.repos.get(what.repo_name(docs));
        facts.and_then(|info| info.branches_of(&named, what.as_of)).unwrap_or(named)
    }
}

/// What decides on a document's branches; few documents differ in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Shown {
    repo: u32,
    set: u32,
    as_of: u32,
}

impl Shown {
    fn of(docs: &Docs, doc: u32) -> Self {
        Self { repo: docs.repo(doc), set: docs.branches(doc), as_of: docs.as_of(doc) }
    }

    fn repo_name(self, docs: &Docs) -> &str {
        docs.strings.repos.get(self.repo as usize).map_or("", String::as_str)
    }
}

/// For each document, what `holds` says of its branches; asked once for all that do not differ in them.
fn by_shown<'a, T: Copy + 'a>(
    docs: &'a Docs,
    holds: impl Fn(Shown) -> T + 'a,
) -> impl FnMut(u32) -> T + 'a {
    let mut known = FxHashMap::default();
    move |doc| {
        let what = Shown::of(docs, doc);
        *known.entry(what).or_insert_with(|| holds(what))
    }
}
