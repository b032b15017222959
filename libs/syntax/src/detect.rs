//! Which language a file is in.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::languages::LANGUAGES;
use crate::{Language, find_language};
use memchr::memmem;

/// Bytes at the start of a file that are enough for [`detect`].
const HEAD: usize = 4096;

/// The language of a file, by its whole name, then its extension, then its `#!` line. `first_bytes`
/// may be cut anywhere; it decides between languages that share an extension.
pub fn detect(path: &str, first_bytes: &[u8]) -> Option<&'static Language> {
    let head = &first_bytes[..first_bytes.len().min(HEAD)];
    let name = path.rsplit('/').next().unwrap_or(path);
    by_file_name(name).or_else(|| by_extension(name, head)).or_else(|| by_shebang(head))
}

type Index = HashMap<&'static str, &'static Language>;

fn index(names: fn(&Language) -> &'static [&'static str]) -> Index {
    let pairs = LANGUAGES.iter().flat_map(|one| names(one).iter().map(move |name| (*name, one)));
    pairs.collect()
}

fn by_file_name(name: &str) -> Option<&'static Language> {
    static INDEX: OnceLock<Index> = OnceLock::new();
    INDEX.get_or_init(|| index(|one| one.file_names)).get(name).copied()
}

/// The longest extension that is known: `x.blade.php` has `blade.php` and `php`.
fn by_extension(name: &str, head: &[u8]) -> Option<&'static Language> {
    static INDEX: OnceLock<Index> = OnceLock::new();
    let known = INDEX.get_or_init(|| index(|one| one.extensions));
    let name = name.to_lowercase();
    let extensions = name.match_indices('.').map(|(at, _)| &name[at + 1..]);
    let (extension, language) =
        extensions.filter_map(|extension| known.get_key_value(extension)).next()?;
    Some(disambiguate(extension, head).unwrap_or(language))
}

/// The program of the `#!` line, without folder, version or `env`.
fn by_shebang(head: &[u8]) -> Option<&'static Language> {
    static INDEX: OnceLock<Index> = OnceLock::new();
    let line = head.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    let program = match words.next()? {
        "env" => words.find(|word| !word.starts_with('-') && !word.contains('='))?,
        program => program,
    };
    let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    INDEX.get_or_init(|| index(|one| one.interpreters)).get(program).copied()
}

/// Decides by content where an extension is shared; none if the usual language stands.
fn disambiguate(extension: &str, head: &[u8]) -> Option<&'static Language> {
    let holds = |needle: &str| memmem::find(head, needle.as_bytes()).is_some();
    let has = |needles: &[&str]| needles.iter().any(|needle| holds(needle));
    let name = match extension {
        "h" if has(CPP_ONLY) => "C++",
        "h" | "m" if has(OBJECTIVE_C_ONLY) => "Objective-C",
        "ts" if head.starts_with(b"<?xml") || head.starts_with(b"<!DOCTYPE TS") => "XML",
        "pl" if has(&[":- module", "\n:- "]) => "Prolog",
        "v" if has(&["Require Import", "Theorem ", "Lemma ", "Qed."]) => "Coq",
        _ => return None,
    };
    find_language(name)
}

/// What stands in headers of C++ and not in those of C.
const CPP_ONLY: &[&str] = &[
    "\nclass ",
    "\nnamespace ",
    "\ntemplate ",
    "\ntemplate<",
    "\nusing namespace ",
    "public:\n",
    "private:\n",
    "protected:\n",
    "std::",
    "-*- C++ -*-",
    "#include <string>",
    "#include <vector>",
    "#include <memory>",
    "virtual ~",
];

const OBJECTIVE_C_ONLY: &[&str] =
    &["@interface", "@implementation", "@protocol", "@end", "#import "];

#[cfg(test)]
mod tests;
