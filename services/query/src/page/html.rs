//! Writing HTML so that text from outside cannot become markup: markup is `&'static str` only, and
//! everything else goes through an escape.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;

/// What stays as it is in the value of a query parameter.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

/// A piece of HTML under construction.
#[derive(Debug, Default, Clone)]
pub(super) struct Html {
    text: String,
}

impl Html {
    /// Adds markup. Only what stands in the program can be markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Adds text, escaped for element content and for quoted attributes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for part in text.split_inclusive(['&', '<', '>', '"', '\'']) {
            let cut = part.len() - usize::from(part.ends_with(['&', '<', '>', '"', '\'']));
            self.text.push_str(&part[..cut]);
            self.text.push_str(match part.as_bytes().get(cut) {
                Some(b'&') => "&amp;",
                Some(b'<') => "&lt;",
                Some(b'>') => "&gt;",
                Some(b'"') => "&quot;",
                Some(b'\'') => "&#39;",
                _ => "",
            });
        }
        self
    }

    /// Adds a name from outside, as text that reads as what it is: see [`visible`].
    pub(super) fn name(&mut self, name: &str) -> &mut Self {
        self.text(&visible(name))
    }

    /// Adds a number, with thin groups of three digits.
    pub(super) fn number(&mut self, number: u64) -> &mut Self {
        let digits = number.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                self.text.push(',');
            }
            self.text.push(digit);
        }
        self
    }

    /// Adds a number as it is, for attributes.
    pub(super) fn plain_number(&mut self, number: u64) -> &mut Self {
        self.text.push_str(&number.to_string());
        self
    }

    /// Adds the address of a page: a path and parameters, encoded.
    pub(super) fn link(
        &mut self,
        path: &'static str,
        params: &[(&'static str, &str)],
    ) -> &mut Self {
        self.raw(path);
        for (i, (name, value)) in params.iter().enumerate() {
            self.raw(if i == 0 { "?" } else { "&amp;" }).raw(name).raw("=");
            self.text.extend(utf8_percent_encode(value, VALUE));
        }
        self
    }

    /// Adds `text` with the given byte ranges marked. Ranges that overlap, run out of the text or cut
    /// a character are mended, since they come from another node.
    pub(super) fn marked(&mut self, text: &str, ranges: &[(usize, usize)]) -> &mut Self {
        self.marked_as(text, ranges, Self::text)
    }

    /// The same for a name.
    pub(super) fn marked_name(&mut self, name: &str, ranges: &[(usize, usize)]) -> &mut Self {
        self.marked_as(name, ranges, Self::name)
    }

    fn marked_as(
        &mut self,
        text: &str,
        ranges: &[(usize, usize)],
        write: for<'a> fn(&'a mut Self, &str) -> &'a mut Self,
    ) -> &mut Self {
        let mut at = 0;
        for (start, end) in ranges {
            let start = text.floor_char_boundary(*start).max(at);
            let end = text.ceil_char_boundary(*end).max(start);
            if start == end {
                continue;
            }
            write(self, &text[at..start]).raw("<mark>");
            write(self, &text[start..end]).raw("</mark>");
            at = end;
        }
        write(self, &text[at..])
    }

    /// Adds another piece.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.text.push_str(&other.text);
        self
    }

    /// The HTML.
    pub(super) fn into_string(self) -> String {
        self.text
    }
}

/// A name with its invisible characters as code points: controls, and those that turn the direction of
/// writing, by which `photo\u{202e}gpj.exe` would read as `photoexe.jpg`.
pub(super) fn visible(name: &str) -> Cow<'_, str> {
    if !name.contains(is_hidden) {
        return Cow::Borrowed(name);
    }
    let mut shown = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        if is_hidden(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// The joiners U+200C and U+200D stay: some scripts, and emoji, need them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(write: impl FnOnce(&mut Html) -> &mut Html) -> String {
        let mut html = Html::default();
        write(&mut html);
        html.into_string()
    }

    #[test]
    fn text_is_never_markup() {
        assert_eq!(of(|h| h.text(r#"<b a="x">'&é"#)), "&lt;b a=&quot;x&quot;&gt;&#39;&amp;é");
        assert_eq!(of(|h| h.text("plain")), "plain");
    }

    #[test]
    fn links_are_encoded() {
        let link = of(|h| h.link("/file", &[("repo", "a/b"), ("path", "x y&z\"é#.rs")]));
        assert_eq!(link, "/file?repo=a/b&amp;path=x%20y%26z%22%C3%A9%23.rs");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(of(|h| h.number(0)), "0");
        assert_eq!(of(|h| h.number(1_234_567)), "1,234,567");
        assert_eq!(of(|h| h.number(999)), "999");
    }

    #[test]
    fn marks_what_matched() {
        let marked = of(|h| h.marked("a<b>c", &[(1, 4)]));
        assert_eq!(marked, "a<mark>&lt;b&gt;</mark>c");
    }

    #[test]
    fn names_show_what_would_hide() {
        assert_eq!(of(|h| h.name("a\u{202e}gpj\n.txt")), "a\\u{202e}gpj\\u{a}.txt");
        assert_eq!(of(|h| h.name("é 日本 <")), "é 日本 &lt;");
        let marked = of(|h| h.marked_name("\u{202e}ab", &[(3, 4)]));
        assert_eq!(marked, "\\u{202e}<mark>a</mark>b");
    }

    proptest! {
        #[test]
        fn any_ranges_give_well_formed_marks(
            text in ".{0,20}", ranges in proptest::collection::vec((0usize..40, 0usize..40), 0..5),
        ) {
            let html = of(|h| h.marked(&text, &ranges));
            let bare = html.replace("<mark>", "").replace("</mark>", "");
            prop_assert_eq!(bare, of(|h| h.text(&text)));
            prop_assert_eq!(html.matches("<mark>").count(), html.matches("</mark>").count());
        }
    }
}
