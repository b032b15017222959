//! From a manifest to its bytes.

use super::format::{Frame, Kind};
use ax_model::{Manifest, Rebuild, SegmentEntry, Stored};
use ax_proto::manifest as wire;
use bytes::Bytes;
use prost::Message;

/// The bytes of a manifest as stored. The same manifest always gives the same bytes: a writer knows
/// by them whether a link that it finds is its own.
pub fn encode(manifest: &Manifest) -> Bytes {
    Frame(Kind::Manifest).wrap(version(manifest), &to_wire(manifest).encode_to_vec())
}

/// The oldest version that says all of it: while nothing is packed, nodes of before can read it.
fn version(manifest: &Manifest) -> u32 {
    let is_raw = |entry: &SegmentEntry| entry.stored == Stored::Raw;
    if manifest.all_segments().all(is_raw) { 1 } else { 2 }
}

fn to_wire(manifest: &Manifest) -> wire::Manifest {
    wire::Manifest {
        shard: manifest.shard.0,
        generation: manifest.generation.0,
        version: manifest.version.0,
        epoch: manifest.epoch.0,
        writer: manifest.writer.clone(),
        previous: Bytes::copy_from_slice(&manifest.previous.0),
        log_id: manifest.log_id.clone(),
        applied_from: manifest.applied.from.0,
        applied_to: manifest.applied.to.0,
        segments: manifest.segments.iter().map(segment_to_wire).collect(),
        committed_at_ms: manifest.committed_at_ms,
        created_at_ms: manifest.created_at_ms,
        rebuilt: manifest.rebuilt.0,
        complete_at_ms: manifest.complete_at_ms,
        rebuild: manifest.rebuild.as_ref().map(rebuild_to_wire),
    }
}

fn rebuild_to_wire(rebuild: &Rebuild) -> wire::Rebuild {
    wire::Rebuild {
        number: rebuild.number.0,
        log_id: rebuild.log_id.clone(),
        applied_from: rebuild.applied.from.0,
        applied_to: rebuild.applied.to.0,
        target: rebuild.target.0,
        segments: rebuild.segments.iter().map(segment_to_wire).collect(),
        committed_at_ms: rebuild.committed_at_ms,
        complete_at_ms: rebuild.complete_at_ms,
        began_at_ms: rebuild.began_at_ms,
        reason: rebuild.reason.clone(),
    }
}

fn segment_to_wire(entry: &SegmentEntry) -> wire::SegmentEntry {
    let (codec, stored_bytes) = match entry.stored {
        Stored::Raw => (wire::Codec::Raw, 0),
        Stored::Zstd { num_bytes } => (wire::Codec::Zstd, num_bytes),
    };
    wire::SegmentEntry {
        id: entry.id.0.clone(),
        num_bytes: entry.num_bytes,
        checksum: Bytes::copy_from_slice(&entry.checksum.0),
        num_docs: entry.num_docs,
        text_bytes: entry.text_bytes,
        num_tombstones: entry.num_tombstones,
        num_unparsed: entry.num_unparsed,
        unparsed_bytes: entry.unparsed_bytes,
        range_from: entry.range.from.0,
        range_to: entry.range.to.0,
        codec: codec.into(),
        stored_bytes,
        weeded_to: if entry.weeded_to > entry.range.to { entry.weeded_to.0 } else { 0 },
    }
}
