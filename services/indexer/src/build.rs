//! From ops to a segment file.

use crate::{IndexerError, fold::Op};
use ax_engine::{BuildOptions, BuiltSegment, Doc, SegmentBuilder};
use ax_model::{
    Content, Epoch, FileVersion, Generation, OffsetRange, ShardId, SkipReason, StoredBlob,
};
use ax_store::Store;
use bytes::Bytes;
use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
};

/// Where and for whom to build.
#[derive(Clone)]
pub(crate) struct BuildPlan {
    pub shard: ShardId,
    pub generation: Generation,
    pub epoch: Epoch,
    pub range: OffsetRange,
    pub symbols: bool,
    pub folder: PathBuf,
}

/// Texts of the blobs that stand in the object store, by hash.
type Fetched = HashMap<[u8; 32], Bytes>;

/// Builds the segments that hold `ops`, in order, each of at most about `max_text_bytes`.
///
/// One batch may name many large blobs of the object store by tiny records, so memory is bounded
/// here, by what one segment holds, and not by the size of a batch.
pub(crate) async fn build(
    store: &Store,
    plan: &BuildPlan,
    ops: Vec<Op>,
    max_text_bytes: u64,
) -> Result<Vec<BuiltSegment>, IndexerError> {
    let mut built = Vec::new();
    for part in split(ops, max_text_bytes) {
        let fetched = fetch_stored(store, &part).await?;
        let plan = plan.clone();
        let span = tracing::Span::current();
        let task =
            tokio::task::spawn_blocking(move || span.in_scope(|| write(&plan, part, &fetched)));
        built.push(task.await.map_err(|error| IndexerError::Panicked(error.to_string()))??);
    }
    Ok(built)
}

/// Cuts `ops` into runs of at most `max_text_bytes`, but at least one op each.
fn split(ops: Vec<Op>, max_text_bytes: u64) -> Vec<Vec<Op>> {
    let mut parts: Vec<Vec<Op>> = Vec::new();
    let mut part_bytes = 0;
    for op in ops {
        let num_bytes = text_bytes(&op);
        match parts.last_mut() {
            Some(part) if part_bytes + num_bytes <= max_text_bytes => part.push(op),
            _ => {
                parts.push(vec![op]);
                part_bytes = 0;
            }
        }
        part_bytes += num_bytes;
    }
    parts
}

fn text_bytes(op: &Op) -> u64 {
    let Op::Put { versions, .. } = op else { return 0 };
    versions
        .iter()
        .map(|version| match &version.content {
            Content::Inline(text) => text.len() as u64,
            Content::Stored(blob) => blob.num_bytes,
            Content::Skipped(_) => 0,
        })
        .sum()
}

/// Reads the blobs that were too large for the stream.
async fn fetch_stored(store: &Store, ops: &[Op]) -> Result<Fetched, IndexerError> {
    let mut fetched = Fetched::new();
    for blob in ops.iter().flat_map(stored_blobs) {
        if let Entry::Vacant(place) = fetched.entry(blob.hash) {
            place.insert(store.get_blob(blob).await?);
        }
    }
    Ok(fetched)
}

fn stored_blobs(op: &Op) -> impl Iterator<Item = &StoredBlob> {
    let versions = match op {
        Op::Put { versions, .. } => versions.as_slice(),
        _ => &[],
    };
    versions.iter().filter_map(|version| match &version.content {
        Content::Stored(blob) => Some(blob),
        _ => None,
    })
}

fn write(plan: &BuildPlan, ops: Vec<Op>, fetched: &Fetched) -> Result<BuiltSegment, IndexerError> {
    let id = ax_store::segment_id(plan.epoch, uuid::Uuid::now_v7());
    let path = plan.folder.join(format!("{id}.seg"));
    let mut builder = SegmentBuilder::new(BuildOptions {
        shard: plan.shard,
        generation: plan.generation,
        id,
        symbols: plan.symbols,
        scratch_dir: plan.folder.clone(),
    })?;
    for op in ops {
        apply(&mut builder, op, fetched)?;
    }
    Ok(builder.finish(plan.range, &path)?)
}

fn apply(builder: &mut SegmentBuilder, op: Op, fetched: &Fetched) -> Result<(), IndexerError> {
    match op {
        Op::Put { key, versions, committed_at_ms } => {
            let docs = versions.into_iter().map(|v| document(v, committed_at_ms, fetched));
            builder.put(&key, docs.collect())?;
        }
        Op::Delete(key) => builder.delete(&key)?,
        Op::DeleteRepository(repo) => builder.delete_repository(&repo),
        Op::Repository(info) => builder.repository(&info),
    }
    Ok(())
}

fn document(mut version: FileVersion, committed_at_ms: i64, fetched: &Fetched) -> Doc {
    let content = std::mem::replace(&mut version.content, Content::Inline(Bytes::new()));
    let text = match content {
        Content::Inline(text) => Ok(text),
        Content::Stored(blob) => fetched.get(&blob.hash).cloned().ok_or(SkipReason::Unreadable),
        Content::Skipped(reason) => Err(reason),
    };
    Doc { version, text, committed_at_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ax_model::{BlobId, DocKey, FileKind, RepoName};

    fn put(num_bytes: usize) -> Op {
        let key = DocKey::new(RepoName::new("r").unwrap(), "f").unwrap();
        let version = FileVersion {
            blob: BlobId::default(),
            branches: Vec::new(),
            content: Content::Inline(Bytes::from(vec![b'x'; num_bytes])),
            kind: FileKind::Regular,
            num_bytes: 0,
            encoding: String::new(),
            generated: false,
            vendored: false,
        };
        Op::Put { key, versions: vec![version], committed_at_ms: 0 }
    }

    #[test]
    fn parts_are_bounded_but_never_empty() {
        let sizes = |ops| split(ops, 10).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
        assert_eq!(sizes(vec![put(4), put(6), put(1)]), [2, 1]);
        assert_eq!(sizes(vec![put(40), put(40), put(1), put(9)]), [1, 1, 2]);
    }
}
