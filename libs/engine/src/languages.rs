//! The one door to `ax-syntax`: what language a file is in, what it defines, and how people call both.

use crate::{builder::Definitions, marks, symbols::NewSymbol};
use ax_query::{Atom, KindFilter, LangFilter, Place, Query, QueryError, QueryErrorKind, nearest};
use ax_syntax::{Budget, Kind, Language, find_language, languages};

/// The language of a file, if it is known.
pub(crate) fn detect(path: &str, text: &[u8]) -> Option<&'static Language> {
    ax_syntax::detect(path, text)
}

/// The name of the language that a name, an alias or an extension stands for; as it is if it stands
/// for none, and then no file has it.
pub(crate) fn canonical(name: &str) -> String {
    find_language(name).map_or(name, |language| language.name).to_owned()
}

/// The kinds of definitions that satisfy every filter.
pub(crate) fn kinds(filters: &[KindFilter]) -> Vec<Kind> {
    let of_each: Vec<Vec<Kind>> = filters.iter().map(kinds_of).collect();
    let is_in_all = |kind: &Kind| of_each.iter().all(|kinds| kinds.contains(kind));
    Kind::ALL.iter().copied().filter(is_in_all).collect()
}

fn kinds_of(filter: &KindFilter) -> Vec<Kind> {
    filter.names.iter().filter_map(|name| kind_of(name)).collect()
}

/// What other search engines and languages call kinds of definitions.
const KIND_ALIASES: &[(&str, Kind)] = &[
    ("func", Kind::Function),
    ("fn", Kind::Function),
    ("def", Kind::Function),
    ("const", Kind::Constant),
    ("var", Kind::Variable),
    ("enum-member", Kind::Variant),
    ("namespace", Kind::Module),
    ("package", Kind::Module),
    ("property", Kind::Field),
    ("member", Kind::Field),
    ("typedef", Kind::Type),
    ("constructor", Kind::Method),
    ("object", Kind::Class),
];

fn kind_of(name: &str) -> Option<Kind> {
    let alias = || KIND_ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, kind)| *kind);
    Kind::from_name(name).or_else(alias)
}

/// Refuses a query for a language or a kind of definition that does not exist: no file will ever be of
/// it, and nothing found would say nothing.
pub fn check_names(query: &Query) -> std::result::Result<(), QueryError> {
    for (atom, _) in query.atoms() {
        match atom {
            Atom::Lang(filter) if find_language(&filter.name).is_none() => {
                return Err(unknown_language(filter));
            }
            Atom::Sym { kinds, .. } => check_kinds(kinds)?,
            _ => {}
        }
    }
    Ok(())
}

fn check_kinds(filters: &[KindFilter]) -> std::result::Result<(), QueryError> {
    for filter in filters {
        if let Some(name) = filter.names.iter().find(|name| kind_of(name).is_none()) {
            return Err(unknown_kind(name, filter.place));
        }
    }
    match filters.last() {
        Some(last) if kinds(filters).is_empty() => Err(bad_value(
            last.place,
            "no definition is of all these kinds at once".to_owned(),
            "write them with commas for either: symkind:function,method".to_owned(),
        )),
        _ => Ok(()),
    }
}

fn unknown_kind(name: &str, place: Place) -> QueryError {
    let names = Kind::ALL.iter().map(|kind| kind.as_str());
    let all = names.clone().collect::<Vec<_>>().join(", ");
    let hint = match nearest(name, names) {
        Some(known) => format!("did you mean {known} ? There are {all}"),
        None => format!("there are {all}"),
    };
    bad_value(place, format!("there is no kind of definition {name}"), hint)
}

fn bad_value(place: Place, message: String, hint: String) -> QueryError {
    QueryError { kind: QueryErrorKind::BadValue, span: place.start..place.end, message, hint }
}

fn unknown_language(filter: &LangFilter) -> QueryError {
    // Names before aliases: of two that are as near, `rust` is likelier meant than `rst`.
    let names = languages().iter().map(|language| language.name);
    let aliases = languages().iter().flat_map(|language| language.aliases.iter().copied());
    let names: Vec<String> = names.chain(aliases).map(str::to_lowercase).collect();
    let wanted = filter.name.to_lowercase();
    let hint = match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(known) => format!("did you mean lang:{known} ?"),
        None => "a name, an alias or an extension, as in lang:rust".to_owned(),
    };
    bad_value(filter.place, format!("there is no language {}", filter.name), hint)
}

/// What `text` defines, and what syntax says of it, if the language has a grammar.
pub(crate) fn extract(language: &Language, text: &[u8]) -> Definitions {
    match ax_syntax::outline(language, text, &Budget::default()) {
        Ok(Some(outline)) => Definitions {
            marks: marks::encode(&outline),
            symbols: outline.definitions.into_iter().map(new_symbol).collect(),
            ..Definitions::default()
        },
        Ok(None) => Definitions::default(),
        Err(_) => Definitions { given_up: true, ..Definitions::default() },
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

    fn check(text: &str) -> std::result::Result<(), QueryError> {
        check_names(&ax_query::parse(text, &ax_query::Limits::default()).unwrap())
    }

    #[test]
    fn an_unknown_kind_is_refused_with_the_nearest() {
        for known in ["sym:x symkind:function,enum-member", "select:symbol.Func x", "-sym:x"] {
            assert_eq!(check(known), Ok(()), "{known}");
        }
        let text = "sym:x symkind:method,fucntion";
        let error = check(text).unwrap_err();
        assert!(error.hint.starts_with("did you mean function ?"), "{}", error.hint);
        assert_eq!(&text[error.span], "method,fucntion");
        let text = "select:symbol.lens x";
        let error = check(text).unwrap_err();
        assert_eq!((&text[error.span], error.hint.contains("struct")), ("lens", true));
        assert!(check("sym:x symkind:function symkind:class").unwrap_err().hint.contains("commas"));
    }

    #[test]
    fn an_unknown_language_is_refused_with_the_nearest() {
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
