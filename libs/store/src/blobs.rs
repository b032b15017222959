//! Blobs too large for the change stream, under the hash of their bytes.

use crate::{Store, StoreError, layout};
use ax_model::{ContentHash, StoredBlob};
use bytes::Bytes;

impl Store {
    /// Stores `bytes` unless they are there. A damaged object of another length is replaced.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<StoredBlob, StoreError> {
        let hash = ContentHash::of(&bytes).0;
        let blob = StoredBlob { hash, num_bytes: bytes.len() as u64 };
        let path = layout::blob(&blob);
        if !self.objects.ensure(&path, bytes.clone()).await? {
            let found = self.objects.stat(&path).await?;
            if found.is_none_or(|meta| meta.size != blob.num_bytes) {
                self.objects.replace(&path, bytes).await?;
            }
        }
        Ok(blob)
    }

    /// Reads a blob. Bytes that are not right are fetched again before
    /// [`StoreError::SegmentCorrupt`] is given.
    pub async fn get_blob(&self, blob: &StoredBlob) -> Result<Bytes, StoreError> {
        let path = layout::blob(blob);
        let mut failure = StoreError::NotFound { path: path.to_string() };
        for attempt in self.objects.patience.tries() {
            let Some(bytes) = self.read_blob(blob, &path).await? else { return Err(failure) };
            let found = ContentHash::of(&bytes);
            if found.0 == blob.hash {
                return Ok(bytes);
            }
            metrics::counter!("ax_store_refetch_total", "kind" => "blob").increment(1);
            failure = StoreError::wrong_hash(path.as_ref(), ContentHash(blob.hash), found);
            self.objects.patience.wait(attempt).await;
        }
        Err(failure)
    }

    async fn read_blob(
        &self,
        blob: &StoredBlob,
        path: &object_store::path::Path,
    ) -> Result<Option<Bytes>, StoreError> {
        match self.objects.read(path, blob.num_bytes).await {
            Err(StoreError::ManifestCorrupt { path, reason }) => {
                Err(StoreError::SegmentCorrupt { path, reason })
            }
            result => result,
        }
    }
}
