//! The order of the files found. docs/ranking.md has the formula and where it comes from.
//!
//! The score has two halves. What the index knows (words, definitions, what kind of file it is) orders
//! all candidates before their text is read. What only the bytes tell (nearness) is added
//! to those that were verified, and orders the best of them.

mod definitions;
mod file;
mod matches;
mod parameters;
mod terms;
mod words;

pub(crate) use definitions::Definition;
pub(crate) use matches::{Spans, signals as signals_of_matches};
pub use parameters::{Parameter, ParameterError, RankingParameters};
pub(crate) use terms::Terms;

use crate::{Result, Segment, Signal, Snapshot, snapshot::Part};
use words::Words;

/// Scores documents for one query by the index alone.
pub(crate) struct Ranking<'a> {
    parameters: &'a RankingParameters,
    terms: &'a Terms,
    words: Words,
    /// Runs of names in all segments.
    num_runs: u64,
}

impl<'a> Ranking<'a> {
    /// Looks up how frequent each word is.
    pub(crate) fn new(
        snapshot: &Snapshot,
        terms: &'a Terms,
        parameters: &'a RankingParameters,
    ) -> Result<Self> {
        let runs_of = |part: &Part| u64::from(part.segment.symbols.num_units());
        let num_runs = snapshot.parts.iter().map(runs_of).sum();
        Ok(Self { parameters, terms, words: Words::new(snapshot, terms, parameters)?, num_runs })
    }

    /// The documents of a segment that define what the query names, in order.
    pub(crate) fn definitions(&self, segment: &Segment) -> Result<Vec<Definition>> {
        if self.parameters.definition == 0.0 {
            return Ok(Vec::new());
        }
        let symbols = &segment.symbols;
        let max_runs = definitions::most_runs(symbols.num_units(), self.num_runs);
        definitions::find(symbols, self.terms, self.words.shares(), max_runs)
    }

    /// What the score of one document is the sum of.
    pub(crate) fn signals(
        &self,
        segment: &Segment,
        doc: u32,
        definitions: &[Definition],
    ) -> Result<Vec<Signal>> {
        let (mut words, parameters) = ([0.0], self.parameters);
        self.words.add_to(segment, &[doc], parameters.words, &mut words)?;
        let found = definitions.binary_search_by_key(&doc, |definition| definition.doc);
        let share = found.map_or(0.0, |i| definitions[i].share);
        let mut signals = vec![
            Signal { name: "words", value: words[0] },
            Signal { name: "definition", value: parameters.definition * share },
        ];
        signals.extend(file::losses(segment, doc, parameters));
        Ok(signals)
    }

    /// The scores of ascending `docs` of one segment.
    pub(crate) fn score(
        &self,
        segment: &Segment,
        docs: &[u32],
        definitions: &[Definition],
    ) -> Result<Vec<f32>> {
        let losses = |doc: &u32| file::losses(segment, *doc, self.parameters);
        let prior = |doc| losses(doc).iter().map(|loss| loss.value).sum();
        let mut scores: Vec<f32> = docs.iter().map(prior).collect();
        self.words.add_to(segment, docs, self.parameters.words, &mut scores)?;
        let mut rest = definitions.iter().peekable();
        for (doc, score) in docs.iter().zip(&mut scores) {
            while rest.next_if(|definition| definition.doc < *doc).is_some() {}
            if let Some(definition) = rest.next_if(|definition| definition.doc == *doc) {
                *score += self.parameters.definition * definition.share;
            }
        }
        Ok(scores)
    }
}
