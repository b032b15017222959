//! What holds of every text and every query.

use ax_query::{Limits, parse};
use proptest::prelude::*;

/// Pieces that the grammar cares about, so that random texts get somewhere.
const PIECES: &[&str] = &[
    "foo",
    "Bar",
    "é",
    "ſ",
    "and",
    "or",
    "not",
    "AND",
    " ",
    " ",
    " ",
    "(",
    ")",
    "\"",
    "/",
    "\\",
    "-",
    ":",
    "repo:",
    "file:",
    "lang:",
    "case:yes",
    "case:no",
    "sym:",
    "content:",
    "b:",
    "*",
    "*.rs",
    "[a-z]",
    "{",
    "}",
    "\n",
    "\t",
    ".",
    "+",
    "?",
    "^",
    "$",
    "|",
    "\\n",
    "\\/",
    "\\b",
    "\\u{e9}",
    "lnag:",
    "size:",
    ">10k",
    "1..",
    "symkind:",
    "type:",
    "symbol",
    "select:",
    "count:",
    "5",
    "all",
    "sort:path",
    "context:",
    "timeout:2s",
    "fork:",
    "fork:yes",
    "archived:only",
    "visibility:any",
    "HEAD",
    "@v1",
    "has.file(",
    "context:global",
    "::",
    "//",
    "(?s)",
    "(?i:",
    "\\pL",
    "{2,3}",
    "[^",
    "]",
    "\u{0}",
    "\u{a0}",
];

fn pieces() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|parts| parts.concat())
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z_][a-z0-9.]{0,6}".prop_filter("an operator", |word| {
            !["and", "or", "not"].contains(&word.to_lowercase().as_str())
        }),
        any::<String>().prop_filter("not empty", |text| !text.is_empty()).prop_map(quote),
        r"[a-z]{1,3}[+*]?(b|\[\^c\]|\\w)".prop_map(|regex| format!("/{regex}/")),
        Just(r"/a\/b\\\/\n/".to_owned()),
    ]
}

fn quote(text: String) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn atom() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => word(),
        1 => word().prop_map(|word| format!("sym:{word}")),
        1 => word().prop_map(|word| format!("content:{word}")),
        1 => word().prop_map(|word| format!("repo:{word}")),
        1 => Just("file:src/**/*.{rs,c}".to_owned()),
        1 => Just("branch:v[0-9]+$".to_owned()),
        1 => prop::sample::select(vec!["rev:HEAD", "b:\"HEAD\"", "branch:/HEAD/"])
            .prop_map(str::to_owned),
        1 => Just("lang:c++".to_owned()),
        1 => "size:(>|>=|<=|=|)[0-9]{1,4}(k|M|gb|)",
        1 => "size:[0-9]{1,2}\\.\\.[0-9]{1,2}k".prop_filter("no size", |text| {
            parse(text, &Limits::default()).is_ok()
        }),
        1 => "(archived|fork|public):(no|only)",
        1 => Just("visibility:private".to_owned()),
        1 => (word(), "symkind:[a-c]{1,3}(,[a-c])?( symkind:b)?")
            .prop_map(|(word, kind)| format!("({kind} sym:{word})")),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let tree = atom().prop_recursive(5, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" or ")),
            inner.clone().prop_map(|one| format!("({one})")),
            inner.clone().prop_map(|one| format!("-({one})")),
            inner.prop_map(|one| format!("not {one}")),
        ]
    });
    let setting = prop::sample::select(vec![
        "",
        " case:yes",
        " case:no",
        " case:auto count:7",
        " count:all sort:path",
        " sort:relevance context:0 context:global",
        " sort:recency timeout:2s select:repo",
        " type:symbol",
        " type:symbol select:lang sort:size",
        " select:symbol.a,b",
        " select:content",
        " type:file",
        " type:repo select:repo",
    ]);
    (tree, setting).prop_map(|(tree, setting)| format!("({tree}){setting}"))
}

/// Parses without panic; an error points into the text; a query survives being printed and read.
fn check(text: &str) {
    match parse(text, &Limits::default()) {
        Err(error) => assert!(text.get(error.span.clone()).is_some(), "{text:?}: {error:?}"),
        Ok(query) => {
            let printed = query.to_string();
            let again = parse(&printed, &Limits::default());
            assert_eq!(again.as_ref(), Ok(&query), "{text:?} printed as {printed:?}");
            assert_eq!(again.unwrap().to_string(), printed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn any_pieces_are_survived(text in pieces()) {
        check(&text);
    }

    #[test]
    fn queries_are_printed_and_read(text in query()) {
        prop_assert!(parse(&text, &Limits::default()).is_ok(), "{:?}", parse(&text, &Limits::default()));
        check(&text);
    }
}
