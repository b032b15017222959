//! Building the trigram index in bounded memory: runs sorted in memory, spilled, merged at the end.

use super::GramWriter;
use crate::{EngineError, Result, leb, sections::SectionWriter};
use ax_query::grams::fold;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io::{BufRead, BufReader, Read, Seek, Write},
    path::{Path, PathBuf},
};
use tempfile::SpooledTempFile;

/// A run up to this many bytes stays in memory.
const SPOOL_BYTES: usize = 2 << 20;
/// Bytes read ahead of each run while merging.
const READ_BYTES: usize = 64 << 10;
/// Words of the bitmap of all trigrams.
const SEEN_WORDS: usize = 1 << (24 - 6);

/// Collects the distinct trigrams of units and sorts them by trigram. Kept and used again, since
/// its buffers are large.
pub(crate) struct GramSorter {
    seen: Vec<u64>,
    pairs: Vec<u64>,
    spare: Vec<u64>,
    folds: [u8; 256],
}

impl GramSorter {
    /// An empty one: 2 MiB.
    pub(crate) fn new() -> Self {
        let folds = std::array::from_fn(|byte| fold(byte as u8));
        Self { seen: vec![0; SEEN_WORDS], pairs: Vec::new(), spare: Vec::new(), folds }
    }

    /// Adds a unit: the trigrams that start in the first `len` bytes of `text`. Units must ascend
    /// within a run.
    pub(crate) fn add(&mut self, unit: u32, text: &[u8], len: usize) {
        let first = self.pairs.len();
        let end = text.len().min(len + 2);
        let mut gram = 0u32;
        for (i, byte) in text[..end].iter().enumerate() {
            gram = (gram << 8 | u32::from(self.folds[*byte as usize])) & 0xff_ffff;
            if i < 2 {
                continue;
            }
            let word = &mut self.seen[gram as usize >> 6];
            let bit = 1 << (gram & 63);
            if *word & bit == 0 {
                *word |= bit;
                self.pairs.push(u64::from(gram) << 32 | u64::from(unit));
            }
        }
        for pair in &self.pairs[first..] {
            self.seen[(*pair >> 38) as usize] = 0;
        }
    }

    /// Takes the units added since the last run as a sorted run: `(gram:leb count:leb delta:leb*)*`.
    pub(crate) fn take_run(&mut self) -> Vec<u8> {
        self.sort();
        let mut run = Vec::with_capacity(self.pairs.len() * 2);
        for same in self.pairs.chunk_by(|a, b| a >> 32 == b >> 32) {
            leb::write((same[0] >> 32) as u32, &mut run);
            leb::write(u32::try_from(same.len()).expect("one pair per unit"), &mut run);
            let mut previous = 0;
            for pair in same {
                leb::write(*pair as u32 - previous, &mut run);
                previous = *pair as u32;
            }
        }
        self.pairs.clear();
        run
    }

    /// A stable radix sort by the 24 bits of the gram; units are in order already.
    fn sort(&mut self) {
        for shift in [32, 40, 48] {
            let mut starts = [0usize; 257];
            for pair in &self.pairs {
                starts[(pair >> shift & 0xff) as usize + 1] += 1;
            }
            (1..257).for_each(|i| starts[i] += starts[i - 1]);
            self.spare.resize(self.pairs.len(), 0);
            for pair in &self.pairs {
                let at = &mut starts[(pair >> shift & 0xff) as usize];
                self.spare[*at] = *pair;
                *at += 1;
            }
            std::mem::swap(&mut self.pairs, &mut self.spare);
        }
    }
}

/// Gathers runs, whose units ascend from run to run, and merges them into the index of a field.
pub(crate) struct GramBuilder {
    runs: Vec<SpooledTempFile>,
    scratch_dir: PathBuf,
}

impl GramBuilder {
    /// Spills to unnamed files in `scratch_dir`.
    pub(crate) fn new(scratch_dir: &Path) -> Self {
        Self { runs: Vec::new(), scratch_dir: scratch_dir.to_owned() }
    }

    /// Adds a run whose units are greater than those of all runs before.
    pub(crate) fn push(&mut self, run: &[u8]) -> Result<()> {
        let mut file = tempfile::spooled_tempfile_in(SPOOL_BYTES, &self.scratch_dir);
        let write = file.write_all(run).and_then(|()| file.rewind());
        write.map_err(EngineError::io(&self.scratch_dir))?;
        self.runs.push(file);
        Ok(())
    }

    /// Writes the sections of `field`, whose units are `0..num_units`.
    pub(crate) fn finish(self, out: &mut SectionWriter, field: &str, num_units: u32) -> Result<()> {
        let folder = self.scratch_dir;
        self::merge(self.runs, out, field, num_units).map_err(|error| match error {
            MergeError::Io(source) => EngineError::Io { path: folder, source },
            MergeError::Engine(error) => error,
        })
    }
}

enum MergeError {
    Io(std::io::Error),
    Engine(EngineError),
}

impl From<std::io::Error> for MergeError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<EngineError> for MergeError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

fn merge(
    runs: Vec<SpooledTempFile>,
    out: &mut SectionWriter,
    field: &str,
    num_units: u32,
) -> Result<(), MergeError> {
    let mut runs: Vec<_> =
        runs.into_iter().map(|run| BufReader::with_capacity(READ_BYTES, run)).collect();
    let mut heads = BinaryHeap::new();
    for (i, run) in runs.iter_mut().enumerate() {
        heads.extend(next_gram(run)?.map(|gram| Reverse((gram, i))));
    }
    let mut writer = GramWriter::begin(out, field, num_units);
    let mut units = Vec::new();
    while let Some(Reverse((gram, i))) = heads.pop() {
        read_units(&mut runs[i], &mut units)?;
        heads.extend(next_gram(&mut runs[i])?.map(|gram| Reverse((gram, i))));
        if heads.peek().is_none_or(|Reverse((next, _))| *next != gram) {
            writer.push(gram, &units)?;
            units.clear();
        }
    }
    Ok(writer.finish(field)?)
}

fn next_gram(run: &mut impl BufRead) -> std::io::Result<Option<u32>> {
    if run.fill_buf()?.is_empty() { Ok(None) } else { read_leb(run).map(Some) }
}

fn read_units(run: &mut impl BufRead, units: &mut Vec<u32>) -> std::io::Result<()> {
    let mut left = read_leb(run)?;
    let mut unit = 0u32;
    let mut add = |delta: u32| {
        unit = unit.wrapping_add(delta);
        units.push(unit);
    };
    while left > 0 {
        let buffered = run.fill_buf()?;
        let mut rest = buffered;
        while left > 0 {
            let mut ahead = rest;
            let Some(delta) = leb::read(&mut ahead) else { break };
            add(delta);
            (rest, left) = (ahead, left - 1);
        }
        let num_read = buffered.len() - rest.len();
        run.consume(num_read);
        if left > 0 {
            add(read_leb(run)?); // lies across the end of what is buffered
            left -= 1;
        }
    }
    Ok(())
}

fn read_leb(run: &mut impl Read) -> std::io::Result<u32> {
    let mut value = 0;
    let mut shift = 0;
    loop {
        let mut byte = [0];
        run.read_exact(&mut byte)?;
        value |= u32::from(byte[0] & 0x7f) << (shift & 31);
        if byte[0] & 0x80 == 0 {
            return Ok(value);
        }
        shift += 7;
    }
}
