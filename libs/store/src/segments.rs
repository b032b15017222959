//! The bodies of segments: streamed both ways with bounded memory, and never believed unchecked.

use crate::{ShardStore, StoreError, local::blocking};
use ax_model::{ContentHash, SegmentEntry, SegmentId};
use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt,
    stream::{self, FuturesUnordered},
};
use object_store::{MultipartUpload, ObjectStoreExt, UploadPart, path::Path};
use std::{
    ops::Range,
    path::{Path as FilePath, PathBuf},
};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt, BufWriter},
};
use uuid::Uuid;

/// Least bytes per part of an upload, and most per part of a download. S3 takes no part under 5 MiB
/// but the last, and no more than 10,000 parts.
const PART_BYTES: u64 = 8 << 20;
const MAX_PARTS: u64 = 9_000;
/// Parts on their way at once: a transfer holds at most this many, and the one in hand.
const PARTS_IN_FLIGHT: usize = 3;

impl ShardStore {
    /// Uploads the file at `source` as the segment that `entry` describes. What is there already is
    /// checked and kept, never overwritten, so that a call may be repeated after any failure. The
    /// file's bytes are checked against the entry before the segment appears.
    pub async fn put_segment(
        &self,
        source: &FilePath,
        entry: &SegmentEntry,
    ) -> Result<(), StoreError> {
        self.check_id(&entry.id)?;
        let path = self.layout.segment(&entry.id);
        self.objects
            .patiently(|| async {
                match self.objects.stat(&path).await? {
                    Some(_) => self.check_stored(&path, entry).await,
                    None if entry.num_bytes <= PART_BYTES => self.put_whole(source, entry).await,
                    None => self.put_in_parts(source, entry).await,
                }
            })
            .await?;
        metrics::counter!("ax_store_uploaded_bytes_total").increment(entry.num_bytes);
        Ok(())
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
    async fn check_stored(&self, path: &Path, entry: &SegmentEntry) -> Result<(), StoreError> {
        self.download(path, entry, None).await
    }

    async fn put_whole(&self, source: &FilePath, entry: &SegmentEntry) -> Result<(), StoreError> {
        let path = self.layout.segment(&entry.id);
        let mut parts = Parts::open(source, entry).await?;
        let bytes = parts.next().await?.unwrap_or_default();
        parts.check()?;
        match self.objects.ensure(&path, bytes).await? {
            true => Ok(()),
            false => self.check_stored(&path, entry).await,
        }
    }

    async fn put_in_parts(
        &self,
        source: &FilePath,
        entry: &SegmentEntry,
    ) -> Result<(), StoreError> {
        let path = self.layout.segment(&entry.id);
        let failed = |e| StoreError::of(&path, e);
        let mut upload = self.objects.inner.put_multipart(&path).await.map_err(failed)?;
        let sent = match send_parts(upload.as_mut(), source, entry, &path).await {
            Ok(()) => upload.complete().await.map(|_| ()).map_err(failed),
            Err(error) => Err(error),
        };
        if sent.is_err()
            && let Err(error) = upload.abort().await
        {
            tracing::debug!(%path, %error, "an unfinished upload stays until the store ends it");
        }
        sent
    }

    /// Brings the object to `dest`, or nowhere, and checks it. By ranges, each a request of its own:
    /// one request for all of a large segment would need a timeout that fits no small one.
    async fn download(
        &self,
        path: &Path,
        entry: &SegmentEntry,
        dest: Option<&FilePath>,
    ) -> Result<(), StoreError> {
        let Some(found) = self.objects.stat(path).await? else {
            return Err(StoreError::NotFound { path: path.to_string() });
        };
        if found.size != entry.num_bytes {
            return Err(StoreError::wrong_size(path.as_ref(), entry.num_bytes, found.size));
        }
        let mut sink = Sink::open(dest).await?;
        let mut check = Check::new(path, entry);
        let ranges = stream::iter(ranges(entry.num_bytes));
        let mut parts = ranges.map(|range| self.read_range(path, range)).buffered(PARTS_IN_FLIGHT);
        while let Some(part) = parts.next().await {
            let part = part?;
            check.take(&part)?;
            sink.write(&part).await?;
        }
        check.finish()?;
        sink.finish().await?;
        metrics::counter!("ax_store_downloaded_bytes_total").increment(entry.num_bytes);
        Ok(())
    }

    async fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, StoreError> {
        let once = || async {
            let part = self.objects.inner.get_range(path, range.clone()).await;
            part.map_err(|e| StoreError::of(path, e))
        };
        self.objects.patiently(once).await
    }
}

/// The parts of an object of `num_bytes`.
fn ranges(num_bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..num_bytes.div_ceil(PART_BYTES)).map(|part| part * PART_BYTES);
    starts.map(move |start| start..num_bytes.min(start + PART_BYTES))
}

