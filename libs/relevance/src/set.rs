//! Sets of judged queries as plain text, to be written by hand.
//!
//! ```text
//! set      := { line LF }
//! line     := "" | "#" comment | query TAB expected { TAB expected }
//! expected := repo ":" path [ "=" grade ]
//! grade    := "1" | "2" | "3"                  3 when it is left out
//! ```
//!
//! Spaces around queries and files do not count. A path that ends in `=` and digits needs a grade after it.

use crate::{Expected, FileId, Judged, JudgedSet};
use ax_model::{Code, Fault};
use std::fmt::Write as _;

const BEST_GRADE: u8 = 3;

/// Reads the set `name`.
///
/// # Errors
/// AX-P001 with the line and what is expected there.
pub fn parse(name: &str, text: &str) -> Result<JudgedSet, Fault> {
    let mut queries: Vec<Judged> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let at = |what: String| malformed(name, number, what);
        let (query, expected) = judged(line).map_err(at)?;
        if let Some(earlier) = queries.iter().find(|judged| judged.query == query) {
            return Err(at(format!("the query stands in line {} already", earlier.line)));
        }
        queries.push(Judged { query, expected, line: number });
    }
    if queries.is_empty() {
        return Err(malformed(name, 1, "at least one query is expected".to_owned()));
    }
    Ok(JudgedSet { name: name.to_owned(), queries })
}

/// The set as text, under comments.
pub fn print(set: &JudgedSet, comments: &[String]) -> String {
    let mut out = String::new();
    for comment in comments {
        let _ = writeln!(out, "# {comment}");
    }
    for Judged { query, expected, .. } in &set.queries {
        out.push_str(query);
        for Expected { file, grade } in expected {
            let _ = write!(out, "\t{file}={grade}");
        }
        out.push('\n');
    }
    out
}

fn judged(line: &str) -> Result<(String, Vec<Expected>), String> {
    let mut fields = line.split('\t').map(str::trim);
    let query = fields.next().unwrap_or_default();
    if query.is_empty() {
        return Err("a query is expected before the tab".to_owned());
    }
    let mut expected: Vec<Expected> = Vec::new();
    for field in fields.filter(|field| !field.is_empty()) {
        let one = one_expected(field)?;
        if expected.iter().any(|other| other.file == one.file) {
            return Err(format!("`{}` is named twice", one.file));
        }
        expected.push(one);
    }
    if expected.is_empty() {
        return Err("a tab and a file, as in `kmalloc<TAB>linux:mm/slub.c=3`, are expected".into());
    }
    Ok((query.to_owned(), expected))
}

fn one_expected(field: &str) -> Result<Expected, String> {
    let (named, grade) = match field.rsplit_once('=') {
        Some((named, digits)) if is_number(digits) => (named, grade(field, digits)?),
        _ => (field, BEST_GRADE),
    };
    match named.split_once(':') {
        Some((repo, path)) if !repo.is_empty() && !path.is_empty() => {
            Ok(Expected { file: FileId::new(repo, path), grade })
        }
        _ => Err(format!("`{field}`: `REPO:PATH` or `REPO:PATH=GRADE` is expected")),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn grade(field: &str, digits: &str) -> Result<u8, String> {
    let grade = digits.parse().ok().filter(|grade| (1..=BEST_GRADE).contains(grade));
    grade.ok_or_else(|| {
        format!(
            "`{field}`: a grade from 1 to 3 is expected; a path that ends so needs one after it"
        )
    })
}

fn malformed(name: &str, line: usize, what: String) -> Fault {
    Fault::new(Code::JudgedSetMalformed, format!("{name}, line {line}: {what}"))
        .in_field(name.to_owned())
        .hint("docs/relevance.md has the format")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};

    #[test]
    fn a_set_is_read() {
        let text = "# Linux\n\nkmalloc\tlinux:include/linux/slab.h\n \
                    tcp  timer \t linux:net/ipv4/tcp_timer.c=3\tlinux:a b=1\tl:c=1=2\n";
        let set = parse("linux", text).unwrap();
        let expected =
            |repo: &str, path: &str, grade| Expected { file: FileId::new(repo, path), grade };
        assert_eq!(set.name, "linux");
        let [first, second] = &set.queries[..] else { panic!("{set:?}") };
        assert_eq!((first.query.as_str(), first.line), ("kmalloc", 3));
        assert_eq!(first.expected, [expected("linux", "include/linux/slab.h", 3)]);
        assert_eq!((second.query.as_str(), second.line), ("tcp  timer", 4));
        let files = [
            expected("linux", "net/ipv4/tcp_timer.c", 3),
            expected("linux", "a b", 1),
            expected("l", "c=1", 2),
        ];
        assert_eq!(second.expected, files);
    }

    #[test]
    fn mistakes_name_their_line_and_what_is_expected() {
        for (text, expected) in [
            ("", "line 1: at least one query is expected"),
            ("# only\n", "line 1: at least one query"),
            ("a\tr:p\nkmalloc", "line 2: a tab and a file"),
            ("kmalloc linux:slab.h", "line 1: a tab and a file"),
            ("\tr:p", "line 1: a query is expected before the tab"),
            ("a\tpath", "line 1: `path`: `REPO:PATH` or"),
            ("a\t:p", "line 1: `:p`: `REPO:PATH` or"),
            ("a\tr:p=4", "line 1: `r:p=4`: a grade from 1 to 3"),
            ("a\tr:p=0", "a grade from 1 to 3"),
            ("a\tr:p=99999999999", "a grade from 1 to 3"),
            ("a\tr:p\tr:p=1", "line 1: `r:p` is named twice"),
            ("a\tr:p\nb\tr:p\na\tr:q", "line 3: the query stands in line 1 already"),
        ] {
            let fault = parse("s.set", text).unwrap_err();
            assert_eq!(fault.code, Code::JudgedSetMalformed, "{text:?}");
            assert!(fault.message.starts_with("s.set, "), "{text:?}: {fault}");
            assert!(fault.message.contains(expected), "{text:?}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            queries in vec(("[a-z\"/ ]{0,8}[a-z]", vec(("[a-z/]{1,4}", "[a-z/.=: 0-9]{0,6}[a-z0-9=]", 1u8..4), 1..4)), 1..6)
        ) {
            let mut set = JudgedSet { name: "s".into(), queries: Vec::new() };
            for (query, files) in queries {
                let query = query.trim().to_owned();
                let mut expected: Vec<Expected> = Vec::new();
                for (repo, path, grade) in files {
                    let file = FileId::new(repo, path.trim());
                    if expected.iter().all(|other| other.file != file) {
                        expected.push(Expected { file, grade });
                    }
                }
                if set.queries.iter().all(|judged| judged.query != query) {
                    let line = set.queries.len() + 2;
                    set.queries.push(Judged { query, expected, line });
                }
            }
            let text = print(&set, &["drawn".to_owned()]);
            prop_assert_eq!(parse("s", &text).unwrap(), set, "{}", text);
        }
    }
}
