//! The tokens: words, quoted strings, regular expressions, keywords.

use std::ops::Range;

use crate::QueryError;
use crate::QueryErrorKind::Syntax;

/// An operator written as a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keyword {
    And,
    Or,
    Not,
}

/// A bare word.
#[derive(Debug)]
pub(crate) struct Word<'a> {
    /// As it stands.
    pub raw: &'a str,
    /// Without the backslashes that take a character's meaning.
    pub text: String,
    /// Where it stands.
    pub span: Range<usize>,
}

/// A regular expression between slashes.
#[derive(Debug)]
pub(crate) struct Slashed {
    /// Without the slashes, and with `\/` as `/`.
    pub source: String,
    /// Where it stands, slashes included.
    pub span: Range<usize>,
    /// Offsets in `source` before which a backslash was left out.
    dropped: Vec<usize>,
    /// Where `source` begins in the query.
    start: usize,
}

impl Slashed {
    /// A value that stands without slashes but is read as a regular expression.
    pub(crate) fn from_raw(raw: &str, start: usize) -> Self {
        let (source, dropped) = without_slash_escapes(raw);
        Self { source, span: start..start + raw.len(), dropped, start }
    }

    /// A value that is not a regular expression at all.
    pub(crate) fn plain(source: String, span: Range<usize>) -> Self {
        Self { source, start: span.start, span, dropped: Vec::new() }
    }

    /// From offsets in `source` to offsets in the query.
    pub(crate) fn place(&self, offsets: Range<usize>) -> Range<usize> {
        self.place_of(offsets.start)..self.place_of(offsets.end)
    }

    fn place_of(&self, offset: usize) -> usize {
        self.start + offset + self.dropped.partition_point(|dropped| *dropped < offset)
    }
}

