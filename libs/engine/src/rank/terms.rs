//! What a query asks for, as identifiers and their parts.

use crate::words::{Identifier, identifiers_of};
use ax_query::{Pattern, PatternSyntax};

/// Identifiers of a query that count.
const MAX_IDENTIFIERS: usize = 16;

/// The identifiers that a query asks for.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    /// Asked for in text or in names of definitions.
    pub(crate) identifiers: Vec<Term>,
}

/// An identifier of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) identifier: Identifier,
    /// Only as the name of a definition.
    pub(crate) is_symbol: bool,
}

impl Terms {
    /// Adds the identifiers of a text pattern.
    pub(crate) fn add_text(&mut self, pattern: &Pattern) {
        self.add(pattern, false);
    }

    /// Adds the identifiers of a pattern over names of definitions.
    pub(crate) fn add_symbol(&mut self, pattern: &Pattern) {
        self.add(pattern, true);
    }

    fn add(&mut self, pattern: &Pattern, is_symbol: bool) {
        let source = match pattern.syntax() {
            PatternSyntax::Literal => pattern.source().to_owned(),
            PatternSyntax::Regex => without_escapes(pattern.source()),
        };
        for identifier in identifiers_of(&source) {
            let term = Term { identifier, is_symbol };
            if self.identifiers.len() < MAX_IDENTIFIERS && !self.identifiers.contains(&term) {
                self.identifiers.push(term);
            }
        }
    }

    /// The distinct smallest words of all identifiers: parts, or the whole of one that has none.
    pub(crate) fn parts(&self) -> Vec<&str> {
        let mut parts: Vec<&str> = Vec::new();
        for part in self.identifiers.iter().flat_map(|term| term.identifier.parts()) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        parts
    }
}

/// A regular expression with its escapes blanked, so that `\bfoo` is not taken for `bfoo`.
fn without_escapes(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
            text.push(' ');
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_no_words() {
        let found = identifiers_of(&without_escapes(r"\bkmalloc\s*\("));
        assert_eq!(found.iter().flat_map(Identifier::parts).collect::<Vec<_>>(), ["kmalloc"]);
    }
}
