//! Blobs too large for the change stream, under the hash of their bytes.
//!
//! An object holds the bytes as they are, or packed ([`crate::packing`]); which of the two, the hash
//! says: that of what is there, or of what it unpacks to. So objects of both kinds stand side by side,
//! and a blob has one name however it was stored.

use crate::{Compression, Store, StoreError, layout, local::blocking, packing};
use ax_model::{ContentHash, StoredBlob};
use bytes::Bytes;

impl Store {
    /// Stores `bytes` unless they are there. A damaged object of another length is replaced.
    pub async fn put_blob(&self, bytes: Bytes) -> Result<StoredBlob, StoreError> {
        let compression = self.objects.compression;
        let num_bytes = bytes.len() as u64;
        let (hash, object) = blocking(move || pack(compression, bytes)).await?;
        let blob = StoredBlob { hash: hash.0, num_bytes };
        let path = layout::blob(&blob);
        let stored_bytes = object.len() as u64;
        // Asked first: a store that refuses an upload before its end may cut the connection, which looks as if
        // the store were gone.
        let mut found = self.objects.stat(&path).await?;
        if found.is_none() && !self.objects.ensure(&path, object.clone()).await? {
            found = self.objects.stat(&path).await?; // another writer was first
        }
        if let Some(found) = found {
            // Packed by another version it may have another length again: replacing does no harm.
            if found.size == num_bytes || found.size == stored_bytes {
                return Ok(blob);
            }
            self.objects.replace(&path, object).await?;
        }
        metrics::counter!("ax_store_sent_bytes_total").increment(stored_bytes);
        Ok(blob)
    }

    /// Reads a blob. Bytes that are not right are fetched again before
    /// [`StoreError::SegmentCorrupt`] is given.
    pub async fn get_blob(&self, blob: &StoredBlob) -> Result<Bytes, StoreError> {
        let path = layout::blob(blob);
        let mut failure = StoreError::NotFound { path: path.to_string() };
        for attempt in self.objects.patience.tries() {
            let Some(object) = self.read_blob(blob, &path).await? else { return Err(failure) };
            metrics::counter!("ax_store_received_bytes_total").increment(object.len() as u64);
            let (name, wanted) = (path.to_string(), blob.clone());
            match blocking(move || unpack(&name, object, &wanted)).await {
                Err(error @ StoreError::SegmentCorrupt { .. }) => failure = error,
                result => return result,
            }
            metrics::counter!("ax_store_refetch_total", "kind" => "blob").increment(1);
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

/// The hash of `bytes`, and the object that holds them: packed if that is shorter.
fn pack(compression: Compression, bytes: Bytes) -> Result<(ContentHash, Bytes), StoreError> {
    let hash = ContentHash::of(&bytes);
    let mut packed = Vec::new();
    if compression != Compression::None {
        for start in (0..bytes.len()).step_by(packing::FRAME_BYTES) {
            let end = bytes.len().min(start + packing::FRAME_BYTES);
            packed.extend_from_slice(&compression.pack(bytes.slice(start..end))?);
        }
    }
    match !packed.is_empty() && packed.len() < bytes.len() {
        true => Ok((hash, packed.into())),
        false => Ok((hash, bytes)),
    }
}

/// The blob in `object`, or how it is damaged.
fn unpack(name: &str, object: Bytes, blob: &StoredBlob) -> Result<Bytes, StoreError> {
    let found = ContentHash::of(&object);
    if found.0 == blob.hash {
        return Ok(object);
    }
    // Neither the bytes nor frames: the hash of what is there says more than the first bad frame.
    let damaged = |_| StoreError::wrong_hash(name, ContentHash(blob.hash), found);
    let bytes = packing::unpack_all(name, &object, blob.num_bytes).map_err(damaged)?;
    match ContentHash::of(&bytes) {
        hash if hash.0 == blob.hash => Ok(bytes),
        hash => Err(StoreError::wrong_hash(name, ContentHash(blob.hash), hash)),
    }
}
