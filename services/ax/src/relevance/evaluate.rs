//! Asking questions of an index in process, by some setting of the ranking.

use super::{RelevanceError, Result, corpus::Corpus, progress::Progress, sets::Question};
use ax_engine::{RankingParameters, SearchOptions, Stop};
use ax_model::{Code, Fault};
use ax_relevance::{
    DEPTH, Expected, FileId, Measure, QueryResult, ranks,
    sweep::{Knob, Setting},
};
use std::{
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// All parameters, as a sweep sees them.
pub fn knobs() -> Vec<Knob> {
    let knob = |parameter: &ax_engine::Parameter| Knob {
        name: parameter.name.to_owned(),
        min: parameter.min,
        max: parameter.max,
    };
    RankingParameters::ALL.iter().map(knob).collect()
}

/// The parameters' defaults with `NAME=VALUE` laid over.
pub fn setting(changes: &[String]) -> Result<Setting> {
    let bad = |what: String| Fault::new(Code::ConfigBadValue, what).in_field("--param");
    let mut parameters = RankingParameters::default();
    for change in changes {
        let read =
            change.split_once('=').and_then(|(name, value)| Some((name, value.parse().ok()?)));
        let (name, value) =
            read.ok_or_else(|| bad(format!("`{change}`: `NAME=VALUE` is expected")))?;
        parameters.set(name, value).map_err(|error| bad(error.to_string()))?;
    }
    let value = |parameter: &ax_engine::Parameter| {
        (parameter.name.to_owned(), parameters.get(parameter.name).unwrap_or(parameter.default))
    };
    Ok(RankingParameters::ALL.iter().map(value).collect())
}

/// Asks every question.
pub fn ask(
    corpus: &Corpus,
    questions: &[&Question],
    setting: &Setting,
    progress: &Progress,
) -> Result<Vec<QueryResult>> {
    let mut ranking = RankingParameters::default();
    for (name, value) in setting {
        let set = ranking.set(name, *value);
        set.map_err(|error| Fault::new(Code::ConfigBadValue, error.to_string()))?;
    }
    let ranking = Arc::new(ranking);
    let limits = ax_query_node::RequestLimits::default();
    let one = |question: &&Question| {
        let options = SearchOptions {
            limit: DEPTH,
            sort: question.query.shape.sort,
            // Nearness is looked for among the matches kept, so as many are kept as for people.
            max_lines_per_file: limits.default_lines_per_file as usize,
            ranking: Arc::clone(&ranking),
            ..SearchOptions::default()
        };
        let outcome = corpus.snapshot.search(&question.query, &options, &Stop::never())?;
        let answer = outcome.files.into_iter();
        let answer: Vec<_> =
            answer.map(|file| FileId::new(file.key.repo.as_str(), file.key.path)).collect();
        progress.add(1);
        Ok::<_, RelevanceError>(result(question, &answer, false))
    };
    on_all_cores(questions, one)
}

/// Applies `work` to each of `all`, on threads of its own: a search shares its work out over a pool, and one
/// begun from within that pool may wait for another for ever.
fn on_all_cores<T: Sync, R: Send>(
    all: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let Some((place, item)) = take(&next, all) {
            done.push((place, work(item)));
        }
        done
    };
    let num_threads = thread::available_parallelism().map_or(1, NonZero::get);
    let mut done = thread::scope(|scope| {
        let threads: Vec<_> = (0..num_threads).map(|_| scope.spawn(worker)).collect();
        let join = |thread: thread::ScopedJoinHandle<'_, Vec<_>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    done.sort_unstable_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, T>(next: &AtomicUsize, all: &'a [T]) -> Option<(usize, &'a T)> {
    let place = next.fetch_add(1, Ordering::Relaxed);
    all.get(place).map(|item| (place, item))
}

/// What became of a question that was answered so.
pub fn result(question: &Question, answer: &[FileId], partial: bool) -> QueryResult {
    let expected: Vec<Expected> = question.judged.expected.clone();
    QueryResult {
        set: question.set.clone(),
        query: question.judged.query.clone(),
        ranks: ranks(&expected, answer),
        expected,
        partial,
    }
}

/// The MRR of all.
pub fn mrr(results: &[QueryResult]) -> f64 {
    let sum: f64 = results.iter().map(|result| result.score(Measure::Mrr)).sum();
    sum / results.len().max(1) as f64
}
