//! One posting list: encoding, and the two ways to read it.

use super::BITMAP;
use crate::leb;
use bitpacking::{BitPacker, BitPacker4x};

/// Units per packed group.
const GROUP: usize = BitPacker4x::BLOCK_LEN;
/// Bytes of one skip entry.
const SKIP_BYTES: usize = 5;

/// Encodes strictly ascending `units` and returns the count with its flag.
pub(super) fn encode(units: &[u32], num_units: u32, out: &mut Vec<u8>) -> u32 {
    let count = u32::try_from(units.len()).expect("units are distinct numbers of 32 bits");
    let bitmap_bytes = (num_units as usize).div_ceil(8);
    // a packed delta takes at least a bit, usually three and more: do not try where that is more
    let start = out.len();
    encode_packed(units, out);
    if out.len() - start < bitmap_bytes {
        return count;
    }
    out.truncate(start);
    out.resize(start + bitmap_bytes, 0);
    for unit in units {
        out[start + *unit as usize / 8] |= 1 << (unit % 8);
    }
    count | BITMAP
}

fn encode_packed(units: &[u32], out: &mut Vec<u8>) {
    let packer = BitPacker4x::new();
    let groups = units.chunks_exact(GROUP);
    let tail = groups.remainder();
    let mut packed = Vec::new();
    let mut last = None;
    for group in groups {
        let width = packer.num_bits_strictly_sorted(last, group);
        let at = packed.len();
        packed.resize(at + 16 * width as usize, 0);
        packer.compress_strictly_sorted(last, group, &mut packed[at..], width);
        last = group.last().copied();
        out.extend_from_slice(&group[GROUP - 1].to_le_bytes());
        out.push(width);
    }
    out.append(&mut packed);
    let mut previous = last.unwrap_or(0);
    for unit in tail {
        leb::write(unit - previous, out);
        previous = *unit;
    }
}

/// A posting list in mapped memory. Whatever the bytes, reading gives units below the number of
/// units or fails.
#[derive(Debug, Clone, Copy)]
pub(super) struct List<'a> {
    bytes: &'a [u8],
    count: usize,
    num_units: u32,
    dense: bool,
}

impl<'a> List<'a> {
    /// `None` when the length cannot be right.
    pub(super) fn new(bytes: &'a [u8], count: u32, num_units: u32) -> Option<Self> {
        let dense = count & BITMAP != 0;
        let count = (count & !BITMAP) as usize;
        let least = if dense {
            (num_units as usize).div_ceil(8)
        } else {
            count / GROUP * SKIP_BYTES + count % GROUP
        };
        let fits = bytes.len() >= least && count <= num_units as usize;
        fits.then_some(Self { bytes, count, num_units, dense })
    }

    /// How many units hold the gram.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// All units, ascending.
    pub(super) fn decode(&self) -> Option<Vec<u32>> {
        let mut units = Vec::with_capacity(self.count);
        if self.dense {
            decode_bitmap(self.bytes, self.num_units, &mut units);
            return Some(units);
        }
        let mut groups = Groups::new(self);
        while groups.next()? {
            units.extend_from_slice(&groups.units);
        }
        units.extend_from_slice(&groups.tail()?);
        let ascends = units.is_sorted_by(|a, b| a < b);
        (ascends && units.last().is_none_or(|last| *last < self.num_units)).then_some(units)
    }

    /// Keeps of the ascending `units` those that hold the gram.
    pub(super) fn retain(&self, units: &mut Vec<u32>) -> Option<()> {
        if self.dense {
            let has = |unit: u32| self.bytes[unit as usize / 8] >> (unit % 8) & 1 == 1;
            units.retain(|unit| *unit < self.num_units && has(*unit));
            return Some(());
        }
        let mut kept = Vec::with_capacity(units.len().min(self.count));
        let mut groups = Groups::new(self);
        let mut wanted = units.as_slice();
        while let Some(first) = wanted.first() {
            if !groups.seek(*first)? {
                intersect(&groups.tail()?, &mut wanted, &mut kept);
                break;
            }
            intersect(&groups.units, &mut wanted, &mut kept);
        }
        *units = kept;
        Some(())
    }
}

