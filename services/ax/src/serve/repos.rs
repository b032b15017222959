//! What `ax serve --repo` asks for, and under which names.

use crate::roles::admin::name_of;
use ax_model::{Code, Fault, RepoName, SaidFacts, without_secrets};
use ax_query_node::NewRepository;
use std::{collections::BTreeMap, path::Path};

/// One `--repo`: `PATH`, `URL`, `NAME=PATH` or `NAME=URL`.
struct Asked {
    name: Option<RepoName>,
    /// A URL, or a path from the root.
    source: String,
    /// How many folders of the path make its name.
    depth: usize,
}

/// The repositories asked for, each with a name of its own. A source that is `registered` (source by
/// name) keeps its name; two folders of the same name take as many of the folders above them as tell
/// them apart.
pub fn named(
    asked: &[String],
    registered: &BTreeMap<String, String>,
) -> Result<Vec<NewRepository>, Fault> {
    let mut all = asked.iter().map(|text| read(text)).collect::<Result<Vec<Asked>, Fault>>()?;
    for one in all.iter_mut().filter(|one| one.name.is_none()) {
        let known = registered.iter().find(|(_, source)| same(source, &one.source));
        one.name = known.and_then(|(name, _)| RepoName::new(name.as_str()).ok());
    }
    tell_apart(&mut all, registered)?;
    all.into_iter()
        .map(|one| {
            let name = one.called()?;
            let (branches, facts) = (Vec::new(), SaidFacts::default());
            Ok(NewRepository { source: one.source, name: Some(name), branches, facts })
        })
        .collect()
}

/// Takes one folder more into each name that stands for two sources, as long as there are any.
fn tell_apart(all: &mut [Asked], registered: &BTreeMap<String, String>) -> Result<(), Fault> {
    loop {
        let names = all.iter().map(Asked::called).collect::<Result<Vec<_>, Fault>>()?;
        let clashes = |i: usize| {
            let other = |j: &usize| names[*j] == names[i] && all[*j].source != all[i].source;
            let taken = registered.get(names[i].as_str());
            (0..all.len()).any(|j| other(&j)) || taken.is_some_and(|at| !same(at, &all[i].source))
        };
        let longer: Vec<usize> =
            (0..all.len()).filter(|i| all[*i].can_grow() && clashes(*i)).collect();
        if longer.is_empty() {
            return Ok(()); // what still clashes is refused when it is registered
        }
        longer.into_iter().for_each(|i| all[i].depth += 1);
    }
}

impl Asked {
    fn called(&self) -> Result<RepoName, Fault> {
        match &self.name {
            Some(name) => Ok(name.clone()),
            None if self.depth == 1 => name_of(&self.source),
            None => {
                let folders: Vec<&str> = self.folders().collect();
                let name = folders[folders.len().saturating_sub(self.depth)..].join("/");
                RepoName::new(name).map_err(|error| bad(&self.source, &error.to_string()))
            }
        }
    }

    fn folders(&self) -> impl Iterator<Item = &str> {
        self.source.split('/').filter(|part| !part.is_empty())
    }

    fn can_grow(&self) -> bool {
        self.name.is_none() && self.source.starts_with('/') && self.depth < self.folders().count()
    }
}

/// What stands before the first `=` is a name, unless all of it is a path that is there, or a URL.
fn read(text: &str) -> Result<Asked, Fault> {
    let (name, source) = match text.split_once('=') {
        Some((name, source)) if !name.contains(':') && !Path::new(text).exists() => {
            (Some(RepoName::new(name).map_err(|error| bad(text, &error.to_string()))?), source)
        }
        _ => (None, text),
    };
    Ok(Asked { name, source: whole(source), depth: 1 })
}

/// A path as it is from the root, with links followed if it is there; a URL stays as it is.
pub fn whole(source: &str) -> String {
    let path = match ax_ingest::source::Place::parse(source) {
        Ok(ax_ingest::source::Place::Local(path)) => path,
        _ => return source.to_owned(),
    };
    let full = path.canonicalize().or_else(|_| std::path::absolute(&path));
    full.map_or_else(|_| source.to_owned(), |full| full.display().to_string())
}

fn same(a: &str, b: &str) -> bool {
    without_secrets(a) == without_secrets(b)
}

fn bad(text: &str, why: &str) -> Fault {
    Fault::new(Code::BadRequest, format!("--repo {}: {why}", without_secrets(text)))
        .in_field("--repo")
        .hint("expected a path, a URL, or NAME=PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(asked: &[&str], registered: &[(&str, &str)], names: &[&str]) {
        let asked: Vec<String> = asked.iter().map(|text| (*text).to_owned()).collect();
        let registered =
            registered.iter().map(|(n, s)| ((*n).to_owned(), (*s).to_owned())).collect();
        let got = named(&asked, &registered).unwrap();
        let got: Vec<&str> =
            got.iter().filter_map(|new| new.name.as_ref()).map(RepoName::as_str).collect();
        assert_eq!(got, names, "{asked:?}");
    }

    #[test]
    fn folders_of_one_name_are_told_apart() {
        check(&["/x/api", "/x/web"], &[], &["api", "web"]);
        check(&["/x/a1/api", "/x/a2/api"], &[], &["a1/api", "a2/api"]);
        check(&["/x/a/api", "/y/a/api", "/z/api"], &[], &["x/a/api", "y/a/api", "z/api"]);
        check(&["/api", "/x/api"], &[], &["api", "x/api"]);
        check(&["/x/api", "/x/api"], &[], &["api", "api"]);
    }

    #[test]
    fn what_is_registered_keeps_its_name() {
        check(&["/x/a1/api", "/x/a2/api"], &[("api", "/x/a1/api")], &["api", "a2/api"]);
        check(&["/x/a2/api"], &[("api", "/x/a1/api")], &["a2/api"]);
        let old = [("mine", "https://u:old@h/a")];
        check(&["https://u:new@h/a"], &old, &["mine"]);
    }

    #[test]
    fn names_can_be_given() {
        check(&["mine=/x/api", "/y/api"], &[], &["mine", "api"]);
        check(&["api=/x", "/y/api"], &[], &["api", "y/api"]);
        check(&["https://h/a?b=c"], &[], &["h/a?b=c"]);
        check(&["n=https://h/a"], &[], &["n"]);
        check(&["/"], &[], &["root"]);
        for bad in ["../x=/y", "=/y"] {
            let fault = named(&[bad.to_owned()], &BTreeMap::new()).unwrap_err();
            assert_eq!(fault.code, Code::BadRequest);
        }
    }
}
