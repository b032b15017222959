//! Which query is next.
//!
//! Classes take turns by weight without chance (smooth weighted round robin, as nginx does for its
//! upstreams), and each class goes through all its queries in a shuffled order before any comes again. So
//! two runs of one workload ask the same mix, and differ less than with draws at random.

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

/// A query of a class, both by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    /// The class.
    pub class: usize,
    /// The query within it.
    pub query: usize,
}

/// An endless sequence of queries.
#[derive(Debug, Clone)]
pub struct Draw {
    turns: Vec<Turn>,
    rng: ChaCha8Rng,
}

#[derive(Debug, Clone)]
struct Turn {
    weight: f64,
    credit: f64,
    order: Vec<usize>,
    at: usize,
}

impl Draw {
    /// A sequence over classes, each with its weight and its number of queries, which is not zero.
    pub fn new(classes: &[(f64, usize)], seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let turns = classes.iter().map(|&(weight, num)| {
            let mut order: Vec<usize> = (0..num).collect();
            order.shuffle(&mut rng);
            Turn { weight, credit: 0.0, order, at: 0 }
        });
        let turns = turns.collect();
        Self { turns, rng }
    }

    /// The next query; `None` only without any.
    pub fn next_pick(&mut self) -> Option<Pick> {
        let total: f64 = self.turns.iter().map(|turn| turn.weight).sum();
        self.turns.iter_mut().for_each(|turn| turn.credit += turn.weight);
        let richest = |a: &(usize, &mut Turn), b: &(usize, &mut Turn)| {
            a.1.credit.total_cmp(&b.1.credit).then(b.0.cmp(&a.0))
        };
        let (class, turn) = self.turns.iter_mut().enumerate().max_by(richest)?;
        turn.credit -= total;
        if turn.at == turn.order.len() {
            turn.order.shuffle(&mut self.rng);
            turn.at = 0;
        }
        let query = *turn.order.get(turn.at)?;
        turn.at += 1;
        Some(Pick { class, query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(classes: &[(f64, usize)], seed: u64, num: usize) -> Vec<Pick> {
        let mut draw = Draw::new(classes, seed);
        (0..num).map(|_| draw.next_pick().unwrap()).collect()
    }

    #[test]
    fn weights_hold_in_every_stretch() {
        let picks = picks(&[(3.0, 10), (1.0, 4)], 7, 400);
        for stretch in picks.chunks(4) {
            assert_eq!(stretch.iter().filter(|pick| pick.class == 0).count(), 3);
        }
    }

    #[test]
    fn every_query_comes_before_any_comes_again() {
        let picks = picks(&[(1.0, 25)], 3, 75);
        for round in picks.chunks(25) {
            let mut queries: Vec<_> = round.iter().map(|pick| pick.query).collect();
            queries.sort_unstable();
            assert_eq!(queries, (0..25).collect::<Vec<_>>());
        }
        let (first, second) = (&picks[..25], &picks[25..50]);
        assert_ne!(first, second, "each round in an order of its own");
    }

    #[test]
    fn the_seed_is_all_the_chance_there_is() {
        let classes = [(1.0, 50), (0.5, 20)];
        assert_eq!(picks(&classes, 1, 99), picks(&classes, 1, 99));
        assert_ne!(picks(&classes, 1, 99), picks(&classes, 2, 99));
        assert!(Draw::new(&[], 1).next_pick().is_none());
    }
}
