//! The sorted keys of a segment: what it replaces and deletes in older ones, and where its own
//! documents are.
//!
//! ```text
//! keys := key* sentinel
//! key  := start:u64 first_doc:u32 num_docs:u32 kind:u32      `start` in `keytext`
//! kind := 0 put | 1 deleted | 2 repository deleted (then the path is empty)
//! ```
//!
//! A key stands once, with its last state in this segment. Deleting a repository applies to older
//! segments only: within the segment it has been applied already.

use crate::{
    EngineError, Result,
    format::{section, u32_at},
    sections::{SectionWriter, Sections},
};
use ax_model::DocKey;
use std::{cmp::Ordering, collections::BTreeMap, ops::Range};
use tantivy::directory::OwnedBytes;

const KEY_BYTES: usize = 20;

/// What a segment says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// Its versions are in this segment.
    Put,
    /// It is gone.
    Deleted,
    /// Everything of the repository in older segments is gone.
    RepositoryDeleted,
}

/// A key's last state while a segment is built.
#[derive(Debug, Clone)]
pub(crate) struct KeyState {
    /// Number given in order of first appearance.
    pub(crate) number: u32,
    pub(crate) kind: KeyKind,
    /// The live documents of the key.
    pub(crate) docs: Range<u32>,
}

/// The keys of a segment that is being built.
#[derive(Debug, Default)]
pub(crate) struct KeysBuilder {
    keys: BTreeMap<Vec<u8>, KeyState>,
    dead: Vec<u32>,
    next_number: u32,
}

impl KeysBuilder {
    /// Sets a key's state; documents that it had die. Returns the key's number.
    pub(crate) fn set(&mut self, key: Vec<u8>, kind: KeyKind, docs: Range<u32>) -> u32 {
        let number = self.next_number;
        let state = self.keys.entry(key).or_insert(KeyState { number, kind, docs: 0..0 });
        self.next_number += u32::from(state.number == number);
        self.dead.extend(state.docs.clone());
        (state.kind, state.docs) = (kind, docs);
        state.number
    }

    /// Deletes every key with `prefix`, which is a repository's, and sets the prefix itself.
    pub(crate) fn delete_repository(&mut self, prefix: Vec<u8>) {
        let of_repo =
            self.keys.range_mut(prefix.clone()..).take_while(|(k, _)| k.starts_with(&prefix));
        for (_, state) in of_repo {
            self.dead.extend(std::mem::replace(&mut state.docs, 0..0));
            state.kind = KeyKind::Deleted;
        }
        self.set(prefix, KeyKind::RepositoryDeleted, 0..0);
    }

    /// Drops keys that are deleted and have no documents here, live or dead.
    pub(crate) fn forget_tombstones(&mut self) {
        if self.dead.is_empty() {
            self.keys.retain(|_, state| state.kind == KeyKind::Put);
        }
    }

    /// True when nothing was said of any key.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Keys that are deleted without replacement.
    pub(crate) fn num_tombstones(&self) -> u64 {
        self.keys.values().filter(|state| state.kind != KeyKind::Put).count() as u64
    }

    /// The keys in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &KeyState)> {
        self.keys.iter().map(|(key, state)| (key.as_slice(), state))
    }

    /// For each number that `set` gave, the key's place in order.
    pub(crate) fn places(&self) -> Vec<u32> {
        let mut places = vec![0; self.next_number as usize];
        for (place, state) in self.keys.values().enumerate() {
            places[state.number as usize] = place as u32;
        }
        places
    }

    /// Writes the sections `keys`, `keytext` and `dead`.
    pub(crate) fn write(&mut self, out: &mut SectionWriter) -> Result<()> {
        let mut records = Vec::with_capacity((self.keys.len() + 1) * KEY_BYTES);
        let mut start = 0u64;
        out.begin(section::KEYTEXT);
        for (key, state) in &self.keys {
            push_record(&mut records, start, &state.docs, state.kind);
            out.write(key)?;
            start += key.len() as u64;
        }
        push_record(&mut records, start, &(0..0), KeyKind::Put);
        out.section(section::KEYS, &records)?;
        self.dead.sort_unstable();
        let dead: Vec<u8> = self.dead.iter().flat_map(|doc| doc.to_le_bytes()).collect();
        out.section(section::DEAD, &dead)
    }
}

fn push_record(out: &mut Vec<u8>, start: u64, docs: &Range<u32>, kind: KeyKind) {
    out.extend_from_slice(&start.to_le_bytes());
    out.extend_from_slice(&docs.start.to_le_bytes());
    out.extend_from_slice(&(docs.end - docs.start).to_le_bytes());
    out.extend_from_slice(&(kind as u32).to_le_bytes());
}

/// The keys of a mapped segment.
#[derive(Debug)]
pub(crate) struct Keys {
    records: OwnedBytes,
    text: OwnedBytes,
    num: u32,
}

