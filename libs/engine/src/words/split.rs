//! From text to identifier words: each identifier whole, and its parts by case, digits and
//! underscores, all in lower case.

use std::ops::Range;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Longer words are data, not names.
const MAX_WORD_BYTES: usize = 96;
/// Longer numbers say nothing, and there are many of them in tables of registers.
const MAX_NUMBER_BYTES: usize = 5;

/// Splits text for the inverted index. One-letter words are left out.
#[derive(Debug, Clone, Default)]
pub(super) struct WordTokenizer {
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        self.token.position = 0; // positions are not stored; `reset` leaves one that overflows
        WordStream { words: Words::new(text), token: &mut self.token }
    }
}

/// The words of a text as tantivy takes them.
pub(super) struct WordStream<'a> {
    words: Words<'a>,
    token: &'a mut Token,
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        let Some(range) = self.words.next() else {
            return false;
        };
        self.token.text.clear();
        push_lower(&self.words.text[range], &mut self.token.text);
        true
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// The distinct words of a query's text, whole and in parts, in order of first appearance.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for range in Words::new(text) {
        let mut word = String::new();
        push_lower(&text[range], &mut word);
        if !found.contains(&word) {
            found.push(word);
        }
    }
    found
}

fn push_lower(word: &str, out: &mut String) {
    if word.is_ascii() {
        let start = out.len();
        out.push_str(word);
        out[start..].make_ascii_lowercase();
    } else {
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// Iterates over the ranges of words: an identifier, then its parts if they are not the whole.
struct Words<'a> {
    text: &'a str,
    /// Rest of the identifier whose parts come next.
    identifier: Range<usize>,
    whole: Range<usize>,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, identifier: 0..0, whole: 0..0 }
    }

    fn next_part(&mut self) -> Option<Range<usize>> {
        while !self.identifier.is_empty() {
            let bytes = &self.text.as_bytes()[self.identifier.clone()];
            let len = part_len(bytes);
            let part = self.identifier.start..self.identifier.start + len;
            self.identifier.start = part.end;
            if part != self.whole && is_word(&self.text.as_bytes()[part.clone()]) {
                return Some(part);
            }
        }
        None
    }

    fn next_identifier(&mut self) -> bool {
        let bytes = self.text.as_bytes();
        let Some(skip) = bytes[self.whole.end..].iter().position(|byte| is_word_byte(*byte)) else {
            return false;
        };
        let start = self.whole.end + skip;
        let len = bytes[start..].iter().position(|byte| !is_word_byte(*byte));
        self.whole = start..len.map_or(bytes.len(), |len| start + len);
        // a number's parts, or those of base64, would only fill the dictionary
        let has_parts = self.whole.len() <= MAX_WORD_BYTES && !bytes[start].is_ascii_digit();
        self.identifier = if has_parts { self.whole.clone() } else { 0..0 };
        true
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            if let Some(part) = self.next_part() {
                return Some(part);
            }
            if !self.next_identifier() {
                return None;
            }
            if is_word(&self.text.as_bytes()[self.whole.clone()]) {
                return Some(self.whole.clone());
            }
        }
    }
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn is_word(bytes: &[u8]) -> bool {
    let most = if bytes[0].is_ascii_digit() { MAX_NUMBER_BYTES } else { MAX_WORD_BYTES };
    (2..=most).contains(&bytes.len()) && bytes.iter().any(|byte| *byte != b'_')
}

/// What kind of byte decides where an identifier breaks.
#[derive(PartialEq, Clone, Copy)]
enum Kind {
    Lower,
    Upper,
    Digit,
    Underscore,
}

fn kind(byte: u8) -> Kind {
    match byte {
        b'_' => Kind::Underscore,
        b'0'..=b'9' => Kind::Digit,
        b'A'..=b'Z' => Kind::Upper,
        _ => Kind::Lower,
    }
}

/// The length of the first part: `XML`, then `Http`, then `2`, then `__`, of `XMLHttp2__`.
fn part_len(bytes: &[u8]) -> usize {
    let first = kind(bytes[0]);
    let run = bytes.iter().position(|byte| kind(*byte) != first).unwrap_or(bytes.len());
    let next = bytes.get(run).map(|byte| kind(*byte));
    if first != Kind::Upper || next != Some(Kind::Lower) {
        return run;
    }
    if run > 1 {
        return run - 1; // the last capital belongs to what follows
    }
    let lower = bytes[1..].iter().position(|byte| kind(*byte) != Kind::Lower);
    lower.map_or(bytes.len(), |len| len + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words_of(text), expected, "{text}");
    }

    #[test]
    fn identifiers_whole_and_in_parts() {
        check("kmalloc(size)", &["kmalloc", "size"]);
        check("XMLHttpRequest2", &["xmlhttprequest2", "xml", "http", "request"]);
        check("__init_once x", &["__init_once", "init", "once"]);
        check("getURL8bit", &["geturl8bit", "get", "url", "bit"]);
        check("GFP_KERNEL|0xdeadbeef 4096", &["gfp_kernel", "gfp", "kernel", "4096"]);
        check("naïve Straße", &["naïve", "straße"]);
        check("_ __ a", &[]);
    }

    #[test]
    fn data_is_left_out() {
        check(&"QUJD".repeat(40), &[]);
        check("", &[]);
    }
}