/// Reads a query from the left.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    /// Byte of the text to read next.
    pub pos: usize,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, pos: 0 }
    }

    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.pos..]
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn skip_space(&mut self) {
        self.pos = self.text.len() - self.rest().trim_start().len();
    }

    /// The keyword that comes next, if one does, and its length.
    pub(crate) fn keyword(&self) -> Option<(Keyword, usize)> {
        let rest = self.rest();
        let len = rest.bytes().take(4).take_while(u8::is_ascii_alphabetic).count();
        let ends = rest[len..].chars().next().is_none_or(|c| c == '(' || is_delimiter(c));
        let keyword = match rest[..len].to_ascii_lowercase().as_str() {
            "and" => Keyword::And,
            "or" => Keyword::Or,
            "not" => Keyword::Not,
            _ => return None,
        };
        ends.then_some((keyword, len))
    }

    /// Whether a minus here negates what follows it, rather than being part of a word as in `->`.
    pub(crate) fn at_negation(&self) -> bool {
        let mut chars = self.rest().chars();
        chars.next() == Some('-')
            && chars
                .next()
                .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '"' | '/' | '(' | '\\'))
    }

    /// Whether a slash here opens a regular expression, rather than being text as in `// note`.
    pub(crate) fn at_regex(&self) -> bool {
        let mut chars = self.rest().chars();
        chars.next() == Some('/') && chars.next().is_some_and(|c| c != '/' && !is_delimiter(c))
    }

    /// Whether a slash and white space stand here.
    pub(crate) fn at_spaced_regex(&self) -> bool {
        let mut chars = self.rest().chars();
        chars.next() == Some('/') && chars.next().is_some_and(char::is_whitespace)
    }

    /// The name of the filter that stands here, if one does: letters, then a colon.
    pub(crate) fn filter_name(&self) -> Option<&'a str> {
        let rest = self.rest();
        let len = rest.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'_').count();
        let is_filter = len > 0 && rest[len..].starts_with(':') && !rest[len..].starts_with("::");
        is_filter.then(|| &rest[..len])
    }

    /// Reads to white space, or to a parenthesis that the word itself did not open.
    pub(crate) fn word(&mut self) -> Word<'a> {
        let start = self.pos;
        let mut text = String::new();
        let mut open = 0usize;
        while let Some(c) = self.peek().filter(|c| !c.is_whitespace()) {
            match c {
                '(' => open += 1,
                ')' if open == 0 => break,
                ')' => open -= 1,
                '\\' => {
                    self.pos += 1;
                    text.push(self.escaped_in_word().unwrap_or('\\'));
                    continue;
                }
                _ => {}
            }
            self.pos += c.len_utf8();
            text.push(c);
        }
        Word { raw: &self.text[start..self.pos], text, span: start..self.pos }
    }

    /// After a backslash: the character that loses its meaning, or none if the backslash is text.
    fn escaped_in_word(&mut self) -> Option<char> {
        let c = self.peek().filter(|c| c.is_ascii_punctuation() || c.is_whitespace())?;
        self.pos += c.len_utf8();
        Some(c)
    }

    /// Reads a quoted string, from its opening quote.
    pub(crate) fn quoted(&mut self) -> Result<(String, Range<usize>), QueryError> {
        let start = self.pos;
        let mut text = String::new();
        self.pos += 1;
        while let Some(c) = self.peek() {
            self.pos += c.len_utf8();
            match c {
                '"' => return Ok((text, start..self.pos)),
                '\\' => text.push(self.escaped_in_quotes()?),
                c => text.push(c),
            }
        }
        let error = QueryError::new(Syntax, start..self.text.len(), "this quote is not closed");
        Err(error.hint("end the text with \", or write \\\" to search for a quote"))
    }

    fn escaped_in_quotes(&mut self) -> Result<char, QueryError> {
        let start = self.pos - 1;
        let c = self.peek().unwrap_or('"');
        self.pos += self.peek().map_or(0, char::len_utf8);
        match c {
            '"' | '\\' | '/' => Ok(c),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'u' => self.escaped_scalar(start),
            c => Err(QueryError::new(Syntax, start..self.pos, format!("\\{c} is not an escape"))
                .hint(
                    "write \\\\ for a backslash; the escapes are \\\" \\\\ \\n \\r \\t \\u{1F600}",
                )),
        }
    }

    fn escaped_scalar(&mut self, start: usize) -> Result<char, QueryError> {
        let rest = self.rest();
        let digits = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(d, _)| d);
        let value = digits
            .filter(|digits| (1..=6).contains(&digits.len()) && !digits.starts_with('+'))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .and_then(char::from_u32);
        self.pos += digits.map_or(0, |digits| digits.len() + 2);
        value.ok_or_else(|| {
            QueryError::new(Syntax, start..self.pos, "this is not a character's number")
                .hint("write it in hexadecimal, as in \\u{e9}")
        })
    }

    /// Reads a regular expression, from its opening slash to the slash with a delimiter after it.
    pub(crate) fn regex(&mut self) -> Result<Slashed, QueryError> {
        let start = self.pos;
        let body = &self.text[start + 1..];
        let Some(len) = closing_slash(body) else {
            let word = self.word();
            let hint = format!(
                "end it with / (and write \\/ for a slash inside), or search for the text: {:?}",
                word.raw
            );
            return Err(QueryError::new(
                Syntax,
                word.span,
                "this regular expression is not closed",
            )
            .hint(hint));
        };
        self.pos = start + len + 2;
        let mut slashed = Slashed::from_raw(&body[..len], start + 1);
        slashed.span = start..self.pos;
        Ok(slashed)
    }
}

/// Whether a character ends a word, a keyword or a regular expression.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || c == ')'
}

fn closing_slash(body: &str) -> Option<usize> {
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '/' if body[at + 1..].chars().next().is_none_or(is_delimiter) => return Some(at),
            _ => {}
        }
    }
    None
}

/// The text with `\/` as `/`, and the offsets in it where a backslash was left out.
fn without_slash_escapes(raw: &str) -> (String, Vec<usize>) {
    let mut source = String::with_capacity(raw.len());
    let mut dropped = Vec::new();
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.next() } else { None };
        match escaped {
            Some('/') => dropped.push(source.len()),
            _ => source.push(c),
        }
        source.extend(escaped);
    }
    (source, dropped)
}
