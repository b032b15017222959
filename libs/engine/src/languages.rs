//! The one door to `ax-syntax`: what language a file is in, and what it defines.

use crate::{builder::Definitions, symbols::NewSymbol};
use ax_query::{Atom, Expr, LangFilter, Query, QueryError, QueryErrorKind, nearest};
use ax_syntax::{Budget, find_language, languages};

/// The name of the language; empty when unknown.
pub(crate) fn detect(path: &str, text: &[u8]) -> &'static str {
    ax_syntax::detect(path, text).map_or("", |language| language.name)
}

/// The name of the language that a name, an alias or an extension stands for; as it is if it stands
/// for none, and then no file has it.
pub(crate) fn canonical(name: &str) -> String {
    find_language(name).map_or(name, |language| language.name).to_owned()
}

/// Refuses a query for a language that does not exist: no file will ever be of it, and nothing found
/// would say nothing.
pub fn check_languages(query: &Query) -> std::result::Result<(), QueryError> {
    match first_unknown(&query.expr) {
        Some(filter) => Err(unknown(filter)),
        None => Ok(()),
    }
}

fn first_unknown(expr: &Expr) -> Option<&LangFilter> {
    match expr {
        Expr::And(all) | Expr::Or(all) => all.iter().find_map(first_unknown),
        Expr::Not(inner) => first_unknown(inner),
        Expr::Atom(Atom::Lang(filter)) => Some(filter).filter(|f| find_language(&f.name).is_none()),
        Expr::Atom(_) => None,
    }
}

fn unknown(filter: &LangFilter) -> QueryError {
    // Names before aliases: of two that are as near, `rust` is likelier meant than `rst`.
    let names = languages().iter().map(|language| language.name);
    let aliases = languages().iter().flat_map(|language| language.aliases.iter().copied());
    let names: Vec<String> = names.chain(aliases).map(str::to_lowercase).collect();
    let wanted = filter.name.to_lowercase();
    QueryError {
        kind: QueryErrorKind::BadValue,
        span: filter.place.start..filter.place.end,
        message: format!("there is no language {}", filter.name),
        hint: match nearest(&wanted, names.iter().map(String::as_str)) {
            Some(known) => format!("did you mean lang:{known} ?"),
            None => "a name, an alias or an extension, as in lang:rust".to_owned(),
        },
    }
}

/// What `text` defines, if the language is known to define anything.
pub(crate) fn extract(language: &str, text: &[u8]) -> Definitions {
    let Some(language) = find_language(language) else {
        return Definitions::default();
    };
    match ax_syntax::definitions(language, text, &Budget::default()) {
        Ok(found) => {
            Definitions { symbols: found.into_iter().map(new_symbol).collect(), given_up: false }
        }
        Err(_) => Definitions { symbols: Vec::new(), given_up: true },
    }
}

fn new_symbol(found: ax_syntax::Definition) -> (NewSymbol, String) {
    let symbol = NewSymbol {
        name: found.name.into_bytes(),
        start: u32::try_from(found.start).unwrap_or(u32::MAX),
        kind: 0, // numbered when the segment is written
        container: found.container.map(String::into_bytes),
    };
    (symbol, found.kind.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_language_is_refused_with_the_nearest() {
        let check = |text: &str| {
            check_languages(&ax_query::parse(text, &ax_query::Limits::default()).unwrap())
        };
        for known in ["x lang:rust", "lang:.py or lang:C++", "-lang:md"] {
            assert_eq!(check(known), Ok(()), "{known}");
        }
        let error = check("x (y or -lang:pyhton)").unwrap_err();
        assert_eq!(error.hint, "did you mean lang:python ?");
        assert_eq!(&"x (y or -lang:pyhton)"[error.span], "pyhton");
        assert_eq!(check("lang:rsut").unwrap_err().hint, "did you mean lang:rust ?");
        assert!(check("lang:\"\u{1f41f} and chips\"").unwrap_err().hint.contains("lang:rust"));
    }
}
