//! What people type who come from Sourcegraph or Zoekt: it works, or the error says what to type instead.

use ax_query::{Atom, Expr, Limits, Matcher, parse};

/// The text means what `same` does.
fn reads_as(text: &str, same: &str) {
    let read = |text: &str| {
        parse(text, &Limits::default()).unwrap_or_else(|error| panic!("{text:?}: {error:?}"))
    };
    let query = read(text);
    assert_eq!(query, read(same), "{text:?}");
    let printed = query.to_string();
    assert_eq!(read(&printed), query, "{text:?} printed as {printed:?}");
    assert_eq!(read(&printed).to_string(), printed, "{text:?}");
}

/// The text is refused at `place`, and the hint holds `proposes`.
fn refused(text: &str, place: &str, proposes: &str) {
    let Err(error) = parse(text, &Limits::default()) else { panic!("{text:?} is accepted") };
    assert_eq!(error.code().as_str(), "AX-Q008", "{text:?}: {error:?}");
    assert_eq!(&text[error.span.clone()], place, "{text:?}: {error:?}");
    assert!(error.hint.contains(proposes), "{text:?}: {:?}", error.hint);
}

fn matcher(text: &str) -> Matcher {
    let query = parse(text, &Limits::default()).expect(text);
    match query.expr {
        Expr::Atom(Atom::Repo(matcher) | Atom::File(matcher) | Atom::Branch(matcher)) => matcher,
        other => panic!("{text:?} is {other:?}"),
    }
}

#[test]
fn a_revision_behind_a_repository_is_a_filter_of_its_own() {
    refused("repo:acme/api@v1 x", "@v1", "write repo:acme/api branch:v1;");
    refused("x r:acme/api@release/2.x", "@release/2.x", "repo:acme/api branch:release/2.x;");
    refused("x (-repo:acme/api@HEAD)", "@HEAD", "repo:acme/api branch:HEAD;");
    refused(r"repo:^github\.com/acme/api$@v1", "@v1", r"repo:^github\.com/acme/api$ branch:v1;");
    refused("repo:a@b:refs/heads/c x", "@b:refs/heads/c", "repo:a (branch:b or branch:c);");
    refused("repo:gît@é x", "@é", "repo:gît branch:é;");
    refused("rev:v1:v2 x", "v1:v2", "(branch:v1 or branch:v2)");
    refused("branch:HEAD: x", "HEAD:", "write branch:HEAD");
}

#[test]
fn a_name_with_such_a_sign_can_be_asked_for() {
    for (text, name) in [
        ("repo:\"acme/api@v1\"", "acme/api@v1"),
        ("repo:/api@v1/", "acme/api@v1"),
        (r"repo:acme/api\@v1", "acme/api@v1"),
        ("repo:acme/api@*", "acme/api@v1"),
        ("repo:*/api@v1", "acme/api@v1"),
        ("repo:api@v1$", "acme/api@v1"),
        ("repo:(api@v1|web@v1)", "acme/api@v1"),
        ("repo:@acme/api", "npm/@acme/api"),
        ("repo:npm/@acme/api", "npm/@acme/api"),
        ("repo:api@", "acme/api@v1"),
        ("file:img@2x", "a/img@2x.png"),
        ("branch:dependabot/@types", "dependabot/@types/node"),
        ("branch:(?:v1|v2)", "v1"),
    ] {
        assert!(matcher(text).is_match(name.as_bytes()), "{text} on {name}");
        reads_as(text, text);
    }
}

#[test]
fn head_is_the_default_branch() {
    for text in ["branch:HEAD", "b:HEAD", "rev:HEAD", "branch:\"HEAD\"", "case:no b:HEAD"] {
        assert!(matcher(text).is_head(), "{text}");
        reads_as(text, text);
    }
    reads_as("x -rev:HEAD", "x -branch:\"HEAD\"");
    for text in [
        "branch:*HEAD*",
        "branch:/HEAD/",
        "branch:^HEAD$",
        "branch:head",
        "branch:HEADS",
        "branch:\"\\u{48}EADS\"",
        "repo:HEAD",
        "file:HEAD",
    ] {
        assert!(!matcher(text).is_head(), "{text}");
    }
}

#[test]
fn conditions_in_parentheses_are_no_names() {
    for (text, place, proposes) in [
        ("repo:has.file(go.mod) x", "has.file", "file:NAME select:repo"),
        ("repo:has.file(path:a content:b) x", "has.file", "file:NAME select:repo"),
        ("r:has.path(go.mod)", "has.path", "file:NAME select:repo"),
        ("repo:contains.file(go.mod)", "contains.file", "file:NAME select:repo"),
        ("x repo:contains.path(a|b)", "contains.path", "file:NAME select:repo"),
        ("x repo:contains.path( a )", "contains.path", "file:NAME select:repo"),
        ("repo:has.content(foo)", "has.content", "WORDS select:repo"),
        ("repo:contains.content(foo)", "contains.content", "WORDS select:repo"),
        ("repo:has.topic(db) x", "has.topic", "archived:no"),
        ("x -repo:has(team:a)", "has", "archived:no"),
        ("repo:has.commit.after(yesterday)", "has.commit.after", "sort:recency"),
        ("(repo:Contains.Commit.After(1y) x)", "Contains.Commit.After", "sort:recency"),
        ("file:has.content(foo)", "has.content", "WORDS file:NAME"),
        ("-file:contains.content(foo) x", "contains.content", "WORDS file:NAME"),
        ("path:has.owner(me) x", "has.owner", "CODEOWNERS"),
        ("f:has.contributor(me) x", "has.contributor", "CODEOWNERS"),
        ("rev:at.time(yesterday) x", "at.time", "branch:main"),
    ] {
        refused(text, place, proposes);
    }
    for (text, name) in [
        ("file:\"has.content(x)\"", "a/has.content(x).md"),
        ("file:/has.content(x)/", "has.contentx"),
        ("file:has.(c|h)$", "has.c"),
        ("file:has.content", "has.content"),
        ("repo:(has|contains)", "has"),
        ("repo:has.owner(s)", "has.owners"),
    ] {
        assert!(matcher(text).is_match(name.as_bytes()), "{text} on {name}");
    }
}

#[test]
fn the_context_of_everything_is_no_setting() {
    reads_as("context:global foo", "foo");
    reads_as("(Context:GLOBAL foo) or bar", "foo or bar");
    reads_as("context:\"global\" foo context:3", "foo context:3");
    refused("context:@me foo", "@me", "leave it out");
    refused("context:@acme/web foo", "@acme/web", "leave it out");
    refused("foo context:kubernetes", "kubernetes", "leave it out");
    for text in ["context:global", "context:3 context:global"] {
        let error = parse(text, &Limits::default()).expect_err(text);
        assert_eq!((error.code().as_str(), error.span), ("AX-Q001", 0..text.len()), "{text}");
    }
    let error = parse("foo context:3x", &Limits::default()).expect_err("no number");
    assert_eq!((error.code().as_str(), error.span), ("AX-Q005", 12..14));
}
