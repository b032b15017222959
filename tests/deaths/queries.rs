//! Queries of death: texts that cost some search engine its life, in families. Each must end soon, within
//! bounded memory, in an answer, a part of one that says so, or an error with a code.
//!
//! The file is included by tests of the engine and of the query node.

/// A query, and the family that it is of.
#[derive(Debug, Clone)]
pub struct Death {
    /// What is bad about it.
    pub family: &'static str,
    /// The text.
    pub query: String,
}

/// All of them, always in the same order.
pub fn deaths() -> Vec<Death> {
    let mut all = Vec::new();
    let mut add = |family: &'static str, queries: Vec<String>| {
        all.extend(queries.into_iter().map(|query| Death { family, query }));
    };
    add("nested repetitions", nested_repetitions());
    add("counts", counts());
    add("classes", classes());
    add("alternations", alternations());
    add("backtracking", backtracking());
    add("automata that grow", growing());
    add("many lines", many_lines());
    add("nesting", nesting());
    add("terms", terms());
    add("names", names());
    add("settings", settings());
    add("literals", literals());
    add("look-alikes", look_alikes());
    add("unfinished", unfinished());
    all
}

fn regex(expression: impl std::fmt::Display) -> String {
    format!("/{expression}/")
}

/// Both ways of telling case, and one expression under the other's.
fn in_each_case(expressions: Vec<String>) -> Vec<String> {
    let both = |e: &String| [format!("/{e}/ case:yes"), format!("/{e}/ case:no")];
    expressions.iter().flat_map(both).collect()
}

fn join(num: usize, between: &str, part: impl Fn(usize) -> String) -> String {
    (0..num).map(part).collect::<Vec<_>>().join(between)
}

fn nested_repetitions() -> Vec<String> {
    let mut all = Vec::new();
    for part in ["a", "ab?", "[ab]", ".", r"\w", r"\pL", "(a|b|)", r"\b"] {
        for times in ["*", "+", "{2}", "{1,9}", "{0,}"] {
            let nested = (0..8).fold(part.to_owned(), |inner, _| format!("({inner}){times}"));
            all.push(regex(format!("{nested}Z")));
        }
    }
    all.push(regex(format!("{}x{}", "(".repeat(45), ")+".repeat(45))));
    all.push(regex(format!("{}x{}", "(".repeat(90), ")*".repeat(90))));
    all
}

fn counts() -> Vec<String> {
    let expressions = [
        "a{1000}",
        "a{65535}",
        "a{1000000}",
        "a{4294967295}",
        "a{99999999999}",
        r"\w{1000}",
        r"\w{90}Z",
        r"\pL{90}Z",
        ".{1000}Z",
        ".{0,9999}Z",
        "(a{999}){999}",
        "((a{99}){99}){99}",
        "(((a{9}){9}){9}){9}Z",
        r"(\w{9}){9}Z",
        "[a-z]{9999}",
        "[a-z]{1,9999}Z",
        "(?i)[k-s]{999}",
        "(ab|cd|ef){3000}",
        "(a|b){0,30000}Z",
        "a{2,1}",
        "(|a){5000}b",
        "(a{0}){99999}",
        r"(\b|^|$){9999}Z",
        "(a?){9999}",
    ];
    in_each_case(expressions.map(str::to_owned).to_vec())
}

fn classes() -> Vec<String> {
    let odd = |i: usize| char::from_u32(0x4e00 + 2 * i as u32).unwrap_or('x').to_string();
    in_each_case(vec![
        r"\pL".repeat(10_000),
        r"\w".repeat(20_000),
        r"\W".repeat(900),
        r"[\W_]".repeat(5_000),
        r"[\s\S]*".repeat(900),
        format!("[{}]", r"\w".repeat(900)),
        format!("[{}]+Z", join(3_000, "", odd)),
        format!("[{}]+Z", join(20_000, "", odd)),
        format!("[^{}]+Z", join(3_000, "", odd)),
        r"[\x{20}-\x{10fffe}]".repeat(2_500),
        format!("{}a{}", "[^".repeat(90), "]".repeat(90)),
        format!(r"[\w{}]", r"&&\W".repeat(90)),
        format!(r"[\w{}]Z", r"--\pN".repeat(90)),
        join(300, "", |i| format!(r"[\x{{{:x}}}-\x{{{:x}}}]", 300 + i, 70_000 + i)),
        join(900, "|", |i| format!(r"\p{{L}}{i}")),
        r"\p{Greek}\p{Cyrillic}\p{Han}\p{Arabic}".repeat(200),
        r"\p{Any}\P{Any}".repeat(400),
        "[[:alpha:][:^digit:]]".repeat(2_000),
    ])
}

