//! A list handed out in order, of which no more is sorted than is asked for: of a hundred thousand
//! candidates fifty are shown.

use std::cmp::Ordering;

/// Items sorted at first, and how their number grows from time to time.
const FIRST: usize = 128;
const GROWTH: usize = 4;

/// Items that come least first.
pub(super) struct InOrder<T, F> {
    items: Vec<T>,
    /// Given out.
    at: usize,
    /// Sorted, from the beginning.
    sorted: usize,
    compare: F,
}

impl<T, F: Fn(&T, &T) -> Ordering> InOrder<T, F> {
    /// In the order of `compare`, which should leave no two items equal.
    pub(super) fn new(items: Vec<T>, compare: F) -> Self {
        Self { items, at: 0, sorted: 0, compare }
    }

    /// The least of those that were not given out yet.
    pub(super) fn next(&mut self) -> Option<&T> {
        if self.at == self.sorted {
            self.sort_more();
        }
        let next = self.items[..self.sorted].get(self.at);
        self.at += usize::from(next.is_some());
        next
    }

    fn sort_more(&mut self) {
        let (compare, rest) = (&self.compare, &mut self.items[self.sorted..]);
        let num = (self.sorted * (GROWTH - 1)).max(FIRST).min(rest.len());
        if num < rest.len() {
            rest.select_nth_unstable_by(num, compare);
        }
        rest[..num].sort_unstable_by(compare);
        self.sorted += num;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_come_in_order_whatever_their_number() {
        for num in [0, 1, 127, 128, 129, 511, 512, 513, 5_000] {
            let mixed: Vec<usize> = (0..num).map(|i| i * 7_919 % num.max(1)).collect();
            let mut sorted = mixed.clone();
            sorted.sort_unstable();
            let mut list = InOrder::new(mixed, Ord::cmp);
            let mut found = Vec::new();
            while let Some(next) = list.next() {
                found.push(*next);
            }
            assert_eq!(found, sorted, "{num}");
            assert_eq!(list.next(), None);
        }
    }
}
