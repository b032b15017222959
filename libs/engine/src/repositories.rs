//! The facts of repositories, as they lie in a segment.

use crate::{
    EngineError, Result,
    format::{section, u32_at},
    sections::{SectionWriter, Sections},
};
use ax_model::{
    BranchHead, BranchHistory, BranchOrigin, RepoName, RepositoryFacts, RepositoryInfo,
};
use ax_proto::search::{self as proto, Branch, Repository};
use prost::Message;

/// Writes the section `repositories`.
pub(crate) fn write<'a>(
    infos: impl Iterator<Item = &'a RepositoryInfo>,
    out: &mut SectionWriter,
) -> Result<()> {
    out.begin(section::REPOSITORIES);
    for info in infos {
        let bytes = to_proto(info).encode_to_vec();
        out.write(&(bytes.len() as u32).to_le_bytes())?;
        out.write(&bytes)?;
    }
    Ok(())
}

/// Reads it.
pub(crate) fn read(sections: &Sections) -> Result<Vec<RepositoryInfo>> {
    let bytes = sections.get(section::REPOSITORIES)?;
    let mut rest = bytes.as_slice();
    let mut infos = Vec::new();
    while !rest.is_empty() {
        let len = u32_at(rest, 0)? as usize;
        let bad = || EngineError::corrupt(section::REPOSITORIES, "is cut");
        let (info, after) = rest[4..].split_at_checked(len).ok_or_else(bad)?;
        infos.push(from_bytes(info)?);
        rest = after;
    }
    Ok(infos)
}

fn to_proto(info: &RepositoryInfo) -> Repository {
    let branch = |b: &BranchHead| Branch { name: b.name.clone(), commit: b.commit.clone() };
    let origin = |o: &BranchOrigin| proto::BranchOrigin {
        number: o.number,
        branch: o.branch.clone(),
        from: o.from.clone(),
    };
    Repository {
        name: info.name.to_string(),
        source: info.source.clone(),
        default_branch: info.default_branch.clone(),
        branches: info.branches.iter().map(branch).collect(),
        branches_left_out: info.branches_left_out.clone(),
        num_files: info.num_files,
        num_bytes: info.num_bytes,
        num_skipped: info.num_skipped,
        spread: info.spread,
        committed_at_ms: info.committed_at_ms,
        indexed_at_ms: info.indexed_at_ms,
        num_additions: info.history.number,
        origins: info.history.origins.iter().map(origin).collect(),
        is_copy: info.is_copy,
        archived: info.facts.archived,
        fork: info.facts.fork,
        public: info.facts.public,
        rank: info.facts.rank,
    }
}

fn from_bytes(bytes: &[u8]) -> Result<RepositoryInfo> {
    let bad = |what: String| EngineError::corrupt(section::REPOSITORIES, what);
    let info = Repository::decode(bytes).map_err(|error| bad(error.to_string()))?;
    let branch = |b: Branch| BranchHead { name: b.name, commit: b.commit };
    let origin =
        |o: proto::BranchOrigin| BranchOrigin { number: o.number, branch: o.branch, from: o.from };
    let origins = info.origins.into_iter().map(origin).collect();
    let Repository { archived, fork, public, rank, .. } = info;
    Ok(RepositoryInfo {
        name: RepoName::new(info.name).map_err(|error| bad(error.to_string()))?,
        source: info.source,
        default_branch: info.default_branch,
        branches: info.branches.into_iter().map(branch).collect(),
        branches_left_out: info.branches_left_out,
        num_files: info.num_files,
        num_bytes: info.num_bytes,
        num_skipped: info.num_skipped,
        spread: info.spread,
        committed_at_ms: info.committed_at_ms,
        indexed_at_ms: info.indexed_at_ms,
        history: BranchHistory { number: info.num_additions, origins },
        facts: RepositoryFacts { archived, fork, public, rank },
        is_copy: info.is_copy,
    })
}
