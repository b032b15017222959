//! The sets that a run asks, as queries that can be run.

use super::{Result, args::RunArgs, corpus::Corpus, draw, read};
use ax_model::{Code, Fault};
use ax_query::{Limits, Query};
use ax_relevance::{FileId, Half, Judged, JudgedSet, generate::Draw, parse};
use std::collections::HashSet;

/// A judged query, read.
pub struct Question {
    pub set: String,
    pub judged: Judged,
    pub query: Query,
}

impl Question {
    pub fn half(&self) -> Half {
        Half::of(&self.judged.expected)
    }
}

/// The sets written by hand, then those drawn.
pub fn gather(args: &RunArgs, corpus: Option<&Corpus>) -> Result<Vec<Question>> {
    let mut sets = Vec::new();
    for path in &args.sets {
        let shown = path.display().to_string();
        let text = String::from_utf8(read(path)?)
            .map_err(|_| Fault::new(Code::JudgedSetMalformed, format!("{shown} is not UTF-8")))?;
        let mut set = parse(&shown, &text)?;
        check_files(&set, corpus)?;
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        set.name = stem.unwrap_or_else(|| shown.clone());
        sets.push((shown, set));
    }
    if let Some(corpus) = corpus.filter(|_| args.sets.is_empty() || !args.draw.draw.is_empty()) {
        let draw = Draw { seed: args.draw.seed, per_set: args.draw.per_set };
        let wanted = |name: &str| {
            args.draw.draw.is_empty() || args.draw.draw.iter().any(|set| set.name() == name)
        };
        let drawn = draw::sets(corpus, draw)?.into_iter();
        let drawn = drawn.filter(|(set, _)| wanted(&set.name));
        sets.extend(drawn.map(|(set, place)| (place.display().to_string(), set)));
    }
    let mut questions = Vec::new();
    for (place, set) in sets {
        questions.extend(read_queries(&place, set)?);
    }
    if questions.is_empty() {
        let what = "there is nothing to ask: give --set, or a --corpus to draw from";
        return Err(Fault::new(Code::ConfigBadValue, what).in_field("--set").into());
    }
    Ok(questions)
}

/// A file that is not there cannot be found: more likely it is misspelt.
fn check_files(set: &JudgedSet, corpus: Option<&Corpus>) -> Result<()> {
    let Some(corpus) = corpus else { return Ok(()) };
    let files: HashSet<&FileId> = corpus.files.iter().collect();
    for Judged { expected, line, .. } in &set.queries {
        if let Some(one) = expected.iter().find(|one| !files.contains(&one.file)) {
            let what = format!("{}, line {line}: no corpus has `{}`", set.name, one.file);
            let fault = Fault::new(Code::JudgedSetMalformed, what).in_field(set.name.clone());
            return Err(fault
                .hint("name the folder as the set does, as in --corpus linux=DIR; or mend the path")
                .into());
        }
    }
    Ok(())
}

/// The queries of a set; a mistake in one names its line in the file at `place`.
fn read_queries(place: &str, set: JudgedSet) -> Result<Vec<Question>> {
    let read = |judged: Judged| {
        let query = ax_query::parse(&judged.query, &Limits::default())
            .and_then(|query| ax_engine::check_names(&query).map(|()| query))
            .map_err(|error| {
                let Judged { query, line, .. } = &judged;
                let what = format!("{place}, line {line}: `{query}`: {}", error.message);
                Fault::new(error.code(), what).in_field(place.to_owned()).hint(error.hint)
            })?;
        Ok(Question { set: set.name.clone(), judged, query })
    };
    set.queries.into_iter().map(read).collect()
}
