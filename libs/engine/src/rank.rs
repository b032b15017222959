//! The order of the files found. docs/ranking.md has the formula and where it comes from.
//!
//! The score has two halves. What the index knows (words, definitions, what kind of file it is) orders
//! all candidates before their text is read. What only the bytes tell (nearness) is added
//! to those that were verified, and orders the best of them.

mod definitions;
mod matches;
mod parameters;
mod prior;
mod terms;
mod words;

pub(crate) use definitions::Definition;
pub(crate) use matches::{Spans, signals as signals_of_matches};
pub use parameters::{Parameter, ParameterError, RankingParameters};
pub(crate) use prior::Standing;
pub(crate) use terms::Terms;

use crate::{Result, Segment, Signal, Snapshot, Stop, snapshot::Part};
use prior::Prior;
use words::Words;

/// Scores documents for one query by the index alone.
pub(crate) struct Ranking<'a> {
    parameters: &'a RankingParameters,
    terms: &'a Terms,
    words: Words,
    /// Runs of names in all segments.
    num_runs: u64,
    /// Days since 1970; zero when age does not count.
    today: u32,
}

/// What a ranking has looked up in one segment.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The documents that define what the query names, in order.
    pub(crate) definitions: Vec<Definition>,
    /// How the repositories stand, by their places among the segment's strings.
    pub(crate) standings: Vec<Standing>,
}

impl<'a> Ranking<'a> {
    /// Looks up how frequent each word is.
    pub(crate) fn new(
        snapshot: &Snapshot,
        terms: &'a Terms,
        parameters: &'a RankingParameters,
        today: u32,
    ) -> Result<Self> {
        let runs_of = |part: &Part| u64::from(part.segment.symbols.num_units());
        let num_runs = snapshot.parts.iter().map(runs_of).sum();
        let words = Words::new(snapshot, terms, parameters)?;
        Ok(Self { parameters, terms, words, num_runs, today })
    }

    /// What the scores of a segment's documents need beside themselves.
    pub(crate) fn look_up(&self, part: &Part) -> Result<Known> {
        let symbols = &part.segment.symbols;
        let max_runs = definitions::most_runs(symbols.num_units(), self.num_runs);
        let definitions = match self.parameters.definition {
            0.0 => Vec::new(),
            _ => definitions::find(symbols, self.terms, self.words.shares(), max_runs)?,
        };
        Ok(Known { definitions, standings: prior::standings(part) })
    }

    /// What the score of one document is the sum of.
    pub(crate) fn signals(
        &self,
        segment: &Segment,
        doc: u32,
        known: &Known,
    ) -> Result<Vec<Signal>> {
        let (mut words, parameters) = ([0.0], self.parameters);
        self.words.add_to(segment, &[doc], parameters.words, &mut words, &Stop::never())?;
        let definitions = &known.definitions;
        let found = definitions.binary_search_by_key(&doc, |definition| definition.doc);
        let share = found.map_or(0.0, |i| definitions[i].share);
        let mut signals = vec![
            Signal { name: "words", value: words[0] },
            Signal { name: "definition", value: parameters.definition * share },
        ];
        signals.extend(self.prior(segment, known).signals(doc));
        Ok(signals)
    }

    /// The scores of ascending `docs` of one segment; of some of the query's words when `stop` is due.
    pub(crate) fn score(
        &self,
        segment: &Segment,
        docs: &[u32],
        known: &Known,
        stop: &Stop,
    ) -> Result<Vec<f32>> {
        let mut prior = self.prior(segment, known);
        let mut scores: Vec<f32> = docs.iter().map(|doc| prior.of(*doc)).collect();
        self.words.add_to(segment, docs, self.parameters.words, &mut scores, stop)?;
        let mut rest = known.definitions.iter().peekable();
        for (doc, score) in docs.iter().zip(&mut scores) {
            while rest.next_if(|definition| definition.doc < *doc).is_some() {}
            if let Some(definition) = rest.next_if(|definition| definition.doc == *doc) {
                *score += self.parameters.definition * definition.share;
            }
        }
        Ok(scores)
    }

    fn prior<'p>(&'p self, segment: &'p Segment, known: &'p Known) -> Prior<'p> {
        Prior::new(segment, &known.standings, self.parameters, self.today)
    }
}
