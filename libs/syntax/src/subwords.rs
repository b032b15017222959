//! The words inside identifiers.

use std::ops::Range;

/// A word of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subword {
    /// In lower case.
    pub text: String,
    /// Bytes of the input that it stands for.
    pub place: Range<usize>,
}

/// What a character is to the splitting of words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    /// A letter of a script without cases.
    Letter,
    Digit,
    Other,
}

/// Splits a text into lower-case words: at everything that is neither letter nor digit, between a lower-
/// and an upper-case letter, before the last capital of an acronym that a word follows, and around
/// numbers. `parseHTTPServer2_now` gives parse, http, server, 2, now.
pub fn subwords(text: &str) -> impl Iterator<Item = Subword> + '_ {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find(|c| class_of(c) != Class::Other)?;
        from = start + word_len(&text[start..]);
        Some(Subword { text: text[start..from].to_lowercase(), place: start..from })
    })
}

/// Whether one of the words that [`subwords`] finds begins at byte `at`, which lies between characters.
pub fn starts_subword(text: &str, at: usize) -> bool {
    let mut rest = text[at..].chars().map(class_of);
    let Some(first) = rest.next().filter(|class| *class != Class::Other) else { return false };
    match text[..at].chars().next_back().map(class_of) {
        None | Some(Class::Other) => true,
        Some(before) => splits(before, first, rest.next()),
    }
}

/// Bytes of the word that a text starts with.
fn word_len(text: &str) -> usize {
    let mut chars = text.char_indices().map(|(at, c)| (at, class_of(c))).peekable();
    while let Some((_, class)) = chars.next() {
        let Some(&(at, next)) = chars.peek() else { break };
        let after = text[at..].chars().nth(1).map(class_of);
        if splits(class, next, after) {
            return at;
        }
    }
    text.len()
}

/// Whether a word ends between two characters, given the class of the one after them.
fn splits(class: Class, next: Class, after: Option<Class>) -> bool {
    use Class::{Digit, Lower, Other, Upper};
    match (class, next) {
        (_, Other) => true,
        (Digit, Digit) => false,
        (Digit, _) | (_, Digit) | (Lower, Upper) => true,
        (Upper, Upper) => after == Some(Lower),
        _ => false,
    }
}

fn class_of(c: char) -> Class {
    match c {
        c if c.is_lowercase() => Class::Lower,
        c if c.is_uppercase() => Class::Upper,
        c if c.is_numeric() => Class::Digit,
        c if c.is_alphabetic() => Class::Letter,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let words: Vec<_> = subwords(text).collect();
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, expected, "{text:?}");
        for word in &words {
            assert_eq!(text[word.place.clone()].to_lowercase(), word.text, "{text:?}");
        }
        for (at, _) in text.char_indices() {
            let begins = words.iter().any(|word| word.place.start == at);
            assert_eq!(starts_subword(text, at), begins, "{text:?} at {at}");
        }
    }

    #[test]
    fn identifiers_are_split() {
        check("", &[]);
        check("__", &[]);
        check("main", &["main"]);
        check("parseHTTPServer2_now", &["parse", "http", "server", "2", "now"]);
        check("HTTPServer2", &["http", "server", "2"]);
        check("snake_case_name", &["snake", "case", "name"]);
        check("SCREAMING_CASE", &["screaming", "case"]);
        check("kebab-case.path/Name", &["kebab", "case", "path", "name"]);
        check("utf8ToUtf16", &["utf", "8", "to", "utf", "16"]);
        check("getX", &["get", "x"]);
        check("XMLHttpRequest", &["xml", "http", "request"]);
        check("a.b->c(d)", &["a", "b", "c", "d"]);
        check("ÉtéÀParis", &["été", "à", "paris"]);
        check("变量name", &["变量name"]);
        check("ΣΑΣ", &["σας"]);
    }
}
