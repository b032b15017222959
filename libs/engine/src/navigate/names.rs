//! Which names of a segment answer, the best first, and no more of them looked at than is needed.
//!
//! Names lie in order, so that those which *begin* with what is sought are found by binary search, and
//! they come before all others. Only when they are not enough are the others looked through: the runs
//! that the trigrams leave; for two letters those of every trigram that holds them; for one letter all. A
//! name that answers is kept as one number, by which it is ordered and found again.

use super::{
    MAX_NAME_BYTES, NameClass, SymbolName,
    in_order::InOrder,
    like::Like,
    wanted::{Asking, Wanted},
};
use crate::{
    Result, Stop,
    grams::Units,
    symbols::{Named as Stored, Run, Symbols},
};
use rayon::prelude::*;

/// Runs of names that a thread looks through at once.
const UNITS_PER_JOB: usize = 256;
/// Runs between two looks at the clock: an expression may take a tenth of a millisecond for a name.
const UNITS_PER_CHECK: usize = 16;

/// A name of a segment that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: Vec<u8>,
    pub(super) class: NameClass,
    pub(super) other_case: bool,
}

/// What orders names: how they answer, short before long, as it was typed before another case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NameRank<'a> {
    pub(super) class: NameClass,
    pub(super) len: usize,
    pub(super) other_case: bool,
    pub(super) name: &'a [u8],
}

impl Named {
    pub(super) fn rank(&self) -> NameRank<'_> {
        let Self { name, class, other_case } = self;
        NameRank { class: *class, len: name.len(), other_case: *other_case, name }
    }
}

/// Finds names.
pub(super) enum Names<'q> {
    /// This one.
    Exact(&'q str),
    /// Those that match.
    Like(Box<Like>),
}

impl<'q> Names<'q> {
    pub(super) fn new(name: &SymbolName<'q>) -> Result<Self> {
        Ok(match name {
            SymbolName::Exact(name) => Self::Exact(name),
            SymbolName::Like(pattern) => Self::Like(Box::new(Like::new(pattern)?)),
        })
    }

    /// Gives the names that answer, and of which some definition is wanted, to `found`, best first, each with
    /// its place in order, until it wants no more.
    pub(super) fn each(
        &self,
        symbols: &Symbols,
        wanted: &Wanted<'_, '_>,
        stop: &Stop,
        mut found: impl FnMut(u32, Named) -> Result<Go>,
    ) -> Result<()> {
        match self {
            Self::Exact(name) if name.is_empty() || name.len() > MAX_NAME_BYTES => Ok(()),
            Self::Exact(name) => {
                let (name, class) = (name.as_bytes(), NameClass::Exact);
                if let Some((number, _)) = symbols.find(name)? {
                    found(number, Named { name: name.to_vec(), class, other_case: false })?;
                }
                Ok(())
            }
            Self::Like(like) => Looking { like, symbols, wanted, stop }.each(&mut found),
        }
    }
}

/// Whether more names are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Enough,
}

/// Names of one segment being looked through.
struct Looking<'l> {
    like: &'l Like,
    symbols: &'l Symbols,
    wanted: &'l Wanted<'l, 'l>,
    stop: &'l Stop,
}

