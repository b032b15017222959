//! Finding an ASCII literal in either case.
//!
//! A regular expression that ignores case spends its time on places that look like a beginning. This
//! looks for the two rarest bytes of the literal at their distance, 64 places at a time in a form that the
//! compiler turns into vector instructions, the widest that the processor has, and compares the rest only where
//! both are.
//!
//! Two letters have a partner outside of ASCII: `k` the Kelvin sign, `s` the long s. A stretch of text that has
//! one is copied with the letters in their place and the copy is searched. Stretches begin short and double, so
//! that what is looked at to find a match is never more than a few times what lies before it, whatever the text.
//! Rejected: leaving partners to a regular expression, since compiling it took more than half of what a rare
//! word costs, for letters that hardly any text has.

use super::pace::Pace;
use memchr::memchr2_iter;
use pulp::Arch;
use std::borrow::Cow;

/// Longer literals are left to a regular expression: where a text repeats nearly the whole of one, each
/// place is compared to its end.
const MAX_BYTES: usize = 256;
/// Places searched at first, and at most, before a look at how much work that was.
const FIRST_STRETCH: usize = 64;
const MAX_STRETCH: usize = 64 << 10;
/// Places looked at together.
const LANES: usize = 64;
/// Bytes of source code from common to rare; what is not listed is rarer.
const COMMON: &[u8] = b" etaoinsrlcdpufm_hgbyvwkx-*().,;/0123456789=>\"\t\n:q{}jz[]&|#'@%!+~?$^";
/// Partners of letters, with the letters.
const KELVIN_SIGN: (&[u8], u8) = ("\u{212a}".as_bytes(), b'k');
const LONG_S: (&[u8], u8) = ("\u{17f}".as_bytes(), b's');
/// Bytes of the longest.
const LONGEST: usize = KELVIN_SIGN.0.len();

/// A literal to be found in either case.
#[derive(Debug, Clone)]
pub(crate) struct Folded {
    /// In lower case; ASCII, and not empty.
    needle: Box<[u8]>,
    first: Probe,
    second: Probe,
    /// Some letter of the needle has a partner.
    has_partners: bool,
}

/// A byte of the needle to look for.
#[derive(Debug, Clone, Copy)]
struct Probe {
    offset: usize,
    byte: u8,
    /// What makes a letter lower case; 0 for another byte.
    fold: u8,
}

impl Folded {
    /// `None` when the literal is empty, very long or not ASCII.
    pub(crate) fn new(literal: &[u8]) -> Option<Self> {
        let needle = literal.to_ascii_lowercase().into_boxed_slice();
        let has_partners = needle.iter().any(|byte| matches!(byte, b'k' | b's'));
        if needle.is_empty() || needle.len() > MAX_BYTES || !needle.is_ascii() {
            return None;
        }
        let rarity = |byte: u8| COMMON.iter().position(|c| *c == byte).unwrap_or(COMMON.len());
        let mut offsets: Vec<usize> = (0..needle.len()).collect();
        offsets.sort_by_key(|offset| std::cmp::Reverse(rarity(needle[*offset])));
        let first = Probe::of(&needle, offsets[0]);
        let second = Probe::of(&needle, *offsets.get(1).unwrap_or(&offsets[0]));
        Some(Self { needle, first, second, has_partners })
    }

    /// The first match in `text`: where it begins and ends. None once time is up, which `pace` has told its owner.
    pub(crate) fn find(&self, text: &[u8], pace: &Pace<'_>) -> Option<(usize, usize)> {
        let (mut start, mut len) = (0, FIRST_STRETCH);
        // A match that begins on the last place of a stretch ends at most so much later.
        let beyond =
            if self.has_partners { LONGEST * self.needle.len() } else { self.needle.len() };
        while start < text.len() && pace.go_on((len * self.needle.len()) as u64) {
            let stretch = &text[start..text.len().min(start + len + beyond)];
            if let Some((from, to)) = self.find_in_stretch(stretch) {
                return Some((start + from, start + to));
            }
            start += len;
            len = (len * 2).min(MAX_STRETCH);
        }
        None
    }

