//! BM25F: how well the words of a query fit a document, over the fields text, path and definitions.
//!
//! ```text
//! fit(doc)  = sum over words of  weight * idf * saturate(frequency(doc))  /  sum of  weight * idf
//! frequency = sum over fields of  field_weight * count / (1 - b + b * length / average_length)
//! saturate  = frequency / (k1 + frequency)
//! idf       = ln(1 + (n - df + 0.5) / (df + 0.5)),  df the largest of any field
//! ```
//!
//! After S. Robertson and H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009),
//! section 3.6. It lies between 0 and 1 here, so that the scores of two shards can be compared and the
//! other signals need not know how rare a query's words are. A count is that of the digest: the
//! logarithm of the frequency.

use super::{RankingParameters, Terms};
use crate::{Result, Segment, Snapshot, Stop, words::MAX_WHOLE};
use tantivy::{
    DocSet, TERMINATED, Term,
    postings::Postings,
    schema::{Field, IndexRecordOption},
};

/// Words of a query that count, parts included: each costs a walk through its postings.
const MAX_WORDS: usize = 64;

/// The words of a query, with what they are worth over a snapshot.
#[derive(Default)]
pub(super) struct Words {
    words: Vec<Word>,
    /// The share of each identifier of the query, parts included.
    shares: Vec<f32>,
    k1: f32,
    b: f32,
}

/// A word that some document has, or could have.
struct Word {
    fields: Vec<InField>,
    /// Its share of the whole fit.
    share: f32,
}

struct InField {
    term: Term,
    field: Field,
    weight: f32,
    average_len: f32,
}

impl Words {
    /// Looks up how frequent each word is.
    pub(super) fn new(
        snapshot: &Snapshot,
        terms: &Terms,
        parameters: &RankingParameters,
    ) -> Result<Self> {
        let (k1, b) = (parameters.k1, parameters.b);
        let mut this = Self { words: Vec::new(), shares: Vec::new(), k1, b };
        for term in &terms.identifiers {
            let (identifier, num_before) = (&term.identifier, this.words.len());
            this.add(snapshot, &identifier.whole, 1.0, term.is_symbol, parameters)?;
            for part in identifier.strict_parts() {
                this.add(snapshot, part, parameters.part, term.is_symbol, parameters)?;
            }
            let share = this.words[num_before..].iter().map(|word| word.share).sum();
            this.shares.push(share);
        }
        let total: f32 = this.words.iter().map(|word| word.share).sum();
        let total = total.max(f32::MIN_POSITIVE);
        this.words.iter_mut().for_each(|word| word.share /= total);
        this.shares.iter_mut().for_each(|share| *share /= total);
        Ok(this)
    }

    /// How much of the whole fit each identifier of the query is, in their order; 1 in sum, or 0 when no
    /// file has any of their words.
    pub(super) fn shares(&self) -> &[f32] {
        &self.shares
    }

    fn add(
        &mut self,
        snapshot: &Snapshot,
        word: &str,
        weight: f32,
        is_symbol: bool,
        parameters: &RankingParameters,
    ) -> Result<()> {
        let Some(first) = snapshot.parts.first() else {
            return Ok(());
        };
        let fields = first.segment.words.fields; // the same in every segment: one schema
        let weights = [
            (fields.symbol, parameters.symbol),
            (fields.text, if is_symbol { 0.0 } else { parameters.text }),
            (fields.path, if is_symbol { 0.0 } else { parameters.path }),
        ];
        let mut found = Vec::new();
        let (mut num_docs, mut most) = (0, 0);
        for (field, weight) in weights.into_iter().filter(|(_, weight)| *weight > 0.0) {
            let term = Term::from_field_text(field, word);
            let (mut with_term, mut docs, mut tokens) = (0u64, 0u64, 0u64);
            for part in &snapshot.parts {
                let index = part.segment.words.reader.inverted_index(field)?;
                with_term += u64::from(index.doc_freq(&term).map_err(tantivy::TantivyError::from)?);
                docs += part.segment.num_docs();
                tokens += index.total_num_tokens();
            }
            if with_term > 0 {
                let average_len = (tokens as f32 / docs.max(1) as f32).max(1.0);
                found.push(InField { term, field, weight, average_len });
            }
            (num_docs, most) = (docs, most.max(with_term));
        }
        // One that is in no file here counts as one that is in one: it may be in another shard's.
        if weight > 0.0
            && self.words.len() < MAX_WORDS
            && (!found.is_empty() || word.len() <= MAX_WHOLE)
        {
            let (n, df) = (num_docs as f32, most.max(1) as f32);
            let idf = (1.0 + (n - df + 0.5) / (df + 0.5)).ln();
            self.words.push(Word { fields: found, share: weight * idf });
        }
        Ok(())
    }

    /// Adds `scale` times the fit of each of the ascending `docs` of a segment to its score; not of every
    /// word when `stop` is due meanwhile.
    pub(super) fn add_to(
        &self,
        segment: &Segment,
        docs: &[u32],
        scale: f32,
        scores: &mut [f32],
        stop: &Stop,
    ) -> Result<()> {
        let mut frequencies = vec![0.0; docs.len()];
        for word in &self.words {
            if stop.is_due() {
                return Ok(());
            }
            frequencies.fill(0.0);
            for field in &word.fields {
                field.add_to(segment, docs, self.b, &mut frequencies)?;
            }
            for (score, frequency) in scores.iter_mut().zip(&frequencies) {
                if *frequency > 0.0 {
                    *score += scale * word.share * frequency / (self.k1 + frequency);
                }
            }
        }
        Ok(())
    }
}

impl InField {
    fn add_to(
        &self,
        segment: &Segment,
        docs: &[u32],
        b: f32,
        frequencies: &mut [f32],
    ) -> Result<()> {
        let reader = &segment.words.reader;
        let index = reader.inverted_index(self.field)?;
        let postings = index
            .read_postings(&self.term, IndexRecordOption::WithFreqs)
            .map_err(tantivy::TantivyError::from)?;
        let Some(mut postings) = postings else {
            return Ok(());
        };
        let lens = reader.get_fieldnorms_reader(self.field)?;
        for (doc, frequency) in docs.iter().zip(frequencies) {
            if postings.doc() < *doc && postings.seek(*doc) == TERMINATED {
                break;
            }
            if postings.doc() == *doc {
                let (count, len) = (postings.term_freq() as f32, lens.fieldnorm(*doc) as f32);
                *frequency += self.weight * count / (1.0 - b + b * len / self.average_len);
            }
        }
        Ok(())
    }
}