impl Keys {
    /// Opens the keys and checks each: in order, well-formed, with documents that exist.
    pub(crate) fn open(sections: &Sections) -> Result<Self> {
        let (records, text) = (sections.get(section::KEYS)?, sections.get(section::KEYTEXT)?);
        let bad = |what: &str| EngineError::corrupt(section::KEYS, what);
        if !records.len().is_multiple_of(KEY_BYTES) || records.is_empty() {
            return Err(bad("records are cut"));
        }
        let num = u32::try_from(records.len() / KEY_BYTES - 1).map_err(|_| bad("too many"))?;
        let keys = Self { records, text, num };
        let starts = (0..=num).map(|key| keys.start(key));
        if !starts.is_sorted() || keys.start(num) != keys.text.len() || keys.start(0) != 0 {
            return Err(bad("do not fill their text"));
        }
        let mut previous: &[u8] = &[];
        for key in 0..num {
            let bytes = keys.bytes(key);
            if key > 0 && previous >= bytes {
                return Err(bad("are out of order"));
            }
            keys.check(key, sections.footer().num_docs)?;
            previous = bytes;
        }
        Ok(keys)
    }

    /// How many there are.
    pub(crate) fn num(&self) -> u32 {
        self.num
    }

    /// The encoded key.
    pub(crate) fn bytes(&self, key: u32) -> &[u8] {
        &self.text[self.start(key)..self.start(key + 1)]
    }

    /// The path of the key.
    pub(crate) fn path(&self, key: u32) -> &[u8] {
        let bytes = self.bytes(key);
        memchr::memchr(0, bytes).map_or(&[], |at| &bytes[at + 1..])
    }

    /// The decoded key.
    pub(crate) fn decode(&self, key: u32) -> Result<DocKey> {
        DocKey::decode(self.bytes(key))
            .map_err(|error| EngineError::corrupt(section::KEYS, error.to_string()))
    }

    /// What the segment says of the key.
    pub(crate) fn kind(&self, key: u32) -> KeyKind {
        match self.number(key, 16) {
            0 => KeyKind::Put,
            1 => KeyKind::Deleted,
            _ => KeyKind::RepositoryDeleted,
        }
    }

    /// The places of the keys that delete a repository.
    pub(crate) fn deletions(&self) -> Vec<u32> {
        (0..self.num).filter(|key| self.kind(*key) == KeyKind::RepositoryDeleted).collect()
    }

    /// The documents of the key in this segment, but for those it replaced itself.
    pub(crate) fn docs(&self, key: u32) -> Range<u32> {
        let first = self.number(key, 8);
        first..first + self.number(key, 12)
    }

    /// The place of `wanted` at or after place `from`: found, or where it would stand. Gallops, so
    /// that merging a short list with a long one costs little.
    pub(crate) fn seek(&self, wanted: &[u8], from: u32) -> Result<u32, u32> {
        let (mut low, mut step) = (from, 1);
        while low + step < self.num && self.bytes(low + step) < wanted {
            low += step;
            step *= 2;
        }
        let mut high = (low + step).saturating_add(1).min(self.num);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.bytes(middle).cmp(wanted) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(middle),
                Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// The places of the keys that start with `prefix`.
    pub(crate) fn with_prefix(&self, prefix: &[u8]) -> Range<u32> {
        let first = self.seek(prefix, 0).unwrap_or_else(|place| place);
        let mut end = first;
        while end < self.num && self.bytes(end).starts_with(prefix) {
            end += 1;
        }
        first..end
    }

    fn check(&self, key: u32, num_docs: u64) -> Result<()> {
        let kind_fits = match self.number(key, 16) {
            0 => true,
            1 => self.docs_len(key) == 0,
            2 => self.docs_len(key) == 0 && self.path(key).is_empty(),
            _ => false,
        };
        let end = u64::from(self.number(key, 8)) + u64::from(self.docs_len(key));
        if !kind_fits || end > num_docs {
            return Err(EngineError::corrupt(section::KEYS, "kind or documents are wrong"));
        }
        self.decode(key).map(|_| ())
    }

    fn docs_len(&self, key: u32) -> u32 {
        self.number(key, 12)
    }

    fn start(&self, key: u32) -> usize {
        let at = key as usize * KEY_BYTES;
        self.records[at..].first_chunk().map_or(0, |b| u64::from_le_bytes(*b)) as usize
    }

    fn number(&self, key: u32, offset: usize) -> u32 {
        u32_at(&self.records, key as usize * KEY_BYTES + offset).unwrap_or(0)
    }
}

/// The documents that are dead within the segment itself.
pub(crate) fn read_dead(sections: &Sections) -> Result<Vec<u32>> {
    let bytes = sections.get(section::DEAD)?;
    let dead: Vec<u32> = bytes.chunks_exact(4).filter_map(|doc| u32_at(doc, 0).ok()).collect();
    let in_bounds = dead.iter().all(|doc| u64::from(*doc) < sections.footer().num_docs);
    if bytes.len().is_multiple_of(4) && in_bounds {
        Ok(dead)
    } else {
        Err(EngineError::corrupt(section::DEAD, "names documents that are not there"))
    }
}
