//! Rules about single files.

use crate::rust::Line;
use crate::{Complaints, File};

const MAX_LINES: usize = 500;

/// Rules quote what they forbid.
fn is_own(file: &File) -> bool {
    file.path.starts_with("tests/tidy/")
}

/// The reason behind a marker, as in `// tidy: table. One row per code`; `None` without marker or reason.
fn reason<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let (_, reason) = text.split_once(&format!("tidy: {marker}"))?;
    let reason = reason.lines().next()?.trim_start_matches(['.', ':', ',', ';', ' ']).trim();
    (reason.len() >= 8).then_some(reason)
}

/// A source file has at most 500 lines, unless it says `tidy: table` and why.
pub fn files_are_short(files: &[File]) -> Complaints {
    let long = files.iter().filter(|file| file.is_source()).filter_map(|file| {
        let num_lines = file.text.lines().count();
        (num_lines > MAX_LINES && reason(&file.text, "table").is_none())
            .then_some((file, num_lines))
    });
    long.map(|(file, num_lines)| {
        let path = &file.path;
        format!(
            "{path}: {num_lines} lines; split it by idea, or say `tidy: table` with the reason if it is one"
        )
    })
    .collect()
}

/// No `unwrap()` outside tests.
pub fn no_unwrap(files: &[File]) -> Complaints {
    let what =
        "`unwrap` outside a test; return the error, or `expect` what cannot fail and say why";
    complain(files, what, |file, line| {
        !file.is_test() && !line.in_test && line.code.contains(".unwrap()")
    })
}

/// Nothing left to do later: no such words in comments, no such macros, no test that is skipped.
pub fn no_loose_ends(files: &[File]) -> Complaints {
    let what = "a loose end; finish it, or write down as an issue what is left";
    let mut complaints = complain(files, what, |_, line| {
        has_word(&line.comment, &["TODO", "FIXME", "XXX", "HACK"])
            || ["todo!", "unimplemented!", "#[ignore"].iter().any(|end| line.code.contains(end))
    });
    for file in
        files.iter().filter(|file| file.is_source() && file.ending() != "rs" && !is_own(file))
    {
        for (number, line) in (1..).zip(file.text.lines()) {
            let comment = ["//", "#", "/*", "<!--"].iter().find_map(|start| line.split_once(start));
            if comment.is_some_and(|(_, comment)| has_word(comment, &["TODO", "FIXME"])) {
                complaints.push(format!("{}:{number}: {what}", file.path));
            }
        }
    }
    complaints
}

/// No test waits by sleeping. What sleeps for another reason says `tidy: sleep` and why, on its line or
/// the one before; the harness's own polling is what all others use.
pub fn no_sleep_in_tests(files: &[File]) -> Complaints {
    let what = "a sleep in test code; wait for the thing with `ax_harness::eventually`, or say \
                `tidy: sleep` with the reason";
    let mut complaints = Complaints::new();
    for file in files.iter().filter(|file| file.path != "tests/harness/src/wait.rs") {
        let Some(rust) = file.rust() else { continue };
        let mut before = &Line::default();
        for (number, line) in rust.numbered() {
            let excused =
                [before, line].iter().any(|line| reason(&line.comment, "sleep").is_some());
            let tested = file.is_test() || line.in_test;
            if tested && !excused && has_call(&line.code, "sleep") {
                complaints.push(format!("{}:{number}: {what}", file.path));
            }
            before = line;
        }
    }
    complaints
}

/// No path of a machine that somebody happened to work on.
pub fn no_machine_paths(files: &[File]) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files.iter().filter(|file| !is_own(file)) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let inside = |at: usize| {
                line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-~}".contains(c))
            };
            if line.match_indices("/work/").any(|(at, _)| !inside(at)) {
                let path = &file.path;
                complaints.push(format!(
                    "{path}:{number}: a path of somebody's machine; make it relative"
                ));
            }
        }
    }
    complaints
}

/// Coordination takes from the nouns the error codes and nothing else: it does not know what a shard is.
pub fn coordination_knows_no_nouns(files: &[File]) -> Complaints {
    let what = "coordination may use `Code` and `Fault` of ax-model, none of its nouns";
    complain(files, what, |file, line| {
        let mut uses = line.code.split("ax_model").skip(1);
        file.path.starts_with("libs/coordination/") && uses.any(|rest| !names_errors_only(rest))
    })
}

/// Whether what follows `ax_model`, as in `::{Code, Fault};`, names nothing but these.
fn names_errors_only(rest: &str) -> bool {
    let Some(path) = rest.strip_prefix("::") else { return false };
    let list = path.strip_prefix('{').and_then(|list| list.split('}').next());
    let first = path.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    list.unwrap_or(first).split(',').all(|name| ["Code", "Fault"].contains(&name.trim()))
}

/// One complaint for each line of Rust that `is_bad` says yes to.
fn complain(files: &[File], what: &str, is_bad: impl Fn(&File, &Line) -> bool) -> Complaints {
    let mut complaints = Complaints::new();
    for file in files.iter().filter(|file| !is_own(file)) {
        let Some(rust) = file.rust() else { continue };
        let bad = rust.numbered().filter(|(_, line)| is_bad(file, line));
        complaints.extend(bad.map(|(number, _)| format!("{}:{number}: {what}", file.path)));
    }
    complaints
}

fn has_word(text: &str, words: &[&str]) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| words.contains(&word))
}

fn has_call(code: &str, name: &str) -> bool {
    let calls = code.match_indices(name).filter(|(at, _)| code[at + name.len()..].starts_with('('));
    calls
        .into_iter()
        .any(|(at, _)| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
}

#[cfg(test)]
mod tests;
