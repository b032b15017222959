//! What a thread keeps from document to document.

use super::{collect::Collected, compile::Plan, finder::Memory};

/// Matched lines kept for patterns one by one.
const MANY_LINES: usize = 1 << 18;

/// What one thread needs to verify documents; kept from document to document.
pub(super) struct Scratch {
    pub(super) text_memory: Vec<Memory>,
    pub(super) file_memory: Vec<Memory>,
    pub(super) found: Vec<Collected>,
    /// What several patterns found in one document, together.
    pub(super) merged: Collected,
    pub(super) path_ranges: Vec<(u32, u32)>,
    pub(super) tally: Tally,
}

/// What verification cost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tally {
    pub(super) num_candidates: u64,
    pub(super) num_bytes: u64,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.num_candidates += other.num_candidates;
        self.num_bytes += other.num_bytes;
    }
}

impl Scratch {
    pub(super) fn new(plan: &Plan<'_>) -> Self {
        let (texts, files) = (plan.texts.len(), plan.files.len());
        Self {
            text_memory: (0..texts).map(|_| Memory::default()).collect(),
            file_memory: (0..files).map(|_| Memory::default()).collect(),
            found: vec![Collected::default(); texts + plan.symbols.len()],
            merged: Collected::default(),
            path_ranges: Vec::new(),
            tally: Tally::default(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.found.iter_mut().for_each(Collected::clear);
        self.path_ranges.clear();
    }

    /// Makes one of what several patterns found, once it is much: all of it is shown together, and a
    /// thousand patterns over a million lines would fill the memory.
    pub(super) fn gather(&mut self, shown: &mut Vec<usize>, from: usize) {
        let num_lines = |found: &[Collected], shown: &[usize]| -> usize {
            shown.iter().map(|i| found[*i].lines.len()).sum()
        };
        if shown.len() < from + 2 || num_lines(&self.found, &shown[from..]) < MANY_LINES {
            return;
        }
        let mut all = std::mem::take(&mut self.found[shown[from]]);
        for other in shown.drain(from + 1..) {
            all.merge(&std::mem::take(&mut self.found[other]));
        }
        self.found[shown[from]] = all;
    }

    /// What verification cost since the last call.
    pub(super) fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }
}
