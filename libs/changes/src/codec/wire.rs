//! Between the model's change and the generated message.

use super::DecodeError;
use ax_model::{
    BlobId, BranchHead, BranchHistory, BranchOrigin, Change, ChangeBody, Content, DocKey, FileKind,
    FileVersion, RepoName, RepositoryFacts, RepositoryInfo, SkipReason, StoredBlob,
};
use ax_proto::changes as proto;
use bytes::Bytes;
use proto::change::Body;

/// The message for a change.
pub(super) fn to_proto(change: &Change) -> proto::Change {
    let body = match &change.body {
        ChangeBody::Put(versions) => {
            Body::Put(proto::Versions { versions: versions.iter().map(version_to).collect() })
        }
        ChangeBody::Delete => Body::Delete(proto::Deletion {}),
        ChangeBody::DeleteRepository => Body::DeleteRepository(proto::RepositoryDeletion {}),
        ChangeBody::Repository(info) => Body::Repository(repository_to(info)),
    };
    proto::Change {
        repo: change.key.repo.as_str().to_owned(),
        path: change.key.path.clone(),
        body: Some(body),
        committed_at_ms: change.committed_at_ms,
        emitted_at_ms: change.emitted_at_ms,
    }
}

/// The change in a message that came under `key`.
pub(super) fn from_proto(key: DocKey, message: proto::Change) -> Result<Change, DecodeError> {
    if message.repo != key.repo.as_str() || message.path != key.path {
        let value = format!("{}:{}", message.repo, message.path);
        return Err(DecodeError::KeyMismatch { key: key.to_string(), value });
    }
    let body = match message.body.ok_or_else(|| bad("body", "a body of a known kind"))? {
        Body::Put(put) => ChangeBody::Put(versions_from(put)?),
        Body::Delete(_) => ChangeBody::Delete,
        Body::DeleteRepository(_) => ChangeBody::DeleteRepository,
        Body::Repository(info) => ChangeBody::Repository(repository_from(&key.repo, info)),
    };
    check_place(&key, &body)?;
    Ok(Change {
        key,
        body,
        committed_at_ms: message.committed_at_ms,
        emitted_at_ms: message.emitted_at_ms,
    })
}

/// A body about a path needs one, a body about a repository must have none.
pub(super) fn check_place(key: &DocKey, body: &ChangeBody) -> Result<(), DecodeError> {
    match body {
        ChangeBody::Put(_) | ChangeBody::Delete if key.is_repo() => {
            Err(bad("path", "a path that is not empty"))
        }
        ChangeBody::DeleteRepository | ChangeBody::Repository(_) if !key.is_repo() => {
            Err(bad("path", "an empty path, since the change is about the repository"))
        }
        _ => Ok(()),
    }
}

fn bad(field: &'static str, expected: &'static str) -> DecodeError {
    DecodeError::Field { field, expected }
}

fn version_to(version: &FileVersion) -> proto::FileVersion {
    use proto::file_version::Content as Wire;
    let content = match &version.content {
        Content::Inline(text) => Wire::Inline(text.clone()),
        Content::Stored(blob) => Wire::Stored(proto::StoredBlob {
            hash: Bytes::copy_from_slice(&blob.hash),
            num_bytes: blob.num_bytes,
        }),
        Content::Skipped(reason) => Wire::Skipped(reason_to(*reason) as i32),
    };
    proto::FileVersion {
        blob: Bytes::copy_from_slice(&version.blob.0),
        branches: version.branches.clone(),
        content: Some(content),
        kind: kind_to(version.kind) as i32,
        num_bytes: version.num_bytes,
        encoding: version.encoding.clone(),
        generated: version.generated,
        vendored: version.vendored,
        as_of: version.as_of,
    }
}

fn versions_from(put: proto::Versions) -> Result<Vec<FileVersion>, DecodeError> {
    if put.versions.is_empty() {
        return Err(bad("put.versions", "at least one version"));
    }
    put.versions.into_iter().map(version_from).collect()
}

