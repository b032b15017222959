//! Which parts of a text are comments and strings.

use std::cmp::Reverse;
use std::ops::Range;

/// A part of a text that a grammar's query captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mark {
    pub range: Range<usize>,
    /// A comment or a string; else code within a string.
    pub is_text: bool,
}

/// The bytes whose innermost mark is text, as ascending ranges. Neighbours with nothing between them
/// that a name could be made of become one: a block of line comments, the parts around an escape.
pub(crate) fn prose_of(mut marks: Vec<Mark>, text: &[u8]) -> Vec<Range<usize>> {
    marks.sort_by_key(|mark| (mark.range.start, Reverse(mark.range.end)));
    let mut prose = Prose { text, ranges: Vec::new() };
    let mut open: Vec<Mark> = Vec::new();
    let mut at = 0;
    for mark in marks {
        while let Some(inner) = open.pop_if(|inner| inner.range.end <= mark.range.start) {
            prose.add(&inner, &mut at, inner.range.end);
        }
        if let Some(outer) = open.last() {
            prose.add(outer, &mut at, mark.range.start);
        }
        at = at.max(mark.range.start);
        open.push(mark);
    }
    while let Some(inner) = open.pop() {
        prose.add(&inner, &mut at, inner.range.end);
    }
    prose.ranges
}

struct Prose<'a> {
    text: &'a [u8],
    ranges: Vec<Range<usize>>,
}

impl Prose<'_> {
    /// Moves `at` on to `end`, through what lies in `mark` and in no mark within it.
    fn add(&mut self, mark: &Mark, at: &mut usize, end: usize) {
        let start = std::mem::replace(at, end.max(*at));
        if !mark.is_text || start >= end {
            return;
        }
        match self.ranges.last_mut() {
            Some(last) if !holds_name(&self.text[last.end.min(start)..start]) => last.end = end,
            _ => self.ranges.push(start..end),
        }
    }
}

fn holds_name(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, marks: &[(Range<usize>, bool)], expected: &[&str]) {
        let marks =
            marks.iter().map(|(range, is_text)| Mark { range: range.clone(), is_text: *is_text });
        let found = prose_of(marks.collect(), text.as_bytes());
        let found: Vec<_> = found.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn the_innermost_mark_counts() {
        let text = "f('a ${b + 'c'} d', e) // x";
        let marks = [(2..18, true), (5..15, false), (11..14, true), (23..27, true)];
        check(text, &marks, &["'a ", "'c'} d'", "// x"]);
        check("ab", &[], &[]);
        check("'a'", &[(0..3, true), (0..3, false)], &[]);
    }

    #[test]
    fn neighbours_become_one_unless_a_name_stands_between() {
        check(
            "// a\n  // b\nc // d",
            &[(0..4, true), (7..11, true), (14..18, true)],
            &["// a\n  // b", "// d"],
        );
        check("\"a\" é \"b\"", &[(0..3, true), (7..10, true)], &["\"a\"", "\"b\""]);
    }
}
