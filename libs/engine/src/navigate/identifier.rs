//! Names in bytes: letters, digits and `_`, of any script.

use std::ops::Range;

/// The name that stands at `at`, or ends there, as a caret behind it would have it. None where there is
/// none, and for a number.
pub(super) fn at(text: &[u8], at: usize) -> Option<Range<usize>> {
    let at = at.min(text.len());
    let start = at - len_before(&text[..at]);
    let end = at + len_after(&text[at..]);
    let first = char_at(&text[start..])?;
    (start < end && !first.is_numeric()).then_some(start..end)
}

/// The name that begins at `at`.
pub(super) fn from(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    &rest[..len_after(rest)]
}

/// Whether a name is at `range`, and not only a part of one.
pub(super) fn is_whole(text: &[u8], range: &Range<usize>) -> bool {
    let before = char_before(&text[..range.start]);
    let after = char_at(&text[range.end..]);
    !before.is_some_and(is_of_name) && !after.is_some_and(is_of_name)
}

fn is_of_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn len_after(text: &[u8]) -> usize {
    let mut len = 0;
    while let Some(c) = char_at(&text[len..]).filter(|c| is_of_name(*c)) {
        len += c.len_utf8();
    }
    len
}

fn len_before(text: &[u8]) -> usize {
    let mut end = text.len();
    while let Some(c) = char_before(&text[..end]).filter(|c| is_of_name(*c)) {
        end -= c.len_utf8();
    }
    text.len() - end
}

/// The character that a text begins with; none if it begins with no UTF-8.
fn char_at(text: &[u8]) -> Option<char> {
    let first = *text.first()?;
    if first.is_ascii() {
        return Some(char::from(first));
    }
    let (valid, _) = text[..text.len().min(4)].utf8_chunks().next().map(|c| (c.valid(), ()))?;
    valid.chars().next()
}

/// The character that a text ends with; none if it ends with no UTF-8.
fn char_before(text: &[u8]) -> Option<char> {
    let last = *text.last()?;
    if last.is_ascii() {
        return Some(char::from(last));
    }
    (2..=text.len().min(4)).find_map(|len| {
        let mut chars = std::str::from_utf8(&text[text.len() - len..]).ok()?.chars();
        chars.next().filter(|_| chars.next().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_from_any_place_in_it() {
        let text = "let größe_2 = x.len(42);".as_bytes();
        let name =
            |place: usize| at(text, place).map(|range| String::from_utf8_lossy(&text[range]));
        for place in [4, 6, 12, 13] {
            assert_eq!(name(place).as_deref(), Some("größe_2"), "{place}");
        }
        assert_eq!((name(16).as_deref(), name(17).as_deref()), (Some("x"), Some("x")));
        assert_eq!((name(14), name(23), name(25), name(99)), (None, None, None, None));
        assert_eq!(at(b"\xff\xfe", 1), None);
        assert_eq!(at(b"", 0), None);
        assert_eq!(from(b"foo.bar", 4), b"bar");
    }

    #[test]
    fn a_part_is_no_whole_name() {
        let whole = |text: &str| {
            let start = text.find("foo").unwrap();
            is_whole(text.as_bytes(), &(start..start + 3))
        };
        assert!(whole("foo") && whole("(foo)") && whole("$foo->") && whole("→foo→"));
        assert!(!whole("foo2") && !whole("a_foo") && !whole("éfoo") && !whole("fooé"));
        assert!(is_whole(b"\xfffoo\xff", &(1..4)));
    }
}