/// Moves to `kept` what both hold, and drops from `wanted` all up to the last of `units`.
fn intersect(units: &[u32], wanted: &mut &[u32], kept: &mut Vec<u32>) {
    let Some(last) = units.last() else {
        return;
    };
    let mut at = 0;
    while let Some((first, rest)) = wanted.split_first() {
        if first > last {
            return;
        }
        at += units[at..].partition_point(|unit| unit < first);
        if units.get(at) == Some(first) {
            kept.push(*first);
        }
        *wanted = rest;
    }
}

fn decode_bitmap(bytes: &[u8], num_units: u32, units: &mut Vec<u32>) {
    for (i, byte) in bytes.iter().enumerate() {
        let mut byte = *byte;
        while byte != 0 {
            let unit = i as u32 * 8 + byte.trailing_zeros();
            if unit < num_units {
                units.push(unit);
            }
            byte &= byte - 1;
        }
    }
}

/// Walks over the packed groups of a list.
struct Groups<'a> {
    skips: &'a [u8],
    rest: &'a [u8],
    units: [u32; GROUP],
    last: Option<u32>,
    tail_len: usize,
}

impl<'a> Groups<'a> {
    fn new(list: &List<'a>) -> Self {
        let (skips, rest) = list.bytes.split_at(list.count / GROUP * SKIP_BYTES);
        Self { skips, rest, units: [0; GROUP], last: None, tail_len: list.count % GROUP }
    }

    /// Decodes the next group into `units`; false after the last.
    fn next(&mut self) -> Option<bool> {
        let Some((last, width)) = self.peek() else {
            return Some(false);
        };
        let packed = self.rest.get(..16 * width as usize)?;
        BitPacker4x::new().decompress_strictly_sorted(self.last, packed, &mut self.units, width);
        self.advance(last, width)?;
        Some(true)
    }

    /// Decodes the first group from here whose last unit is `wanted` or more; false if none is.
    fn seek(&mut self, wanted: u32) -> Option<bool> {
        while let Some((last, width)) = self.peek() {
            if last >= wanted {
                return self.next();
            }
            self.advance(last, width)?;
        }
        Some(false)
    }

    fn peek(&self) -> Option<(u32, u8)> {
        let skip = self.skips.first_chunk::<SKIP_BYTES>()?;
        // a width over 32 comes from damage only; 32 makes the length check fail or is harmless
        Some((u32::from_le_bytes([skip[0], skip[1], skip[2], skip[3]]), skip[4].min(32)))
    }

    fn advance(&mut self, last: u32, width: u8) -> Option<()> {
        self.skips = &self.skips[SKIP_BYTES..];
        self.rest = self.rest.get(16 * width as usize..)?;
        self.last = Some(last);
        Some(())
    }

    /// The units after the last group, which must have been passed.
    fn tail(&self) -> Option<Vec<u32>> {
        let mut bytes = self.rest;
        let mut unit = self.last.unwrap_or(0);
        (0..self.tail_len)
            .map(|_| {
                unit = unit.checked_add(leb::read(&mut bytes)?)?;
                Some(unit)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::btree_set, prelude::*};

    fn ascending(max_len: usize) -> impl Strategy<Value = Vec<u32>> {
        (1u32..3_000, 0..max_len).prop_flat_map(|(spread, len)| {
            btree_set(0..spread * 40, 0..=len).prop_map(|set| set.into_iter().collect())
        })
    }

    proptest! {
        #[test]
        fn a_list_survives(units in ascending(900), others in ascending(300)) {
            let num_units = units.iter().chain(&others).max().map_or(1, |max| max + 1);
            let mut bytes = Vec::new();
            let count = encode(&units, num_units, &mut bytes);
            let list = List::new(&bytes, count, num_units).unwrap();
            prop_assert_eq!(list.len(), units.len());
            prop_assert_eq!(&list.decode().unwrap(), &units);
            let mut both = others.clone();
            list.retain(&mut both).unwrap();
            let expected: Vec<u32> =
                others.into_iter().filter(|unit| units.binary_search(unit).is_ok()).collect();
            prop_assert_eq!(both, expected);
        }

        #[test]
        fn garbage_gives_units_in_bounds_or_nothing(
            bytes in proptest::collection::vec(any::<u8>(), 0..400), count: u32, num_units in 1u32..5_000,
        ) {
            let count = (count & BITMAP) | (count % (num_units + 1));
            if let Some(list) = List::new(&bytes, count, num_units) {
                let units = list.decode().unwrap_or_default();
                prop_assert!(units.iter().all(|unit| *unit < num_units));
                list.retain(&mut vec![0, 1, num_units, u32::MAX]);
            }
        }
    }
}
