//! What is asked of definitions.

use crate::languages;
use ax_model::RepositoryFacts;
use ax_query::{Atom, Expr, FactFilter, Matcher, Pattern, Query};
use ax_syntax::Kind;

/// The name sought.
#[derive(Debug, Clone, Copy)]
pub enum SymbolName<'q> {
    /// This one, letter by letter.
    Exact(&'q str),
    /// One that matches.
    Like(&'q Pattern),
}

/// Which definitions are sought.
#[derive(Debug, Clone)]
pub struct SymbolQuery<'q> {
    pub(super) name: SymbolName<'q>,
    /// All must match the repository's name.
    pub(super) repos: Vec<&'q Matcher>,
    /// All must hold of what is said of the repository.
    pub(super) facts: Vec<FactFilter>,
    /// The repository's whole name.
    pub(super) repository: Option<&'q str>,
    /// All must match the path.
    pub(super) files: Vec<&'q Matcher>,
    /// Languages that the file must be in.
    pub(super) languages: Vec<String>,
    /// What a definition may be; anything if it is none.
    pub(super) kinds: Option<Vec<Kind>>,
}

impl<'q> SymbolQuery<'q> {
    /// Every definition of this name.
    pub fn exact(name: &'q str) -> Self {
        Self {
            name: SymbolName::Exact(name),
            repos: Vec::new(),
            facts: Vec::new(),
            repository: None,
            files: Vec::new(),
            languages: Vec::new(),
            kinds: None,
        }
    }

    /// The same, in files of one language only.
    pub fn in_language(mut self, language: &str) -> Self {
        self.languages.push(languages::canonical(language));
        self
    }

    /// The same, in one repository only.
    pub fn in_repository(mut self, name: &'q str) -> Self {
        self.repository = Some(name);
        self
    }

    /// Whether some repositories may not be wanted.
    pub(super) fn restricts_repositories(&self) -> bool {
        self.repository.is_some() || !self.repos.is_empty() || !self.facts.is_empty()
    }

    /// Whether a repository of that name and with these facts is wanted.
    pub(super) fn wants_repository(&self, name: &str, facts: RepositoryFacts) -> bool {
        self.repository.is_none_or(|wanted| wanted == name)
            && self.repos.iter().all(|matcher| matcher.is_match(name.as_bytes()))
            && self.facts.iter().all(|filter| filter.holds(&facts))
    }

    /// Reads a query that is one `sym:` and filters, all of which must hold; `None` for any other.
    pub fn of(query: &'q Query) -> Option<Self> {
        let members = match &query.expr {
            Expr::And(members) => members.as_slice(),
            one => std::slice::from_ref(one),
        };
        let mut found: Option<Self> = None;
        let (mut repos, mut facts) = (Vec::new(), Vec::new());
        let (mut files, mut of_languages) = (Vec::new(), Vec::new());
        for member in members {
            let Expr::Atom(atom) = member else { return None };
            match atom {
                Atom::Sym { pattern, kinds } if found.is_none() => {
                    let kinds = (!kinds.is_empty()).then(|| languages::kinds(kinds));
                    let name = SymbolName::Like(pattern);
                    found = Some(Self { name, kinds, ..Self::exact("") });
                }
                Atom::Repo(matcher) => repos.push(matcher),
                Atom::Fact(filter) => facts.push(*filter),
                Atom::File(matcher) => files.push(matcher),
                Atom::Lang(filter) => of_languages.push(languages::canonical(&filter.name)),
                Atom::Sym { .. } | Atom::Text { .. } | Atom::Branch(_) | Atom::Size(_) => {
                    return None;
                }
            }
        }
        found.map(|found| Self { repos, facts, files, languages: of_languages, ..found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read(text: &str) -> bool {
        let query = ax_query::parse(text, &ax_query::Limits::default()).unwrap();
        SymbolQuery::of(&query).is_some()
    }

    #[test]
    fn one_name_and_filters_are_read_and_nothing_else() {
        for text in [
            "sym:a",
            "sym:a lang:rust repo:x file:y",
            "(sym:a symkind:function) lang:c",
            "sym:a archived:no public:yes",
        ] {
            assert!(is_read(text), "{text}");
        }
        for text in
            ["a", "sym:a sym:b", "sym:a or sym:b", "-sym:a", "sym:a b", "sym:a size:>1k", "lang:c"]
        {
            assert!(!is_read(text), "{text}");
        }
    }
}
