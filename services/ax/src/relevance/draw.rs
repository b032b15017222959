//! Drawing sets from an index, and keeping them: `work/sets/NAME.set`. Its first line says what it was drawn
//! of and how; a file that says the same is not drawn again.

use super::{Result, corpus::Corpus, progress::Progress, unusable, write};
use ax_model::{DocKey, RepoName};
use ax_relevance::{
    FileId, JudgedSet,
    generate::{Draw, Frequencies, NameDraw, SETS, text_sets},
    parse, print,
};
use rayon::prelude::*;
use std::path::{Path, PathBuf};

/// Files whose words one thread counts at a time.
const FILES_PER_JOB: usize = 256;

/// All four sets, and where they are kept.
pub fn sets(corpus: &Corpus, draw: Draw) -> Result<Vec<(JudgedSet, PathBuf)>> {
    let folder = corpus.work.join("sets");
    std::fs::create_dir_all(&folder).map_err(|error| unusable(&folder, &error))?;
    let origin =
        format!("drawn with seed {}, at most {}, of {}", draw.seed, draw.per_set, corpus.identity);
    let place = |name: &str| folder.join(format!("{name}.set"));
    let kept: Option<Vec<_>> =
        SETS.iter().map(|name| Some((kept(name, &place(name), &origin)?, place(name)))).collect();
    if let Some(kept) = kept {
        return Ok(kept);
    }
    let drawn = draw_all(corpus, draw)?;
    for set in &drawn {
        let note = "query, tab, what it must find; see docs/relevance.md".to_owned();
        write(&place(&set.name), print(set, &[origin.clone(), note]).as_bytes())?;
    }
    Ok(drawn.into_iter().map(|set| (place(&set.name), set)).map(|(at, set)| (set, at)).collect())
}

fn kept(name: &str, place: &Path, origin: &str) -> Option<JudgedSet> {
    let text = std::fs::read_to_string(place).ok()?;
    let is_same = text.lines().next()?.strip_prefix("# ")? == origin;
    // a draw may be empty, which a set written by hand must not be
    let empty = || JudgedSet { name: name.to_owned(), queries: Vec::new() };
    let has_queries = text.lines().any(|line| !line.starts_with('#'));
    let set = if has_queries { parse(name, &text).ok()? } else { empty() };
    is_same.then_some(set)
}

fn draw_all(corpus: &Corpus, draw: Draw) -> Result<Vec<JudgedSet>> {
    let mut names = NameDraw::new(draw);
    corpus.snapshot.each_definition(|found| names.count(found.name, found.document as u32))?;
    corpus.snapshot.each_definition(|found| {
        if !found.is_test {
            names.offer(found.name, found.kind, found.document as u32);
        }
    })?;
    let [names, subwords] = names.finish(&corpus.files);
    let frequencies = frequencies(corpus)?;
    let texts =
        text_sets(draw, &corpus.files, &frequencies, |place| text(corpus, &corpus.files[place]))?;
    Ok(vec![names, subwords, texts.words, texts.filename])
}

fn frequencies(corpus: &Corpus) -> Result<Frequencies> {
    let progress = Progress::of("counting words of files", corpus.files.len() as u64);
    let jobs = corpus.files.par_chunks(FILES_PER_JOB).map(|files| {
        let mut counted = Frequencies::default();
        for file in files {
            if let Some(text) = text(corpus, file)? {
                counted.add(&text);
            }
            progress.add(1);
        }
        Ok(counted)
    });
    jobs.try_reduce(Frequencies::default, |a, b| Ok(a.merge(b)))
}

fn text(corpus: &Corpus, file: &FileId) -> Result<Option<Vec<u8>>> {
    let Ok(repo) = RepoName::new(file.repo.as_str()) else { return Ok(None) };
    let Ok(key) = DocKey::new(repo, file.path.clone()) else { return Ok(None) };
    Ok(corpus.snapshot.file(&key, None)?.and_then(|view| view.text.ok()))
}
