//! Conditions on what is known of repositories, as people write them who come from other engines.

use ax_query::{Atom, Expr, Fact, FactFilter, Limits, QueryError, parse};

fn filter(text: &str) -> FactFilter {
    let query = parse(text, &Limits::default()).unwrap_or_else(|error| panic!("{text}: {error}"));
    match query.expr {
        Expr::Atom(Atom::Fact(filter)) => filter,
        other => panic!("{text}: {other:?}"),
    }
}

fn error(text: &str) -> QueryError {
    parse(text, &Limits::default()).expect_err(text)
}

#[test]
fn each_value_says_what_it_does_elsewhere() {
    use Fact::{Archived, Fork, Public};
    for (text, fact, wanted) in [
        ("archived:yes", Archived, None),
        ("archived:no", Archived, Some(false)),
        ("archived:only", Archived, Some(true)),
        ("a:no", Archived, Some(false)),
        ("fork:YES", Fork, None),
        ("fork:true", Fork, None),
        ("Fork:no", Fork, Some(false)),
        ("fork:\"only\"", Fork, Some(true)),
        ("public:yes", Public, Some(true)),
        ("public:no", Public, Some(false)),
        ("visibility:public", Public, Some(true)),
        ("visibility:private", Public, Some(false)),
        ("visibility:any", Public, None),
    ] {
        assert_eq!(filter(text), FactFilter { fact, wanted }, "{text}");
    }
}

#[test]
fn the_canonical_form_is_one_that_is_read() {
    for (text, canonical) in [
        ("x a:only", "x archived:only"),
        ("x -fork:only", "x -fork:only"),
        ("x visibility:private", "x public:no"),
        ("x visibility:any", "x visibility:any"),
        ("(archived:no or fork:only) x", "(archived:no or fork:only) x"),
    ] {
        let query = parse(text, &Limits::default()).expect(text);
        assert_eq!(query.to_string(), canonical);
        assert_eq!(parse(canonical, &Limits::default()).expect(canonical), query);
    }
}

#[test]
fn what_says_nothing_cannot_be_negated() {
    for (text, place) in
        [("x -archived:yes", 2..15), ("not (fork:yes) x", 0..14), ("-visibility:any", 0..15)]
    {
        let error = error(text);
        assert_eq!((error.code().as_str(), error.span), ("AX-Q005", place), "{text}");
        assert!(error.hint.contains(":no"), "{}", error.hint);
    }
}

#[test]
fn other_values_are_refused_and_mended() {
    for (text, span, message, hint) in [
        ("fork:onyl x", 5..9, "yes, no or only", "did you mean fork:only ?"),
        ("archived:maybe", 9..14, "yes, no or only", "archived:no"),
        ("public:int x", 7..10, "yes or no", "in quotes"),
        ("visibility:publik", 11..17, "public, private or any", "visibility:public ?"),
    ] {
        let error = error(text);
        assert_eq!((error.code().as_str(), error.span), ("AX-Q005", span), "{text}");
        assert!(error.message.contains(message), "{text}: {}", error.message);
        assert!(error.hint.contains(hint), "{text}: {}", error.hint);
    }
}

#[test]
fn names_without_a_value_are_text() {
    for text in ["public: int", "fork: me", "archived:", "visibility: hidden", "a: b"] {
        let query = parse(text, &Limits::default()).expect(text);
        assert!(query.has_text(), "{text}: {query:?}");
    }
}