    fn find_in_stretch(&self, text: &[u8]) -> Option<(usize, usize)> {
        let letters = if self.has_partners { with_letters(text) } else { Cow::Borrowed(text) };
        let at = Arch::new().dispatch(
            #[inline(always)]
            || self.find_ascii(&letters),
        )?;
        let end = at + self.needle.len();
        if let Cow::Borrowed(_) = letters {
            return Some((at, end));
        }
        let start = place_in(text, at);
        Some((start, start + place_in(&text[start..], self.needle.len())))
    }

    #[inline(always)]
    fn find_ascii(&self, text: &[u8]) -> Option<usize> {
        // Places where a match can begin, seen through each probe.
        let places = (text.len() + 1).checked_sub(self.needle.len())?;
        let first = &text[self.first.offset..self.first.offset + places];
        let second = &text[self.second.offset..self.second.offset + places];
        let chunks = first.as_chunks().0.iter().zip(second.as_chunks().0);
        for (chunk, (a, b)) in chunks.enumerate() {
            if let Some(at) = self.find_in(text, chunk * LANES, a, b) {
                return Some(at);
            }
        }
        // What is left is looked at together with places before it, or with nothing.
        match (first.last_chunk(), second.last_chunk()) {
            _ if places.is_multiple_of(LANES) => None,
            (Some(a), Some(b)) => self.find_in(text, places - LANES, a, b),
            _ => {
                let (mut a, mut b) = ([0; LANES], [0; LANES]);
                a[..places].copy_from_slice(first);
                b[..places].copy_from_slice(second);
                self.find_in(text, 0, &a, &b)
            }
        }
    }

    /// The first match that begins at one of the places from `start` on, whose bytes the probes see in `a`
    /// and `b`.
    #[inline(always)]
    fn find_in(
        &self,
        text: &[u8],
        start: usize,
        a: &[u8; LANES],
        b: &[u8; LANES],
    ) -> Option<usize> {
        let (mut hits, mut any) = ([0; LANES], 0);
        for i in 0..LANES {
            hits[i] = u8::from(self.first.is(a[i])) & u8::from(self.second.is(b[i]));
            any |= hits[i];
        }
        if any == 0 {
            return None;
        }
        for (eight, hits) in hits.as_chunks().0.iter().enumerate() {
            let mut hits = u64::from_le_bytes(*hits);
            while hits != 0 {
                let at = start + eight * 8 + hits.trailing_zeros() as usize / 8;
                let there = text.get(at..at + self.needle.len());
                if there.is_some_and(|there| there.eq_ignore_ascii_case(&self.needle)) {
                    return Some(at);
                }
                hits &= hits - 1;
            }
        }
        None
    }
}

impl Probe {
    fn of(needle: &[u8], offset: usize) -> Self {
        let byte = needle[offset];
        Self { offset, byte, fold: if byte.is_ascii_lowercase() { 0x20 } else { 0 } }
    }

    #[inline(always)]
    fn is(self, byte: u8) -> bool {
        byte | self.fold == self.byte
    }
}

/// The text, with letters in place of their partners.
fn with_letters(text: &[u8]) -> Cow<'_, [u8]> {
    let (mut letters, mut from) = (Vec::new(), 0);
    for at in memchr2_iter(KELVIN_SIGN.0[0], LONG_S.0[0], text) {
        if let Some((partner, letter)) = partner_at(&text[at..]) {
            letters.extend_from_slice(&text[from..at]);
            letters.push(letter);
            from = at + partner.len();
        }
    }
    if from == 0 {
        return Cow::Borrowed(text);
    }
    letters.extend_from_slice(&text[from..]);
    Cow::Owned(letters)
}