impl Looking<'_> {
    fn each(&self, found: &mut impl FnMut(u32, Named) -> Result<Go>) -> Result<()> {
        let Self { like, symbols, wanted, .. } = *self;
        if wanted.is_nothing() {
            return Ok(());
        }
        let Some(beginnings) = &like.beginnings else {
            let all = self.look_through(&self.units_of(like.units(&symbols.grams)?), |_| true)?;
            return self.give(all, found).map(drop);
        };
        let is_first = |class: NameClass| class <= NameClass::Prefix;
        let mut units = Vec::new();
        for beginning in beginnings {
            units.extend(symbols.units_beginning(beginning)?);
        }
        units.sort_unstable();
        units.dedup();
        // `[a-z]+_probe` begins as nearly every name does
        if units.len() > UNITS_PER_JOB
            && let Units::Some(with_all) = like.units(&symbols.grams)?
        {
            units.retain(|unit| with_all.binary_search(unit).is_ok());
        }
        let first = self.look_through(&units, is_first)?;
        if self.give(first, found)? == Go::On && !like.from_start {
            let units = self.units_of(like.units_within(&symbols.grams)?);
            let others = self.look_through(&units, |class| !is_first(class))?;
            self.give(others, found)?;
        }
        Ok(())
    }

    fn units_of(&self, units: Units) -> Vec<u32> {
        match units {
            Units::All => (0..self.symbols.num_units()).collect(),
            Units::Some(units) => units,
        }
    }

    /// The names of some classes in some runs.
    fn look_through(
        &self,
        units: &[u32],
        is_of: impl Fn(NameClass) -> bool + Sync,
    ) -> Result<Vec<Key>> {
        let look = |units: &[u32], asking: &mut Asking<'_, '_, '_>| -> Result<Vec<Key>> {
            let (mut found, mut run) = (Vec::new(), Run::default());
            for (number, unit) in units.iter().enumerate() {
                if number.is_multiple_of(UNITS_PER_CHECK) && self.stop.is_due() {
                    break;
                }
                run.read(self.symbols, *unit)?;
                for index in self.like.candidates(&run) {
                    let stored = run.named(index);
                    if let Some(key) = self.key(&stored, &is_of)
                        && asking.has_any(&stored)?
                    {
                        found.push(key);
                    }
                }
            }
            Ok(found)
        };
        let look = |units: &[u32]| self.wanted.asking(|asking| look(units, asking));
        if units.len() <= UNITS_PER_JOB {
            return look(units); // waking other threads would take longer
        }
        let parts: Result<Vec<Vec<Key>>> = units.par_chunks(UNITS_PER_JOB).map(look).collect();
        Ok(parts?.concat())
    }

    /// The key of a name that answers, if it is of such a class.
    fn key(&self, stored: &Stored<'_>, is_of: impl Fn(NameClass) -> bool) -> Option<Key> {
        let name = stored.name;
        let class = self.like.class(name).filter(|class| is_of(*class))?;
        Some(Key::new(class, name.len(), self.like.is_other_case(name), stored.number))
    }

    fn give(&self, keys: Vec<Key>, found: &mut impl FnMut(u32, Named) -> Result<Go>) -> Result<Go> {
        let mut keys = InOrder::new(keys, Key::cmp);
        while let Some(key) = keys.next().copied() {
            if self.stop.is_due() {
                return Ok(Go::Enough);
            }
            let name = self.symbols.name(key.number())?;
            let named = Named { name, class: key.class(), other_case: key.is_other_case() };
            if found(key.number(), named)? == Go::Enough {
                return Ok(Go::Enough);
            }
        }
        Ok(Go::On)
    }
}

/// A name that answers, as a number that sorts as its rank does: names lie in order, so that their places
/// stand for them.
///
/// ```text
/// key := class:2 len:16 other_case:1 number:32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u64);

impl Key {
    fn new(class: NameClass, len: usize, other_case: bool, number: u32) -> Self {
        let len = len.min(usize::from(u16::MAX)) as u64; // no name is as long
        let class = (class as u64) << 49;
        Self(class | (len << 33) | (u64::from(other_case) << 32) | u64::from(number))
    }

    fn number(self) -> u32 {
        self.0 as u32
    }

    fn is_other_case(self) -> bool {
        (self.0 >> 32) & 1 == 1
    }

    fn class(self) -> NameClass {
        NameClass::ALL[(self.0 >> 49) as usize & 3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_ranks_do() {
        let mut keys = Vec::new();
        for class in NameClass::ALL {
            for len in [1, 2, 512] {
                for other_case in [false, true] {
                    for number in [0, 7, u32::MAX] {
                        let key = Key::new(class, len, other_case, number);
                        assert_eq!((key.class(), key.number()), (class, number));
                        assert_eq!(key.is_other_case(), other_case);
                        keys.push(key);
                    }
                }
            }
        }
        assert!(keys.is_sorted());
    }
}
