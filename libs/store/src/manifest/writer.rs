//! From a manifest to its bytes.

use super::format::{Frame, Kind};
use ax_model::{Manifest, Rebuild, SegmentEntry};
use ax_proto::manifest as wire;
use bytes::Bytes;
use prost::Message;

/// The bytes of a manifest as stored. The same manifest always gives the same bytes: a writer knows
/// by them whether a link that it finds is its own.
pub fn encode(manifest: &Manifest) -> Bytes {
    Frame(Kind::Manifest).wrap(&to_wire(manifest).encode_to_vec())
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
    wire::SegmentEntry {
        id: entry.id.0.clone(),
        num_bytes: entry.num_bytes,
        checksum: Bytes::copy_from_slice(&entry.checksum.0),
        num_docs: entry.num_docs,
        text_bytes: entry.text_bytes,
        num_tombstones: entry.num_tombstones,
        range_from: entry.range.from.0,
        range_to: entry.range.to.0,
    }
}