/// Sends every part, a few at once, and checks the file on the way.
async fn send_parts(
    upload: &mut dyn MultipartUpload,
    source: &FilePath,
    entry: &SegmentEntry,
    path: &Path,
) -> Result<(), StoreError> {
    let mut parts = Parts::open(source, entry).await?;
    let mut flying: FuturesUnordered<UploadPart> = FuturesUnordered::new();
    while let Some(part) = parts.next().await? {
        flying.push(upload.put_part(part.into()));
        if flying.len() >= PARTS_IN_FLIGHT {
            land(&mut flying, path).await?;
        }
    }
    while !flying.is_empty() {
        land(&mut flying, path).await?;
    }
    parts.check()
}

async fn land(flying: &mut FuturesUnordered<UploadPart>, path: &Path) -> Result<(), StoreError> {
    match flying.next().await {
        Some(landed) => landed.map_err(|e| StoreError::of(path, e)),
        None => Ok(()),
    }
}

/// Compares bytes that pass by with what an entry says.
struct Check<'a> {
    name: String,
    entry: &'a SegmentEntry,
    hasher: blake3::Hasher,
    num_bytes: u64,
}

impl<'a> Check<'a> {
    fn new(name: impl ToString, entry: &'a SegmentEntry) -> Self {
        Self { name: name.to_string(), entry, hasher: blake3::Hasher::new(), num_bytes: 0 }
    }

    /// Fails as soon as there are too many bytes, so that nothing fills the disk.
    fn take(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.num_bytes += bytes.len() as u64;
        self.hasher.update(bytes);
        match self.num_bytes > self.entry.num_bytes {
            true => Err(self.wrong_size()),
            false => Ok(()),
        }
    }

    fn finish(&self) -> Result<(), StoreError> {
        if self.num_bytes != self.entry.num_bytes {
            return Err(self.wrong_size());
        }
        let found = ContentHash(*self.hasher.finalize().as_bytes());
        match found == self.entry.checksum {
            true => Ok(()),
            false => Err(StoreError::wrong_hash(&self.name, self.entry.checksum, found)),
        }
    }

    fn wrong_size(&self) -> StoreError {
        StoreError::wrong_size(&self.name, self.entry.num_bytes, self.num_bytes)
    }
}

/// A local file, part by part.
struct Parts<'a> {
    file: File,
    path: PathBuf,
    part_bytes: usize,
    check: Check<'a>,
}

impl<'a> Parts<'a> {
    async fn open(path: &FilePath, entry: &'a SegmentEntry) -> Result<Self, StoreError> {
        let file = File::open(path).await.map_err(|e| StoreError::local(path, e))?;
        let part = PART_BYTES.max(entry.num_bytes.div_ceil(MAX_PARTS));
        let part_bytes = usize::try_from(part).unwrap_or(usize::MAX);
        Ok(Self {
            file,
            path: path.to_owned(),
            part_bytes,
            check: Check::new(path.display(), entry),
        })
    }

    /// The next part, full unless it is the last; `None` at the end.
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let left = self.check.entry.num_bytes.saturating_sub(self.check.num_bytes);
        // One byte more than is due, so that a file that is too long is noticed.
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(self.part_bytes).max(1);
        let mut part = BytesMut::with_capacity(room);
        while part.len() < room {
            let wanted = (room - part.len()) as u64;
            let read = (&mut self.file).take(wanted).read_buf(&mut part).await;
            if read.map_err(|e| StoreError::local(&self.path, e))? == 0 {
                break;
            }
        }
        self.check.take(&part)?;
        Ok((!part.is_empty()).then(|| part.freeze()))
    }

    /// Passes when every byte went by and was right.
    fn check(&self) -> Result<(), StoreError> {
        self.check.finish()
    }
}

/// Where downloaded bytes go.
struct Sink(Option<(BufWriter<File>, PathBuf)>);

impl Sink {
    async fn open(dest: Option<&FilePath>) -> Result<Self, StoreError> {
        let Some(path) = dest else { return Ok(Self(None)) };
        let file = File::create_new(path).await.map_err(|e| StoreError::local(path, e))?;
        Ok(Self(Some((BufWriter::with_capacity(1 << 20, file), path.to_owned()))))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        match &mut self.0 {
            Some((file, path)) => {
                file.write_all(bytes).await.map_err(|e| StoreError::local(path, e))
            }
            None => Ok(()),
        }
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        match &mut self.0 {
            Some((file, path)) => file.flush().await.map_err(|e| StoreError::local(path, e)),
            None => Ok(()),
        }
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
