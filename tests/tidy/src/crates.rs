//! The crates of the workspace, as their manifests describe them.

use anyhow::Context as _;
use toml::{Table, Value};

use crate::{Complaints, File};

/// What a crate's `Cargo.toml` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Path of the manifest.
    pub path: String,
    /// Name of the crate.
    pub name: String,
    /// Crates it needs to build, for any target, build scripts included.
    pub dependencies: Vec<String>,
    /// Crates that only its tests need.
    pub dev_dependencies: Vec<String>,
    /// Whether it takes over the workspace's lints.
    pub has_lints: bool,
}

impl Manifest {
    /// Reads every crate's manifest.
    pub fn read_all(files: &[File]) -> anyhow::Result<Vec<Self>> {
        let manifests = files.iter().filter(|file| file.path.ends_with("/Cargo.toml"));
        manifests.filter(|file| !file.has_folder("testdata")).map(Self::read).collect()
    }

    fn read(file: &File) -> anyhow::Result<Self> {
        let table: Table = file.text.parse().with_context(|| file.path.clone())?;
        let name =
            table.get("package").and_then(|package| package.get("name")).and_then(Value::as_str);
        let lints = table.get("lints").and_then(|lints| lints.get("workspace"));
        let targets = table.get("target").and_then(Value::as_table);
        let tables: Vec<&Table> = std::iter::once(&table)
            .chain(targets.into_iter().flat_map(Table::values).filter_map(Value::as_table))
            .collect();
        let names = |kind: &str| {
            let of_kind = tables.iter().filter_map(|table| table.get(kind)?.as_table());
            of_kind.flat_map(|table| table.keys().cloned()).collect::<Vec<_>>()
        };
        Ok(Self {
            path: file.path.clone(),
            name: name.with_context(|| format!("{}: no name", file.path))?.to_owned(),
            dependencies: [names("dependencies"), names("build-dependencies")].concat(),
            dev_dependencies: names("dev-dependencies"),
            has_lints: lints.and_then(Value::as_bool).unwrap_or_default(),
        })
    }
}

/// ARCHITECTURE.md names every crate. It is held to that from the first crate it names.
pub fn every_crate_is_described(manifests: &[Manifest], architecture: Option<&File>) -> Complaints {
    let text = architecture.map_or("", |file| &file.text);
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_').collect();
    let described = |manifest: &Manifest| words.contains(&manifest.name.as_str());
    if !manifests.iter().any(described) {
        return Complaints::new();
    }
    let missing = manifests.iter().filter(|manifest| !described(manifest));
    missing
        .map(|manifest| {
            format!("ARCHITECTURE.md: say what `{}` ({}) is for", manifest.name, manifest.path)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read() {
        let text = "[package]\nname = 'ax-a'\n[dependencies]\nb.workspace = true\nc = '1'\n\
                    [build-dependencies]\nd = '1'\n[dev-dependencies]\ne = '1'\n\
                    [target.'cfg(unix)'.dependencies]\nf = '1'\n[lints]\nworkspace = true\n";
        let manifests = Manifest::read_all(&[File::new("libs/a/Cargo.toml", text)]).unwrap();
        let manifest = &manifests[0];
        assert_eq!((manifest.name.as_str(), manifest.has_lints), ("ax-a", true));
        assert_eq!(manifest.dependencies, ["b", "c", "f", "d"]);
        assert_eq!(manifest.dev_dependencies, ["e"]);
    }

    #[test]
    fn a_crate_left_out_is_missed() {
        let crates = ["ax", "ax-query", "ax-query-node"]
            .map(|name| Manifest { name: name.to_owned(), ..Manifest::default() });
        let complaints = |text: &str| {
            every_crate_is_described(&crates, Some(&File::new("ARCHITECTURE.md", text))).len()
        };
        assert_eq!(complaints("`ax` and `ax-query`"), 1);
        assert_eq!(complaints("`ax`, `ax-query`, `ax-query-node`"), 0);
        assert_eq!(complaints("nothing yet"), 0);
        assert_eq!(every_crate_is_described(&crates, None).len(), 0);
    }
}
