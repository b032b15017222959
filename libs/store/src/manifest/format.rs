//! The frame around every small object that we store.
//!
//! ```text
//! object   := magic version length payload checksum
//! magic    := "AXMF" | "AXQU"       4 bytes: a manifest, or a change set aside
//! version  := u32, little endian    1; 2 for a manifest that names a packed segment
//! length   := u64, little endian    bytes of payload
//! payload  := protobuf              ax.manifest.v1.Manifest, or ax.manifest.v1.Quarantined
//! checksum := BLAKE3 of all before  32 bytes
//! ```
//!
//! A node that knows version 1 alone refuses version 2. It could decode it, but would take packed
//! objects for raw ones, and as a writer would lose what it does not know of.
//!
//! The length makes a truncated object and one with something behind it two plain cases, and the
//! checksum makes any flipped bit a third. Rejected: to trust the store's own checksums, which stop
//! at its door.

use ax_model::ContentHash;
use bytes::{BufMut, Bytes, BytesMut};

/// Most bytes of an object in a frame; a larger one is refused before it is read.
pub const MAX_BYTES: u64 = 64 << 20;

const HEADER: usize = 16;
const CHECKSUM: usize = 32;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Manifest,
    Quarantined,
}

impl Kind {
    /// The greatest version that this node knows.
    fn newest(self) -> u32 {
        match self {
            Self::Manifest => 2,
            Self::Quarantined => 1,
        }
    }

    fn magic(self) -> [u8; 4] {
        match self {
            Self::Manifest => *b"AXMF",
            Self::Quarantined => *b"AXQU",
        }
    }
}

/// Why bytes are not what they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Too short to hold a frame, or not as long as the frame says.
    #[error("it has {found} bytes, its frame says {expected}")]
    Length {
        /// Length by the header, or the least that a frame needs.
        expected: u64,
        /// Length found.
        found: u64,
    },
    /// Another kind of object.
    #[error("it starts with {0:?}, which is not our mark")]
    Magic([u8; 4]),
    /// A later version of the format; a newer node may have written it.
    #[error("its format is version {found}, this node knows none after {known}")]
    Version {
        /// The version found.
        found: u32,
        /// The greatest that is known.
        known: u32,
    },
    /// Some bit is not as it was written.
    #[error("its checksum does not match")]
    Checksum,
    /// The payload's protobuf cannot be decoded.
    #[error("its payload cannot be decoded: {0}")]
    Payload(String),
    /// A field is out of its range.
    #[error("its field `{0}` is out of range")]
    Field(&'static str),
}

/// Puts payloads into frames and takes them out.
pub(crate) struct Frame(pub(crate) Kind);

impl Frame {
    pub(crate) fn wrap(&self, version: u32, payload: &[u8]) -> Bytes {
        let mut out = BytesMut::with_capacity(HEADER + payload.len() + CHECKSUM);
        out.put_slice(&self.0.magic());
        out.put_u32_le(version);
        out.put_u64_le(payload.len() as u64);
        out.put_slice(payload);
        let checksum = ContentHash::of(&out);
        out.put_slice(&checksum.0);
        out.freeze()
    }

    pub(crate) fn unwrap(&self, bytes: &Bytes) -> Result<Bytes, Malformed> {
        let found = bytes.len() as u64;
        let header = bytes.first_chunk::<HEADER>().ok_or_else(|| too_short(found))?;
        let [m0, m1, m2, m3, v0, v1, v2, v3, length @ ..] = *header;
        if [m0, m1, m2, m3] != self.0.magic() {
            return Err(Malformed::Magic([m0, m1, m2, m3]));
        }
        let version = u32::from_le_bytes([v0, v1, v2, v3]);
        let known = self.0.newest();
        if !(1..=known).contains(&version) {
            return Err(Malformed::Version { found: version, known });
        }
        let around = (HEADER + CHECKSUM) as u64;
        let expected = u64::from_le_bytes(length).saturating_add(around);
        if expected != found {
            return Err(Malformed::Length { expected, found });
        }
        let body = bytes.len() - CHECKSUM;
        match ContentHash::of(&bytes[..body]).0 == bytes[body..] {
            true => Ok(bytes.slice(HEADER..body)),
            false => Err(Malformed::Checksum),
        }
    }
}

fn too_short(found: u64) -> Malformed {
    Malformed::Length { expected: (HEADER + CHECKSUM) as u64, found }
}
