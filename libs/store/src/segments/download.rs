//! From an object to a local file, or nowhere: fetched by ranges, unpacked and checked on a thread of
//! its own while the next ones are on their way.

use super::{PART_BYTES, PARTS_IN_FLIGHT, check::Check};
use crate::{ShardStore, StoreError, local::blocking, packing::Unpacker};
use ax_model::{SegmentEntry, Stored};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use object_store::{ObjectStoreExt, path::Path};
use std::{
    fs::File,
    io::Write as _,
    ops::Range,
    path::{Path as FilePath, PathBuf},
};
use tokio::sync::mpsc;

impl ShardStore {
    /// Brings the object to `dest`, or nowhere, and checks it. By ranges, each a request of its own:
    /// one request for all of a large segment would need a timeout that fits no small one.
    pub(super) async fn download(
        &self,
        path: &Path,
        entry: &SegmentEntry,
        dest: Option<&FilePath>,
    ) -> Result<(), StoreError> {
        let Some(found) = self.objects.stat(path).await? else {
            return Err(StoreError::NotFound { path: path.to_string() });
        };
        if found.size != entry.stored_bytes() {
            return Err(StoreError::wrong_size(path.as_ref(), entry.stored_bytes(), found.size));
        }
        let sink = Sink::open(path, entry, dest).await?;
        let parts = stream::iter(ranges(found.size));
        let parts = parts.map(|range| self.read_range(path, range)).buffered(PARTS_IN_FLIGHT);
        let (sender, receiver) = mpsc::channel(1);
        let (passed, drained) =
            futures::join!(pass(parts, sender), blocking(move || sink.drain(receiver)));
        // What went wrong on the way explains what is missing at its end.
        passed.and(drained)?;
        metrics::counter!("ax_store_downloaded_bytes_total").increment(entry.num_bytes);
        metrics::counter!("ax_store_received_bytes_total").increment(found.size);
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

/// Passes parts on until there are no more, or nobody wants them.
async fn pass(
    parts: impl Stream<Item = Result<Bytes, StoreError>>,
    sender: mpsc::Sender<Bytes>,
) -> Result<(), StoreError> {
    let mut parts = std::pin::pin!(parts);
    while let Some(part) = parts.next().await {
        if sender.send(part?).await.is_err() {
            break; // the other side failed, and says why
        }
    }
    Ok(())
}

/// Where downloaded bytes go.
struct Sink {
    unpacker: Option<Unpacker>,
    check: Check,
    file: Option<(File, PathBuf)>,
}

impl Sink {
    /// The file is made before any thread has it: who gives up and removes it finds it there.
    async fn open(
        path: &Path,
        entry: &SegmentEntry,
        dest: Option<&FilePath>,
    ) -> Result<Self, StoreError> {
        let unpacker = match entry.stored {
            Stored::Raw => None,
            Stored::Zstd { .. } => Some(Unpacker::new(path)?),
        };
        let file = match dest {
            None => None,
            Some(dest) => {
                let file = tokio::fs::File::create_new(dest).await;
                let file = file.map_err(|e| StoreError::local(dest, e))?;
                Some((file.into_std().await, dest.to_owned()))
            }
        };
        Ok(Self { unpacker, check: Check::new(path, entry), file })
    }

    /// Takes parts until there are no more. Blocks.
    fn drain(mut self, mut parts: mpsc::Receiver<Bytes>) -> Result<(), StoreError> {
        while let Some(part) = parts.blocking_recv() {
            self.take(&part)?;
        }
        self.check.finish()
    }

    fn take(&mut self, part: &[u8]) -> Result<(), StoreError> {
        let (check, file) = (&mut self.check, &mut self.file);
        let mut keep = |bytes: &[u8]| {
            check.take(bytes)?;
            match file {
                Some((file, path)) => file.write_all(bytes).map_err(|e| StoreError::local(path, e)),
                None => Ok(()),
            }
        };
        match &mut self.unpacker {
            Some(unpacker) => unpacker.unpack(part, keep),
            None => keep(part),
        }
    }
}
