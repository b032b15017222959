//! The files: sources of the crates that this workspace is built from, which every machine that builds
//! it has, in the versions that `Cargo.lock` names; and the hand-made ones of [`edges`].

use crate::{edges, read};
use anyhow::{Context as _, ensure};
use serde::Deserialize;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tokio::process::Command;
use walkdir::WalkDir;

/// Files taken from crates.
const NUM_FILES: usize = 3_000;
/// A pattern such as `.` matches at every character, and all of them are listed.
const MAX_FILE_BYTES: u64 = 8 << 10;

/// The files under a folder.
pub struct Corpus {
    root: PathBuf,
    /// Those from crates, as paths below the root, sorted.
    paths: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    manifest_path: PathBuf,
}

impl Corpus {
    /// Copies files to `root`, the same ones for the same `Cargo.lock`.
    pub async fn make(root: &Path) -> anyhow::Result<Self> {
        let mut files = candidates().await?;
        // An order that mixes crates; by path within equal hashes.
        files.sort_by_cached_key(|(name, _)| (fnv(name), name.clone()));
        let mut paths = Vec::new();
        for (name, source) in files {
            if paths.len() == NUM_FILES {
                break;
            }
            let bytes = fs::read(&source)?;
            // Text in an encoding that ripgrep would have to be told is for the edge cases.
            if bytes.contains(&0) || std::str::from_utf8(&bytes).is_ok() {
                put(root, &format!("crates/{name}"), &bytes)?;
                paths.push(format!("crates/{name}"));
            }
        }
        ensure!(paths.len() == NUM_FILES, "only {} files of crates", paths.len());
        for (path, bytes) in edges::files() {
            put(root, path, &bytes)?;
        }
        paths.sort();
        Ok(Self { root: root.to_owned(), paths })
    }

    /// Where they are.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How many there are.
    pub fn num_files(&self) -> usize {
        self.paths.len() + edges::files().len()
    }

    /// The lines of a file from a crate, counted around; none when it is not text.
    pub fn lines_of(&self, index: usize) -> Vec<String> {
        let path = &self.paths[index % self.paths.len()];
        let text = read(&self.root, path).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

/// Files of all crates, with the name that each gets.
async fn candidates() -> anyhow::Result<Vec<(String, PathBuf)>> {
    let mut files = Vec::new();
    for package in packages().await?.into_iter().filter(|package| package.source.is_some()) {
        let folder = package.manifest_path.parent().context("a manifest is in a folder")?;
        for entry in WalkDir::new(folder) {
            let entry = entry?;
            let is_small = entry.metadata()?.len() <= MAX_FILE_BYTES;
            let path = entry.path().strip_prefix(folder)?.to_str();
            // Cargo's own mark in an unpacked crate depends on the version of cargo.
            let (true, true, Some(path)) = (entry.file_type().is_file(), is_small, path) else {
                continue;
            };
            if path != ".cargo-ok" {
                let name = format!("{}-{}/{path}", package.name, package.version);
                files.push((name, entry.path().to_owned()));
            }
        }
    }
    Ok(files)
}

/// The packages that are built on this machine: those for other platforms need not be there.
async fn packages() -> anyhow::Result<Vec<Package>> {
    let version = output(Command::new("rustc").arg("-vV")).await?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("a host")?;
    let mut cargo = Command::new("cargo");
    cargo.args([
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--filter-platform",
        host,
    ]);
    let metadata: Metadata = serde_json::from_str(&output(&mut cargo).await?)?;
    Ok(metadata.packages)
}

async fn output(command: &mut Command) -> anyhow::Result<String> {
    let done = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().await?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

fn put(root: &Path, path: &str, bytes: &[u8]) -> anyhow::Result<()> {
    let full = root.join(path);
    fs::create_dir_all(full.parent().context("a file is in a folder")?)?;
    fs::write(&full, bytes).with_context(|| full.display().to_string())
}

/// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/): the standard library's hash may
/// change with its version, and the corpus with it.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
