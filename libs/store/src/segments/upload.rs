//! From a local file to the parts of an object: read and checked in order, packed on several threads.

use super::{MAX_PARTS, PART_BYTES, PARTS_IN_FLIGHT, check::Check};
use crate::{Compression, StoreError, local::blocking, packing::FRAME_BYTES};
use ax_model::{SegmentEntry, Stored};
use bytes::{Bytes, BytesMut};
use futures::{
    StreamExt, TryStreamExt,
    stream::{self, BoxStream, FuturesUnordered},
};
use object_store::{MultipartUpload, UploadPart, path::Path};
use std::{
    fs::File,
    io::Read as _,
    num::NonZero,
    path::{Path as FilePath, PathBuf},
    thread,
};

/// Frames packed at the same time, where there are so many cores. Each holds twice its bytes.
const MAX_FRAMES_AT_ONCE: usize = 4;

/// An object in parts of one length, but for the last.
pub(super) struct Parts {
    frames: BoxStream<'static, Result<Bytes, StoreError>>,
    waiting: BytesMut,
    part_bytes: usize,
    compression: Compression,
    num_bytes: u64,
}

impl Parts {
    pub(super) async fn open(
        source: &FilePath,
        entry: &SegmentEntry,
        compression: Compression,
    ) -> Result<Self, StoreError> {
        let (path, check) = (source.to_owned(), Check::new(source.display(), entry));
        let reader = blocking(move || Reader::open(path, check)).await?;
        // What cannot be packed becomes longer by less than a thousandth: the limit of parts has room.
        let part = PART_BYTES.max(entry.num_bytes.div_ceil(MAX_PARTS));
        Ok(Self {
            frames: frames(reader, compression),
            waiting: BytesMut::new(),
            part_bytes: usize::try_from(part).unwrap_or(usize::MAX),
            compression,
            num_bytes: 0,
        })
    }

    /// The next part; `None` at the end, which comes only when every byte of the file was right.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        while self.waiting.len() < self.part_bytes {
            let Some(frame) = self.frames.try_next().await? else { break };
            self.waiting.extend_from_slice(&frame);
        }
        let num_bytes = self.waiting.len().min(self.part_bytes);
        self.num_bytes += num_bytes as u64;
        Ok((num_bytes > 0).then(|| self.waiting.split_to(num_bytes).freeze()))
    }

    /// Counts the object as sent, all of it, and says how it is stored.
    pub(super) fn finished(&self) -> Stored {
        metrics::counter!("ax_store_sent_bytes_total").increment(self.num_bytes);
        match self.compression {
            Compression::None => Stored::Raw,
            Compression::Zstd { .. } => Stored::Zstd { num_bytes: self.num_bytes },
        }
    }
}

/// Sends the first parts and what is left of them, a few at once.
pub(super) async fn send(
    upload: &mut dyn MultipartUpload,
    path: &Path,
    first: [Bytes; 2],
    rest: &mut Parts,
) -> Result<(), StoreError> {
    let mut flying: FuturesUnordered<UploadPart> = FuturesUnordered::new();
    for part in first {
        flying.push(upload.put_part(part.into()));
    }
    while let Some(part) = rest.next().await? {
        flying.push(upload.put_part(part.into()));
        if flying.len() >= PARTS_IN_FLIGHT {
            land(&mut flying, path).await?;
        }
    }
    while !flying.is_empty() {
        land(&mut flying, path).await?;
    }
    Ok(())
}

async fn land(flying: &mut FuturesUnordered<UploadPart>, path: &Path) -> Result<(), StoreError> {
    match flying.next().await {
        Some(landed) => landed.map_err(|e| StoreError::of(path, e)),
        None => Ok(()),
    }
}

/// The file's bytes in frames, in order, some of them on their way.
fn frames(
    reader: Reader,
    compression: Compression,
) -> BoxStream<'static, Result<Bytes, StoreError>> {
    let chunks = stream::try_unfold(reader, |reader| blocking(move || reader.next()));
    let packing = chunks.map_ok(move |chunk| blocking(move || compression.pack(chunk)));
    packing.try_buffered(frames_at_once()).boxed()
}

fn frames_at_once() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(MAX_FRAMES_AT_ONCE)
}

/// A local file, frame by frame, compared with its entry.
struct Reader {
    file: File,
    path: PathBuf,
    check: Check,
}

impl Reader {
    fn open(path: PathBuf, check: Check) -> Result<Self, StoreError> {
        let file = File::open(&path).map_err(|e| StoreError::local(&path, e))?;
        Ok(Self { file, path, check })
    }

    /// The next bytes; `None` at the end of a file that is right.
    fn next(mut self) -> Result<Option<(Bytes, Self)>, StoreError> {
        // One byte more than is due, so that a file that is too long is noticed.
        let room = self.check.left().clamp(1, FRAME_BYTES as u64);
        let mut bytes = Vec::with_capacity(room as usize);
        let read = (&mut self.file).take(room).read_to_end(&mut bytes);
        read.map_err(|e| StoreError::local(&self.path, e))?;
        if bytes.is_empty() {
            return self.check.finish().map(|()| None);
        }
        self.check.take(&bytes)?;
        Ok(Some((bytes.into(), self)))
    }
}
