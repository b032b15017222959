//! Bytes packed for the store: frames of zstd, one behind the other.
//!
//! ```text
//! packed := frame*        in the order of the bytes
//! frame  := zstd frame    of 4 MiB of the bytes, the last one of what is left
//! ```
//!
//! A frame knows nothing of the one before it, so that several are packed at the same time in bounded
//! memory. Nothing in a packed object is believed: its length stands in the manifest, what it unpacks
//! to is counted and hashed on the way, and a window over 8 MiB is refused before it is allocated.
//! Rejected: frames with checksums of their own, since BLAKE3 of the unpacked bytes says all; and one
//! frame for all, which one thread would have to pack.

use crate::StoreError;
use bytes::Bytes;
use zstd::stream::raw::{DParameter, Decoder, InBuffer, Operation as _, OutBuffer};

/// Bytes in one frame, before it is packed.
pub(crate) const FRAME_BYTES: usize = 4 << 20;
/// The largest window that a frame may ask for is two to the power of this: more than a frame holds.
const MAX_WINDOW_LOG: u32 = 23;
/// Bytes unpacked at once, whatever the frames say.
const STEP_BYTES: usize = 256 << 10;

/// Whether what a node writes is packed. What it reads may be either, whatever is set here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Objects hold the bytes as they are.
    None,
    /// Objects hold frames of zstd of this level, 1 to 19.
    Zstd {
        /// The level.
        level: i32,
    },
}

impl Default for Compression {
    fn default() -> Self {
        Self::Zstd { level: 3 }
    }
}

impl Compression {
    /// One frame of `bytes`; the bytes themselves where nothing is packed. Takes CPU time.
    pub(crate) fn pack(self, bytes: Bytes) -> Result<Bytes, StoreError> {
        let Self::Zstd { level } = self else { return Ok(bytes) };
        let packed = zstd::bulk::compress(&bytes, level);
        packed.map(Bytes::from).map_err(|e| StoreError::Unavailable {
            path: String::new(), // it is not of a file: memory is short
            source: e.into(),
        })
    }
}

/// Unpacks frames that arrive in pieces of any length, in bounded memory.
pub(crate) struct Unpacker {
    decoder: Decoder<'static>,
    step: Vec<u8>,
    /// What the frames belong to, for people.
    name: String,
}

impl Unpacker {
    pub(crate) fn new(name: impl ToString) -> Result<Self, StoreError> {
        let name = name.to_string();
        let failed = |source: std::io::Error| StoreError::Unavailable {
            path: name.clone(),
            source: source.into(),
        };
        let mut decoder = Decoder::new().map_err(failed)?;
        decoder.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).map_err(failed)?;
        Ok(Self { decoder, step: vec![0; STEP_BYTES], name })
    }

    /// Hands what `packed` unpacks to on to `sink`, piece by piece. A sink that fails ends it, so that
    /// frames of few bytes which unpack to many cost no more than the sink allows.
    pub(crate) fn unpack(
        &mut self,
        packed: &[u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut input = InBuffer::around(packed);
        loop {
            let mut output = OutBuffer::around(&mut self.step[..]);
            if let Err(error) = self.decoder.run(&mut input, &mut output) {
                let reason = format!("its frames cannot be unpacked: {error}");
                return Err(StoreError::SegmentCorrupt { path: self.name.clone(), reason });
            }
            let num_bytes = output.pos();
            sink(&self.step[..num_bytes])?;
            if input.pos() == packed.len() && num_bytes < self.step.len() {
                return Ok(());
            }
        }
    }
}

/// The bytes that whole frames hold, at most `max_bytes` of them.
pub(crate) fn unpack_all(name: &str, packed: &[u8], max_bytes: u64) -> Result<Bytes, StoreError> {
    let mut bytes = Vec::new();
    Unpacker::new(name)?.unpack(packed, |piece| {
        let num_bytes = (bytes.len() + piece.len()) as u64;
        if num_bytes > max_bytes {
            return Err(StoreError::wrong_size(name, max_bytes, num_bytes));
        }
        bytes.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(bytes.into())
}

#[cfg(test)]
mod tests;
