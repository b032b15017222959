//! Which cached segments to remove: a pure decision.

use std::{collections::HashMap, hash::Hash};

/// What is known of one cached segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Use {
    /// Its size on disk.
    pub(super) num_bytes: u64,
    /// When it was last opened, as a count of openings.
    pub(super) at: u64,
    /// A view holds it: it stays, whatever the budget says.
    pub(super) pinned: bool,
}

/// The keys to remove, least recently used first, so that at most `max_bytes` stay or only pinned
/// ones are left.
pub(super) fn to_evict<K: Clone + Eq + Hash + Ord>(
    uses: &HashMap<K, Use>,
    max_bytes: u64,
) -> Vec<K> {
    let mut total: u64 = uses.values().map(|entry| entry.num_bytes).sum();
    let mut free: Vec<_> = uses.iter().filter(|(_, entry)| !entry.pinned).collect();
    free.sort_by(|(a_key, a), (b_key, b)| a.at.cmp(&b.at).then_with(|| a_key.cmp(b_key)));
    let mut evicted = Vec::new();
    for (key, entry) in free {
        if total <= max_bytes {
            break;
        }
        total -= entry.num_bytes;
        evicted.push(key.clone());
    }
    evicted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(entries: &[(&'static str, u64, u64, bool)]) -> HashMap<&'static str, Use> {
        entries
            .iter()
            .map(|(k, num_bytes, at, pinned)| {
                (*k, Use { num_bytes: *num_bytes, at: *at, pinned: *pinned })
            })
            .collect()
    }

    #[test]
    fn the_least_recently_used_goes_first() {
        let all = uses(&[("a", 10, 3, false), ("b", 10, 1, false), ("c", 10, 2, false)]);
        assert_eq!(to_evict(&all, 30), [] as [&str; 0]);
        assert_eq!(to_evict(&all, 29), ["b"]);
        assert_eq!(to_evict(&all, 10), ["b", "c"]);
    }

    #[test]
    fn what_is_in_use_stays() {
        let all = uses(&[("a", 10, 1, true), ("b", 10, 2, false)]);
        assert_eq!(to_evict(&all, 0), ["b"]);
    }
}
