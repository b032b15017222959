//! Values of filters that people know from Sourcegraph. Read as names, they would find nothing, silently.

use crate::QueryErrorKind::Unavailable;
use crate::filter::{Filter, NO_COMMITS, OTHER_FILE, SORT_BY_RECENCY};
use crate::matcher::guess_syntax;
use crate::scan::Word;
use crate::{MatcherSyntax, QueryError};

/// Values with parentheses: the filter, their names, why there is none here, and what to type.
const PREDICATES: &[(Filter, &[&str], &str, &str)] = &[
    (
        Filter::Repo,
        &["has.file", "has.path", "contains.file", "contains.path"],
        OTHER_FILE,
        "list the repositories with file:NAME select:repo first",
    ),
    (
        Filter::Repo,
        &["has.content", "contains.content"],
        OTHER_FILE,
        "list the repositories with WORDS select:repo first",
    ),
    (Filter::Repo, &["has.commit.after", "contains.commit.after"], NO_COMMITS, SORT_BY_RECENCY),
    (
        Filter::Repo,
        &["has", "has.topic", "has.tag", "has.key", "has.meta", "has.description"],
        "no topics, keys or descriptions of repositories are kept",
        "name the repositories, as in repo:acme/, or ask for archived:no, fork:no or public:yes",
    ),
    (
        Filter::File,
        &["has.content", "contains.content"],
        "what stands in a file needs no condition on its path",
        "write the words beside the filter: WORDS file:NAME",
    ),
    (
        Filter::File,
        &["has.owner", "has.contributor"],
        "it is not kept who owns or wrote a file",
        "remove it; NAME file:CODEOWNERS finds where owners are named",
    ),
    (
        Filter::Branch,
        &["at.time"],
        "only what branches show now is searched",
        "remove it, or name a branch, as in branch:main",
    ),
];

/// Refuses the word after a filter's colon if it is such a value.
///
/// # Errors
///
/// With the place, and what to type instead.
pub(crate) fn check(filter: Filter, word: &Word<'_>) -> Result<(), QueryError> {
    let refused = predicate(filter, word).or_else(|| match filter {
        Filter::Repo => name_at_revision(word),
        Filter::Branch => several_revisions(word),
        _ => None,
    });
    refused.map_or(Ok(()), Err)
}

fn predicate(filter: Filter, word: &Word<'_>) -> Option<QueryError> {
    let (name, _) = word.raw.split_once('(')?;
    let is_named = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    let found = PREDICATES.iter().find(|(of, names, ..)| *of == filter && is_named(names));
    let (.., why, hint) = found?;
    let message = format!("there is no {}:{name}(…) here: {why}", filter.name());
    let start = word.span.start;
    Some(QueryError::new(Unavailable, start..start + name.len(), message).hint(*hint))
}

/// `NAME@REVISION`, unless the name ends where only a name goes on, or the whole is a pattern.
fn name_at_revision(word: &Word<'_>) -> Option<QueryError> {
    let (name, revision) = word.raw.rsplit_once('@')?;
    let is_name = !name.is_empty() && !name.ends_with(['/', '\\']);
    if !is_name || !is_revision(revision) || guess_syntax(word.raw) == MatcherSyntax::Glob {
        return None;
    }
    let at = word.span.end - revision.len() - 1;
    let message = "repo: takes no revision: branches are searched, neither tags nor single commits";
    let branches = branches(revision);
    let hint = format!("write repo:{name} {branches}; a name with @ in it stands in quotes");
    Some(QueryError::new(Unavailable, at..word.span.end, message).hint(hint))
}

/// `REVISION:REVISION`; no branch has a colon in its name.
fn several_revisions(word: &Word<'_>) -> Option<QueryError> {
    let is_list = word.raw.contains(':') && is_revision(word.raw);
    is_list.then(|| {
        QueryError::new(Unavailable, word.span.clone(), "branch: takes one name or pattern")
            .hint(format!("write {}", branches(word.raw)))
    })
}

/// Whether it can be a revision, or several with colons, and is no regular expression but of itself.
fn is_revision(text: &str) -> bool {
    text.starts_with(char::is_alphanumeric)
        && text.chars().all(|c| c.is_alphanumeric() || "._-/:".contains(c))
}

/// The filter for revisions.
fn branches(revisions: &str) -> String {
    let names = revisions.split(':').filter(|name| !name.is_empty());
    let filters: Vec<String> = names
        .map(|name| format!("branch:{}", name.strip_prefix("refs/heads/").unwrap_or(name)))
        .collect();
    match filters.as_slice() {
        [filter] => filter.clone(),
        several => format!("({})", several.join(" or ")),
    }
}
