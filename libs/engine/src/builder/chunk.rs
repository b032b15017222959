//! Indexing a chunk of pending documents on all cores.
//!
//! Words go into their index in the order of documents, on one thread, as the library wants it. So that
//! the other cores are not idle meanwhile, the words of one chunk are fed while the next is digested.

use super::{
    Definitions, Extraction, Pending, SegmentBuilder, Wanted,
    extraction::{self, Task},
};
use crate::{
    Result, blocks,
    docs::flag,
    grams::GramSorter,
    languages,
    sections::SectionWriter,
    words::{Digest, Digester, MAX_WHOLE},
};
use rayon::prelude::*;
use std::{ops::Range, panic::catch_unwind, sync::OnceLock};

/// A block of a pending document.
struct Unit<'a> {
    block: u32,
    /// The text from the block's start to the document's end.
    text: &'a [u8],
    len: usize,
}

impl SegmentBuilder {
    /// Indexes what is pending: content, trigrams, definitions and digests of words, side by side with
    /// feeding the digests of the chunk before.
    pub(super) fn flush(&mut self) -> Result<()> {
        let mut chunk = std::mem::take(&mut self.pending);
        self.pending_bytes = 0;
        if chunk.is_empty() {
            return Ok(());
        }
        let crew = self.crew;
        let tasks = crew.run(|| self.plan(&mut chunk));
        let units = self.split_blocks(&chunk);
        let before = std::mem::take(&mut self.digests);
        let Self { out, sorters, words, .. } = self;
        let ((fed, written), (extracted, runs)) = crew.run(|| {
            rayon::join(
                || (words.add_all(before), write_content(out, &chunk)),
                || {
                    rayon::join(
                        || extract(&chunk, tasks, || crew.give_way()),
                        || sort_grams(sorters, &units),
                    )
                },
            )
        });
        fed.and(written)?;
        for run in runs {
            self.grams.push(&run)?;
        }
        let (definitions, digests) = extracted.into_iter().unzip();
        self.digests = digests;
        self.keep(&chunk, definitions)
    }

    /// Decides where each document's definitions come from.
    fn plan(&mut self, chunk: &mut [Pending]) -> Vec<Task> {
        let Self { docs, options, known, extraction, rules, budget, .. } = self;
        let is_sought = |one: &Pending| one.known.is_none() && !one.text.is_empty();
        let texts: Vec<_> = chunk.iter().map(|one| one.text.clone()).collect();
        let wanted = chunk.iter().zip(&texts).map(|(one, text)| {
            let language = one.language.filter(|_| is_sought(one))?;
            rules.add(if options.symbols { ax_syntax::RULES } else { 0 });
            let blob = &docs[one.doc as usize].blob;
            options.symbols.then_some(Wanted { blob, language, text })
        });
        let wanted: Vec<_> = wanted.collect();
        let (tasks, done) = extraction::plan(chunk, &wanted, known, budget);
        extraction.add(&done);
        count(&done);
        tasks
    }

    fn split_blocks<'a>(&mut self, chunk: &'a [Pending]) -> Vec<Unit<'a>> {
        let mut units = Vec::new();
        for pending in chunk {
            let record = &mut self.docs[pending.doc as usize];
            record.first_block = self.blocks.num();
            let (mut start, mut line) = (0, 0);
            for end in blocks::split(&pending.text) {
                let text = &pending.text[start..];
                units.push(Unit { block: self.blocks.num(), text, len: end - start });
                self.blocks.push(record.text.start + start as u64, line, pending.doc);
                line += blocks::count_lines(&text[..end - start]);
                start = end;
            }
        }
        units
    }

    fn keep(&mut self, chunk: &[Pending], definitions: Vec<Definitions>) -> Result<()> {
        for (pending, definitions) in chunk.iter().zip(definitions) {
            let flags = &mut self.docs[pending.doc as usize].flags;
            *flags |= if definitions.given_up { flag::NO_SYMBOLS } else { 0 };
            *flags |= if definitions.unparsed { flag::UNPARSED } else { 0 };
            for (mut symbol, kind) in definitions.symbols {
                symbol.kind = self.tables.symbol_kinds.number_of(&kind);
                self.symbols.add(pending.doc, symbol);
            }
            self.marks.push(&definitions.marks)?; // documents come in order
        }
        Ok(())
    }
}

fn write_content(out: &mut SectionWriter, chunk: &[Pending]) -> Result<()> {
    chunk.iter().try_for_each(|pending| out.write(&pending.text))
}

