//! Where things stand: shards, epochs, offsets, versions, and the token that names a moment.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt, str::FromStr};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default,
                 Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// A shard, which is also a partition of the change stream: `0..shards`.
    ShardId(u32)
}
number! {
    /// The tenure of one writer of one shard. It only grows; zero means that nobody has written.
    Epoch(u64)
}
number! {
    /// A position in a partition of the change stream. Offsets have gaps after compaction.
    Offset(u64)
}
number! {
    /// One schema and one number of shards; changing either builds the next generation.
    Generation(u32)
}
number! {
    /// The place of a manifest in its shard's chain; the first is 1.
    ManifestVersion(u64)
}

number! {
    /// Which rebuild of a shard segments come from: zero before the first, then growing, with gaps.
    RebuildNumber(u64)
}

/// Positions consumed, `[from, to)`. An empty range is legal: a fencing manifest applies nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct OffsetRange {
    /// The first position in the range.
    pub from: Offset,
    /// The position after the last.
    pub to: Offset,
}

impl OffsetRange {
    /// `[from, to)`; `None` when it would run backwards.
    pub fn new(from: Offset, to: Offset) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// Nothing, at a position.
    pub fn empty_at(at: Offset) -> Self {
        Self { from: at, to: at }
    }

    /// True when the range holds no position.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// True when `next` starts where this range ends (invariant I3, which holds
    /// per stream identity and rebuild).
    pub fn is_followed_by(&self, next: &Self) -> bool {
        self.to == next.from
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.to)
    }
}

/// A moment in the change stream: for each shard named, the position that must be applied.
///
/// Given by whoever produced changes, taken by `wait_for`, so that a caller sees its own write
/// (invariant I6). Text form: `g1.0:42,3:7` — generation, then `shard:position` in shard order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionToken {
    /// The generation that the positions belong to.
    pub generation: Generation,
    /// Position to reach per shard.
    pub positions: BTreeMap<ShardId, Offset>,
}

impl VersionToken {
    /// A token of `generation` that asks for nothing yet.
    pub fn new(generation: Generation) -> Self {
        Self { generation, positions: BTreeMap::new() }
    }

    /// Raises the position wanted of `shard` to at least `position`.
    pub fn raise(&mut self, shard: ShardId, position: Offset) {
        let wanted = self.positions.entry(shard).or_default();
        *wanted = (*wanted).max(position);
    }

    /// Raises every position to that of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (shard, position) in &other.positions {
            self.raise(*shard, *position);
        }
    }
}

impl fmt::Display for VersionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "g{}.", self.generation)?;
        for (i, (shard, position)) in self.positions.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{shard}:{position}")?;
        }
        Ok(())
    }
}

/// Text that is not a version token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a version token: expected `g<generation>.<shard>:<position>,…`, as in `g1.0:42,3:7`")]
pub struct InvalidToken;

impl FromStr for VersionToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let (generation, rest) =
            text.strip_prefix('g').and_then(|t| t.split_once('.')).ok_or(InvalidToken)?;
        let mut token = Self::new(Generation(generation.parse().map_err(|_| InvalidToken)?));
        for part in rest.split(',').filter(|part| !part.is_empty()) {
            let (shard, position) = part.split_once(':').ok_or(InvalidToken)?;
            let shard = ShardId(shard.parse().map_err(|_| InvalidToken)?);
            token.raise(shard, Offset(position.parse().map_err(|_| InvalidToken)?));
        }
        Ok(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_form() {
        let mut token = VersionToken::new(Generation(1));
        token.raise(ShardId(3), Offset(7));
        token.raise(ShardId(0), Offset(42));
        token.raise(ShardId(0), Offset(41));
        assert_eq!(token.to_string(), "g1.0:42,3:7");
        assert_eq!("g1.0:42,3:7".parse(), Ok(token));
        assert_eq!("g2.".parse(), Ok(VersionToken::new(Generation(2))));
    }

    #[test]
    fn refuses_other_text() {
        for text in ["", "1.0:1", "g.0:1", "g1", "g1.0", "g1.x:1", "g1.0:-1"] {
            assert_eq!(text.parse::<VersionToken>(), Err(InvalidToken), "{text}");
        }
    }

    #[test]
    fn ranges_do_not_run_backwards() {
        assert_eq!(OffsetRange::new(Offset(2), Offset(1)), None);
        let a = OffsetRange::new(Offset(0), Offset(4)).unwrap();
        assert!(a.is_followed_by(&OffsetRange::empty_at(Offset(4))));
        assert!(!a.is_followed_by(&OffsetRange::empty_at(Offset(5))));
    }
}
