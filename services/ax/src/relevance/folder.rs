//! Folders as they lie on the disk: which files there are, and whether they are as they were.

use super::Result;
use ax_model::{Code, ContentHash, Fault, RepoName};
use std::{
    collections::BTreeSet,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// A folder that is searched as one repository.
#[derive(Debug)]
pub struct Folder {
    pub repo: RepoName,
    root: PathBuf,
}

/// A file of a folder.
#[derive(Debug)]
pub struct Found {
    /// From the folder.
    pub path: String,
    pub place: PathBuf,
    pub num_bytes: u64,
    modified_ns: i128,
}

/// Reads `[NAME=]DIR`, each with a name of its own.
pub fn folders(arguments: &[String]) -> Result<Vec<Folder>> {
    let folders: Vec<Folder> = arguments.iter().map(|text| folder(text)).collect::<Result<_>>()?;
    let names: BTreeSet<_> = folders.iter().map(|folder| &folder.repo).collect();
    if names.len() < folders.len() {
        return Err(bad("two folders have the same name; name them, as in NAME=DIR".to_owned()));
    }
    Ok(folders)
}

fn folder(text: &str) -> Result<Folder> {
    let named = text.split_once('=').filter(|_| !Path::new(text).is_dir());
    let (name, dir) = named.map_or((None, text), |(name, dir)| (Some(name), dir));
    let root = Path::new(dir).canonicalize().ok().filter(|root| root.is_dir());
    let root = root.ok_or_else(|| bad(format!("`{dir}` is no folder")))?;
    let own = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.map(str::to_owned).or(own).unwrap_or_default();
    let repo = RepoName::new(name).map_err(|error| bad(format!("`{text}`: {error}")))?;
    Ok(Folder { repo, root })
}

impl Folder {
    /// Its files in order of path, without `.git` and what lies in `except`.
    pub fn files(&self, except: &Path) -> Result<Vec<Found>> {
        let wanted = |entry: &walkdir::DirEntry| {
            entry.file_name() != ".git" && !entry.path().starts_with(except)
        };
        let walk = walkdir::WalkDir::new(&self.root).sort_by_file_name();
        let mut files = Vec::new();
        for entry in walk.into_iter().filter_entry(wanted) {
            let entry = entry.map_err(|error| unreadable(&error))?;
            let path = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
            // a name that is not UTF-8 cannot be a key
            let (true, Some(path)) = (entry.file_type().is_file(), path.to_str()) else { continue };
            let meta = entry.metadata().map_err(|error| unreadable(&error))?;
            files.push(Found {
                path: path.to_owned(),
                place: entry.path().to_owned(),
                num_bytes: meta.len(),
                modified_ns: i128::from(meta.mtime()) * 1_000_000_000
                    + i128::from(meta.mtime_nsec()),
            });
        }
        Ok(files)
    }
}

/// Changes when a file comes, goes, or is written.
pub fn stamp(folders: &[(&Folder, Vec<Found>)]) -> String {
    let mut text = format!("ax {}\n", env!("CARGO_PKG_VERSION"));
    for (folder, files) in folders {
        text.push_str(folder.repo.as_str());
        for file in files {
            let Found { path, num_bytes, modified_ns, .. } = file;
            text.push_str(&format!("\0{path}\0{num_bytes}\0{modified_ns}"));
        }
        text.push('\n');
    }
    ContentHash::of(text.as_bytes()).to_string()
}

fn bad(message: String) -> super::RelevanceError {
    Fault::new(Code::ConfigBadValue, message).in_field("--corpus").into()
}

fn unreadable(error: &walkdir::Error) -> super::RelevanceError {
    Fault::new(Code::ConfigUnreadable, error.to_string()).in_field("--corpus").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_have_names() {
        let root = tempfile::tempdir().unwrap();
        let one = root.path().join("one");
        std::fs::create_dir(&one).unwrap();
        let named = |texts: &[String]| -> Result<Vec<String>> {
            Ok(folders(texts)?.iter().map(|folder| folder.repo.as_str().to_owned()).collect())
        };
        let dir = one.display().to_string();
        assert_eq!(named(&[dir.clone(), format!("two={dir}")]).unwrap(), ["one", "two"]);
        for texts in
            [vec![dir.clone(), dir.clone()], vec![format!("{dir}/no")], vec![format!("../x={dir}")]]
        {
            let error = named(&texts).unwrap_err();
            let super::super::RelevanceError::Fault(fault) = error else { panic!("{error}") };
            assert_eq!(fault.code, Code::ConfigBadValue, "{texts:?}");
        }
    }

    #[test]
    fn a_stamp_is_of_what_is_searched() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("r");
        for (path, text) in [("a.c", "one"), ("b/c.c", "two"), (".git/x", "y"), ("work/z", "z")] {
            let place = dir.join(path);
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            std::fs::write(place, text).unwrap();
        }
        let folder = folder(&dir.display().to_string()).unwrap();
        let except = folder.root.join("work");
        let now = || {
            let files = folder.files(&except).unwrap();
            let paths: Vec<_> = files.iter().map(|file| file.path.clone()).collect();
            (paths, stamp(&[(&folder, files)]))
        };
        let (paths, before) = now();
        assert_eq!(paths, ["a.c", "b/c.c"]);
        std::fs::write(dir.join(".git/x"), "changed").unwrap();
        assert_eq!(now().1, before);
        std::fs::write(dir.join("a.c"), "longer").unwrap();
        assert_ne!(now().1, before);
    }
}
