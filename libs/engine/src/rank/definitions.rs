//! Which documents define what a query names.
//!
//! A name counts when all words of the query are among its words; then it counts by how much of it they
//! are: `spin lock` is all of `spin_lock`, two thirds of `spinLockIrq`, and none of `spin`. So an
//! identifier finds its definition, and so do its words in any order.

use super::Terms;
use crate::{
    Result,
    grams::Units,
    symbols::Symbols,
    words::{Identifier, parts_of},
};
use ax_query::grams::{GramQuery, fold};

/// Runs of 32 names that are looked through for one query and segment: 8,192 names, about a fifth of a millisecond.
const MAX_RUNS: usize = 256;
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

/// The best definition of each document, in order. `shares` is what each identifier is of the query: one that
/// stands everywhere, as `struct`, says little of what is looked for.
pub(super) fn find(symbols: &Symbols, terms: &Terms, shares: &[f32]) -> Result<Vec<Definition>> {
    let mut found = Vec::new();
    let all = terms.parts();
    let typed: Vec<&str> =
        terms.identifiers.iter().map(|term| term.identifier.typed.as_str()).collect();
    collect(symbols, &all, &typed, 1.0, &mut found)?;
    if terms.identifiers.len() > 1 {
        for (term, share) in terms.identifiers.iter().zip(shares) {
            let parts: Vec<&str> = Identifier::parts(&term.identifier).collect();
            if parts.len() < all.len() {
                collect(symbols, &parts, &[&term.identifier.typed], *share, &mut found)?;
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

/// Adds the definitions whose names hold all of `words`; each counts at most `scale`.
fn collect(
    symbols: &Symbols,
    words: &[&str],
    typed: &[&str],
    scale: f32,
    found: &mut Vec<Definition>,
) -> Result<()> {
    if words.is_empty() || words.len() > MAX_WORDS {
        return Ok(());
    }
    let runs = match symbols.grams.evaluate(&formula(words))? {
        Units::Some(runs) if runs.len() <= MAX_RUNS => runs,
        // words that are in very many names: only a name that is just so is worth looking for
        _ => return exactly(symbols, typed, scale, found),
    };
    for run in runs {
        let mut run = symbols.unit(run);
        while let Some(named) = run.next_name()? {
            let Some(share) = share(named.name, words) else { continue };
            let is_typed = typed.iter().any(|typed| typed.as_bytes() == named.name);
            let share = scale * share * if is_typed { 1.0 } else { OTHER_SPELLING };
            named.each_place(|place| push(place.doc, place.start, share, found))?;
        }
    }
    Ok(())
}

fn exactly(
    symbols: &Symbols,
    typed: &[&str],
    scale: f32,
    found: &mut Vec<Definition>,
) -> Result<()> {
    let [name] = typed else {
        return Ok(());
    };
    if let Some((_, places)) = symbols.find(name.as_bytes())? {
        places.iter().for_each(|place| push(place.doc, place.start, scale, found));
    }
    Ok(())
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
    has_all.then(|| words.len() as f32 / num.max(words.len()) as f32)
}

fn holds(name: &[u8], word: &[u8]) -> bool {
    let first = word.first().map_or(0, u8::to_ascii_lowercase);
    let is_word = |at: &[u8]| at[0].to_ascii_lowercase() == first && at.eq_ignore_ascii_case(word);
    name.windows(word.len().max(1)).any(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_by_how_much_of_it_is_asked_for() {
        for (name, words, expected) in [
            ("spin_lock", &["spin", "lock"][..], Some(1.0)),
            ("lockSpin", &["spin", "lock"], Some(1.0)),
            ("spin_lock_irq_save", &["lock", "spin"], Some(0.5)),
            ("spin", &["spin", "lock"], None),
            ("spin_locked", &["spin", "lock"], None),
            ("kmalloc", &["kmalloc"], Some(1.0)),
        ] {
            assert_eq!(share(name.as_bytes(), words), expected, "{name}");
        }
    }
}
