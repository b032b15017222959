//! Mirrors of remotes: a bare repository per remote under the data folder.

use crate::{IngestError, error::explain};
use ax_model::{ContentHash, RepoName};
use gix::{
    bstr::BString,
    protocol::handshake::Ref,
    refs::{
        FullName, Target,
        transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog},
    },
    remote::{Direction, fetch::Tags},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
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
    /// source, so that a repository registered anew from elsewhere never meets the old one's objects.
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
        Ok(Self { path, url, shown: super::redact(source) })
    }

    /// Where the mirror of a source is.
    pub fn folder(data_dir: &Path, name: &RepoName, source: &str) -> PathBuf {
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
    pub fn fetch(&self, stop: &AtomicBool) -> Result<(), IngestError> {
        let repo = self.open_for_network()?;
        let remote_refs = self.receive(&repo, stop).map_err(|error| self.unreachable(&error))?;
        follow(&repo, &remote_refs).map_err(|error| IngestError::Disk(explain(&error)))
    }

    /// With the user's configuration: credential helpers, proxies and ssh keys are set up there.
    fn open_for_network(&self) -> Result<gix::Repository, IngestError> {
        let options = gix::open::Options::default()
            .open_path_as_is(true)
            .config_overrides(["gitoxide.credentials.terminalPrompt=false"]);
        let mut repo = gix::open_opts(&self.path, options)
            .map_err(|error| IngestError::Disk(explain(&error)))?;
        if repo.config_snapshot().string("core.sshCommand").is_none() {
            let mut config = repo.config_snapshot_mut();
            let batch = "ssh -o BatchMode=yes -o ConnectTimeout=20";
            // It fails only for a key that does not exist.
            let _ = config.set_value(&gix::config::tree::Core::SSH_COMMAND, batch);
            config.commit().map_err(|error| IngestError::Disk(explain(&error)))?;
        }
        Ok(repo)
    }

    fn receive(&self, repo: &gix::Repository, stop: &AtomicBool) -> gix::Result<Vec<Ref>> {
        let remote = repo
            .remote_at(self.url.as_ref().clone())?
            .with_fetch_tags(Tags::None)
            .with_refspecs(["+refs/heads/*:refs/heads/*"], Direction::Fetch)?;
        let head = gix::refspec::parse("HEAD".into(), gix::refspec::parse::Operation::Fetch)
            .map(|spec| spec.to_owned());
        let options = gix::remote::ref_map::Options {
            extra_refspecs: head.into_iter().collect(), // only to learn where HEAD points there
            ..Default::default()
        };
        let fetch =
            remote.connect(Direction::Fetch)?.prepare_fetch(gix::progress::Discard, options)?;
        let outcome =
            fetch.with_write_packed_refs_only(true).receive(gix::progress::Discard, stop)?;
        Ok(outcome.ref_map.remote_refs)
    }

    fn unreachable(&self, error: &gix::Error) -> IngestError {
        IngestError::Unreachable { url: self.shown.clone(), reason: super::redact(&explain(error)) }
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
