//! How far a shard is behind its stream, in records and in time.

use ax_model::Offset;
use parking_lot::Mutex;

/// How far behind a shard is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Lag {
    /// Positions between what is applied and the end of the partition.
    pub records: u64,
    /// For how long, at most, the oldest record that is not applied has waited, in milliseconds.
    pub ms: i64,
}

/// Knows since when a shard is behind.
#[derive(Debug, Default)]
pub(crate) struct LagClock(Mutex<Marks>);

#[derive(Debug, Default)]
struct Marks {
    /// When the newest applied record was appended, in milliseconds since 1970.
    applied_at_ms: i64,
    /// When the shard was first seen to be behind.
    behind_since_ms: Option<i64>,
}

impl LagClock {
    /// A record appended at `at_ms` is applied, and all before it.
    pub fn applied(&self, at_ms: i64) {
        let mut marks = self.0.lock();
        marks.applied_at_ms = marks.applied_at_ms.max(at_ms);
    }

    /// The lag of a shard at `position` of a partition that ends at `end`.
    ///
    /// What waits is younger than what is applied, and came after the shard was last seen at the end:
    /// the smaller of the two holds. The first alone calls a shard that was idle for a day a day late
    /// at its next record; the second alone grows through every long import.
    pub fn look(&self, position: Offset, end: Offset, now_ms: i64) -> Lag {
        let mut marks = self.0.lock();
        let records = end.0.saturating_sub(position.0);
        if records == 0 {
            marks.behind_since_ms = None;
            return Lag { records, ms: 0 };
        }
        let behind_since_ms = *marks.behind_since_ms.get_or_insert(now_ms);
        let since_ms = behind_since_ms.max(marks.applied_at_ms);
        Lag { records, ms: (now_ms - since_ms).max(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_as_old_as_what_waits() {
        let clock = LagClock::default();
        let look = |position, now_ms| clock.look(Offset(position), Offset(100), now_ms);
        clock.applied(1_000);
        assert_eq!(look(100, 90_000), Lag { records: 0, ms: 0 }, "idle is not late");
        assert_eq!(look(60, 90_000), Lag { records: 40, ms: 0 }, "just seen");
        assert_eq!(look(60, 95_000), Lag { records: 40, ms: 5_000 }, "it stands still");
        clock.applied(93_000);
        assert_eq!(look(80, 96_000), Lag { records: 20, ms: 3_000 }, "it catches up");
        assert_eq!(look(100, 97_000).ms, 0);
        assert_eq!(look(99, 98_000).ms, 0, "behind anew");
    }
}
