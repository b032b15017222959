//! Globs, translated to regular expressions. A crate for globs would give one over bytes without
//! Unicode, which then could not ignore the case of non-ASCII letters.

use std::iter::Peekable;
use std::str::CharIndices;

/// A glob that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GlobError {
    /// Byte of the glob where it goes wrong.
    pub at: usize,
    /// What is wrong there.
    pub message: &'static str,
}

/// The regular expression of a glob: `*`, `**`, `?`, `[a-z]`, `[!a]`, `{this,that}`.
pub(crate) fn glob_to_regex(glob: &str) -> Result<String, GlobError> {
    let mut translator = Translator { rest: glob.char_indices().peekable(), open: Vec::new() };
    let mut body = String::new();
    while let Some((at, c)) = translator.rest.next() {
        translator.step(at, c, &mut body)?;
    }
    match translator.open.last() {
        Some(&at) => Err(GlobError { at, message: "this brace is not closed" }),
        None if glob.contains('/') => Ok(format!(r"\A(?:{body})\z")),
        None => Ok(format!(r"(?:\A|/)(?:{body})(?:/|\z)")),
    }
}

struct Translator<'a> {
    rest: Peekable<CharIndices<'a>>,
    /// Where the open braces stand.
    open: Vec<usize>,
}

impl Translator<'_> {
    fn step(&mut self, at: usize, c: char, out: &mut String) -> Result<(), GlobError> {
        match c {
            '*' => out.push_str(self.star()),
            '?' => out.push_str("[^/]"),
            '[' => self.class(at, out)?,
            '{' => {
                self.open.push(at);
                out.push_str("(?:");
            }
            '}' if self.open.pop().is_some() => out.push(')'),
            ',' if !self.open.is_empty() => out.push('|'),
            other => out.push_str(&regex_syntax::escape(other.encode_utf8(&mut [0; 4]))),
        }
        Ok(())
    }

    /// One star stays in its component; two cross components, and take the slash after them along, so
    /// that `**/x` matches `x` as well.
    fn star(&mut self) -> &'static str {
        if self.rest.next_if(|(_, c)| *c == '*').is_none() {
            return "[^/]*";
        }
        match self.rest.next_if(|(_, c)| *c == '/') {
            Some(_) => "(?:.*/)?",
            None => ".*",
        }
    }

    fn class(&mut self, open: usize, out: &mut String) -> Result<(), GlobError> {
        out.push('[');
        if self.rest.next_if(|(_, c)| matches!(c, '!' | '^')).is_some() {
            out.push_str("^/");
        }
        let mut is_empty = true;
        for (_, c) in self.rest.by_ref() {
            match c {
                ']' if !is_empty => {
                    out.push(']');
                    return Ok(());
                }
                '-' => out.push('-'),
                other => out.push_str(&regex_syntax::escape(other.encode_utf8(&mut [0; 4]))),
            }
            is_empty = false;
        }
        Err(GlobError { at: open, message: "this bracket is not closed" })
    }
}
