//! Words drawn from a text by occurrence: a place at random, and the first word that begins after it.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Lengths of words, in bytes: shorter ones are noise, longer ones data.
const LENGTHS: std::ops::RangeInclusive<usize> = 4..=30;

/// Places in files, each byte as likely as any other.
#[derive(Debug)]
pub struct Places {
    /// Where each file ends if all stood one after the other.
    ends: Vec<u64>,
    rng: ChaCha8Rng,
}

impl Places {
    /// Places in files of these sizes in bytes.
    pub fn new(sizes: &[u64], seed: u64) -> Self {
        let ends = sizes.iter().scan(0, |end, size| {
            *end += size;
            Some(*end)
        });
        Self { ends: ends.collect(), rng: ChaCha8Rng::seed_from_u64(seed ^ 0x0076_0a0d) }
    }

    /// The number of a file and an offset in it; `None` when there is no text.
    pub fn draw(&mut self) -> Option<(usize, u64)> {
        let total = *self.ends.last().filter(|total| **total > 0)?;
        let at = self.rng.random_range(0..total);
        let file = self.ends.partition_point(|end| *end <= at);
        let start = file.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some((file, at - start))
    }
}

/// The first whole word of `text`, which begins in the middle of anything: what stands before the first
/// gap is the rest of a word.
pub fn first_word(text: &[u8]) -> Option<&str> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let mut words = text.split(|byte| !is_word(byte));
    words.next(); // the rest of a word, or nothing
    let mut whole: Vec<&[u8]> = words.collect();
    whole.pop(); // may be cut
    let word = whole
        .into_iter()
        .find(|word| LENGTHS.contains(&word.len()) && !word.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(word).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_words_of_a_useful_length() {
        assert_eq!(first_word(b"alloc(size, flags);"), Some("size"));
        assert_eq!(first_word(b"x if (a) return_it;"), Some("return_it"));
        assert_eq!(first_word(b"x 12345 abc9 y"), Some("abc9"));
        for none in [&b""[..], b"word", b" word", b"a b c d", b"\xff\xfe\xfd"] {
            assert_eq!(first_word(none), None, "{none:?}");
        }
    }

    #[test]
    fn files_are_met_by_their_size() {
        let mut places = Places::new(&[10, 0, 30], 5);
        let drawn: Vec<_> = (0..4000).map(|_| places.draw().unwrap()).collect();
        assert!(drawn.iter().all(|&(file, at)| at < [10, 0, 30][file]));
        let first = drawn.iter().filter(|(file, _)| *file == 0).count();
        assert!((850..1150).contains(&first), "{first} of 4000 where a quarter belongs");
        assert!(Places::new(&[0, 0], 1).draw().is_none() && Places::new(&[], 1).draw().is_none());
    }
}
