//! Writing and reading the named sections of a segment's file.

use crate::{
    EngineError, Result,
    format::{decode_tail, encode_tail},
};
use ax_model::ContentHash;
use ax_proto::manifest::{Section, SegmentFooter};
use std::{
    fs::File,
    io::{self, Write},
    ops::Range,
    path::{Path, PathBuf},
};
use tantivy::directory::OwnedBytes;

/// Bytes gathered before they are hashed and written: enough for BLAKE3's wide lanes.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes sections one after another, and hashes what it writes.
pub(crate) struct SectionWriter {
    file: File,
    path: PathBuf,
    buffer: Vec<u8>,
    written: u64,
    hasher: blake3::Hasher,
    open: Option<(Section, crc32fast::Hasher)>,
    sections: Vec<Section>,
}

impl SectionWriter {
    /// Writes to `file`, which stands at its start; `path` is for error messages.
    pub(crate) fn new(file: File, path: &Path) -> Self {
        Self {
            file,
            path: path.to_owned(),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            written: 0,
            hasher: blake3::Hasher::new(),
            open: None,
            sections: Vec::new(),
        }
    }

    /// Starts a section; the one before it ends.
    pub(crate) fn begin(&mut self, name: impl Into<String>) {
        self.end();
        let section = Section { name: name.into(), start: self.written, ..Default::default() };
        self.open = Some((section, crc32fast::Hasher::new()));
    }

    /// Appends to the section begun last.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some((section, crc)) = &mut self.open {
            section.num_bytes += bytes.len() as u64;
            crc.update(bytes);
        }
        self.append(bytes)
    }

    /// Writes a whole section.
    pub(crate) fn section(&mut self, name: impl Into<String>, bytes: &[u8]) -> Result<()> {
        self.begin(name);
        self.write(bytes)
    }

    /// Completes `footer` with the sections, writes it and the trailer, and gives the length and
    /// the hash of the whole file.
    pub(crate) fn finish(mut self, mut footer: SegmentFooter) -> Result<(u64, ContentHash)> {
        self.end();
        footer.sections = std::mem::take(&mut self.sections);
        self.append(&encode_tail(&footer))?;
        self.flush()?;
        self.file.sync_data().map_err(EngineError::io(&self.path))?;
        Ok((self.written, ContentHash(*self.hasher.finalize().as_bytes())))
    }

    fn end(&mut self) {
        if let Some((mut section, crc)) = self.open.take() {
            section.crc32 = crc.finalize();
            self.sections.push(section);
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.written += bytes.len() as u64;
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        self.hasher.update(&self.buffer);
        self.file.write_all(&self.buffer).map_err(EngineError::io(&self.path))?;
        self.buffer.clear();
        Ok(())
    }
}

impl Write for SectionWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        SectionWriter::write(self, bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The sections of a mapped segment.
#[derive(Debug, Clone)]
pub(crate) struct Sections {
    bytes: OwnedBytes,
    footer: SegmentFooter,
}

impl Sections {
    /// Reads the footer.
    pub(crate) fn open(bytes: OwnedBytes) -> Result<Self> {
        let footer = decode_tail(&bytes)?;
        Ok(Self { bytes, footer })
    }

    /// What the footer says.
    pub(crate) fn footer(&self) -> &SegmentFooter {
        &self.footer
    }

    /// The whole file.
    pub(crate) fn file(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of a section, sharing the mapping.
    pub(crate) fn get(&self, name: &str) -> Result<OwnedBytes> {
        self.find(name).ok_or_else(|| EngineError::corrupt(name, "section is missing"))
    }

    /// The same of a section that need not be there.
    pub(crate) fn find(&self, name: &str) -> Option<OwnedBytes> {
        let section = self.footer.sections.iter().find(|section| section.name == name)?;
        Some(self.bytes.slice(range(section)))
    }

    /// Compares with their checksums the sections that `wanted` selects.
    pub(crate) fn verify(&self, wanted: impl Fn(&str) -> bool) -> Result<()> {
        for section in self.footer.sections.iter().filter(|section| wanted(&section.name)) {
            if crc32fast::hash(&self.bytes[range(section)]) != section.crc32 {
                return Err(EngineError::corrupt(&section.name, "does not match its checksum"));
            }
        }
        Ok(())
    }
}

/// The bytes of a section; `decode_tail` has checked that they are there.
fn range(section: &Section) -> Range<usize> {
    section.start as usize..(section.start + section.num_bytes) as usize
}
