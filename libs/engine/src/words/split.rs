//! From text to identifier words: each identifier whole, and its parts by case, digits and
//! underscores, all in lower case.

use rustc_hash::{FxHashMap, FxHasher};
use std::{hash::Hasher, ops::Range};

/// Longer words are data, not names.
const MAX_WORD_BYTES: usize = 96;
/// Longer identifiers of a text are indexed by their parts only: nearly all of them are rare, and
/// they would be half of the dictionary.
pub(crate) const MAX_WHOLE_IN_TEXT: usize = 20;
/// The same for names of definitions, which are worth more.
pub(crate) const MAX_WHOLE_IN_SYMBOLS: usize = 32;
/// Longer numbers say nothing, and there are many of them in tables of registers.
const MAX_NUMBER_BYTES: usize = 5;
/// Times that a word is repeated in a digest, at most.
const MAX_REPEATS: u32 = 8;

/// The words of a document, each as often as the logarithm of its frequency says, one per line.
///
/// BM25 flattens high frequencies anyway; and the index takes several times longer to be told of a
/// word at each of its places than once per document. Making digests runs on all cores, feeding
/// the index does not.
#[derive(Debug, Default)]
pub(crate) struct Digester {
    seen: FxHashMap<u64, u32>,
    words: Vec<(Range<usize>, u32)>,
}

impl Digester {
    /// The digest of `text`, without whole identifiers of more than `max_whole` bytes.
    pub(crate) fn digest(&mut self, text: &str, max_whole: usize) -> String {
        self.seen.clear();
        self.words.clear();
        for range in Words::new(text, max_whole) {
            let next = self.words.len() as u32;
            let place = *self.seen.entry(hash(&text.as_bytes()[range.clone()])).or_insert(next);
            match self.words.get_mut(place as usize) {
                Some((_, count)) => *count += 1,
                None => self.words.push((range, 1)),
            }
        }
        let mut digest = String::with_capacity(self.words.len() * 10);
        for (range, count) in &self.words {
            for _ in 0..(1 + count.ilog2()).min(MAX_REPEATS) {
                push_lower(&text[range.clone()], &mut digest);
                digest.push('\n');
            }
        }
        digest
    }
}

/// The same for words that differ in the case of ASCII letters. Two others that collide cost a
/// word its place in one document's rank.
fn hash(word: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    let mut chunks = word.chunks_exact(8);
    for chunk in &mut chunks {
        let number = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        hasher.write_u64(lower(number));
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    hasher.write_u64(lower(u64::from_le_bytes(last)));
    hasher.write_usize(word.len());
    hasher.finish()
}

/// Sets the bit that tells upper from lower case in every byte; other bytes of words that then
/// meet (as `_` and DEL) do not stand in identifiers together.
fn lower(bytes: u64) -> u64 {
    bytes | 0x2020_2020_2020_2020
}

/// The distinct words of a query's text, whole and in parts, in order of first appearance.
pub(crate) fn words_of(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for range in Words::new(text, MAX_WORD_BYTES) {
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
    max_whole: usize,
}

impl<'a> Words<'a> {
    fn new(text: &'a str, max_whole: usize) -> Self {
        Self { text, identifier: 0..0, whole: 0..0, max_whole }
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
            let whole = &self.text.as_bytes()[self.whole.clone()];
            if is_word(whole) && whole.len() <= self.max_whole {
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
    fn a_digest_repeats_by_the_logarithm() {
        let digest = Digester::default().digest("foo Foo FOO foo bar fooBar a_longer_one", 6);
        assert_eq!(digest, "foo\nfoo\nfoo\nbar\nbar\nfoobar\nlonger\none\n");
    }

    #[test]
    fn data_is_left_out() {
        check(&"QUJD".repeat(40), &[]);
        check("", &[]);
    }
}