/// Where in `text` a place of its copy with letters is.
fn place_in(text: &[u8], place: usize) -> usize {
    let mut longer = 0; // than the copy, up to here
    for at in memchr2_iter(KELVIN_SIGN.0[0], LONG_S.0[0], text) {
        if at - longer >= place {
            break;
        }
        longer += partner_at(&text[at..]).map_or(0, |(partner, _)| partner.len() - 1);
    }
    place + longer
}

/// The partner that `text` begins with, and its letter.
fn partner_at(text: &[u8]) -> Option<(&'static [u8], u8)> {
    [KELVIN_SIGN, LONG_S].into_iter().find(|(partner, _)| text.starts_with(partner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::pace::WORK_PER_LOOK;
    use proptest::{
        collection::vec,
        prelude::*,
        sample::{Index, select},
    };
    use regex::bytes::Regex;

    const PIECES: &[&str] = &[
        "a", "A", "b", "Z", "_", " ", "0", "k", "K", "s", "S", "\n", "\u{212a}", "\u{17f}",
        "\u{e9}",
    ];

    fn find(needle: &str, text: &[u8]) -> Option<(usize, usize)> {
        Folded::new(needle.as_bytes()).unwrap().find(text, &Pace::new(&|| false))
    }

    proptest! {
        #[test]
        fn finds_what_a_regular_expression_finds(
            needle in "[aBz_ 0Kks]{1,5}",
            before in 0..2_000usize,
            pieces in vec(select(PIECES), 1..200),
            damaged in vec(any::<Index>(), 0..3),
        ) {
            let mut text = (".".repeat(before) + &pieces.concat()).into_bytes();
            damaged.iter().for_each(|at| *at.get_mut(&mut text) = 0x84);
            let regex = Regex::new(&format!("(?i){}", regex::escape(&needle))).unwrap();
            let expected = regex.find(&text).map(|found| (found.start(), found.end()));
            prop_assert_eq!(find(&needle, &text), expected);
        }
    }

    #[test]
    fn letters_have_partners_outside_of_ascii() {
        let find = |needle: &str, text: &str| find(needle, text.as_bytes());
        assert_eq!(find("Kernel", "the \u{212a}ernel"), Some((4, 12)));
        assert_eq!(find("Kernel", "KERNEL, not \u{212a}ernel"), Some((0, 6)));
        assert_eq!(find("mode", "\u{212a} mode"), Some((4, 8)));
        assert_eq!(find("ask", "a\u{17f}\u{212a} ask"), Some((0, 6)));
        assert_eq!(find("s", "\u{17e}s"), Some((2, 3)), "its neighbour is none");
        assert_eq!(find("\0", "short"), None, "what fills up a chunk is no text");
        assert!(Folded::new(&[b'k'; 257]).is_none() && Folded::new(&[b'k'; 256]).is_some());
        assert!(Folded::new("é".as_bytes()).is_none() && Folded::new(b"").is_none());
    }

    #[test]
    fn work_grows_with_what_is_looked_at_and_no_faster() {
        // every line matches, by a letter that the search for ASCII never finds
        let text = "\u{212a}\n".repeat(64 << 10).into_bytes();
        let looks = std::cell::Cell::new(0);
        let stop = || {
            looks.set(looks.get() + 1);
            false
        };
        let (folded, pace) = (Folded::new(b"k").unwrap(), Pace::new(&stop));
        let (mut at, mut num) = (0, 0);
        while let Some((_, end)) = folded.find(&text[at..], &pace) {
            (at, num) = (at + end, num + 1);
        }
        assert_eq!((num, at), (64 << 10, text.len() - 1));
        let units = looks.get() * WORK_PER_LOOK;
        assert!(units < 64 * text.len() as u64, "{units}");

        let never = Pace::new(&|| true);
        never.go_on(WORK_PER_LOOK);
        assert_eq!(folded.find(&text, &never), None, "time is up");
    }
}
