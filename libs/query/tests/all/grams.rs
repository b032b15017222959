//! Plans over trigrams: what they demand, that they lose no match, and that they cost little to make.

use std::collections::HashSet;

use ax_query::grams::{GramLimits, GramQuery, grams_of, plan};
use ax_query::{Atom, Expr, Limits, Pattern, parse};
use proptest::prelude::*;

fn pattern(query: &str) -> Pattern {
    match parse(query, &Limits::default())
        .unwrap_or_else(|error| panic!("{query:.60} {error:?}"))
        .expr
    {
        Expr::Atom(Atom::Text { pattern, .. }) => pattern,
        other => panic!("{query:?} is {other:?}"),
    }
}

fn planned(query: &str) -> GramQuery {
    plan(pattern(query).hir(), &GramLimits::default())
}

fn check(query: &str, expected: &str) {
    assert_eq!(planned(query).to_string(), expected, "{query}");
}

#[test]
fn plans_demand_what_they_can() {
    check("foobar", "bar foo oba oob");
    check("FooBar", "bar foo oba oob");
    check("fo", "all");
    check("/foo.*bar/", "bar foo");
    check("/foo|bar/", "(bar | foo)");
    check("/foo|/", "all");
    check("/foo(bar|baz)/", "foo oba oob (bar | baz)");
    check("/(foo|bar)baz/", "baz (arb bar rba | foo oba oob)");
    check("/fo?bar/", "bar (fba | fob oba)");
    check("/(abc)+/", "abc");
    check("/(abc){2}/", "abc bca cab");
    check("/(abc){2,}/", "abc bca cab");
    check("/(abc)*/", "all");
    check("/(abc)?/", "all");
    check("/x{4}/", "xxx");
    check("/ab[cd]e/", "(abc bce | abd bde)");
    check(r"/foo\s+bar/", "bar foo");
    check("/[0-9]{3}/", "all");
    check(r"/\bfoo\b/", "foo");
    check("/^foo$/", "foo");
    check(r"/foo\nbar/", r"\nba bar foo o\nb oo\n");
    check("/a.c/", "all");
    check("/[^a]bcd/", "bcd");
    check("/.abc./", "abc");
    check(r"/[a&&b]x/", "none");
    check("/é/", "all");
    check("éa case:yes", r"\xc3\xa9a");
    check("éa case:no", r"(\xc3\x89a | \xc3\xa9a)");
}

#[test]
fn case_variants_that_differ_in_bytes_are_alternatives() {
    check("xyz case:no", "xyz");
    check(
        "ask case:no",
        "(ask | as\\xe2 s\\xe2\\x84 \\xe2\\x84\\xaa | a\\xc5\\xbf \\xbf\\xe2\\x84 \\xc5\\xbf\\xe2 \
         \\xe2\\x84\\xaa | a\\xc5\\xbf \\xc5\\xbfk)",
    );
}

fn holds(plan: &GramQuery, text: &[u8]) -> bool {
    let grams: HashSet<_> = grams_of(text).collect();
    plan.matches(&|gram| grams.contains(&gram))
}

#[test]
fn special_letters_are_found() {
    for (query, text) in [
        ("kelvin", "273 \u{212a}ELVIN"),
        ("\u{212a}elvin case:no", "kelvin"),
        ("class case:no", "cla\u{17f}s"),
        ("\u{17f}tate case:no", "STATE"),
        ("straße case:no", "STRA\u{1e9e}E"),
        ("İstanbul case:no", "İSTANBUL"),
        ("istanbul case:no", "ISTANBUL"),
        ("οδός case:no", "ΟΔΌΣ"),
        ("ΟΔΌΣ case:no", "οδόσ"),
        ("/(?i)οδός/ case:yes", "ΟΔΌΣ"),
        ("µm2 case:no", "ΜM2"),
    ] {
        let regex = regex_automata::meta::Regex::builder().build_from_hir(pattern(query).hir());
        assert!(regex.unwrap().is_match(text), "{query} {text}");
        assert!(holds(&planned(query), text.as_bytes()), "{query} {text}");
    }
}

#[test]
fn death_queries_are_planned_within_the_limit() {
    let words = |n: usize| (0..n).map(|i| format!("w{i:04}x")).collect::<Vec<_>>().join("|");
    for regex in [
        words(8_000),
        format!("({}){{1,9}}", words(1_000)),
        "(a?){60}a{60}".to_owned(),
        format!("{}x{}", "(".repeat(45), ")+".repeat(45)),
        format!("{}(abc|de*f){}", "(".repeat(12), "){2}".repeat(12)),
        "[ab]".repeat(10_000),
        "[a-z]{3}.*".repeat(1_000),
        "(abc|def|ghi)?".repeat(2_000),
        "(abc|x*)".repeat(5_000),
        "a".repeat(60_000),
        "(ab)(cd)".repeat(7_000),
        "(?i)".to_owned() + &"sk".repeat(9_000),
        "(?i)".to_owned() + &"sksksksksk|s.".repeat(1_500),
        format!("{}abc{}", "(?:x|".repeat(45), ")".repeat(45)),
    ] {
        let pattern = pattern(&format!("/{regex}/"));
        let plan = plan(pattern.hir(), &GramLimits::default());
        assert!(plan.num_grams() <= GramLimits::default().max_grams, "{regex:.40}");
    }
}

