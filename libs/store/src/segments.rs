//! The bodies of segments: streamed both ways with bounded memory, and never believed unchecked.
//!
//! What the engine builds and maps is raw; the object holds the same bytes packed, as the entry says
//! that goes into the manifest. Checksums are of the raw bytes on every side, so that what was packed
//! wrong, or unpacks wrong, is found like any other damage.

mod check;
mod download;
mod upload;

use crate::{Compression, ShardStore, StoreError, local::blocking, objects::shows_nothing};
use ax_model::{SegmentEntry, SegmentId, Stored};
use object_store::{ObjectStoreExt, path::Path};
use std::path::{Path as FilePath, PathBuf};
use upload::{Parts, send};
use uuid::Uuid;

/// Least bytes per part of an upload, and most per part of a download. S3 takes no part under 5 MiB
/// but the last, and no more than 10,000 parts.
const PART_BYTES: u64 = 8 << 20;
const MAX_PARTS: u64 = 9_000;
/// Parts on their way at once: a transfer holds at most this many, and two in hand.
const PARTS_IN_FLIGHT: usize = 3;

impl ShardStore {
    /// Uploads the file at `source` as the segment that `entry` describes, and gives back the entry to
    /// publish, which says how the object is stored. What is there already is checked and kept, never
    /// overwritten, so that a call may be repeated after any failure. The file's bytes are checked
    /// against the entry before the segment appears.
    pub async fn put_segment(
        &self,
        source: &FilePath,
        entry: &SegmentEntry,
    ) -> Result<SegmentEntry, StoreError> {
        self.check_id(&entry.id)?;
        let path = self.layout.segment(&entry.id);
        let stored = self
            .objects
            .patiently(|| async {
                match self.objects.stat(&path).await? {
                    Some(_) => self.check_stored(&path, entry).await,
                    None => self.upload(&path, source, entry).await,
                }
            })
            .await?;
        metrics::counter!("ax_store_uploaded_bytes_total").increment(entry.num_bytes);
        Ok(SegmentEntry { stored, ..entry.clone() })
    }

    /// Downloads a segment to `dest`, which appears only when its length and checksum are right.
    /// Bytes that are not right are fetched again before [`StoreError::SegmentCorrupt`] is given.
    /// The file is not synced: it is a cache.
    pub async fn fetch_segment(
        &self,
        entry: &SegmentEntry,
        dest: &FilePath,
    ) -> Result<(), StoreError> {
        self.check_id(&entry.id)?;
        let path = self.layout.segment(&entry.id);
        let mut attempt = 0;
        loop {
            let partial = Partial::beside(dest);
            let result = match self.download(&path, entry, Some(&partial.0)).await {
                Ok(()) => partial.rename(dest).await,
                Err(error) => Err(error),
            };
            let again = result.as_ref().is_err_and(|error| {
                error.is_retryable() || matches!(error, StoreError::SegmentCorrupt { .. })
            });
            if !again || attempt + 1 >= self.objects.patience.attempts {
                return result;
            }
            metrics::counter!("ax_store_refetch_total", "kind" => "segment").increment(1);
            tracing::warn!(%path, error = ?result.err(), "fetching a segment again");
            self.objects.patience.wait(attempt).await;
            attempt += 1;
        }
    }

    /// Removes a segment that this writer uploaded and will never name: a merge given up, a batch
    /// that was replaced. The caller still owns the epoch in its name.
    pub async fn remove_unpublished(&self, id: &SegmentId) -> Result<(), StoreError> {
        self.check_id(id)?;
        self.objects.delete(&self.layout.segment(id)).await
    }

    pub(crate) fn check_id(&self, id: &SegmentId) -> Result<(), StoreError> {
        match crate::layout::is_segment_id(&id.0) {
            true => Ok(()),
            false => Err(crate::chain::BrokenChain::Segment(id.clone()).into()),
        }
    }

    /// Passes when the stored object is the one of `entry`. Two segments under one name cannot be:
    /// names are unique, so that this can only be damage.
    async fn check_stored(&self, path: &Path, entry: &SegmentEntry) -> Result<Stored, StoreError> {
        let found = self.objects.stat(path).await?.ok_or_else(|| shows_nothing(path))?;
        // A name is of one process, which packs all that it writes or nothing. The length may be new
        // to it all the same: another version of the library packs otherwise.
        let stored = match self.objects.compression {
            Compression::None => Stored::Raw,
            Compression::Zstd { .. } => Stored::Zstd { num_bytes: found.size },
        };
        self.download(path, &SegmentEntry { stored, ..entry.clone() }, None).await?;
        Ok(stored)
    }

    /// What fits one part is created whole, the rest in parts.
    async fn upload(
        &self,
        path: &Path,
        source: &FilePath,
        entry: &SegmentEntry,
    ) -> Result<Stored, StoreError> {
        let mut parts = Parts::open(source, entry, self.objects.compression).await?;
        let first = parts.next().await?.unwrap_or_default();
        let Some(second) = parts.next().await? else {
            return match self.objects.ensure(path, first).await? {
                true => Ok(parts.finished()),
                false => self.check_stored(path, entry).await,
            };
        };
        let failed = |e| StoreError::of(path, e);
        let mut upload = self.objects.inner.put_multipart(path).await.map_err(failed)?;
        let sent = match send(upload.as_mut(), path, [first, second], &mut parts).await {
            Ok(()) => upload.complete().await.map(|_| parts.finished()).map_err(failed),
            Err(error) => Err(error),
        };
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::debug!(%path, %error, "an unfinished upload stays until the store ends it");
        }
        sent
    }
}

/// A file that is removed unless it is renamed to what it should become.
pub(crate) struct Partial(pub(crate) PathBuf);

impl Partial {
    pub(crate) fn beside(dest: &FilePath) -> Self {
        let mut name = dest.as_os_str().to_owned();
        name.push(format!(".{}.part", Uuid::new_v4().simple()));
        Self(name.into())
    }

    async fn rename(self, dest: &FilePath) -> Result<(), StoreError> {
        let dest = dest.to_owned();
        blocking(move || std::fs::rename(&self.0, &dest).map_err(|e| StoreError::local(&dest, e)))
            .await
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0); // renamed or never made: both are fine
    }
}
