//! Mirrors of remotes: a bare repository per remote under the data folder.

use super::{
    Access,
    connect::{self, Failure},
};
use crate::{IngestError, error::explain};
use ax_model::{ContentHash, RepoName, without_secrets};
use gix::{
    bstr::BString,
    protocol::handshake::Ref,
    refs::{
        FullName, Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// A remote and its mirror. Fetching again after any crash goes on where it was: git writes objects
/// before refs.
pub struct Mirror {
    path: PathBuf,
    url: Box<gix::Url>,
    shown: String,
}

impl Mirror {
    /// Opens the mirror of `source`, or makes an empty one. The folder is named by a hash of name and
    /// source, so that a repository registered anew from elsewhere never meets the old one's objects. A
    /// password is no part of it: a new one is no reason to clone again.
    pub fn open(
        data_dir: &Path,
        name: &RepoName,
        source: &str,
        url: Box<gix::Url>,
    ) -> Result<Self, IngestError> {
        let path = Self::folder(data_dir, name, source);
        if !path.join("HEAD").is_file() {
            init(&path)?;
        }
        Ok(Self { path, url, shown: without_secrets(source) })
    }

    /// Where the mirror of a source is.
    pub fn folder(data_dir: &Path, name: &RepoName, source: &str) -> PathBuf {
        let source = without_secrets(source);
        let hash = ContentHash::of(format!("{name}\0{source}").as_bytes()).to_string();
        data_dir.join("mirrors").join(format!("{}.git", &hash[..32]))
    }

    /// True when nothing was fetched from the source yet: the next fetch is a clone, which takes memory
    /// in proportion to the number of objects.
    pub fn is_fresh(data_dir: &Path, name: &RepoName, source: &str) -> bool {
        !Self::folder(data_dir, name, source).join("packed-refs").exists()
    }

    /// The bare repository.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Brings all branches over, drops those that are gone there, and points HEAD as there. Never
    /// asks a question on the terminal. Blocking.
    pub fn fetch(&self, access: &Access, stop: &Arc<AtomicBool>) -> Result<(), IngestError> {
        let repo = self.open_for_network()?;
        let received = connect::receive(&repo, &self.url, access, stop);
        let remote_refs = received.map_err(|failure| self.failed(failure))?;
        follow(&repo, &remote_refs).map_err(|error| IngestError::Disk(explain(&error)))
    }

    /// With the user's configuration: credential helpers, proxies and ssh keys are set up there.
    fn open_for_network(&self) -> Result<gix::Repository, IngestError> {
        let options = gix::open::Options::default()
            .open_path_as_is(true)
            .config_overrides(["gitoxide.credentials.terminalPrompt=false"]);
        gix::open_opts(&self.path, options).map_err(|error| IngestError::Disk(explain(&error)))
    }

    fn failed(&self, failure: Failure) -> IngestError {
        let (url, reason) = (self.shown.clone(), without_secrets(&failure.reason));
        match failure.is_refusal {
            true => IngestError::Refused { url, reason },
            false => IngestError::Unreachable { url, reason },
        }
    }
}

/// Made beside its place and moved there: a crash leaves no half-made mirror under the real name.
fn init(path: &Path) -> Result<(), IngestError> {
    let disk = |error: std::io::Error| IngestError::Disk(format!("{}: {error}", path.display()));
    let fresh = path.with_extension("new");
    if fresh.exists() {
        std::fs::remove_dir_all(&fresh).map_err(disk)?;
    }
    std::fs::create_dir_all(&fresh).map_err(disk)?;
    gix::init_bare(&fresh).map_err(|error| IngestError::Disk(explain(&error)))?;
    if path.exists() {
        std::fs::remove_dir_all(path).map_err(disk)?;
    }
    std::fs::rename(&fresh, path).map_err(disk)
}

/// Deletes branches that the remote no longer has, and points HEAD as the remote does.
fn follow(repo: &gix::Repository, remote_refs: &[Ref]) -> gix::Result<()> {
    let there: BTreeSet<BString> =
        remote_refs.iter().map(|known| known.unpack().0.to_owned()).collect();
    let mut edits = Vec::new();
    for branch in repo.references()?.local_branches()? {
        let name = branch?.name().to_owned();
        if !there.contains(name.as_bstr()) {
            edits.push(RefEdit::new(name, delete()));
        }
    }
    let head = remote_refs.iter().find_map(|known| match known {
        Ref::Symbolic { full_ref_name, target, .. } | Ref::Unborn { full_ref_name, target }
            if full_ref_name == "HEAD" =>
        {
            Some(target.clone())
        }
        _ => None,
    });
    if let Some(target) = head.and_then(|target| FullName::try_from(target).ok())
        && let Ok(name) = FullName::try_from("HEAD")
    {
        edits.push(RefEdit::new(name, point_to(target)));
    }
    if !edits.is_empty() {
        repo.edit_references(edits)?;
    }
    Ok(())
}

fn delete() -> Change {
    Change::Delete { expected: PreviousValue::Any, log: RefLog::AndReference }
}

fn point_to(target: FullName) -> Change {
    Change::Update {
        log: LogChange::default(),
        expected: PreviousValue::Any,
        new: Target::Symbolic(target),
    }
}
