//! A git repository on this machine, read straight from its refs and object database.

use super::BranchTip;
use crate::{IngestError, error::explain};
use gix::{
    ObjectId,
    bstr::ByteSlice,
    objs::{CommitRefIter, Kind},
    odb::store::init::Slots,
    refs::TargetRef,
};
use std::path::{Path, PathBuf};

/// Memory for the bases of deltas, per reading thread, in bytes.
const DELTA_CACHE_BYTES: usize = 16 << 20;
/// The name given to a detached HEAD in a repository without any branch: continuous integration
/// makes such clones, and an empty index would be no answer.
const DETACHED: &str = "HEAD";

/// Packs that an open repository can hold: those there are and some more. The library's own bound for
/// repositories that are not trusted, 32 packs, is met by every one that is not repacked for a while.
const SLOTS: Slots = Slots::AsNeededByDiskState { multiplier: 2.0, minimum: 512 };

/// An open repository.
pub struct GitRepo {
    repo: gix::ThreadSafeRepository,
    place: String,
}

/// The branches and the commit each shows. Equal values mean that nothing moved.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refs {
    /// The branch that HEAD names, even before its first commit; empty when HEAD is detached.
    pub default_branch: String,
    /// Branch and commit, sorted by name.
    pub heads: Vec<(String, ObjectId)>,
}

impl GitRepo {
    /// True when `path` has the makings of a repository, bare or with a work tree.
    pub fn looks_like_one(path: &Path) -> bool {
        path.join(".git").exists() || (path.join("HEAD").is_file() && path.join("objects").is_dir())
    }

    /// Opens a repository. Only its own configuration is read, with the object database as it stands:
    /// replacement objects are for people who rewrite history, and would not match their ids.
    pub fn open(path: &Path, place: &str) -> Result<Self, IngestError> {
        let options = gix::open::Options::isolated()
            .config_overrides(["core.useReplaceRefs=false"])
            .object_store_slots(SLOTS);
        let repo = gix::ThreadSafeRepository::open_opts(path, options).map_err(|error| {
            if path.exists() {
                IngestError::Corrupt(explain(&error))
            } else {
                IngestError::Vanished { place: place.to_owned(), reason: explain(&error) }
            }
        })?;
        Ok(Self { repo, place: place.to_owned() })
    }

    /// A handle for another thread.
    pub fn handle(&self) -> gix::ThreadSafeRepository {
        self.repo.clone()
    }

    /// The file of its own configuration.
    pub fn config_path(&self) -> PathBuf {
        self.repo.to_thread_local().common_dir().join("config")
    }

    /// The branches now.
    pub fn refs(&self) -> Result<Refs, IngestError> {
        let repo = self.repo.to_thread_local();
        if !repo.git_dir().join("HEAD").exists() {
            let reason = "its HEAD is gone".to_owned();
            return Err(IngestError::Vanished { place: self.place.clone(), reason });
        }
        let corrupt = |error: gix::Error| IngestError::Corrupt(explain(&error));
        let head = repo.head().map_err(corrupt)?;
        let default_branch = head.referent_name().map(short_name).unwrap_or_default();
        let mut heads = Vec::new();
        let references = repo.references().map_err(corrupt)?;
        for reference in references.local_branches().map_err(corrupt)? {
            let reference = reference.map_err(|error| IngestError::Corrupt(error.to_string()))?;
            let name = short_name(reference.name());
            let commit = match reference.target() {
                TargetRef::Object(id) => id.to_owned(),
                TargetRef::Symbolic(_) => match reference.into_fully_peeled_id() {
                    Ok(id) => id.detach(),
                    Err(error) => {
                        // As git has it, a name for a branch that is not there is no branch.
                        tracing::debug!(name, reason = explain(&error), "a dangling branch");
                        continue;
                    }
                },
            };
            heads.push((name, commit));
        }
        if heads.is_empty() && head.is_detached() {
            heads.extend(head.id().map(|id| (DETACHED.to_owned(), id.detach())));
        }
        heads.sort();
        Ok(Refs { default_branch, heads })
    }

    /// The tree and time of each branch's commit, and the names of branches that show something else
    /// than a commit.
    pub fn tips(&self, refs: &Refs) -> Result<(Vec<BranchTip>, Vec<String>), IngestError> {
        let repo = self.repo.to_thread_local();
        let (mut tips, mut others) = (Vec::new(), Vec::new());
        for (name, id) in &refs.heads {
            match repo.find_header(*id) {
                Ok(header) if header.kind() != Kind::Commit => others.push(name.clone()),
                _ => tips.push(tip(&repo, name, *id)?),
            }
        }
        Ok((tips, others))
    }
}

/// A handle for one thread, with a cache for delta bases: neighbours in a pack share theirs.
pub(crate) fn thread_handle(repo: &gix::ThreadSafeRepository) -> gix::Repository {
    let mut repo = repo.to_thread_local();
    repo.objects.set_pack_cache(|| {
        Box::new(gix::odb::pack::cache::lru::StaticLinkedList::<64>::new(DELTA_CACHE_BYTES))
    });
    repo
}

fn short_name(name: &gix::refs::FullNameRef) -> String {
    let full = name.as_bstr();
    let short = full.strip_prefix(b"refs/heads/").unwrap_or(full);
    crate::snapshot::key_path(short.as_bstr()) // branch names are bytes, too
}

fn tip(repo: &gix::Repository, name: &str, commit: ObjectId) -> Result<BranchTip, IngestError> {
    let corrupt = |reason: String| IngestError::Corrupt(format!("branch {name}: {reason}"));
    let data = crate::snapshot::read_verified(repo, commit, Kind::Commit)
        .map_err(|error| corrupt(error.to_string()))?;
    // Only what is needed: old tools wrote names and times that no parser takes.
    let parsed = || CommitRefIter::from_bytes(&data, repo.object_hash());
    let tree = parsed().tree_id().map_err(|error| corrupt(format!("commit {commit}: {error}")))?;
    let seconds = parsed().committer().map(|by| by.seconds()).unwrap_or_default();
    Ok(BranchTip {
        name: name.to_owned(),
        commit,
        tree,
        committed_at_ms: seconds.saturating_mul(1000).max(0),
    })
}
