//! Where repositories are: git on this machine, git elsewhere, plain directories.

pub mod directory;
mod facts;
mod git;
mod heads;
mod place;
mod remote;

pub(crate) use git::thread_handle;
pub use git::{GitRepo, Refs};
pub(crate) use heads::compile as compile_branches;
pub use heads::{BranchTip, Chosen, choose};
pub use place::Place;
pub use remote::{Access, Mirror};

use crate::{
    IngestConfig, IngestError,
    plan::{BranchAt, Limits, Position, Totals},
};
use ax_model::{RepoName, SaidFacts, without_secrets};
use directory::DirectorySource;
use std::{path::Path, sync::Arc, sync::atomic::AtomicBool, time::SystemTime};

/// One registered repository, opened. Cheap to ask whether anything moved.
pub enum Source {
    /// Git, on this machine or mirrored.
    Git(GitSource),
    /// Files without history.
    Directory(DirectorySource),
}

/// A git repository and, when it is elsewhere, its mirror.
pub struct GitSource {
    repo: GitRepo,
    /// Where it is elsewhere: its mirror, and how to reach it.
    mirror: Option<(Mirror, Access)>,
}

/// A consistent view of a source, ready to be emitted.
pub struct Snapshot {
    /// What its branches show.
    pub target: Position,
    /// The branch that HEAD names; empty for a plain directory.
    pub default_branch: String,
    /// Branches that exist and are left out.
    pub left_out: Vec<String>,
    /// Time of the newest commit of each branch of `target`, in milliseconds since 1970.
    pub committed_at_ms: Vec<i64>,
    /// Totals, when the source knows them; git's are counted while emitting.
    pub totals: Option<Totals>,
    /// Where trees are read from.
    pub trees: gix::ThreadSafeRepository,
    /// Where file contents are read from, when not from `trees`.
    pub files: Option<Arc<directory::LiveFiles>>,
}

impl Source {
    /// Opens what `source` names. A remote is not contacted yet. Blocking.
    pub fn open(config: &IngestConfig, name: &RepoName, source: &str) -> Result<Self, IngestError> {
        match Place::parse(source)? {
            Place::Remote(url) => {
                let mirror = Mirror::open(&config.data_dir, name, source, url)?;
                let repo = GitRepo::open(mirror.path(), &without_secrets(source))?;
                Ok(Self::Git(GitSource { repo, mirror: Some((mirror, config.access.clone())) }))
            }
            Place::Local(path) => Self::open_local(config, name, &path),
        }
    }

    fn open_local(
        config: &IngestConfig,
        name: &RepoName,
        path: &Path,
    ) -> Result<Self, IngestError> {
        let place = path.display().to_string();
        let kind = std::fs::metadata(path).map_err(|error| IngestError::Vanished {
            place: place.clone(),
            reason: error.to_string(),
        })?;
        if GitRepo::looks_like_one(path) {
            let repo = GitRepo::open(path, &place)?;
            return Ok(Self::Git(GitSource { repo, mirror: None }));
        }
        if !kind.is_dir() {
            return Err(IngestError::NotARepository(place));
        }
        Ok(Self::Directory(DirectorySource::open(config, name, path)?))
    }

    /// Fetches a remote, reads refs or scans files, and says what stands there now. Blocking.
    pub fn snapshot(
        &mut self,
        wanted: &Wanted<'_>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Snapshot, IngestError> {
        match self {
            Self::Git(git) => git.snapshot(wanted, stop),
            Self::Directory(directory) => directory.snapshot(wanted, stop),
        }
    }

    /// Where its trees are.
    pub fn trees(&self) -> gix::ThreadSafeRepository {
        match self {
            Self::Git(git) => git.repo.handle(),
            Self::Directory(directory) => directory.trees(),
        }
    }

    /// The refs now, without fetching: equal refs mean that nothing moved. `None` when only a snapshot
    /// can tell. Blocking, and cheap.
    pub fn refs(&self) -> Result<Option<Refs>, IngestError> {
        match self {
            Self::Git(GitSource { repo, mirror: None }) => repo.refs().map(Some),
            _ => Ok(None),
        }
    }
}

/// Which branches to take, over how many shards.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Globs; empty for all.
    pub patterns: &'a [String],
    /// Most branches.
    pub max_branches: usize,
    /// Spread of the repository.
    pub spread: u32,
    /// Which texts are left out.
    pub limits: Limits,
    /// What is said of the repository elsewhere, and comes before what it says of itself.
    pub said: SaidFacts,
}

impl GitSource {
    fn snapshot(
        &mut self,
        wanted: &Wanted<'_>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Snapshot, IngestError> {
        if let Some((mirror, access)) = &self.mirror {
            mirror.fetch(access, stop)?;
        }
        let own = match self.mirror {
            Some(_) => SaidFacts::default(), // its configuration is ours
            None => facts::of_git_config(&self.repo.config_path()),
        };
        let refs = self.repo.refs()?;
        let (tips, others) = self.repo.tips(&refs)?;
        let Chosen { taken, mut left_out } = choose(tips, &refs.default_branch, wanted)?;
        left_out.extend(others);
        let now_ms = millis(SystemTime::now());
        let mut branches = Vec::with_capacity(taken.len());
        let mut committed_at_ms = Vec::with_capacity(taken.len());
        for tip in taken {
            committed_at_ms.push(tip.committed_at_ms.min(now_ms)); // some clocks are ahead
            branches.push(BranchAt {
                name: tip.name,
                commit: tip.commit.to_string(),
                tree: tip.tree,
            });
        }
        Ok(Snapshot {
            target: Position {
                branches,
                spread: wanted.spread,
                limits: wanted.limits,
                facts: wanted.said.or(own).settled(),
            },
            default_branch: refs.default_branch,
            left_out,
            committed_at_ms,
            totals: None,
            trees: self.repo.handle(),
            files: None,
        })
    }
}

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
