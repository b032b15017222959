//! Contracts explain themselves: every name in a `.proto` file has a comment above it.

use crate::{Complaints, File};

/// Every message, field, enum, value, service, call and oneof follows a comment line.
pub fn contracts_are_commented(files: &[File]) -> Complaints {
    let contracts = files.iter().filter(|file| file.is_source() && file.ending() == "proto");
    contracts.flat_map(uncommented).collect()
}

fn uncommented(file: &File) -> Complaints {
    let mut complaints = Complaints::new();
    let mut before = "";
    // A declaration may go over several lines; only its first can be expected to follow a comment.
    let mut is_first = true;
    for (number, line) in (1..).zip(file.text.lines()) {
        let line = line.trim();
        let statement = line.split("//").next().unwrap_or_default().trim_end();
        if is_first
            && !before.starts_with("//")
            && let Some(name) = declared(statement)
        {
            complaints.push(format!("{}:{number}: say above it what `{name}` is", file.path));
        }
        if !statement.is_empty() {
            is_first = statement.ends_with([';', '{', '}']);
        }
        before = line;
    }
    complaints
}

/// The name that a statement declares; `None` for what needs no comment.
fn declared(statement: &str) -> Option<&str> {
    let mut words = statement
        .split(|c: char| c.is_whitespace() || "({=;".contains(c))
        .filter(|word| !word.is_empty());
    let first = words.next()?;
    match first {
        "message" | "enum" | "service" | "rpc" | "oneof" => words.next(),
        "syntax" | "package" | "import" | "option" | "reserved" | "extensions" | "returns"
        | "}" => None,
        // A field, `type name = 1;`, or an enum's value, `NAME = 1;`.
        _ => statement.split_once('=').and_then(|(left, _)| left.split_whitespace().last()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(text: &str) -> Vec<usize> {
        let complaints = contracts_are_commented(&[File::new("proto/a.proto", text)]);
        complaints.iter().map(|line| line.split(':').nth(1).unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn comments_count_when_they_stand_above() {
        let text = "// The file.\nsyntax = \"proto3\";\npackage a;\n\n// M.\nmessage M {\n  // A.\n  string a = 1;\n\
                    string b = 2; // beside\n  reserved 3;\n  // C.\n  map<string, M> c = 4;\n\
                    oneof d {\n    // E.\n    M e = 5;\n  }\n}\n";
        assert_eq!(missing(text), [9, 13]);
    }

    #[test]
    fn calls_and_values_count_too() {
        let text = "service S {\n  // Call.\n  rpc Call(Question)\n    returns (stream Answer);\n\
                    rpc Other(Question) returns (Answer) {}\n}\nenum E {\n  // None.\n  E_NONE = 0;\n  E_ONE = 1;\n}\n";
        assert_eq!(missing(text), [1, 5, 7, 10]);
    }
}