fn version_from(version: proto::FileVersion) -> Result<FileVersion, DecodeError> {
    if !matches!(version.blob.len(), 20 | 32) {
        return Err(bad("put.versions.blob", "20 or 32 bytes"));
    }
    // The model promises an order that other producers need not know of.
    let mut branches = version.branches;
    branches.sort_unstable();
    branches.dedup();
    Ok(FileVersion {
        blob: BlobId(version.blob.to_vec()),
        branches,
        content: content_from(version.content)?,
        kind: kind_from(version.kind)?,
        num_bytes: version.num_bytes,
        encoding: version.encoding,
        generated: version.generated,
        vendored: version.vendored,
        as_of: version.as_of,
    })
}

fn content_from(content: Option<proto::file_version::Content>) -> Result<Content, DecodeError> {
    use proto::file_version::Content as Wire;
    match content.ok_or_else(|| bad("put.versions.content", "text, or where it is, or why not"))? {
        Wire::Inline(text) if std::str::from_utf8(&text).is_err() => {
            Err(bad("put.versions.inline", "text in UTF-8"))
        }
        Wire::Inline(text) => Ok(Content::Inline(text)),
        Wire::Stored(blob) => {
            let hash = blob.hash.as_ref().try_into();
            let hash = hash.map_err(|_| bad("put.versions.stored.hash", "32 bytes"))?;
            Ok(Content::Stored(StoredBlob { hash, num_bytes: blob.num_bytes }))
        }
        Wire::Skipped(number) => reason_from(number).map(Content::Skipped),
    }
}

fn kind_to(kind: FileKind) -> proto::FileKind {
    match kind {
        FileKind::Regular => proto::FileKind::Regular,
        FileKind::Executable => proto::FileKind::Executable,
        FileKind::Symlink => proto::FileKind::Symlink,
        FileKind::Submodule => proto::FileKind::Submodule,
    }
}

fn kind_from(number: i32) -> Result<FileKind, DecodeError> {
    match proto::FileKind::try_from(number) {
        Ok(proto::FileKind::Regular) => Ok(FileKind::Regular),
        Ok(proto::FileKind::Executable) => Ok(FileKind::Executable),
        Ok(proto::FileKind::Symlink) => Ok(FileKind::Symlink),
        Ok(proto::FileKind::Submodule) => Ok(FileKind::Submodule),
        Err(_) => Err(bad("put.versions.kind", "a known kind of tree entry")),
    }
}

fn reason_to(reason: SkipReason) -> proto::SkipReason {
    match reason {
        SkipReason::Binary => proto::SkipReason::Binary,
        SkipReason::TooLarge => proto::SkipReason::TooLarge,
        SkipReason::Symlink => proto::SkipReason::Symlink,
        SkipReason::Submodule => proto::SkipReason::Submodule,
        SkipReason::LfsPointer => proto::SkipReason::LfsPointer,
        SkipReason::Undecodable => proto::SkipReason::Undecodable,
        SkipReason::Unreadable => proto::SkipReason::Unreadable,
    }
}

fn reason_from(number: i32) -> Result<SkipReason, DecodeError> {
    let known = SkipReason::ALL.into_iter().find(|reason| reason_to(*reason) as i32 == number);
    known.ok_or_else(|| bad("put.versions.skipped", "a known reason"))
}

fn repository_to(info: &RepositoryInfo) -> proto::RepositoryInfo {
    let head = |head: &BranchHead| proto::BranchHead {
        name: head.name.clone(),
        commit: head.commit.clone(),
    };
    let origin = |origin: &BranchOrigin| proto::BranchOrigin {
        number: origin.number,
        branch: origin.branch.clone(),
        from: origin.from.clone(),
    };
    proto::RepositoryInfo {
        source: info.source.clone(),
        default_branch: info.default_branch.clone(),
        branches: info.branches.iter().map(head).collect(),
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

fn repository_from(name: &RepoName, info: proto::RepositoryInfo) -> RepositoryInfo {
    let head = |head: proto::BranchHead| BranchHead { name: head.name, commit: head.commit };
    let origin = |origin: proto::BranchOrigin| BranchOrigin {
        number: origin.number,
        branch: origin.branch,
        from: origin.from,
    };
    let origins = info.origins.into_iter().map(origin).collect();
    let proto::RepositoryInfo { archived, fork, public, rank, .. } = info;
    RepositoryInfo {
        name: name.clone(),
        source: info.source,
        default_branch: info.default_branch,
        branches: info.branches.into_iter().map(head).collect(),
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
    }
}
