//! What a file imports, read from its lines: a guess that only orders answers, and never decides one.
//!
//! A line counts if its first word imports something in some language, or if it holds what names a
//! module in a string, as `from './x'` and `require('x')`. A list that goes on over lines, in
//! parentheses or braces, is read to its end.

/// Most lines and bytes of a file that are looked at: imports stand at its top.
const MAX_LINES: usize = 3_000;
const MAX_TEXT_BYTES: usize = 256 << 10;
/// Most imports kept, and bytes of one.
const MAX_IMPORTS: usize = 200;
const MAX_BYTES: usize = 200;
/// Most lines that one import goes on for.
const MAX_GOES_ON: usize = 100;

const FIRST_WORDS: [&str; 22] = [
    "import",
    "from",
    "use",
    "mod",
    "using",
    "include",
    "#include",
    "#import",
    "@import",
    "require",
    "require_relative",
    "require_once",
    "include_once",
    "extern",
    "open",
    "alias",
    "source",
    "library",
    "load",
    "export",
    "-include",
    "-include_lib",
];
/// Words that may stand before those.
const BEFORE: [&str; 4] = ["pub", "pub(crate)", "pub(super)", "global"];
/// Parts of lines that name a module in a string.
const PARTS: [&str; 5] = ["require(", "require(\"", " from '", " from \"", "@import("];

/// The modules that a text names, each as its words between slashes.
pub(super) fn imports_of(text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    let mut goes_on = 0;
    let text = &text[..text.len().min(MAX_TEXT_BYTES)];
    for line in text.split(|byte| *byte == b'\n').take(MAX_LINES) {
        let line = line.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        if goes_on == 0 && !imports(line) {
            continue;
        }
        add_paths(line, &mut found);
        if found.len() == MAX_IMPORTS {
            break;
        }
        goes_on = match goes_on {
            0 if opens(line) => MAX_GOES_ON,
            0 => 0,
            _ if line.contains([')', ';', '}']) && !line.contains(['{', '(']) => 0,
            left => left - 1,
        };
    }
    found
}

fn imports(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| BEFORE.contains(word));
    let first = words.next().unwrap_or_default();
    let first = first.split(['(', '"', '<', ';']).next().unwrap_or_default();
    FIRST_WORDS.contains(&first) || PARTS.iter().any(|part| line.contains(part))
}

/// Whether the list that a line begins ends on a later one.
fn opens(line: &str) -> bool {
    let ends = |open: char, close: char| line.matches(open).count() <= line.matches(close).count();
    !ends('(', ')') || !ends('{', '}')
}

/// Adds each word of a line that could name a module.
fn add_paths(line: &str, found: &mut Vec<String>) {
    let is_of_path =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':' | '\\');
    for word in line.split(|c: char| !is_of_path(c)) {
        let names: Vec<&str> =
            word.split(['.', '/', ':', '\\']).filter(|name| !name.is_empty()).collect();
        let path = names.join("/");
        let is_name = path.chars().any(char::is_alphabetic)
            && !FIRST_WORDS.contains(&path.as_str())
            && !BEFORE.contains(&path.as_str());
        if is_name && path.len() <= MAX_BYTES && !found.contains(&path) {
            found.push(path);
        }
        if found.len() == MAX_IMPORTS {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(imports_of(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn imports_of_many_languages_are_read() {
        check("use crate::net::sock;\nlet x = 1;\n", &["crate/net/sock"]);
        check("pub use a::{\n    b::C,\n    d,\n};\nfn e() {}\n", &["a", "b/C", "d"]);
        check("mod page;\n", &["page"]);
        check("#include \"net/sock.h\"\n#include <stdio.h>\nint x;\n", &["net/sock/h", "stdio/h"]);
        check("import (\n\t\"fmt\"\n\t\"acme/store\"\n)\nfunc f() {}\n", &["fmt", "acme/store"]);
        check("from app.models import User, Post\nx = 1\n", &["app/models", "User", "Post"]);
        check("import x from './lib/util'\n", &["x", "lib/util"]);
        check("import {\n  a,\n} from \"./b\"\nfoo()\n", &["a", "b"]);
        check("const fs = require('node:fs')\n", &["const", "fs", "node/fs"]);
        check("import java.util.List;\nclass A {}\n", &["java/util/List"]);
        check("using System.Text;\n", &["System/Text"]);
        check("alias Store.Disk\n", &["Store/Disk"]);
        check("x = 1\nimportant(y)\n", &[]);
    }

    #[test]
    fn a_list_without_an_end_is_bounded() {
        let text = format!("import (\n{}", "word\n".repeat(10_000));
        assert_eq!(imports_of(text.as_bytes()), ["word"]);
        let many: String = (0..1_000).map(|i| format!("import m{i}\n")).collect();
        assert_eq!(imports_of(many.as_bytes()).len(), MAX_IMPORTS);
        let line: String = (0..1_000_000).map(|i| format!("require(m{i}),")).collect();
        assert_eq!(imports_of(line.as_bytes()).len(), MAX_IMPORTS);
        let text = format!("{}\nimport late", " ".repeat(MAX_TEXT_BYTES));
        assert!(imports_of(text.as_bytes()).is_empty());
    }
}
