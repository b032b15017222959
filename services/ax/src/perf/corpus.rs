//! The patterns of a workload: written in it, in a file, or drawn from the corpus.

use super::{PerfError, files};
use ax_model::{Code, Fault};
use ax_perf::{
    words::{Places, first_word},
    workload::{Class, Source, Workload},
};
use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Read at a place to find a word.
const WINDOW: u64 = 512;
/// Draws per word wanted: binary files, long runs of blanks and words met before need more than one.
const TRIES: usize = 50;

/// The patterns of every class, none of them empty. `folder` is the workload's, which files are relative
/// to.
pub fn patterns(workload: &Workload, folder: &Path) -> Result<Vec<Vec<String>>, PerfError> {
    let corpus = workload.corpus.path.as_deref();
    let classes = workload.classes.iter().enumerate();
    classes
        .map(|(number, class)| {
            // Each class draws words of its own, and the same ones in every run.
            let seed = workload.load.seed.wrapping_add(number as u64);
            let patterns = of_class(class, folder, corpus, seed)?;
            if patterns.is_empty() {
                return Err(PerfError::Other(format!("class `{}` has no queries", class.name)));
            }
            Ok(patterns)
        })
        .collect()
}

fn of_class(
    class: &Class,
    folder: &Path,
    corpus: Option<&Path>,
    seed: u64,
) -> Result<Vec<String>, PerfError> {
    match &class.source {
        Source::List(list) => Ok(list.clone()),
        Source::File(path) => {
            let text = files::read(&folder.join(path))?;
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            Ok(lines.map(str::to_owned).collect())
        }
        Source::Words { num } => {
            let corpus = corpus.ok_or_else(|| PerfError::Other("no corpus.path".to_owned()))?;
            words(corpus, *num, seed).map_err(|error| {
                let message = format!("corpus.path: {}: {error}", corpus.display());
                Fault::new(Code::ConfigBadValue, message).in_field("corpus.path").into()
            })
        }
    }
}

/// `num` different words of the text under `folder`, the same for the same text and seed.
fn words(folder: &Path, num: usize, seed: u64) -> std::io::Result<Vec<String>> {
    let mut files = Vec::new();
    list(folder, &mut files)?;
    files.sort();
    let sizes: Vec<u64> = files.iter().map(|(_, size)| *size).collect();
    let mut places = Places::new(&sizes, seed);
    let (mut words, mut seen) = (Vec::new(), BTreeSet::new());
    for _ in 0..num * TRIES {
        let Some((file, at)) = places.draw() else { break };
        let text = window(&files[file].0, at)?;
        if let Some(word) = first_word(&text).filter(|_| !text.contains(&0))
            && seen.insert(word.to_owned())
        {
            words.push(word.to_owned());
            if words.len() == num {
                return Ok(words);
            }
        }
    }
    Err(std::io::Error::other(format!("it has only {} different words in reach", words.len())))
}

/// All files and their sizes; git's own folders and links are left out.
fn list(folder: &Path, files: &mut Vec<(PathBuf, u64)>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() && entry.file_name() != ".git" {
            list(&entry.path(), files)?;
        } else if kind.is_file() {
            files.push((entry.path(), entry.metadata()?.len()));
        }
    }
    Ok(())
}

fn window(path: &Path, at: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut text = Vec::new();
    file.take(WINDOW).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_the_corpus_and_the_same_each_time() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/.git")).unwrap();
        let text = (0..200).map(|n| format!("word_{n} = {n};\n")).collect::<String>();
        fs::write(folder.path().join("a/text.c"), text).unwrap();
        fs::write(folder.path().join("a/.git/hidden"), "hidden_word hidden_word\n".repeat(900))
            .unwrap();
        fs::write(folder.path().join("binary"), b"\0binary_word binary_word ".repeat(900)).unwrap();
        let drawn = words(folder.path(), 20, 7).unwrap();
        assert_eq!(drawn, words(folder.path(), 20, 7).unwrap());
        assert_ne!(drawn, words(folder.path(), 20, 8).unwrap());
        assert!(drawn.iter().all(|word| word.starts_with("word_")), "{drawn:?}");
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), 20);
        let error = words(folder.path(), 5_000, 7).unwrap_err();
        assert!(error.to_string().contains("only"), "{error}");
    }
}
