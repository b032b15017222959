//! Every grammar on a small sample: `golden/*.txt` holds a path, a source, the definitions that stand in
//! it, one per line as `kind name` and, if it has one, `in container`, and its comments and strings.

use std::path::Path;
use std::time::Duration;

use ax_syntax::{
    Budget, Definition, GivenUp, Language, Outline, detect, find_language, languages, outline,
};

const RULE: &str = "\n====\n";

fn golden() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let read = |path: std::path::PathBuf| {
        (path.display().to_string(), std::fs::read_to_string(&path).unwrap())
    };
    paths.map(read).collect()
}

fn line(definition: &Definition) -> String {
    let Definition { name, kind, container, .. } = definition;
    let container = container.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    format!("{} {name}{container}", kind.as_str())
}

fn read(language: &Language, source: &[u8]) -> Outline {
    outline(language, source, &Budget::default()).unwrap().unwrap_or_default()
}

fn definitions(
    language: &Language,
    source: &[u8],
    budget: &Budget,
) -> Result<Vec<Definition>, GivenUp> {
    outline(language, source, budget).map(|found| found.unwrap_or_default().definitions)
}

#[test]
fn samples_give_their_definitions_comments_and_strings() {
    let mut wrong = Vec::new();
    for (file, text) in golden() {
        let (head, expected) = text.split_once(RULE).unwrap();
        let (path, source) = head.split_once('\n').unwrap();
        let found = read(detect(path, source.as_bytes()).unwrap(), source.as_bytes());
        for one in &found.definitions {
            assert_eq!(source[one.start..one.end], one.name, "{file}");
            assert!(one.end <= one.whole_end && one.whole_end <= source.len(), "{file}");
        }
        let definitions: Vec<_> = found.definitions.iter().map(line).collect();
        let prose: Vec<_> =
            found.prose.iter().map(|range| source[range.clone()].replace('\n', "⏎")).collect();
        let found = format!("{}{RULE}{}", definitions.join("\n"), prose.join("\n"));
        if found != expected.trim_end() {
            wrong.push(format!("{file}\n{found}\n"));
        }
    }
    assert!(wrong.is_empty(), "found instead:\n{}", wrong.join("\n"));
}

#[test]
fn a_definition_ends_where_its_body_does() {
    let source = "fn a() {\n    b();\n}\nstruct C;\n";
    let found = read(find_language("rust").unwrap(), source.as_bytes());
    let ends: Vec<_> =
        found.definitions.iter().map(|one| &source[one.start..one.whole_end]).collect();
    assert_eq!(ends, ["a() {\n    b();\n}", "C;"]);
}

#[test]
fn every_language_with_definitions_has_a_sample() {
    let sampled: Vec<_> = golden()
        .iter()
        .map(|(_, text)| detect(text.lines().next().unwrap(), b"").unwrap().name)
        .collect();
    for language in languages().iter().filter(|language| language.has_definitions()) {
        assert!(sampled.contains(&language.name), "{}", language.name);
    }
}

fn c() -> &'static ax_syntax::Language {
    find_language("c").unwrap()
}

#[test]
fn too_big_is_given_up_unread() {
    let budget = Budget { max_bytes: 10, ..Budget::default() };
    assert_eq!(definitions(c(), b"int main() {}", &budget), Err(GivenUp::TooBig));
}

#[test]
fn too_slow_is_given_up_and_the_next_file_is_not_affected() {
    let text = "int f(void) { return 1; }\n".repeat(100_000);
    let budget = Budget { timeout: Duration::from_millis(20), ..Budget::default() };
    assert_eq!(definitions(c(), text.as_bytes(), &budget), Err(GivenUp::TooSlow));
    let found = definitions(c(), b"int main(void) {}", &Budget::default()).unwrap();
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), ["function main"]);
}

/// What takes a grammar minutes, or its stack, ends this test and not a segment.
#[test]
fn deep_nesting_is_read_or_given_up_in_every_grammar() {
    let budget = Budget { timeout: Duration::from_millis(50), ..Budget::default() };
    for language in languages().iter().filter(|language| language.has_definitions()) {
        for unit in ["(", "{", "class A {", "def f(", "<div>", "((a=>"] {
            let text = unit.repeat(40_000 / unit.len());
            let got = definitions(language, text.as_bytes(), &budget);
            assert_ne!(got.err(), Some(GivenUp::TooBig), "{} {unit:?}", language.name);
        }
    }
}

#[test]
fn any_bytes_are_survived() {
    let noise: Vec<u8> =
        (0..20_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for language in languages() {
        for text in [&noise[..], b"", b"\0", b"\xff\xfe", b"fn \xff\xff() {}"] {
            let found = definitions(language, text, &Budget::default());
            for one in found.unwrap_or_default() {
                assert!(one.start <= one.end && one.end <= text.len(), "{}", language.name);
            }
        }
    }
}
