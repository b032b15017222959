//! The order of the files found: BM25 over identifier words of text, path and definitions, plus
//! small bounded signals of the file itself. All of it comes from the index, so that candidates can
//! be ordered before their text is read.

mod parameters;

pub use parameters::{Parameter, ParameterError, RankingParameters};

use crate::{Result, Segment, Snapshot, docs::flag, words::words_of};
use ax_query::{Pattern, PatternSyntax};
use tantivy::{
    DocSet, TERMINATED, Term,
    postings::Postings,
    schema::{Field, IndexRecordOption},
};

/// BM25's saturation of repetition and of length.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// How much a word counts by where it stands.
const TEXT_WEIGHT: f32 = 1.0;
const PATH_WEIGHT: f32 = 1.5;
const SYMBOL_WEIGHT: f32 = 2.0;
/// What a file loses by what it is.
const TEST_LOSS: f32 = 0.6;
const VENDORED_LOSS: f32 = 0.8;
const GENERATED_LOSS: f32 = 0.8;
const DEPTH_LOSS: f32 = 0.04;
const MAX_DEPTH: u8 = 10;
/// Words of a query that are looked up.
const MAX_TERMS: usize = 32;

/// The words that a query asks for, whole and in parts.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    text: Vec<String>,
    symbol: Vec<String>,
}

impl Terms {
    /// Adds the words of a text pattern.
    pub(crate) fn add_text(&mut self, pattern: &Pattern) {
        add_words(pattern, &mut self.text);
    }

    /// Adds the words of a pattern over names of definitions.
    pub(crate) fn add_symbol(&mut self, pattern: &Pattern) {
        add_words(pattern, &mut self.symbol);
    }
}

fn add_words(pattern: &Pattern, words: &mut Vec<String>) {
    let source = match pattern.syntax() {
        PatternSyntax::Literal => pattern.source().to_owned(),
        PatternSyntax::Regex => without_escapes(pattern.source()),
    };
    for word in words_of(&source) {
        if words.len() < MAX_TERMS && !words.contains(&word) {
            words.push(word);
        }
    }
}

/// A regular expression with its escapes blanked, so that `\bfoo` is not taken for `bfoo`.
fn without_escapes(source: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut chars = source.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
            text.push(' ');
        } else {
            text.push(c);
        }
    }
    text
}

/// A word in a field, with what it is worth over the whole snapshot.
struct Weighted {
    term: Term,
    field: Field,
    weight: f32,
    average_len: f32,
}

/// Scores documents for one query.
pub(crate) struct Ranking {
    terms: Vec<Weighted>,
}

impl Ranking {
    /// Ranks by the files' own signals only.
    pub(crate) fn none() -> Self {
        Self { terms: Vec::new() }
    }

    /// Looks up how frequent each word is.
    pub(crate) fn new(snapshot: &Snapshot, terms: &Terms) -> Result<Self> {
        let mut ranking = Self::none();
        let Some(first) = snapshot.parts.first() else {
            return Ok(ranking);
        };
        let fields = first.segment.words.fields; // the same in every segment: one schema
        for word in &terms.text {
            ranking.add(snapshot, fields.text, word, TEXT_WEIGHT)?;
            ranking.add(snapshot, fields.path, word, PATH_WEIGHT)?;
            ranking.add(snapshot, fields.symbol, word, SYMBOL_WEIGHT)?;
        }
        for word in &terms.symbol {
            ranking.add(snapshot, fields.symbol, word, SYMBOL_WEIGHT)?;
        }
        Ok(ranking)
    }

    fn add(&mut self, snapshot: &Snapshot, field: Field, word: &str, weight: f32) -> Result<()> {
        let term = Term::from_field_text(field, word);
        let (mut with_term, mut docs, mut tokens) = (0u64, 0u64, 0u64);
        for part in &snapshot.parts {
            let index = part.segment.words.reader.inverted_index(field)?;
            with_term += u64::from(index.doc_freq(&term).map_err(tantivy::TantivyError::from)?);
            docs += part.segment.num_docs();
            tokens += index.total_num_tokens();
        }
        if with_term > 0 {
            let (n, df) = (docs as f32, with_term as f32);
            let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
            let average_len = (tokens as f32 / n).max(1.0);
            self.terms.push(Weighted { term, field, weight: weight * idf, average_len });
        }
        Ok(())
    }

    /// The scores of ascending `docs` of one segment.
    pub(crate) fn score(&self, segment: &Segment, docs: &[u32]) -> Result<Vec<f32>> {
        let mut scores: Vec<f32> = docs.iter().map(|doc| prior(segment, *doc)).collect();
        for weighted in &self.terms {
            weighted.add_to(segment, docs, &mut scores)?;
        }
        Ok(scores)
    }
}

impl Weighted {
    fn add_to(&self, segment: &Segment, docs: &[u32], scores: &mut [f32]) -> Result<()> {
        let reader = &segment.words.reader;
        let index = reader.inverted_index(self.field)?;
        let postings = index
            .read_postings(&self.term, IndexRecordOption::WithFreqs)
            .map_err(tantivy::TantivyError::from)?;
        let Some(mut postings) = postings else {
            return Ok(());
        };
        let lens = reader.get_fieldnorms_reader(self.field)?;
        for (doc, score) in docs.iter().zip(scores) {
            if postings.doc() < *doc && postings.seek(*doc) == TERMINATED {
                break;
            }
            if postings.doc() == *doc {
                let (tf, len) = (postings.term_freq() as f32, lens.fieldnorm(*doc) as f32);
                let norm = K1 * (1.0 - B + B * len / self.average_len);
                *score += self.weight * tf * (K1 + 1.0) / (tf + norm);
            }
        }
        Ok(())
    }
}

/// What a file is worth whatever the query; never positive, at least -3.
fn prior(segment: &Segment, doc: u32) -> f32 {
    let (flags, depth) = segment.docs.prior_facts(doc);
    let loss = |bit: u8, loss: f32| if flags & bit == 0 { 0.0 } else { loss };
    -(loss(flag::TEST, TEST_LOSS)
        + loss(flag::VENDORED, VENDORED_LOSS)
        + loss(flag::GENERATED, GENERATED_LOSS)
        + DEPTH_LOSS * f32::from(depth.min(MAX_DEPTH)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_no_words() {
        assert_eq!(words_of(&without_escapes(r"\bkmalloc\s*\(")), ["kmalloc"]);
    }
}
