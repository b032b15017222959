//! From text to identifier words: each identifier whole, and its parts by case, digits and
//! underscores, all in lower case.

use rustc_hash::{FxHashMap, FxHasher};
use std::{hash::Hasher, ops::Range};

/// Longer words are data, not names.
const MAX_WORD_BYTES: usize = 96;
/// Longer identifiers are indexed by their parts only, but for those of paths: nearly all of them are rare, and
/// they would be half of the dictionary.
pub(crate) const MAX_WHOLE: usize = 20;
/// Longer numbers say nothing, and there are many of them in tables of registers.
const MAX_NUMBER_BYTES: usize = 5;
/// Times that a word is repeated in a digest, at most.
const MAX_REPEATS: u32 = 8;

/// The words of a document, each as often as the logarithm of its frequency says, one per line.
///
/// BM25 flattens high frequencies anyway; and the index takes several times longer to be told of a
/// word at each of its places than once per document. Making digests runs on all cores, feeding
/// the index does not.
///
/// Identifiers are counted first and taken apart after, once each: most of a text repeats.
#[derive(Debug, Default)]
pub(crate) struct Digester {
    identifiers: Counts,
    words: Counts,
}

impl Digester {
    /// The digest of `text`, without whole identifiers of more than `max_whole` bytes.
    pub(crate) fn digest(&mut self, text: &str, max_whole: usize) -> String {
        let bytes = text.as_bytes();
        self.identifiers.clear();
        self.words.clear();
        for identifier in Identifiers::new(bytes) {
            self.identifiers.add(hash(&bytes[identifier.clone()], 0), identifier, 1);
        }
        for (identifier, count) in &self.identifiers.counted {
            for word in Words::of(bytes, identifier.clone(), max_whole) {
                self.words.add(hash(&bytes[word.clone()], EITHER_CASE), word, *count);
            }
        }
        let mut digest = String::with_capacity(self.words.counted.len() * 10);
        for (range, count) in &self.words.counted {
            for _ in 0..(1 + count.ilog2()).min(MAX_REPEATS) {
                push_lower(&text[range.clone()], &mut digest);
                digest.push('\n');
            }
        }
        digest
    }
}

/// How often each word occurs, in order of first appearance. Two that collide cost a word its place in
/// one document's rank.
#[derive(Debug, Default)]
struct Counts {
    places: FxHashMap<u64, u32>,
    counted: Vec<(Range<usize>, u32)>,
}

impl Counts {
    fn clear(&mut self) {
        self.places.clear();
        self.counted.clear();
    }

    fn add(&mut self, hash: u64, word: Range<usize>, count: u32) {
        let next = self.counted.len() as u32;
        let place = *self.places.entry(hash).or_insert(next);
        match self.counted.get_mut(place as usize) {
            Some((_, counted)) => *counted = counted.saturating_add(count),
            None => self.counted.push((word, count)),
        }
    }
}

/// Sets the bit that tells upper from lower case in every byte; other bytes of words that then meet
/// (as `_` and DEL) do not stand in identifiers together.
const EITHER_CASE: u64 = 0x2020_2020_2020_2020;

/// A hash of a word with the bits of `set` set in each eight bytes.
fn hash(word: &[u8], set: u64) -> u64 {
    let mut hasher = FxHasher::default();
    let mut chunks = word.chunks_exact(8);
    for chunk in &mut chunks {
        let number = u64::from_le_bytes(chunk.try_into().unwrap_or_default());
        hasher.write_u64(number | set);
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    hasher.write_u64(u64::from_le_bytes(last) | set);
    hasher.write_usize(word.len());
    hasher.finish()
}

/// An identifier that a query asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identifier {
    /// As it stands in the query.
    pub(crate) typed: String,
    /// In lower case.
    pub(crate) whole: String,
    /// In lower case; none when it has no parts.
    parts: Vec<String>,
}

impl Identifier {
    /// Its distinct parts, none of which is the whole.
    pub(crate) fn strict_parts(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().map(String::as_str)
    }

    /// Its parts, or the whole if it has none.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &str> {
        let whole = self.parts.is_empty().then_some(self.whole.as_str());
        self.strict_parts().chain(whole)
    }
}

/// The identifiers of a query's text, in order; those too long or too short to be words are left out.
pub(crate) fn identifiers_of(text: &str) -> Vec<Identifier> {
    let bytes = text.as_bytes();
    let lower = |range: Range<usize>| {
        let mut word = String::new();
        push_lower(&text[range], &mut word);
        word
    };
    let identifier = |range: Range<usize>| {
        let mut parts = Vec::new();
        for part in Words::of(bytes, range.clone(), 0).map(lower) {
            if !parts.contains(&part) {
                parts.push(part);
            }
        }
        let is_known = is_word(&bytes[range.clone()]) || !parts.is_empty();
        is_known.then(|| Identifier {
            typed: text[range.clone()].to_owned(),
            whole: lower(range),
            parts,
        })
    };
    Identifiers::new(bytes).filter_map(identifier).collect()
}

/// The smallest words of a name: the parts of its identifiers, or the whole of one that has none.
pub(crate) fn parts_of(name: &[u8]) -> impl Iterator<Item = &[u8]> {
    Identifiers::new(name).flat_map(move |identifier| {
        let mut parts = Words::of(name, identifier.clone(), 0).peekable();
        let whole = parts.peek().is_none().then_some(identifier);
        parts.chain(whole).map(move |part| &name[part])
    })
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

/// Iterates over the ranges of identifiers.
struct Identifiers<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Identifiers<'a> {
    fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }
}

impl Iterator for Identifiers<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let is_in_word = |byte: &u8| IS_WORD_BYTE[*byte as usize];
        let start = self.at + self.text[self.at..].iter().position(is_in_word)?;
        let len = self.text[start..].iter().position(|byte| !is_in_word(byte));
        self.at = len.map_or(self.text.len(), |len| start + len);
        Some(start..self.at)
    }
}

/// Iterates over the ranges of an identifier's words: itself, then its parts if they are not the whole.
struct Words<'a> {
    text: &'a [u8],
    /// None once it was given, or if it is not wanted.
    whole: Option<Range<usize>>,
    len: usize,
    /// Of the identifier, whose parts come next.
    rest: Range<usize>,
}

impl<'a> Words<'a> {
    fn of(text: &'a [u8], identifier: Range<usize>, max_whole: usize) -> Self {
        let (bytes, len) = (&text[identifier.clone()], identifier.len());
        // a number's parts, or those of base64, would only fill the dictionary
        let has_parts = len <= MAX_WORD_BYTES && !bytes[0].is_ascii_digit();
        let rest = if has_parts { identifier.clone() } else { 0..0 };
        let whole = (is_word(bytes) && len <= max_whole).then_some(identifier);
        Self { text, whole, len, rest }
    }
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        if let Some(whole) = self.whole.take() {
            return Some(whole);
        }
        while !self.rest.is_empty() {
            let len = part_len(&self.text[self.rest.clone()]);
            let part = self.rest.start..self.rest.start + len;
            self.rest.start = part.end;
            if len < self.len && is_word(&self.text[part.clone()]) {
                return Some(part);
            }
        }
        None
    }
}

/// Letters, digits, underscores, and every byte of characters outside of ASCII.
const IS_WORD_BYTE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric() || byte == b'_' as usize || byte >= 0x80;
        byte += 1;
    }
    table
};

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
        let mut words: Vec<String> = Vec::new();
        for identifier in identifiers_of(text) {
            words.push(identifier.whole.clone());
            words.extend(identifier.strict_parts().map(str::to_owned));
        }
        assert_eq!(words, expected, "{text}");
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
