//! What texts mean: each reads as its canonical form, or fails at a place with a mend.

use ax_model::Fault;
use ax_query::{Atom, CaseMode, Count, Expr, Field, Limits, Matcher, Pattern, Query, parse};
use std::time::Duration;

fn read(text: &str) -> Query {
    parse(text, &Limits::default()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
}

/// The text means the same as its canonical form, and that is stable.
fn check(text: &str, canonical: &str) {
    let query = read(text);
    assert_eq!(query.to_string(), canonical, "{text:?}");
    assert_eq!(read(canonical), query, "{text:?}");
}

/// The text fails with the code; the span marks `place`, and message or hint hold `says`.
fn fails(text: &str, code: &str, place: &str, says: &str) {
    let Err(error) = parse(text, &Limits::default()) else { panic!("{text:?} is accepted") };
    assert_eq!(error.code().as_str(), code, "{text:?}: {error:?}");
    assert_eq!(&text[error.span.clone()], place, "{text:?}: {error:?}");
    let all = format!("{} {}", error.message, error.hint);
    assert!(all.contains(says), "{text:?}: {all:?}");
    assert!(!error.hint.is_empty(), "{text:?}");
}

fn pattern(text: &str) -> Pattern {
    match read(text).expr {
        Expr::Atom(Atom::Text { pattern, .. } | Atom::Sym { pattern, .. }) => pattern,
        other => panic!("{text:?} is {other:?}"),
    }
}

fn matcher(text: &str) -> Matcher {
    match read(text).expr {
        Expr::Atom(Atom::Repo(matcher) | Atom::File(matcher) | Atom::Branch(matcher)) => matcher,
        other => panic!("{text:?} is {other:?}"),
    }
}

#[test]
fn words_are_literals() {
    check("foo", "foo");
    check("  foo   bar ", "foo bar");
    check("a.*b", r#""a.*b""#);
    check("foo.bar", "foo.bar");
    check("std::vector", r#""std::vector""#);
    check("https://example.org/x", r#""https://example.org/x""#);
    check("TODO:", r#""TODO:""#);
    check("a->b", r#""a->b""#);
    check("->next", r#""->next""#);
    check("--flag", r#""--flag""#);
    check("// note", r#""//" note"#);
    check("a / b", r#"a "/" b"#);
    check("main()", r#""main()""#);
    check("f(g(x))", r#""f(g(x))""#);
    check("it's", r#""it's""#);
    check(r"foo\ bar", r#""foo bar""#);
    check(r"\(x", r#""(x""#);
    check(r"\-x", r#""-x""#);
    check(r"C\new", r#""C\\new""#);
    check("naïve", "naïve");
    check("x\u{a0}y", "x y");
}

#[test]
fn quotes_hold_exact_text() {
    check(r#""a b""#, r#""a b""#);
    check(r#""and""#, r#""and""#);
    check(r#""plain""#, "plain");
    check(r#""a\"b\\c\nd\te\u{e9}\/""#, r#""a\"b\\c\nd\teé/""#);
    check(r#""-x""#, r#""-x""#);
    check("\"\u{1}\"", r#""\u{1}""#);
    check(r#""a""b""#, "a b");
}

#[test]
fn slashes_hold_regular_expressions() {
    check("/fo+/", "/fo+/");
    check(r"/a\/b/", r"/a\/b/");
    check("/a/b/", r"/a\/b/");
    check(r"/a\\\/b/", r"/a\\\/b/");
    check("(/a b/)", "/a b/");
    check("/a/ /b/", "/a/ /b/");
    check(r"/\bfoo\b/ x", r"/\bfoo\b/ x");
    check("content:/x+/", "content:/x+/");
}

#[test]
fn operators_bind_as_expected() {
    check("a and b", "a b");
    check("a AND b OR c", "a b or c");
    check("a or b c", "a or b c");
    check("(a or b) c", "(a or b) c");
    check("not a", "-a");
    check("-a b", "-a b");
    check("not not a", "a");
    check("-(a b)", "-(a b)");
    check("-(a or b) c", "-(a or b) c");
    check("not(a) b", "-a b");
    check("((a)) (b c)", "a b c");
    check("a or (b or c)", "a or b or c");
    check("android notable orbit", "android notable orbit");
    check("-\"a b\" -/x/", "-\"a b\" -/x/");
}

#[test]
fn filters_have_short_names() {
    check("r:linux f:main.c l:rust b:dev", "repo:/linux/ file:/main.c/ lang:rust branch:/dev/");
    check("REPO:x path:y language:c rev:z", "repo:/x/ file:/y/ lang:c branch:/z/");
    check("sym:main c:x symbol:y", "sym:main content:x sym:y");
    check("-file:*.md -repo:old", "-file:*.md -repo:/old/");
    check("lang:c++", r#"lang:"c++""#);
    check(r#"file:"a b" file:/^a/"#, r#"file:"a b" file:/^a/"#);
    check("file:(a|b)", "file:/(a|b)/");
    check(r"file:\.rs$", r"file:/\.rs$/");
    check("file:src/main", r"file:/src\/main/");
    check("file::x", r#""file::x""#);
}

#[test]
fn case_counts_for_the_whole_query() {
    check("foo case:yes", "foo case:yes");
    check("case:no (a or b)", "(a or b) case:no");
    check("case:auto a", "a");
    check("a case:yes CASE:YES", "a case:yes");
    assert_eq!(read("a case:no").case, CaseMode::No);
    let sensitive = |text| {
        read(text).atoms().iter().all(|(atom, _)| match atom {
            Atom::Text { pattern, .. } | Atom::Sym { pattern, .. } => pattern.case_sensitive(),
            Atom::File(matcher) => matcher.case_sensitive(),
            other => panic!("{other:?}"),
        })
    };
    assert!(!sensitive("foo bar"));
    assert!(sensitive("foo Bar"));
    assert!(sensitive("sym:^Bar$") && !sensitive("sym:^bar$"));
    assert!(sensitive("foo -sym:Bar"));
    assert!(sensitive("foo case:yes"));
    assert!(!sensitive("Foo case:no"));
    assert!(!sensitive(r"/\W+\S\pL/"));
    assert!(sensitive(r"/[A-Z]/"));
    assert!(sensitive("file:Makefile"));
    assert!(!sensitive("file:makefile"));
    assert!(!sensitive("file:*.rs"));
}

#[test]
fn sizes_are_ranges() {
    check("size:>10k", "size:>=10241");
    check("x -size:<=2M", "x -size:<=2097152");
    check("size:1k..2k", "size:1024..2048");
    check("size:100 size:..5 size:5..", "size:100 size:<=5 size:>=5");
    check("size:\">1k\"", "size:>=1025");
    fails("x size:big", "AX-Q005", "big", "size:>10k");
    fails("size:<0", "AX-Q005", "<0", "a file can have");
    fails("size:2k..1k", "AX-Q005", "2k..1k", "a file can have");
    fails("size:\"\"", "AX-Q005", "\"\"", "size:>10k");
}

#[test]
fn a_kind_restricts_the_names_beside_it() {
    check("sym:a symkind:Function", "(sym:a symkind:function)");
    check("sym:^a symkind:Function", "(sym:/^a/ symkind:function)");
    check("symkind:function sym:a x", "(sym:a symkind:function) x");
    check("x (sym:a or -sym:b) symkind:f,g", "x ((sym:a symkind:f,g) or -(sym:b symkind:f,g))");
    check("sym:a (sym:b symkind:f)", "sym:a (sym:b symkind:f)");
    check("(sym:a symkind:f) symkind:g", "(sym:a symkind:f symkind:g)");
    check("(sym:a symkind:f) or sym:b", "(sym:a symkind:f) or sym:b");
    check("-(sym:a symkind:f)", "-(sym:a symkind:f)");
    let no_name = "no sym: beside it";
    fails("symkind:function", "AX-Q005", "symkind:function", no_name);
    fails("x symkind:f", "AX-Q005", "symkind:f", no_name);
    fails("sym:a or symkind:f", "AX-Q005", "symkind:f", no_name);
    fails("sym:a -symkind:f", "AX-Q005", "symkind:f", "cannot be negated");
    fails("sym:a symkind:f,,g", "AX-Q005", "f,,g", "kind of definition");
    fails("sym:a symkind:/f/", "AX-Q005", "/f/", "kind of definition");
}

#[test]
fn types_say_where_bare_words_look() {
    check("type:symbol foo /b/ \"c d\"", "sym:foo sym:/b/ sym:\"c d\"");
    check("t:symbol content:foo bar", "content:foo sym:bar");
    check("type:symbol -foo", "-sym:foo sym:/./");
    check("type:symbol file:a.c", "file:/a.c/ sym:/./");
    check("type:symbol a or b", "sym:a or sym:b");
    check("select:symbol foo", "sym:foo");
    check("select:symbol.function foo", "(sym:foo symkind:function)");
    check("select:symbol.f,g foo symkind:h", "(sym:foo symkind:h symkind:f,g)");
    check("select:content foo", "content:foo");
    check("type:match foo", "foo");
    check("type:filematch foo", "foo");
    assert!(read("type:symbol case:auto Foo").atoms().iter().all(|(atom, _)| match atom {
        Atom::Sym { pattern, .. } => pattern.case_sensitive(),
        other => panic!("{other:?}"),
    }));
    fails("type:fiel x", "AX-Q005", "fiel", "did you mean type:file ?");
    fails("type:path x", "AX-Q005", "path", "file:NAME");
    fails("type:diff x", "AX-Q005", "diff", "commits");
    fails("type:x y", "AX-Q005", "x", "file, repo, match or symbol");
    fails("select:owner y", "AX-Q005", "owner", "repo, file, symbol, lang or content");
    fails("select:symbol. y", "AX-Q005", "", "kind");
    fails("select:\"symbol.éé\" y", "AX-Q005", "\"symbol.éé\"", "kind");
    fails("-type:file x", "AX-Q001", "-", "negated");
}

#[test]
fn settings_shape_the_answer() {
    check("type:file foo", "foo select:file");
    check("type:repo a or b", "(a or b) select:repo");
    check("foo select:language", "foo select:lang");
    check("select:file.path type:file foo", "foo select:file");
    check("type:symbol select:repo foo", "sym:foo select:repo");
    check("count:5 foo", "foo count:5");
    check("foo COUNT:ALL sort:PATH", "foo sort:path count:all");
    check("sort:relevance foo", "foo");
    check("foo context:3 timeout:2s case:yes", "foo case:yes context:3 timeout:2000ms");
    check("(foo sort:size) or bar", "(foo or bar) sort:size");
    check("count:5 foo count:5", "foo count:5");
    let shape = read("foo count:9 timeout:1m").shape;
    let place = shape.count.map(|count| (count.place.start, count.place.end));
    assert_eq!((shape.count.unwrap().value, place), (Count::Most(9), Some((4, 11))));
    assert_eq!(shape.timeout.unwrap().value, Duration::from_secs(60));
    fails("count:5 foo count:6", "AX-Q005", "count:6", "twice");
    fails("count:0 foo", "AX-Q005", "0", "from 1");
    fails("timeout:2 foo", "AX-Q005", "2", "500ms");
    fails("context:-1 foo", "AX-Q005", "-1", "number of lines");
    fails("sort:rceency foo", "AX-Q005", "rceency", "did you mean sort:recency ?");
    fails("type:file select:repo foo", "AX-Q005", "select:repo", "keep one");
    fails("type:symbol select:content foo", "AX-Q005", "select:content", "keep one");
    fails("count:5", "AX-Q001", "count:5", "nothing to look for");
    fails("type:repo", "AX-Q001", "type:repo", "nothing to look for");
}

#[test]
fn what_is_pasted_stays_text() {
    check("type: object", r#""type:" object"#);
    check("(timeout: 30)", r#""timeout:" 30"#);
    check("public: int", r#""public:" int"#);
    check("size::of", r#""size::of""#);
    check(r#""count:3""#, r#""count:3""#);
}

#[test]
fn filters_known_from_elsewhere_propose_what_to_type() {
    fails("patterntype:regexp a.*b", "AX-Q008", "patterntype", "/regex/");
    fails("regex:a.*b", "AX-Q008", "regex", "/regex/");
    fails("author:me x", "AX-Q008", "author", "sort:recency");
    fails("langauge:rust x", "AX-Q004", "langauge", "did you mean language:");
    fails("pth:x", "AX-Q004", "pth", "did you mean path:");
    fails("slect:repo x", "AX-Q004", "slect", "did you mean select:");
}

#[test]
fn fields_are_told_apart() {
    let field = |text| match read(text).expr {
        Expr::Atom(Atom::Text { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field("x"), Field::Either);
    assert_eq!(field("/x/"), Field::Either);
    assert_eq!(field("content:x"), Field::Content);
    assert!(read("x -y file:z").has_text());
    assert!(!read("file:z -y").has_text());
}

#[test]
fn literals_are_recognised() {
    assert_eq!(pattern("foo.bar").literal(), Some(&b"foo.bar"[..]));
    assert_eq!(pattern("/foo/").literal(), Some(&b"foo"[..]));
    assert_eq!(pattern(r"/a\.b/").literal(), Some(&b"a.b"[..]));
    assert_eq!(pattern("/Foo/ case:no").literal(), Some(&b"Foo"[..]));
    assert_eq!(pattern(r"/(?-u:\xff)/").literal(), Some(&b"\xff"[..]));
    assert_eq!(pattern("/fo+/").literal(), None);
    assert_eq!(pattern("/^foo/").literal(), None);
}

#[test]
fn only_patterns_that_name_the_newline_cross_lines() {
    let multi = |text| pattern(text).multi_line();
    for text in
        [r"/a\nb/", r"/(?s)a.b/", r"/[\s\S]/", r"/a[\n]/", r#""a\nb""#, r"/\x0a/", r"/(?s-u:.)/"]
    {
        assert!(multi(text), "{text}");
    }
    for text in [r"/a\s+b/", "/[^a]/", "/a.b/", "/^a$/", r"/\W/", r"/[^\n]/", r"/[[^\n]]/", "a"] {
        assert!(!multi(text), "{text}");
        assert!(!may_match_newline(pattern(text).hir()), "{text}");
    }
}

fn may_match_newline(hir: &regex_syntax::hir::Hir) -> bool {
    let regex = regex_automata::meta::Regex::builder().build_from_hir(hir).unwrap();
    ["\n", "a\nb", "a \n b"].iter().any(|text| {
        regex.find_iter(text.as_bytes()).any(|found| text[found.range()].contains('\n'))
    })
}

#[test]
fn patterns_match_as_ripgrep_would() {
    for (query, text, expected) in [
        ("kelvin", "\u{212a}ELVIN", true),
        ("Kelvin", "kelvin", false),
        ("straße case:no", "STRASSE", false),
        ("ΣΑΣ case:no", "σας", true),
        ("s case:no", "\u{17f}", true),
        ("/^b$/", "a\nb\nc", true),
        ("/a.b/", "a\nb", false),
        ("/(?s)a.b/", "a\nb", true),
        (r"/\bfoo\b/", "a foo.", true),
        (r"/\bfoo\b/", "a food.", false),
        (r"/é+/", "caféé", true),
    ] {
        let regex = regex_automata::meta::Regex::builder().build_from_hir(pattern(query).hir());
        assert_eq!(regex.unwrap().is_match(text), expected, "{query} on {text:?}");
    }
}

#[test]
fn names_match_by_glob_or_regex() {
    for (query, name, expected) in [
        ("file:main", "src/Main.rs", true),
        ("file:main.rs", "src/mainXrs", true),
        ("file:*.rs", "src/main.rs", true),
        ("file:*.rs", "src/main.rs.bak", false),
        ("file:*.rs", "SRC/MAIN.RS", true),
        ("file:src/*.rs", "src/main.rs", true),
        ("file:src/*.rs", "lib/src/main.rs", false),
        ("file:src/*.rs", "src/a/main.rs", false),
        ("file:**/src/*.rs", "lib/src/main.rs", true),
        ("file:**/src/*.rs", "src/main.rs", true),
        ("file:src/**", "src/a/b.c", true),
        ("file:src/**/b.c", "src/b.c", true),
        ("file:test?.py", "a/test1.py", true),
        ("file:test?.py", "a/test12.py", false),
        ("file:*.{c,h}", "a.h", true),
        ("file:*.{c,h}", "a.cc", false),
        ("file:*.*", "a/b.c", true),
        ("file:x.{3}", "xabc", true),
        ("file:[!a]*.c", "b.c", true),
        ("file:[!a]*.c", "a.c", false),
        ("file:vendor*", "x/vendored/y.c", true),
        (r"file:\.rs$", "a.rs", true),
        (r"file:^src/.*\.c$", "src/x/y.c", true),
        (r#"file:"a.b""#, "axb", false),
        ("repo:acme/*", "acme/tool", true),
        ("repo:tool", "acme/tool", true),
        ("branch:Main", "main", false),
        ("file:*Ü.txt", "ü.txt", false),
        ("file:*ü.txt", "Ü.txt", true),
    ] {
        assert_eq!(matcher(query).is_match(name.as_bytes()), expected, "{query} on {name}");
    }
}

#[test]
fn errors_point_at_the_place() {
    fails("", "AX-Q001", "", "word");
    fails("   ", "AX-Q001", "   ", "word");
    fails("case:yes", "AX-Q001", "case:yes", "nothing to look for");
    fails(r#"foo "bar"#, "AX-Q001", "\"bar", "not closed");
    fails(r#"foo "bar\"#, "AX-Q001", r#""bar\"#, "not closed");
    fails(r#""a\q""#, "AX-Q001", r"\q", r"\\");
    fails(r#""\u{110000}""#, "AX-Q001", r"\u{110000}", "hexadecimal");
    fails(r#""\u{é}""#, "AX-Q001", r"\u{é}", "hexadecimal");
    fails("foo (bar", "AX-Q001", "(", "not closed");
    fails("foo bar)", "AX-Q001", ")", "closes nothing");
    fails("foo ()", "AX-Q001", "()", "nothing");
    fails("foo or", "AX-Q001", "or", "quotes");
    fails("or foo", "AX-Q001", "or", "quotes");
    fails("a and and b", "AX-Q001", "and", "both sides");
    fails("a and or b", "AX-Q001", "and", "both sides");
    fails("not", "AX-Q001", "not", "after it");
    fails("a or case:yes", "AX-Q001", "or", "both sides");
    fails("-case:yes a", "AX-Q001", "-", "negated");
    fails("/usr/include", "AX-Q001", "/usr/include", "not closed");
    fails("\"\"", "AX-Q001", "\"\"", "no text");
    fails("lnag:rust", "AX-Q004", "lnag", "lang:");
    fails("fiel:x foo", "AX-Q004", "fiel", "file:");
    fails("xyzzy:file", "AX-Q004", "xyzzy", "quotes");
    fails("é brnch:x", "AX-Q004", "brnch", "branch:");
    fails("case:yse", "AX-Q005", "yse", "case:yes");
    fails("case:maybe a", "AX-Q005", "maybe", "yes, no or auto");
    fails("case:yes a case:no", "AX-Q005", "case:no", "twice");
    fails("file: x", "AX-Q005", "file:", "file:*.rs");
    fails("lang:\"\"", "AX-Q005", "\"\"", "value");
    fails("repo:\"\"", "AX-Q005", "\"\"", "value");
}

#[test]
fn regex_errors_point_into_the_regex() {
    fails("/a(b/", "AX-Q002", "(", "unclosed group");
    fails(r"x /é\/*+[b/", "AX-Q002", "[", "unclosed character class");
    fails(r"/a\/\/b**)/", "AX-Q002", ")", "unopened group");
    fails("/* note */", "AX-Q002", "*", "quotes");
    fails(r"/\p{Nope}/", "AX-Q002", r"\p{Nope}", "property");
    fails("file:[z-a]$", "AX-Q002", "z-a", "range");
    fails("file:*.{a,b", "AX-Q002", "{", "not closed");
    fails("file:*[a", "AX-Q002", "[", "not closed");
}

#[test]
fn limits_hold() {
    let huge = "a".repeat(10 << 20);
    let error = parse(&huge, &Limits::default()).unwrap_err();
    assert_eq!((error.code().as_str(), error.span), ("AX-Q003", 0..0));
    for text in [
        "(".repeat(50_000),
        "-(".repeat(30_000),
        "not ".repeat(16_000),
        "a ".repeat(2_000),
        format!("/{}a{}/", "(".repeat(20_000), ")".repeat(20_000)),
        r"/((\w{99}){99}){99}/".to_owned(),
        "/a{1000000}/".to_owned(),
        r"/\w{120}/".to_owned(),
        format!("file:/{}/", r"\w{120}"),
        r"/\w{90}/ ".repeat(3),
    ] {
        let error = parse(&text, &Limits::default()).unwrap_err();
        assert_eq!(error.code().as_str(), "AX-Q003", "{:.40} {error:?}", text);
    }
    let words: Vec<_> = (0..6_000).map(|i| format!("word{i}")).collect();
    read(&format!("/{}/", words.join("|")));
    read(&"a".repeat(60_000));
    read(r"/\w{90}/");
    read(r"/\b\w{1,64}@[\w.-]{1,32}/");
    read(&r"/[\s\S]*x/ ".repeat(8));
}

/// What a short text becomes before anything is compiled: counted on the syntax tree.
#[test]
fn translation_is_paid_for_before_it_is_made() {
    let too_large = |text: String, says: &str| {
        let error = parse(&text, &Limits::default()).unwrap_err();
        assert_eq!(error.code().as_str(), "AX-Q003", "{text:.40} {error:?}");
        assert!(error.message.contains(says), "{text:.40} {error:?}");
        assert!(!error.span.is_empty() && !error.hint.is_empty(), "{text:.40} {error:?}");
    };
    too_large(format!("/{}/", r"\pL".repeat(10_000)), "too many classes");
    too_large(format!("/[{}]/", r"\w".repeat(10_000)), "too many classes");
    too_large(format!("file:/{}/", r"\p{Greek}".repeat(2_000)), "too many classes");
    too_large(r"/\w\w\w\w\w\w\w/ ".repeat(150) + r"/\d/", "");
    too_large(format!("/{}/", r"[\x{20}-\x{10fffe}]".repeat(100)), "brackets");
    too_large(format!("/{}/", r"[\W_]".repeat(100)), "brackets");
    too_large(format!("/{}/", r"[\s\S]x".repeat(20)), "brackets");
    too_large(format!("/{}a{}/", "[^".repeat(60), "]".repeat(60)), "brackets");
    too_large(format!(r"/{}\P{{Greek}}{}/", "[".repeat(60), "]".repeat(60)), "brackets");
    too_large(format!(r"/[\W{}]/", r"&&\W".repeat(60)), "brackets");
    let odd = |i: u32| char::from_u32(0x4e00 + 2 * i).unwrap();
    too_large(format!("/[{}]/ case:yes", (0..10_000).map(odd).collect::<String>()), "brackets");
    read(&format!("/[{}]/", (0..1_000).map(odd).collect::<String>()));
    read(&format!("/{}/ case:yes", r"[\W_]".repeat(100)));
    read(&format!("/{}/", r"[\s\S]x".repeat(10)));
}

#[test]
fn errors_become_faults() {
    let fault: Fault = parse("foo lnag:x", &Limits::default()).unwrap_err().into();
    assert_eq!((fault.field.as_str(), fault.span), ("q", Some((4, 8))));
    assert!(fault.hint.contains("lang:"));
}

#[test]
fn a_language_knows_its_place() {
    let query = read("x lang:klingon");
    let place = query.atoms().into_iter().find_map(|(atom, _)| match atom {
        Atom::Lang(lang) => Some((lang.place.start, lang.place.end)),
        _ => None,
    });
    assert_eq!(place, Some((7, 14)));
}

#[test]
fn a_slash_right_after_a_filter_opens_a_regular_expression_whatever_follows() {
    for (text, plain) in [("content:/ a/", r"content:/\x20a/"), ("sym:/ a/", r"sym:/\x20a/")] {
        assert_eq!(pattern(text).hir(), pattern(plain).hir(), "{text:?}");
        assert_eq!(read(&read(text).to_string()), read(text), "{text:?}");
    }
}

#[test]
fn a_name_may_be_bound_at_its_ends() {
    check("sym:^main$", "sym:/^main$/");
    check("sym:^spin_", "sym:/^spin_/");
    check("symbol:Lock$", "sym:/Lock$/");
    check("sym:^a.b*c", r"sym:/^a\.b\*c/");
    check("sym:a^b$c", "sym:\"a^b$c\"");
    check(r"sym:\^a", "sym:\"^a\"");
    check(r"sym:a\$", "sym:\"a$\"");
    check(r"sym:a\\$", r"sym:/a\\$/");
    check("sym:\"^a$\"", "sym:\"^a$\"");
    check("c:^a", "content:\"^a\"");
    fails("sym:^$ x", "AX-Q005", "^$", "sym:^main$");
    fails("sym:^", "AX-Q005", "^", "sym:^main$");
}
