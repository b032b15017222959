//! What ripgrep finds.

use crate::{
    Line,
    edges::LATIN1_FOLDER,
    patterns::{Kind, Pattern},
};
use anyhow::{Context as _, bail};
use std::{collections::BTreeSet, path::Path};
use tokio::process::Command;

/// ripgrep over a folder, all files but those that ax leaves out.
pub struct Ripgrep<'a> {
    root: &'a Path,
    left_out: BTreeSet<String>,
}

impl<'a> Ripgrep<'a> {
    /// Over `root`, without `left_out`.
    pub fn new(root: &'a Path, left_out: BTreeSet<String>) -> Self {
        Self { root, left_out }
    }

    /// The lines that a pattern matches.
    pub async fn search(&self, pattern: &Pattern) -> anyhow::Result<BTreeSet<Line>> {
        let mut found = BTreeSet::new();
        // ax recognises Windows-1252 by itself; ripgrep has to be told.
        let (all_but, latin1) = (format!("!/{LATIN1_FOLDER}/"), format!("/{LATIN1_FOLDER}/**"));
        for extra in [&["--glob", &all_but][..], &["--glob", &latin1, "-E", "windows-1252"]] {
            let mut rg = rg(self.root);
            rg.args(["--text", "--line-number", "--no-heading", "--with-filename", "--null"]);
            rg.args(extra).args(flags(pattern)).args(["-e", &pattern.text, "./"]);
            parse(&run(rg).await?, &mut found)?;
        }
        found.retain(|(path, _)| !self.left_out.contains(path));
        Ok(found)
    }
}

/// Files that ripgrep takes for binary: those it says nothing about unless told to read them as text.
pub async fn binary_files(root: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut rg = rg(root);
    rg.args(["--binary", "--no-heading", "--with-filename", "-e", r"\x00|[^\x00]", "./"]);
    let printed = run(rg).await?;
    // `./x: binary file matches (found "\0" byte around offset 7)`
    let lines = printed.split(|byte| *byte == b'\n').map(String::from_utf8_lossy);
    let named = lines.filter_map(|line| {
        let (path, _) = line.split_once(": binary file matches (found")?;
        Some(path.trim_start_matches("./").to_owned())
    });
    Ok(named.collect())
}

fn rg(root: &Path) -> Command {
    let mut rg = Command::new("rg");
    rg.args(["--no-config", "--no-ignore", "--hidden", "--color=never"]).current_dir(root);
    rg
}

fn flags(pattern: &Pattern) -> Vec<&'static str> {
    let mut flags = vec![if pattern.case_sensitive { "--case-sensitive" } else { "--ignore-case" }];
    match pattern.kind {
        Kind::Literal => flags.push("--fixed-strings"),
        Kind::Regex => {}
        Kind::MultiLine => flags.push("--multiline"),
    }
    flags
}

async fn run(mut rg: Command) -> anyhow::Result<Vec<u8>> {
    let done = rg.output().await.context("run rg; `make install` installs it")?;
    match done.status.code() {
        Some(0 | 1) => Ok(done.stdout),
        _ => bail!("rg {}: {}", done.status, String::from_utf8_lossy(&done.stderr)),
    }
}

/// Reads lines of the form `./path NUL number : text`.
fn parse(printed: &[u8], found: &mut BTreeSet<Line>) -> anyhow::Result<()> {
    for line in printed.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let nul = line.iter().position(|byte| *byte == 0).context("a path ends at a NUL")?;
        let path = std::str::from_utf8(&line[..nul])?.trim_start_matches("./");
        let rest = &line[nul + 1..];
        let colon =
            rest.iter().position(|byte| *byte == b':').context("a number ends at a colon")?;
        let number = std::str::from_utf8(&rest[..colon])?.parse()?;
        found.insert((path.to_owned(), number));
    }
    Ok(())
}
