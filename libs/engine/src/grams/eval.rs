//! From a formula over trigrams to the units that satisfy it.

use super::{GramIndex, list::List};
use crate::Result;
use ax_query::grams::GramQuery;

/// Units that may hold a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Units {
    /// Any may.
    All,
    /// These may, ascending.
    Some(Vec<u32>),
}

impl GramIndex {
    /// The units that satisfy `formula`.
    pub(crate) fn evaluate(&self, formula: &GramQuery) -> Result<Units> {
        match formula {
            GramQuery::All => Ok(Units::All),
            GramQuery::None => Ok(Units::Some(Vec::new())),
            GramQuery::Gram(_) => self.all_of(std::slice::from_ref(formula)),
            GramQuery::And(members) => self.all_of(members),
            GramQuery::Or(members) => self.one_of(members),
        }
    }

    /// Units that may satisfy `formula`, by the lengths of lists alone: never fewer than satisfy it.
    pub(crate) fn estimate(&self, formula: &GramQuery) -> Result<u64> {
        let all = u64::from(self.num_units);
        Ok(match formula {
            GramQuery::All => all,
            GramQuery::None => 0,
            GramQuery::Gram(gram) => self.find(*gram)?.map_or(0, |list| list.len() as u64),
            GramQuery::And(members) => members.iter().try_fold(all, |least, member| {
                Ok::<_, crate::EngineError>(least.min(self.estimate(member)?))
            })?,
            GramQuery::Or(members) => members.iter().try_fold(0, |sum: u64, member| {
                Ok::<_, crate::EngineError>((sum + self.estimate(member)?).min(all))
            })?,
        })
    }

    /// The owners of units, such as documents of blocks, whose units together satisfy `formula`: for
    /// matches that may cross from unit to unit. `owner_of` ascends with the unit.
    pub(crate) fn evaluate_by_owner(
        &self,
        formula: &GramQuery,
        owner_of: &dyn Fn(u32) -> u32,
    ) -> Result<Units> {
        match formula {
            GramQuery::All => Ok(Units::All),
            GramQuery::None => Ok(Units::Some(Vec::new())),
            GramQuery::Gram(_) => {
                let Units::Some(mut units) = self.evaluate(formula)? else {
                    return Ok(Units::All);
                };
                units.iter_mut().for_each(|unit| *unit = owner_of(*unit));
                units.dedup();
                Ok(Units::Some(units))
            }
            GramQuery::And(members) => {
                let none = Units::Some(Vec::new());
                members.iter().try_fold(Units::All, |found, member| {
                    if found == none {
                        return Ok(found);
                    }
                    Ok(both(found, self.evaluate_by_owner(member, owner_of)?))
                })
            }
            GramQuery::Or(members) => {
                let mut owners = Vec::new();
                for member in members {
                    match self.evaluate_by_owner(member, owner_of)? {
                        Units::All => return Ok(Units::All),
                        Units::Some(found) => owners.extend(found),
                    }
                }
                owners.sort_unstable();
                owners.dedup();
                Ok(Units::Some(owners))
            }
        }
    }

    /// Starts from the rarest trigram and lets the others thin it out, the disjunctions last.
    fn all_of(&self, members: &[GramQuery]) -> Result<Units> {
        let mut lists = Vec::with_capacity(members.len());
        for member in members {
            if let GramQuery::Gram(gram) = member {
                match self.find(*gram)? {
                    Some(list) => lists.push(list),
                    None => return Ok(Units::Some(Vec::new())),
                }
            }
        }
        let mut found = self.intersect(lists)?;
        for member in members.iter().filter(|member| !matches!(member, GramQuery::Gram(_))) {
            if found == Units::Some(Vec::new()) {
                break;
            }
            found = both(found, self.evaluate(member)?);
        }
        Ok(found)
    }

    fn intersect(&self, mut lists: Vec<List<'_>>) -> Result<Units> {
        lists.sort_by_key(List::len);
        let mut lists = lists.into_iter();
        let Some(rarest) = lists.next() else {
            return Ok(Units::All);
        };
        let damaged = || self.corrupt("list cannot be decoded");
        let mut units = rarest.decode().ok_or_else(damaged)?;
        for list in lists {
            if units.is_empty() {
                break;
            }
            list.retain(&mut units).ok_or_else(damaged)?;
        }
        Ok(Units::Some(units))
    }

    fn one_of(&self, members: &[GramQuery]) -> Result<Units> {
        let mut bits = vec![0u64; (self.num_units as usize).div_ceil(64)];
        for member in members {
            match self.evaluate(member)? {
                Units::All => return Ok(Units::All),
                Units::Some(units) => {
                    units.iter().for_each(|unit| bits[*unit as usize / 64] |= 1 << (unit % 64));
                }
            }
        }
        Ok(Units::Some(ones(&bits)))
    }
}

fn both(a: Units, b: Units) -> Units {
    match (a, b) {
        (Units::All, other) | (other, Units::All) => other,
        (Units::Some(mut a), Units::Some(b)) => {
            let mut b = b.into_iter().peekable();
            a.retain(|unit| {
                while b.next_if(|other| other < unit).is_some() {}
                b.peek() == Some(unit)
            });
            Units::Some(a)
        }
    }
}

fn ones(bits: &[u64]) -> Vec<u32> {
    let mut units = Vec::new();
    for (i, word) in bits.iter().enumerate() {
        let mut word = *word;
        while word != 0 {
            units.push(i as u32 * 64 + word.trailing_zeros());
            word &= word - 1;
        }
    }
    units
}
