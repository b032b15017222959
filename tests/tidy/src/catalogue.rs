//! The error catalogue says of every code what the code says, and what to do.

use std::collections::BTreeMap;

use crate::{Complaints, File};

/// A code's HTTP status and meaning, and in the catalogue what to do.
#[derive(Debug, PartialEq, Eq)]
struct Entry<'a> {
    status: &'a str,
    meaning: &'a str,
    advice: &'a str,
}

/// `source` is the file that declares the codes, one a line; `page` is the catalogue, one table row a code.
pub fn catalogue_and_code_agree(source: &File, page: &File) -> Complaints {
    let (declared, listed) = (declared(&source.text), listed(&page.text));
    let mut complaints = Complaints::new();
    for (code, entry) in &declared {
        match listed.get(code) {
            None => complaints.push(format!("{}: add a row for {code}", page.path)),
            Some(row) if (row.status, row.meaning) != (entry.status, entry.meaning) => {
                let Entry { status, meaning, .. } = entry;
                complaints.push(format!("{}: {code} is | {status} | {meaning} |", page.path));
            }
            Some(row) if row.advice.len() < 20 => {
                complaints.push(format!("{}: say what to do about {code}", page.path));
            }
            Some(_) => {}
        }
    }
    let gone = listed.keys().filter(|code| !declared.contains_key(*code));
    complaints
        .extend(gone.map(|code| format!("{}: {code} is no code of {}", page.path, source.path)));
    if declared.is_empty() {
        complaints
            .push(format!("{}: no codes are found in it; has its form changed?", source.path));
    }
    complaints
}

/// Every code mentioned anywhere exists.
pub fn mentioned_codes_exist(source: &File, files: &[File]) -> Complaints {
    let declared = declared(&source.text);
    let mut complaints = Complaints::new();
    for file in files.iter().filter(|file| !file.path.starts_with("tests/tidy/")) {
        for (number, line) in (1..).zip(file.text.lines()) {
            let unknown = codes(line).filter(|code| !declared.contains_key(code));
            complaints.extend(unknown.map(|code| {
                format!("{}:{number}: there is no code {code} in {}", file.path, source.path)
            }));
        }
    }
    complaints
}

/// Rows as in `Name = "AX-Q001", 400, "Meaning.";`.
fn declared(text: &str) -> BTreeMap<&str, Entry<'_>> {
    let rows = text.lines().filter_map(|line| {
        let (_, row) = line.trim().strip_suffix("\";")?.split_once(" = \"")?;
        let (code, rest) = row.split_once("\", ")?;
        let (status, meaning) = rest.split_once(", \"")?;
        is_code(code).then_some((code, Entry { status, meaning, advice: "" }))
    });
    rows.collect()
}

/// Rows as in `| AX-Q001 | 400 | Meaning. | What to do. |`, with or without backticks.
fn listed(text: &str) -> BTreeMap<&str, Entry<'_>> {
    let rows = text.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim().split('|').map(str::trim).collect();
        let ["", code, status, meaning, advice, ""] = cells[..] else { return None };
        let code = code.trim_matches('`');
        is_code(code).then_some((code, Entry { status, meaning, advice }))
    });
    rows.collect()
}

fn codes(line: &str) -> impl Iterator<Item = &str> {
    let starts = line.match_indices("AX-").map(|(at, _)| at);
    starts.filter_map(|at| line.get(at..at + 7)).filter(|code| is_code(code))
}

fn is_code(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A', b'X', b'-', letter, digits @ ..]
        if letter.is_ascii_uppercase() && digits.len() == 3 && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "codes! {\n  Syntax = \"AX-Q001\", 400, \"It cannot, \\\"x\\\".\";\n  Gone = \"AX-Q002\", 410, \"Gone.\";\n}\n";

    fn complaints(page: &str) -> Vec<String> {
        let complaints =
            catalogue_and_code_agree(&File::new("error.rs", SOURCE), &File::new("errors.md", page));
        complaints.into_iter().map(|text| text.replace("errors.md: ", "")).collect()
    }

    #[test]
    fn agreement_is_silent() {
        let page = "| code |\n|--|\n| `AX-Q001` | 400 | It cannot, \\\"x\\\". | Look at the place it names. |\n\
                    | AX-Q002 | 410 | Gone. | Ask for another, or wait. |\n";
        assert!(complaints(page).is_empty(), "{:?}", complaints(page));
    }

    #[test]
    fn each_difference_is_told() {
        let page = "| AX-Q001 | 404 | It cannot, \\\"x\\\". | Look at the place it names. |\n| AX-Q003 | 400 | New. | x |\n";
        let complaints = complaints(page);
        assert_eq!(complaints.len(), 3, "{complaints:?}");
        assert!(complaints[0].starts_with("AX-Q001 is | 400 |"));
        assert_eq!(complaints[1], "add a row for AX-Q002");
        assert!(complaints[2].starts_with("AX-Q003 is no code"));
    }

    #[test]
    fn advice_is_asked_for() {
        let page = "| AX-Q001 | 400 | It cannot, \\\"x\\\". | |\n| AX-Q002 | 410 | Gone. | Ask for another, or wait. |\n";
        assert_eq!(complaints(page), ["say what to do about AX-Q001"]);
    }

    #[test]
    fn a_code_that_is_not_there_is_told() {
        let text = File::new("a.md", "see AX-Q001, AX-Q009,\nAX-… and AX-Q0");
        let complaints = mentioned_codes_exist(&File::new("error.rs", SOURCE), &[text]);
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].contains("a.md:1: there is no code AX-Q009"));
    }
}
