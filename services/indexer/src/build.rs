//! From ops to segment files. An op that cannot be built, since its text is lost or a library panics
//! on it, is set aside and never stops its shard: see [`isolate`].

use crate::{
    IndexerError,
    fold::{Op, Planned, Poison},
    isolate::{self, Isolated},
};
use ax_engine::{BuildOptions, BuiltSegment, Doc, KnownSegment, SegmentBuilder};
use ax_model::{
    Code, Content, Epoch, FileVersion, Generation, OffsetRange, ShardId, SkipReason, StoredBlob,
};
use ax_store::{Store, StoreError};
use bytes::Bytes;
use std::{
    collections::{HashMap, hash_map::Entry},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

/// Where and for whom to build.
#[derive(Clone)]
pub(crate) struct BuildPlan {
    pub shard: ShardId,
    pub generation: Generation,
    pub epoch: Epoch,
    pub range: OffsetRange,
    pub symbols: bool,
    /// Parsing that would take longer is left for later.
    pub symbols_within: Duration,
    pub folder: PathBuf,
    /// Where definitions may be copied from.
    pub known: Vec<Arc<KnownSegment>>,
}

/// What was built, and what could not be.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub segments: Vec<BuiltSegment>,
    pub poison: Vec<Poison>,
}

/// Texts of the blobs that stand in the object store, by hash; or why there is none.
type Fetched = HashMap<[u8; 32], Result<Bytes, String>>;

/// Builds the segments that hold `ops`, in order, each of at most about `max_text_bytes`.
///
/// One batch may name many large blobs of the object store by tiny records, so memory is bounded
/// here, by what one segment holds, and not by the size of a batch.
pub(crate) async fn build(
    store: &Store,
    plan: &BuildPlan,
    ops: Vec<Planned>,
    max_text_bytes: u64,
) -> Result<Built, IndexerError> {
    let mut built = Built::default();
    for part in split(ops, max_text_bytes) {
        let fetched = fetch_stored(store, &part).await?;
        built.poison.extend(part.iter().filter_map(|planned| lost_text(planned, &fetched)));
        let plan = plan.clone();
        let span = tracing::Span::current();
        let work = move || isolate::build(part, &|part| write(&plan, part, &fetched));
        let task = tokio::task::spawn_blocking(move || span.in_scope(work));
        let Isolated { built: segments, poison } =
            task.await.map_err(|error| IndexerError::Panicked(error.to_string()))??;
        built.segments.extend(segments);
        built.poison.extend(poison);
    }
    Ok(built)
}

/// Cuts `ops` into runs of at most `max_text_bytes`, but at least one op each.
fn split(ops: Vec<Planned>, max_text_bytes: u64) -> Vec<Vec<Planned>> {
    let mut parts: Vec<Vec<Planned>> = Vec::new();
    let mut part_bytes = 0;
    for planned in ops {
        let num_bytes = text_bytes(&planned.op);
        match parts.last_mut() {
            Some(part) if part_bytes + num_bytes <= max_text_bytes => part.push(planned),
            _ => {
                parts.push(vec![planned]);
                part_bytes = 0;
            }
        }
        part_bytes += num_bytes;
    }
    parts
}

/// Bytes of the texts that an op puts.
pub(crate) fn text_bytes(op: &Op) -> u64 {
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

/// Reads the blobs that were too large for the stream. One that is lost or damaged is no failure of
/// the shard; a store that does not answer is.
async fn fetch_stored(store: &Store, ops: &[Planned]) -> Result<Fetched, IndexerError> {
    let mut fetched = Fetched::new();
    for blob in ops.iter().flat_map(|planned| stored_blobs(&planned.op)) {
        if let Entry::Vacant(place) = fetched.entry(blob.hash) {
            place.insert(match store.get_blob(blob).await {
                Ok(text) => Ok(text),
                Err(error @ (StoreError::NotFound { .. } | StoreError::SegmentCorrupt { .. })) => {
                    Err(error.to_string())
                }
                Err(error) => return Err(error.into()),
            });
        }
    }
    Ok(fetched)
}

/// The record of an op whose text is lost: its file is indexed as unreadable meanwhile.
fn lost_text(planned: &Planned, fetched: &Fetched) -> Option<Poison> {
    let why = stored_blobs(&planned.op).find_map(|blob| fetched.get(&blob.hash)?.as_ref().err())?;
    let reason = format!("{}: {why}", isolate::subject(&planned.op));
    Some(Poison { record: planned.record.clone(), code: Code::ChangeUnindexable, reason })
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

fn write(
    plan: &BuildPlan,
    ops: &[Planned],
    fetched: &Fetched,
) -> Result<BuiltSegment, IndexerError> {
    let id = ax_store::segment_id(plan.epoch, uuid::Uuid::now_v7());
    let path = plan.folder.join(format!("{id}.seg"));
    let mut builder = SegmentBuilder::new(BuildOptions {
        shard: plan.shard,
        generation: plan.generation,
        id,
        symbols: plan.symbols,
        scratch_dir: plan.folder.clone(),
    })?;
    builder.reuse(plan.known.clone());
    builder.parse_within(plan.symbols_within);
    for planned in ops {
        apply(&mut builder, &planned.op, fetched)?;
    }
    Ok(builder.finish(plan.range, &path)?)
}

fn apply(builder: &mut SegmentBuilder, op: &Op, fetched: &Fetched) -> Result<(), IndexerError> {
    match op {
        Op::Put { key, versions, committed_at_ms } => {
            let docs = versions.iter().map(|v| document(v.clone(), *committed_at_ms, fetched));
            builder.put(key, docs.collect())?;
        }
        Op::Delete(key) => builder.delete(key)?,
        Op::DeleteRepository(repo) => builder.delete_repository(repo),
        Op::Repository(info) => builder.repository(info),
    }
    Ok(())
}

fn document(mut version: FileVersion, committed_at_ms: i64, fetched: &Fetched) -> Doc {
    let content = std::mem::replace(&mut version.content, Content::Inline(Bytes::new()));
    let text = match content {
        Content::Inline(text) => Ok(text),
        Content::Stored(blob) => match fetched.get(&blob.hash) {
            Some(Ok(text)) => Ok(text.clone()),
            _ => Err(SkipReason::Unreadable),
        },
        Content::Skipped(reason) => Err(reason),
    };
    Doc { version, text, committed_at_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isolate::tests::put;

    #[test]
    fn parts_are_bounded_but_never_empty() {
        let put = |num_bytes| put("f", &"x".repeat(num_bytes));
        let sizes = |ops| split(ops, 10).iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(sizes(vec![]), Vec::<usize>::new());
        assert_eq!(sizes(vec![put(4), put(6), put(1)]), [2, 1]);
        assert_eq!(sizes(vec![put(40), put(40), put(1), put(9)]), [1, 1, 2]);
    }
}