/// A regular expression with a text that it is likely to match.
#[derive(Debug, Clone)]
struct Sample {
    regex: String,
    text: String,
}

const LETTERS: &[&str] = &[
    "a", "b", "k", "K", "\u{212a}", "s", "S", "ſ", "ß", "ẞ", "i", "İ", "ı", "Σ", "σ", "ς", "é",
    "É", "0", "_", " ", "foo", "Bar", "sk",
];

fn letter() -> impl Strategy<Value = Sample> {
    prop::sample::select(LETTERS).prop_map(|text| Sample { regex: text.into(), text: text.into() })
}

fn class() -> impl Strategy<Value = Sample> {
    let classes = [
        ("[a-f]", "b"),
        ("[ks]", "k"),
        ("[^a]", "σ"),
        (r"\w", "é"),
        (".", "x"),
        (r"\d", "0"),
        (r"\s", " "),
        (r"\S", "K"),
        ("[σß]", "ß"),
        ("(?s:.)", "\n"),
        (r"\n", "\n"),
        (r"\b", ""),
        ("^", ""),
        ("$", ""),
        ("(?i:sk)", "ſ\u{212a}"),
        ("(?-u:[a-c])", "c"),
        (r"\pL", "Σ"),
        ("[0-9a-z_]", "z"),
        ("", ""),
    ];
    prop::sample::select(classes.to_vec())
        .prop_map(|(regex, text)| Sample { regex: regex.into(), text: text.into() })
}

fn sample() -> impl Strategy<Value = Sample> {
    prop_oneof![3 => letter(), 1 => class()].prop_recursive(6, 40, 6, |inner| {
        let many = prop::collection::vec(inner.clone(), 1..6);
        prop_oneof![
            4 => many.clone().prop_map(|all| Sample {
                regex: all.iter().map(|one| one.regex.as_str()).collect(),
                text: all.iter().map(|one| one.text.as_str()).collect(),
            }),
            2 => (many, any::<prop::sample::Index>()).prop_map(|(all, chosen)| Sample {
                regex: format!(
                    "({})",
                    all.iter().map(|one| one.regex.as_str()).collect::<Vec<_>>().join("|")
                ),
                text: chosen.get(&all).text.clone(),
            }),
            2 => (inner, 0..5usize, 0..3usize).prop_map(|(one, low, more)| {
                let (count, operator) = match (low, more) {
                    (0, 0) => (0, "?".to_owned()),
                    (0, _) => (more - 1, "*".to_owned()),
                    (1, _) => (1 + more, "+".to_owned()),
                    (_, 0) => (low, format!("{{{low}}}")),
                    (_, _) => (low + more, format!("{{{low},}}")),
                };
                Sample { regex: format!("(?:{}){operator}", one.regex), text: one.text.repeat(count) }
            }),
        ]
    })
}

fn swap_case(text: &str, which: &[bool]) -> String {
    let swap = |(i, c): (usize, char)| match which.get(i % which.len().max(1)) {
        Some(true) if c.is_lowercase() => c.to_uppercase().to_string(),
        Some(true) => c.to_lowercase().to_string(),
        _ => c.to_string(),
    };
    text.chars().enumerate().map(swap).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_match_is_lost(
        sample in sample(),
        around in ("[akKσ \n]{0,4}", "[akKσ \n]{0,4}"),
        which in prop::collection::vec(any::<bool>(), 0..8),
        sensitive in any::<bool>(),
        small in any::<bool>(),
    ) {
        prop_assume!(!sample.regex.is_empty());
        let case = if sensitive { "yes" } else { "no" };
        let query = format!("/(?:{})/ case:{case}", sample.regex);
        let Ok(query) = parse(&query, &Limits::default()) else { return Ok(()) };
        let Expr::Atom(Atom::Text { pattern, .. }) = query.expr else { unreachable!() };
        let limits = match small {
            true => GramLimits { max_class: 3, max_strings: 4, max_string_bytes: 24, max_grams: 6 },
            false => GramLimits::default(),
        };
        let plan = plan(pattern.hir(), &limits);
        let regex = regex_automata::meta::Regex::builder().build_from_hir(pattern.hir()).unwrap();
        for body in [sample.text.clone(), swap_case(&sample.text, &which)] {
            let text = format!("{}{body}{}", around.0, around.1);
            if regex.is_match(&text) {
                prop_assert!(holds(&plan, text.as_bytes()), "{:?} on {text:?}: {plan}", sample.regex);
            }
        }
    }

    #[test]
    fn a_plan_is_no_weaker_than_a_literal_needs(text in "[a-zA-Zé]{3,12}", other in "[a-zé]{0,12}") {
        let plan = plan(pattern(&format!("\"{text}\" case:yes")).hir(), &GramLimits::default());
        let all = grams_of(text.as_bytes()).all(|gram| grams_of(other.as_bytes()).any(|one| one == gram));
        prop_assert_eq!(holds(&plan, other.as_bytes()), all);
    }
}
