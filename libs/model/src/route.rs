//! From a document key to its shard.

use crate::{DocKey, RepoName, ShardId};
use xxhash_rust::xxh3::xxh3_64;

/// Maps keys to shards: `shard = (hash(repo) + hash(path) mod spread) mod shards`.
///
/// A query for one repository touches at most `spread` shards; a giant one is spread over many.
/// The hash is XXH3-64 of the UTF-8 bytes: part of the stored format, never to be changed within a
/// generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Router {
    shards: u32,
}

impl Router {
    /// A router over `shards` shards.
    ///
    /// # Panics
    /// When `shards` is zero: configuration refuses that before.
    pub fn new(shards: u32) -> Self {
        assert!(shards > 0, "a cluster has at least one shard");
        Self { shards }
    }

    /// The number of shards.
    pub fn shards(&self) -> u32 {
        self.shards
    }

    /// The shard of one document. `spread` is clamped to `1..=shards`.
    pub fn shard_of(&self, key: &DocKey, spread: u32) -> ShardId {
        let spread = u64::from(spread.clamp(1, self.shards));
        let within = xxh3_64(key.path.as_bytes()) % spread;
        self.nth_of_repo(&key.repo, within)
    }

    /// Every shard that may hold documents of `repo`, first its home, each once.
    pub fn shards_of_repo(&self, repo: &RepoName, spread: u32) -> Vec<ShardId> {
        let spread = u64::from(spread.clamp(1, self.shards));
        (0..spread).map(|within| self.nth_of_repo(repo, within)).collect()
    }

    /// Where the repository's own document lives.
    pub fn home_of_repo(&self, repo: &RepoName) -> ShardId {
        self.nth_of_repo(repo, 0)
    }

    /// All shards.
    pub fn all(&self) -> impl Iterator<Item = ShardId> + use<> {
        (0..self.shards).map(ShardId)
    }

    fn nth_of_repo(&self, repo: &RepoName, within: u64) -> ShardId {
        let home = xxh3_64(repo.as_str().as_bytes()) % u64::from(self.shards);
        let shard = (home + within) % u64::from(self.shards);
        ShardId(u32::try_from(shard).expect("a remainder of a u32 fits a u32"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_hash_is_part_of_the_format() {
        let router = Router::new(16);
        let repo = RepoName::new("linux").unwrap();
        let key = DocKey::new(repo.clone(), "kernel/fork.c").unwrap();
        assert_eq!(router.home_of_repo(&repo), ShardId(GOLDEN_HOME));
        assert_eq!(router.shard_of(&key, 8), ShardId(GOLDEN_SHARD));
    }

    const GOLDEN_HOME: u32 = 0;
    const GOLDEN_SHARD: u32 = 3;

    proptest! {
        #[test]
        fn a_document_is_in_a_shard_of_its_repository(
            repo in "[a-z]{1,8}", path in "[a-z/]{0,12}", spread in 0u32..20, shards in 1u32..20,
        ) {
            let router = Router::new(shards);
            let repo = RepoName::new(repo).unwrap();
            let homes = router.shards_of_repo(&repo, spread);
            let key = DocKey::new(repo.clone(), path).unwrap();
            prop_assert!(homes.contains(&router.shard_of(&key, spread)));
            prop_assert_eq!(homes[0], router.home_of_repo(&repo));
            let mut distinct = homes.clone();
            distinct.sort();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), homes.len());
        }
    }
}
