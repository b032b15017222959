//! Which documents define what a query names.
//!
//! A name counts when all words of the query are among its words; then it counts by how much of it they
//! are, squared: `spin lock` is all of `spin_lock`, four ninths of `spinLockIrq`, and none of `spin`. So an
//! identifier finds its definition, and so do its words in any order.

use super::Terms;
use crate::{
    Result,
    grams::Units,
    symbols::Symbols,
    words::{Identifier, parts_of},
};
use ax_query::grams::{GramQuery, fold};
use memchr::memchr2_iter;

/// Runs of 32 names that are looked through for one query in a snapshot: 16,384 names, less than half a millisecond.
const MAX_RUNS: u64 = 512;
/// The same in one segment at least, however small its share of the names.
const MIN_RUNS: u64 = 4;
/// Places kept: a name that is defined more often says little.
const MAX_PLACES: usize = 1 << 14;
/// Words of a query that a name can be asked to hold.
const MAX_WORDS: usize = 8;
/// What a name counts that is spelled in another way than in the query.
const OTHER_SPELLING: f32 = 0.9;

/// A definition that the query names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Definition {
    pub(crate) doc: u32,
    /// First byte of the name in the document's text.
    pub(crate) start: u32,
    /// How much of the name the query is: above 0, up to 1.
    pub(crate) share: f32,
}

/// How many runs may be looked through in a segment that has `runs` of the `all` of its snapshot. By share, so that
/// whether a word is in too many names does not depend on how the names lie in segments.
pub(super) fn most_runs(runs: u32, all: u64) -> usize {
    (MAX_RUNS * u64::from(runs) / all.max(1)).max(MIN_RUNS) as usize
}

/// The best definition of each document, in order; at most `max_runs` runs are looked through. `shares` is what each identifier is of the query: one that
/// stands everywhere, as `struct`, says little of what is looked for.
pub(super) fn find(
    symbols: &Symbols,
    terms: &Terms,
    shares: &[f32],
    max_runs: usize,
) -> Result<Vec<Definition>> {
    let mut found = Vec::new();
    let all = terms.parts();
    let typed: Vec<&str> =
        terms.identifiers.iter().map(|term| term.identifier.typed.as_str()).collect();
    Names { symbols, max_runs, typed: &typed, scale: 1.0 }.collect(&all, &mut found)?;
    if terms.identifiers.len() > 1 {
        for (term, share) in terms.identifiers.iter().zip(shares) {
            let parts: Vec<&str> = Identifier::parts(&term.identifier).collect();
            if parts.len() < all.len() {
                let typed = &[term.identifier.typed.as_str()];
                Names { symbols, max_runs, typed, scale: *share }.collect(&parts, &mut found)?;
            }
        }
    }
    let best_first = |a: &Definition, b: &Definition| {
        a.doc.cmp(&b.doc).then(b.share.total_cmp(&a.share)).then(a.start.cmp(&b.start))
    };
    found.sort_unstable_by(best_first);
    found.dedup_by_key(|definition| definition.doc);
    Ok(found)
}

/// Names looked for in one segment.
struct Names<'a> {
    symbols: &'a Symbols,
    max_runs: usize,
    /// Names as they stand in the query.
    typed: &'a [&'a str],
    /// What a definition counts at most.
    scale: f32,
}

impl Names<'_> {
    /// Adds the definitions whose names hold all of `words`.
    fn collect(&self, words: &[&str], found: &mut Vec<Definition>) -> Result<()> {
        if words.is_empty() || words.len() > MAX_WORDS {
            return Ok(());
        }
        let runs = match self.symbols.grams.evaluate(&formula(words))? {
            Units::Some(runs) if runs.len() <= self.max_runs => runs,
            // words that are in very many names: only a name that is just so is worth looking for
            _ => return self.exactly(found),
        };
        for run in runs {
            let mut run = self.symbols.unit(run);
            while let Some(named) = run.next_name()? {
                let Some(share) = share(named.name, words) else { continue };
                let is_typed = self.typed.iter().any(|typed| typed.as_bytes() == named.name);
                let share = self.scale * share * if is_typed { 1.0 } else { OTHER_SPELLING };
                named.each_place(|place| push(place.doc, place.start, share, found))?;
            }
        }
        Ok(())
    }

    fn exactly(&self, found: &mut Vec<Definition>) -> Result<()> {
        let [name] = self.typed else {
            return Ok(());
        };
        if let Some((_, places)) = self.symbols.find(name.as_bytes())? {
            places.iter().for_each(|place| push(place.doc, place.start, self.scale, found));
        }
        Ok(())
    }
}

fn push(doc: u32, start: u32, share: f32, found: &mut Vec<Definition>) {
    if found.len() < MAX_PLACES {
        found.push(Definition { doc, start, share });
    }
}

/// Trigrams that a run has if one of its names holds all words.
fn formula(words: &[&str]) -> GramQuery {
    let folded = |gram: &[u8]| [fold(gram[0]), fold(gram[1]), fold(gram[2])];
    let grams = words.iter().flat_map(|word| word.as_bytes().windows(3));
    GramQuery::and(grams.map(|gram| GramQuery::Gram(folded(gram))).collect())
}

/// How much of a name `words` are; `None` if it does not hold all of them.
fn share(name: &[u8], words: &[&str]) -> Option<f32> {
    if !words.iter().all(|word| holds(name, word.as_bytes())) {
        return None; // most names of a run: taking them apart would cost more
    }
    let (mut seen, mut num) = (0u32, 0usize);
    for part in parts_of(name) {
        num += 1;
        let place = words.iter().position(|word| word.as_bytes().eq_ignore_ascii_case(part));
        seen |= place.map_or(0, |place| 1 << place);
    }
    let has_all = seen.count_ones() as usize == words.len();
    has_all.then(|| (words.len() as f32 / num.max(words.len()) as f32).powi(2))
}

/// Whether `word` stands in `name`, in any case.
fn holds(name: &[u8], word: &[u8]) -> bool {
    let Some(first) = word.first() else {
        return true;
    };
    let Some(last_start) = name.len().checked_sub(word.len()) else {
        return false;
    };
    let starts =
        memchr2_iter(first.to_ascii_lowercase(), first.to_ascii_uppercase(), &name[..=last_start]);
    let mut starts = starts.map(|start| &name[start..start + word.len()]);
    starts.any(|there| there.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_by_how_much_of_it_is_asked_for() {
        for (name, words, expected) in [
            ("spin_lock", &["spin", "lock"][..], Some(1.0)),
            ("lockSpin", &["spin", "lock"], Some(1.0)),
            ("spin_lock_irq_save", &["lock", "spin"], Some(0.25)),
            ("spin", &["spin", "lock"], None),
            ("spin_locked", &["spin", "lock"], None),
            ("kmalloc", &["kmalloc"], Some(1.0)),
        ] {
            assert_eq!(share(name.as_bytes(), words), expected, "{name}");
        }
    }
}