/// Sorts the trigrams of equal shares of the units, one share per sorter, in order.
fn sort_grams(sorters: &mut [GramSorter], units: &[Unit<'_>]) -> Vec<Vec<u8>> {
    let shares = shares(units, sorters.len());
    let jobs = sorters.par_iter_mut().zip(shares);
    jobs.map(|(sorter, share)| {
        for unit in &units[share] {
            sorter.add(unit.block, unit.text, unit.len);
        }
        sorter.take_run()
    })
    .collect()
}

/// Cuts the units into `num` runs of about the same number of bytes.
fn shares(units: &[Unit<'_>], num: usize) -> Vec<Range<usize>> {
    let total: usize = units.iter().map(|unit| unit.len).sum();
    let (mut shares, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (i, unit) in units.iter().enumerate() {
        bytes += unit.len;
        if bytes * num >= total * (shares.len() + 1) {
            shares.push(start..i + 1);
            start = i + 1;
        }
    }
    shares.resize(num, start..start);
    shares
}

/// Extracts definitions and digests words on all cores. Of equal texts whoever comes first parses, once it has
/// given way.
fn extract(
    chunk: &[Pending],
    tasks: Vec<Task>,
    give_way: impl Fn() + Sync,
) -> Vec<(Definitions, Digest)> {
    let shared: Vec<OnceLock<Definitions>> = chunk.iter().map(|_| OnceLock::new()).collect();
    let parse = |pending: &Pending| {
        give_way();
        definitions_of(pending)
    };
    let extract = |digester: &mut Digester, (pending, task): (&Pending, Task)| {
        let definitions = match task {
            Task::Nothing => Definitions::default(),
            Task::Leave => Definitions::unparsed(),
            Task::Copy(known) => known,
            Task::Parse => parse(pending),
            Task::Share(first) => shared[first].get_or_init(|| parse(pending)).clone(),
        };
        let digest = digest(digester, pending, &definitions);
        (definitions, digest)
    };
    chunk.par_iter().zip(tasks).map_init(Digester::default, extract).collect()
}

fn digest(digester: &mut Digester, pending: &Pending, definitions: &Definitions) -> Digest {
    let names: Vec<_> = definitions
        .symbols
        .iter()
        .map(|(symbol, _)| String::from_utf8_lossy(&symbol.name))
        .collect();
    Digest {
        text: digester.digest(&String::from_utf8_lossy(&pending.text), MAX_WHOLE),
        path: digester.digest(&pending.path, usize::MAX),
        symbol: digester.digest(&names.join(" "), MAX_WHOLE),
    }
}

fn definitions_of(pending: &Pending) -> Definitions {
    let Some(language) = pending.language else { return Definitions::default() };
    let extract = || languages::extract(language, &pending.text);
    // a text that a parser panics on is found all the same, without its definitions
    let found = catch_unwind(extract).unwrap_or_else(|_| {
        tracing::error!(path = pending.path, language = language.name, "a parser panicked");
        Definitions { given_up: true, ..Definitions::default() }
    });
    if found.given_up {
        tracing::debug!(path = pending.path, "definitions given up");
        metrics::counter!("ax_engine_definitions_given_up_total").increment(1);
    }
    found
}

fn count(done: &Extraction) {
    let Extraction { parsed, reused, left: _ } = done;
    metrics::counter!("ax_engine_parsed_texts_total").increment(parsed.num);
    metrics::counter!("ax_engine_parsed_bytes_total").increment(parsed.num_bytes);
    metrics::counter!("ax_engine_reused_texts_total").increment(reused.num);
    metrics::counter!("ax_engine_reused_bytes_total").increment(reused.num_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What broke: a merge waited for searches before each document, also before those that it only copied.
    #[test]
    fn only_texts_that_are_parsed_give_way() {
        let pending = |doc| Pending {
            doc,
            path: "a.rs".to_owned(),
            text: Bytes::from_static(b"fn one() {}"),
            language: ax_syntax::find_language("rust"),
            known: None,
        };
        let copy = || Task::Copy(Definitions::default());
        let num_waits = |tasks: Vec<Task>| {
            let chunk: Vec<_> = (0..).take(tasks.len()).map(pending).collect();
            let waits = AtomicUsize::new(0);
            let give_way = || _ = waits.fetch_add(1, Ordering::Relaxed);
            let found = extract(&chunk, tasks, give_way);
            let num_symbols: usize = found.iter().map(|(found, _)| found.symbols.len()).sum();
            (waits.into_inner(), num_symbols)
        };
        assert_eq!(num_waits(vec![Task::Nothing, Task::Leave, copy(), copy()]), (0, 0));
        assert_eq!(num_waits(vec![copy(), Task::Parse, Task::Share(2), Task::Share(2)]), (2, 3));
    }
}
