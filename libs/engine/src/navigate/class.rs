//! How a name answers to a pattern.

use ax_syntax::starts_subword;

/// How much of a name a match is; less is better.
///
/// | sought | name | class |
/// |---|---|---|
/// | `lock` | `lock`, `Lock` | exact |
/// | `lock` | `lockdep`, `lock_irq` | prefix |
/// | `lock` | `spin_lock_irq`, `spinLockIrq` | sub-word |
/// | `lock` | `clock`, `unblocked` | within |
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameClass {
    /// The whole name.
    #[default]
    Exact,
    /// Its beginning.
    Prefix,
    /// From the beginning of a word in it.
    Subword,
    /// Anywhere else.
    Within,
}

impl NameClass {
    /// Every class, best first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Prefix, Self::Subword, Self::Within];

    /// The stable name, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Prefix => "prefix",
            Self::Subword => "subword",
            Self::Within => "within",
        }
    }

    /// The class of a match that begins where the name does, and is all of it or not.
    pub(super) fn of_beginning(is_whole: bool) -> Self {
        if is_whole { Self::Exact } else { Self::Prefix }
    }

    /// The class of the best of a name's matches, given as ascending ranges in bytes; `None` without one.
    pub(super) fn of(name: &str, matches: impl Iterator<Item = (usize, usize)>) -> Option<Self> {
        let mut best = None;
        for (start, end) in matches {
            if start == 0 {
                return Some(Self::of_beginning(end == name.len())); // no later one is better
            }
            if name.is_char_boundary(start) && starts_subword(name, start) {
                return Some(Self::Subword);
            }
            best = Some(Self::Within);
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_in_order_of_worth() {
        for (name, class) in [
            ("lock", NameClass::Exact),
            ("lock_irq", NameClass::Prefix),
            ("spin_lock_irq", NameClass::Subword),
            ("block_lock", NameClass::Subword),
            ("__lock", NameClass::Subword),
            ("clock", NameClass::Within),
        ] {
            let matches = name.match_indices("lock").map(|(at, part)| (at, at + part.len()));
            assert_eq!(NameClass::of(name, matches), Some(class), "{name}");
        }
        assert_eq!(NameClass::of("x", std::iter::empty()), None);
        assert!(NameClass::ALL.is_sorted());
    }
}
