//! A set of small numbers.

/// Numbers below a fixed length, one bit each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: u32,
}

impl Bits {
    /// None of `0..len`.
    pub(crate) fn none(len: u32) -> Self {
        Self { words: vec![0; (len as usize).div_ceil(64)], len }
    }

    /// All of `0..len`.
    pub(crate) fn all(len: u32) -> Self {
        let mut bits = Self { words: vec![!0; (len as usize).div_ceil(64)], len };
        if !len.is_multiple_of(64)
            && let Some(last) = bits.words.last_mut()
        {
            *last = (1 << (len % 64)) - 1;
        }
        bits
    }

    /// Whether `number` is in; false beyond the length.
    pub(crate) fn has(&self, number: u32) -> bool {
        self.words.get(number as usize / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    /// Puts `number` in; nothing beyond the length.
    pub(crate) fn insert(&mut self, number: u32) {
        if number < self.len {
            self.words[number as usize / 64] |= 1 << (number % 64);
        }
    }

    /// Takes `number` out.
    pub(crate) fn remove(&mut self, number: u32) {
        if number < self.len {
            self.words[number as usize / 64] &= !(1 << (number % 64));
        }
    }

    /// How many are in.
    pub(crate) fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    /// True when none is in.
    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Those that are in, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(i, word)| {
            let mut word = *word;
            std::iter::from_fn(move || {
                let bit = (word != 0).then(|| word.trailing_zeros())?;
                word &= word - 1;
                Some(i as u32 * 64 + bit)
            })
        })
    }

    /// Keeps those for which it holds.
    pub(crate) fn retain(&mut self, mut holds: impl FnMut(u32) -> bool) {
        for (place, word) in self.words.iter_mut().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                if !holds(place as u32 * 64 + bit) {
                    *word &= !(1 << bit);
                }
            }
        }
    }

    /// Keeps those that are in `other` too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds those of `other`, of the same length.
    pub(crate) fn union(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// Takes out those of `other`.
    pub(crate) fn subtract(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= !other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_set, prelude::*};

    fn bits(numbers: impl IntoIterator<Item = u32>) -> Bits {
        let mut bits = Bits::none(200);
        numbers.into_iter().for_each(|number| bits.insert(number));
        bits
    }

    proptest! {
        #[test]
        fn behaves_as_a_set(a in btree_set(0u32..200, 0..50), b in btree_set(0u32..200, 0..50)) {
            let (x, y) = (bits(a.clone()), bits(b.clone()));
            let (mut and, mut or, mut minus) = (x.clone(), x.clone(), x.clone());
            and.intersect(&y);
            or.union(&y);
            minus.subtract(&y);
            let mut kept = x.clone();
            kept.retain(|number| y.has(number));
            prop_assert_eq!(&kept, &and);
            prop_assert_eq!(and, bits(a.intersection(&b).copied()));
            prop_assert_eq!(or, bits(a.union(&b).copied()));
            prop_assert_eq!(minus, bits(a.difference(&b).copied()));
            prop_assert_eq!(x.count(), a.len() as u64);
            prop_assert!(x.iter().eq(a.iter().copied()));
        }
    }

    #[test]
    fn edges() {
        for len in [0, 1, 63, 64, 65] {
            assert_eq!(Bits::all(len).count(), u64::from(len));
            assert!(!Bits::all(len).has(len));
        }
        let mut bits = Bits::none(3);
        bits.insert(3);
        assert!(bits.is_empty());
    }
}
