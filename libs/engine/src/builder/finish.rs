//! Writing everything that follows the content, and the file's final name.

use super::SegmentBuilder;
use crate::{
    BuiltSegment, EngineError, Result,
    docs::{Interner, Strings, flag, write_docs},
    format::FORMAT,
    grams::{GramBuilder, GramSorter},
    keys::KeyKind,
    repositories,
};
use ax_model::{OffsetRange, SegmentEntry, Stored};
use ax_proto::manifest::SegmentFooter;
use std::{io, path::Path};
use tempfile::TempPath;

/// Keys whose paths' trigrams are sorted at a time.
const KEYS_PER_RUN: usize = 1 << 15;

impl SegmentBuilder {
    pub(super) fn write_out(mut self, range: OffsetRange, dest: &Path) -> Result<BuiltSegment> {
        let footer = self.footer(range);
        let places = self.keys.places();
        self.docs.iter_mut().for_each(|doc| doc.key = places[doc.key as usize]);
        self.write_path_grams()?;
        let Self {
            mut out, mut keys, docs, blocks, grams, options, mut words, digests, crew, ..
        } = self;
        let num_blocks = blocks.num();
        let (finished, written) = crew.run(|| {
            rayon::join(
                || words.add_all(digests).and_then(|()| words.finish()),
                || {
                    blocks.write(self.text_bytes, &mut out)?;
                    write_docs(&docs, &mut out)?;
                    strings(self.tables).write(&mut out)?;
                    keys.write(&mut out)?;
                    repositories::write(self.repositories.values(), &mut out)?;
                    self.symbols.write(&mut out, &options.scratch_dir)?;
                    self.marks.write(&mut out)?;
                    grams.finish(&mut out, "content", num_blocks)
                },
            )
        });
        written?;
        finished?.write(&mut out)?;
        let entry = entry(&footer);
        let (num_bytes, checksum) = out.finish(footer)?;
        persist(self.file, dest)?;
        Ok(BuiltSegment {
            entry: SegmentEntry { num_bytes, checksum, ..entry },
            path: dest.to_owned(),
            extraction: self.extraction,
        })
    }

    fn footer(&self, range: OffsetRange) -> SegmentFooter {
        let unparsed = self.docs.iter().filter(|doc| doc.flags & flag::UNPARSED != 0);
        SegmentFooter {
            format: FORMAT,
            id: self.options.id.to_string(),
            shard: self.options.shard.0,
            generation: self.options.generation.0,
            range_from: range.from.0,
            range_to: range.to.0,
            num_docs: self.docs.len() as u64,
            text_bytes: self.text_bytes,
            num_tombstones: self.keys.num_tombstones(),
            sections: Vec::new(),
            rules: self.rules.get(),
            num_unparsed: unparsed.clone().count() as u64,
            unparsed_bytes: unparsed.map(|doc| doc.text.end - doc.text.start).sum(),
        }
    }

    /// The units are the places of the keys; only keys with documents have trigrams.
    fn write_path_grams(&mut self) -> Result<()> {
        let mut grams = GramBuilder::new(&self.options.scratch_dir);
        let sorter = self.sorters.first_mut();
        let mut fresh = GramSorter::new();
        let sorter = sorter.unwrap_or(&mut fresh);
        let mut num_keys = 0u32;
        for (key, state) in self.keys.iter() {
            let path = memchr::memchr(0, key).map_or(&[][..], |at| &key[at + 1..]);
            if state.kind == KeyKind::Put {
                sorter.add(num_keys, path, path.len());
            }
            num_keys += 1;
            if (num_keys as usize).is_multiple_of(KEYS_PER_RUN) {
                grams.push(&sorter.take_run())?;
            }
        }
        grams.push(&sorter.take_run())?;
        grams.finish(&mut self.out, "path", num_keys)
    }
}

/// What a footer says of its segment, in the manifest's terms; size and checksum are not known yet.
pub(crate) fn entry(footer: &SegmentFooter) -> SegmentEntry {
    SegmentEntry {
        id: ax_model::SegmentId(footer.id.clone()),
        num_bytes: 0,
        checksum: Default::default(),
        stored: Stored::Raw,
        num_docs: footer.num_docs,
        text_bytes: footer.text_bytes,
        num_tombstones: footer.num_tombstones,
        num_unparsed: footer.num_unparsed,
        unparsed_bytes: footer.unparsed_bytes,
        range: OffsetRange {
            from: ax_model::Offset(footer.range_from),
            to: ax_model::Offset(footer.range_to),
        },
        weeded_to: ax_model::Offset(footer.range_to),
    }
}

fn strings(tables: super::Tables) -> Strings {
    Strings {
        repos: Interner::into_strings(tables.repos),
        languages: tables.languages.into_strings(),
        encodings: tables.encodings.into_strings(),
        branch_sets: tables.branch_sets.into_strings(),
        symbol_kinds: tables.symbol_kinds.into_strings(),
    }
}

/// Gives the finished file its name; on another file system it is copied there first.
fn persist(file: TempPath, dest: &Path) -> Result<()> {
    let error = match file.persist(dest) {
        Ok(()) => return Ok(()),
        Err(error) => error,
    };
    if error.error.kind() != io::ErrorKind::CrossesDevices {
        return Err(EngineError::Io { path: dest.to_owned(), source: error.error });
    }
    let folder = dest.parent().unwrap_or(Path::new("."));
    let copy = tempfile::Builder::new().tempfile_in(folder).map_err(EngineError::io(folder))?;
    std::fs::copy(&error.path, copy.path()).map_err(EngineError::io(dest))?;
    copy.as_file().sync_data().map_err(EngineError::io(dest))?;
    copy.persist(dest)
        .map(|_| ())
        .map_err(|error| EngineError::Io { path: dest.to_owned(), source: error.error })
}