fn alternations() -> Vec<String> {
    let word = |i: usize| format!("w{i:04}x");
    let mut all = in_each_case(vec![
        join(10_000, "|", word),
        join(9_000, "|", |i| format!("{i}")),
        format!("({})({})", join(5_000, "|", word), join(4_000, "|", word)),
        format!("({}){{1,9}}", join(1_000, "|", word)),
        "|".repeat(30_000),
        "(|)".repeat(9_000),
        "(a|)".repeat(9_000),
        format!("({}|a)+Z", "a|".repeat(9_000)),
        join(900, "|", |i| format!("{}b", "a".repeat(i % 60))),
        join(400, "|", |i| format!("{}.*{}", word(i), word(i + 1))),
        join(2_000, "|", |i| format!("(?i:{})", word(i))),
        join(5_000, "|", |i| format!("^{i}$")),
    ]);
    all.push(join(300, " or ", |i| regex(format!("{}.*{}", word(i), word(i + 1)))));
    all.push(join(300, " or ", |i| regex(format!(r"\b[a-z]+{i}\w+"))));
    all.push(join(90, " or ", |i| regex(format!("[ab].{{{}}}Z", 200 + i))));
    all
}

fn backtracking() -> Vec<String> {
    let mut all = in_each_case(
        [
            "(a|a)*b",
            "(a*)*b",
            "(a+)+b",
            "(a|aa)+Z",
            "(.*)*Z",
            ".*.*.*=.*",
            ".*.*.*.*.*.*.*.*Z",
            r"(\w+\s?)*Z",
            r"^(([a-z])+.)+[A-Z]([a-z])+$",
            "(x+x+)+y",
            r"(\d+)*[^\d]Z",
            r"(?s).*.*.*Z",
            r"^(a?){60}a{60}$",
            r"\s+$",
            r"[ab]*[ab]*[ab]*Z",
            r"(\pL+\pN*)*Z",
            r"([a-zA-Z0-9])(([\-.]|[_]+)?([a-zA-Z0-9]+))*(@)Z",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    all.push(regex("a?".repeat(1_000) + &"a".repeat(1_000)));
    all.push(regex("(a?)".repeat(9_000) + "Z"));
    all.push(regex("a*".repeat(9_000) + "Z"));
    all.push(regex("a*?".repeat(2_000) + "Z"));
    all
}

/// Their deterministic automata have more states than fit into memory, so that nothing cached helps.
fn growing() -> Vec<String> {
    let mut all = Vec::new();
    for tail in ["{20}", "{300}", "{3000}"] {
        for part in
            ["[ab].", "a[^Z]", r"(a|\w)[ab]", "[a-f][a-z ]", r"é?[\pL\s]", r"\ba.", r"\Ba[ab]"]
        {
            let (first, rest) = part.split_at(part.len() - if part.ends_with('.') { 1 } else { 0 });
            let rest = if rest.is_empty() { "." } else { rest };
            all.push(regex(format!("{first}{rest}{tail}Z")));
        }
    }
    all.push(regex("(a|b)*a(a|b){12}Z case:yes"));
    all.push(regex(r"\b(\w+\s){1,30}Z\b"));
    all.push(regex(r"(?s:a.{500}Z)"));
    all
}

fn many_lines() -> Vec<String> {
    [
        r"(?s).*Z",
        r"(?s)a.*b.*c.*Z",
        r"[\s\S]*Z[\s\S]*",
        r"(?s)(a.*)*Z",
        r"\n\n\n\n\n\n\n\nZ",
        r"(\n|a)*Z",
        r"(?s)a.{400}Z",
        r"(?s)a.*[^a]Z|a",
        r"(?s).{1000}",
        r"(?s)^.*$",
        r"\n",
        r"(?s).",
        r"(?s)\b.*\b",
        r"(a\n?)+",
        r"(?s)é.*\bZ\b",
        r"[^Z]*\n[^Z]*\n[^Z]*Z",
    ]
    .map(regex)
    .to_vec()
}

fn nesting() -> Vec<String> {
    vec![
        "(".repeat(60_000),
        ")".repeat(60_000),
        format!("{}a{}", "(".repeat(30_000), ")".repeat(30_000)),
        format!("{}a{}", "(".repeat(99), ")".repeat(99)),
        "not ".repeat(16_000) + "a",
        "not ".repeat(98) + "a",
        "-".repeat(60_000) + "a",
        "-(".repeat(20_000) + "a",
        format!("{}a{}", "-(".repeat(49), ")".repeat(49)),
        format!("{}a{}", "(b or ".repeat(99), ")".repeat(99)),
        regex(format!("{}a{}", "(".repeat(20_000), ")".repeat(20_000))),
        regex(format!("{}a{}", "(?:".repeat(99), ")".repeat(99))),
        regex(format!("{}a{}", "[".repeat(20_000), "]".repeat(20_000))),
        regex("(".repeat(60_000)),
        regex("[".repeat(60_000)),
        regex("(?i".repeat(10_000)),
    ]
}

fn terms() -> Vec<String> {
    let letter = |i: usize| char::from(b'a' + (i % 26) as u8).to_string();
    vec![
        "a ".repeat(900),
        "a ".repeat(30_000),
        join(900, " or ", letter),
        join(900, " ", |i| format!("-w{i}")),
        join(900, " ", |i| format!("word{i}")),
        join(900, " or ", |i| format!("word{i}")),
        join(900, " ", |i| format!("file:f{i}")),
        join(900, " or ", |i| format!("file:/f.*{i}/")),
        join(900, " or ", |i| format!("repo:/r.*{i}/")),
        join(900, " or ", |i| format!("-branch:b{i}*")),
        join(900, " or ", |i| format!("sym:s{i}")),
        join(900, " or ", |i| format!("sym:/s.*{i}/ symkind:function")),
        join(900, " or ", |i| format!("size:>{i}")),
        join(900, " or ", |i| format!("(a -w{i})")),
        join(300, " ", |i| format!("-(a or w{i} or (b -c))")),
        join(900, " or ", |_| "lang:rust".to_owned()),
        join(90, " or ", |i| format!("/(?s)a.*{i}/")),
        "a or ".repeat(900) + "a",
        "or ".repeat(20_000),
        "and and ".repeat(5_000),
    ]
}

fn names() -> Vec<String> {
    let mut all = Vec::new();
    for filter in ["file:", "repo:", "branch:"] {
        all.push(format!("{filter}{}", "*".repeat(60_000)));
        all.push(format!("{filter}{}x", "**/".repeat(20_000)));
        all.push(format!("{filter}{}x", "**/".repeat(300)));
        all.push(format!("{filter}{}", "?".repeat(60_000)));
        all.push(format!("{filter}{}Z", "?*".repeat(3_000)));
        all.push(format!("{filter}{{{}}}", join(9_000, ",", |i| format!("f{i}"))));
        all.push(format!("{filter}{}{}", "{a,".repeat(9_000), "}".repeat(9_000)));
        all.push(format!("{filter}{}{}", "{a,".repeat(90), "b}".repeat(90)));
        all.push(format!("{filter}/(a|a)*(b|b)*.*.*.*Z/"));
        all.push(format!("{filter}/{}/", r"\pL".repeat(9_000)));
        all.push(format!("{filter}[{}]", "!".repeat(9_000)));
        all.push(format!("{filter}{}", "x".repeat(60_000)));
        all.push(format!("{filter}/[a-z/.].{{900}}Z/"));
    }
    all
}

fn settings() -> Vec<String> {
    let mut all = Vec::new();
    for value in
        ["0", "-1", "99999999999999999999", "1e9", "\u{661}", "all", "", "NaN", "5s", "9999999d"]
    {
        for name in ["count:", "timeout:", "context:", "size:>", "sort:"] {
            all.push(format!("a {name}{value}"));
        }
    }
    all.push(format!("a {}", "count:7 ".repeat(5_000)));
    all.push(format!("a {}", "case:yes case:no ".repeat(900)));
    all.push(format!("a lang:{}", "x".repeat(60_000)));
    all.push(format!("sym:a symkind:{}", "function,".repeat(5_000)));
    all.push(format!("{}:x", "f".repeat(60_000)));
    all
}

fn literals() -> Vec<String> {
    let mut all = Vec::new();
    for part in ["a", "ab", "ks", "\u{e9}", "\u{212a}", " ", "a\\n", "\\\\"] {
        for case in ["yes", "no"] {
            all.push(format!("\"{}Z\" case:{case}", part.repeat(9_000)));
        }
    }
    all.push("a".repeat(60_000));
    all.push(format!("\"{}b{}\" case:no", "a".repeat(15_000), "a".repeat(15_000)));
    all.push("a".repeat(1 << 20));
    all
}

fn look_alikes() -> Vec<String> {
    let mut all: Vec<String> = [
        "\u{430}\u{440}\u{440}",
        "\u{ff0f}a\u{ff0f}",
        "file\u{ff1a}x",
        "\u{201c}a b\u{201d}",
        "\u{2010}a",
        "a\u{200b}b",
        "\u{202e}cba",
        "\u{feff}a",
        "a\u{300}\u{301}\u{302}",
        "\u{0}",
        "a\u{0}b",
        "\"\u{0}\u{1}\u{7f}\"",
        "\u{1b}[31m",
        "/\u{0}+/",
        "/[\u{0}-\u{1f}]*Z/",
        "\u{2028}",
        "\u{85}",
        "\u{a0}",
        "\u{3000}a\u{3000}or\u{3000}b",
        "/\u{17f}{900}/",
        "\u{1f4a9}",
        "/\\x{110000}/",
        "/\\u{d800}/",
        "/(?-u:\\xff)+Z/",
        "/(?-u)[^a]{900}Z/",
        "\u{fffd}",
        "k case:no",
        "s case:no",
        "content:\"ks\" case:no",
        "type:match count:all k case:no",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("content:{} case:no", "ks".repeat(120)));
    all.push(format!("a{}", "\u{300}".repeat(30_000)));
    all.push("\u{1f468}\u{200d}".repeat(9_000));
    all.push("\u{0}".repeat(60_000));
    all.push("\n".repeat(60_000));
    all
}

fn unfinished() -> Vec<String> {
    let mut all: Vec<String> = [
        "",
        " ",
        "/",
        "//",
        "///",
        "\"",
        "\\",
        "(",
        ")",
        "-",
        "()",
        "a or",
        "or a",
        "not",
        "/a",
        "/(/",
        "/[/",
        "/a{/",
        "/(?P<n>a)(?P=n)/",
        r"/(a)\1/",
        "/(?=a)/",
        "/(?!a)/",
        "/(?<=a)b/",
        "/(?>a)/",
        "/a**/",
        "/+/",
        "/?/",
        "/{9}/",
        r"/\p{Nope}/",
        "/(?z)/",
        "/(?P<a>x)(?P<a>y)/",
        "file:",
        "repo:{",
        "file:[",
        "lang:nope",
        "nope:x",
        "::",
        "a:b:c",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push("/a ".repeat(20_000));
    all.push("/ ".repeat(30_000));
    all.push("\"".repeat(50_001));
    all.push("\\".repeat(50_001));
    all.push("a:".repeat(30_000));
    all.push("/a/".repeat(20_000));
    all
}
