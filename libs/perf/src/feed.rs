//! What the next free client is to ask, and when: drawn for ever, or recorded once.

use crate::{Draw, Pick, Schedule};
use std::time::Duration;

/// One query to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// What.
    pub pick: Pick,
    /// When, from the beginning of the run; `None` is now.
    pub at: Option<Duration>,
}

/// Hands out queries.
#[derive(Debug, Clone)]
pub enum Feed {
    /// A client asks as soon as it is free.
    Closed(Draw),
    /// Queries are due at times of their own.
    Open(Draw, Box<Schedule>),
    /// What was recorded, once; query `n` of class 0 is the record's `n`-th.
    Recorded {
        /// When each is due; `None` for as fast as possible.
        due: Option<Vec<Duration>>,
        /// How many there are.
        num: usize,
        /// The next one.
        next: usize,
    },
}

impl Feed {
    /// A replay: `at` in milliseconds of any clock, in any order; `speed` 2 halves every gap, `None`
    /// leaves no gaps.
    pub fn recorded(at_ms: &[u64], speed: Option<f64>) -> Self {
        let first = at_ms.iter().min().copied().unwrap_or(0);
        let due = speed.map(|speed| {
            let secs = |at: &u64| (at - first) as f64 / 1e3 / speed;
            at_ms.iter().map(|at| Duration::from_secs_f64(secs(at))).collect()
        });
        Self::Recorded { due, num: at_ms.len(), next: 0 }
    }

    /// The next one; `None` when all is asked.
    pub fn next_due(&mut self) -> Option<Due> {
        match self {
            Self::Closed(draw) => Some(Due { pick: draw.next_pick()?, at: None }),
            Self::Open(draw, schedule) => {
                Some(Due { pick: draw.next_pick()?, at: Some(schedule.next_start()) })
            }
            Self::Recorded { due, num, next } => {
                let query = *next;
                if query >= *num {
                    return None;
                }
                *next += 1;
                let at = due.as_ref().and_then(|due| due.get(query)).copied();
                Some(Due { pick: Pick { class: 0, query }, at })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Arrivals;

    #[test]
    fn a_record_comes_once_at_its_pace() {
        let all = |mut feed: Feed| {
            std::iter::from_fn(move || feed.next_due())
                .map(|due| (due.pick.query, due.at.map(|at| at.as_millis())))
                .collect::<Vec<_>>()
        };
        let at = [5000, 5400, 7000];
        assert_eq!(
            all(Feed::recorded(&at, Some(2.0))),
            [(0, Some(0)), (1, Some(200)), (2, Some(1000))]
        );
        assert_eq!(all(Feed::recorded(&at, None)), [(0, None), (1, None), (2, None)]);
        assert_eq!(all(Feed::recorded(&[], Some(1.0))), []);
    }

    #[test]
    fn an_open_loop_does_not_wait_for_anybody() {
        let draw = Draw::new(&[(1.0, 2)], 1);
        let mut feed = Feed::Open(draw.clone(), Box::new(Schedule::new(100.0, Arrivals::Even, 1)));
        let at: Vec<_> = (0..3).map(|_| feed.next_due().unwrap().at.unwrap().as_millis()).collect();
        assert_eq!(at, [0, 10, 20]);
        assert_eq!(Feed::Closed(draw).next_due().unwrap().at, None);
    }
}
