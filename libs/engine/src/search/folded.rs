//! Finding an ASCII literal in either case.
//!
//! A regular expression that ignores case spends its time on places that look like a beginning. This
//! looks for the two rarest bytes of the literal at their distance, 64 places at a time in a form that the
//! compiler turns into vector instructions, and compares the rest only where both are.
//!
//! Two letters have a partner outside of ASCII: `k` the Kelvin sign, `s` the long s. Where a text holds
//! their first bytes, the caller's regular expression decides.

use memchr::memchr2;

/// Longer literals are left to a regular expression: where a text repeats nearly the whole of one, each
/// place would be compared to its end.
const MAX_BYTES: usize = 256;
/// Places looked at together.
const LANES: usize = 64;
/// Bytes of source code from common to rare; what is not listed is rarer.
const COMMON: &[u8] = b" etaoinsrlcdpufm_hgbyvwkx-*().,;/0123456789=>\"\t\n:q{}jz[]&|#'@%!+~?$^";

/// A literal to be found in either case.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    /// In lower case; ASCII, and not empty.
    needle: Box<[u8]>,
    first: Probe,
    second: Probe,
    /// First bytes of characters that fold to one of the needle's; twice the same when there is one.
    partners: Option<(u8, u8)>,
}

/// A byte of the needle to look for.
#[derive(Debug, Clone, Copy)]
struct Probe {
    offset: usize,
    byte: u8,
    /// What makes a letter lower case; 0 for another byte.
    fold: u8,
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// The first match begins here.
    At(usize),
    /// There is none.
    Nowhere,
    /// A letter outside of ASCII may match before any that was found.
    Unclear,
}

impl Folded {
    /// `None` when the literal is empty, very long or not ASCII.
    pub(super) fn new(literal: &[u8]) -> Option<Self> {
        if literal.is_empty() || literal.len() > MAX_BYTES || !literal.is_ascii() {
            return None;
        }
        let needle = literal.to_ascii_lowercase().into_boxed_slice();
        let rarity = |byte: u8| COMMON.iter().position(|c| *c == byte).unwrap_or(COMMON.len());
        let mut offsets: Vec<usize> = (0..needle.len()).collect();
        offsets.sort_by_key(|offset| std::cmp::Reverse(rarity(needle[*offset])));
        let first = Probe::of(&needle, offsets[0]);
        let second = Probe::of(&needle, *offsets.get(1).unwrap_or(&offsets[0]));
        let partners = match (needle.contains(&b'k'), needle.contains(&b's')) {
            (true, true) => Some((0xe2, 0xc5)),
            (true, false) => Some((0xe2, 0xe2)),
            (false, true) => Some((0xc5, 0xc5)),
            (false, false) => None,
        };
        Some(Self { needle, first, second, partners })
    }

    /// Length of a match in bytes.
    pub(super) fn len(&self) -> usize {
        self.needle.len()
    }

    /// The first match in `text`.
    pub(super) fn find(&self, text: &[u8]) -> Sought {
        let found = self.find_ascii(text);
        if let Some((a, b)) = self.partners {
            let before = found.map_or(text.len(), |at| at + self.needle.len());
            if memchr2(a, b, &text[..before]).is_some() {
                return Sought::Unclear;
            }
        }
        found.map_or(Sought::Nowhere, Sought::At)
    }

    fn find_ascii(&self, text: &[u8]) -> Option<usize> {
        // Places where a match can begin, seen through each probe.
        let places = (text.len() + 1).checked_sub(self.needle.len())?;
        let seen = |probe: Probe| &text[probe.offset..probe.offset + places];
        let (first, second) = (seen(self.first).chunks(LANES), seen(self.second).chunks(LANES));
        for (chunk, (a, b)) in first.zip(second).enumerate() {
            if self.none_in(a, b) {
                continue;
            }
            let start = chunk * LANES;
            let both = |i: &usize| self.first.is(a[*i]) && self.second.is(b[*i]);
            let is_match = |i: &usize| {
                let at = start + i;
                text[at..at + self.needle.len()].eq_ignore_ascii_case(&self.needle)
            };
            if let Some(i) = (0..a.len()).filter(both).find(is_match) {
                return Some(start + i);
            }
        }
        None
    }

    /// Whether no place of a chunk shows both probes. Without branches, so that it can be vectorised.
    fn none_in(&self, a: &[u8], b: &[u8]) -> bool {
        let (Ok(a), Ok(b)) = (<&[u8; LANES]>::try_from(a), <&[u8; LANES]>::try_from(b)) else {
            return false; // the last few places are looked at one by one
        };
        let mut any = 0;
        for i in 0..LANES {
            any |= u8::from(self.first.is(a[i])) & u8::from(self.second.is(b[i]));
        }
        any == 0
    }
}

impl Probe {
    fn of(needle: &[u8], offset: usize) -> Self {
        let byte = needle[offset];
        Self { offset, byte, fold: if byte.is_ascii_lowercase() { 0x20 } else { 0 } }
    }

    fn is(self, byte: u8) -> bool {
        byte | self.fold == self.byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn naive(needle: &str, text: &[u8]) -> Option<usize> {
        text.windows(needle.len()).position(|place| place.eq_ignore_ascii_case(needle.as_bytes()))
    }

    proptest! {
        #[test]
        fn finds_what_a_plain_search_finds(
            needle in "[aBz_ 0Kks]{1,5}",
            text in proptest::collection::vec(proptest::sample::select(b"aAbBzZ_ 0kK\n@`sS".to_vec()), 0..300),
        ) {
            let expected = naive(&needle, &text).map_or(Sought::Nowhere, Sought::At);
            prop_assert_eq!(Folded::new(needle.as_bytes()).unwrap().find(&text), expected);
        }
    }

    #[test]
    fn letters_with_partners_are_left_to_others_where_one_may_stand() {
        let kernel = Folded::new(b"Kernel").unwrap();
        assert_eq!(kernel.find("the \u{212a}ernel".as_bytes()), Sought::Unclear);
        assert_eq!(kernel.find("KERNEL, not \u{212a}ernel".as_bytes()), Sought::At(0));
        assert_eq!(Folded::new(b"mode").unwrap().find("\u{212a} mode".as_bytes()), Sought::At(4));
        assert_eq!(Folded::new(b"s").unwrap().find("\u{17f}".as_bytes()), Sought::Unclear);
        assert!(Folded::new("é".as_bytes()).is_none() && Folded::new(b"").is_none());
    }
}
