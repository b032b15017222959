//! Raw bytes compared with what an entry says of them.

use crate::StoreError;
use ax_model::{ContentHash, SegmentEntry};

/// Compares bytes that pass by with what an entry says.
pub(super) struct Check {
    name: String,
    wanted: (u64, ContentHash),
    hasher: blake3::Hasher,
    num_bytes: u64,
}

impl Check {
    pub(super) fn new(name: impl ToString, entry: &SegmentEntry) -> Self {
        let wanted = (entry.num_bytes, entry.checksum);
        Self { name: name.to_string(), wanted, hasher: blake3::Hasher::new(), num_bytes: 0 }
    }

    /// Bytes that are still to come.
    pub(super) fn left(&self) -> u64 {
        self.wanted.0.saturating_sub(self.num_bytes)
    }

    /// Fails as soon as there are too many bytes, so that nothing fills the disk.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.num_bytes += bytes.len() as u64;
        if self.num_bytes > self.wanted.0 {
            return Err(self.wrong_size());
        }
        self.hasher.update(bytes);
        Ok(())
    }

    /// Passes when every byte went by and was right.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        if self.num_bytes != self.wanted.0 {
            return Err(self.wrong_size());
        }
        let found = ContentHash(*self.hasher.finalize().as_bytes());
        match found == self.wanted.1 {
            true => Ok(()),
            false => Err(StoreError::wrong_hash(&self.name, self.wanted.1, found)),
        }
    }

    fn wrong_size(&self) -> StoreError {
        StoreError::wrong_size(&self.name, self.wanted.0, self.num_bytes)
    }
}
