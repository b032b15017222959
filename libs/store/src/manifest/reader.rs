//! From bytes to a manifest. The bytes may be anything.

use super::format::{Frame, Kind, Malformed};
use crate::layout;
use ax_model::{
    ContentHash, Epoch, Generation, Manifest, ManifestVersion, Offset, OffsetRange, Rebuild,
    RebuildNumber, SegmentEntry, SegmentId, ShardId, Stored,
};
use ax_proto::manifest as wire;
use bytes::Bytes;
use prost::Message;

/// Reads a manifest back, or says what is wrong with the bytes.
pub fn decode(bytes: &Bytes) -> Result<Manifest, Malformed> {
    let payload = Frame(Kind::Manifest).unwrap(bytes)?;
    let wire = wire::Manifest::decode(payload).map_err(|e| Malformed::Payload(e.to_string()))?;
    from_wire(wire)
}

fn from_wire(wire: wire::Manifest) -> Result<Manifest, Malformed> {
    Ok(Manifest {
        shard: ShardId(wire.shard),
        generation: Generation(wire.generation),
        version: ManifestVersion(at_least_one(wire.version, "version")?),
        epoch: Epoch(at_least_one(wire.epoch, "epoch")?),
        writer: wire.writer,
        previous: hash(&wire.previous, "previous")?,
        log_id: wire.log_id,
        applied: range(wire.applied_from, wire.applied_to, "applied_to")?,
        segments: wire.segments.into_iter().map(segment_from_wire).collect::<Result<_, _>>()?,
        committed_at_ms: wire.committed_at_ms,
        created_at_ms: wire.created_at_ms,
        rebuilt: RebuildNumber(wire.rebuilt),
        complete_at_ms: wire.complete_at_ms,
        rebuild: wire.rebuild.map(rebuild_from_wire).transpose()?,
    })
}

fn rebuild_from_wire(wire: wire::Rebuild) -> Result<Rebuild, Malformed> {
    Ok(Rebuild {
        number: RebuildNumber(at_least_one(wire.number, "rebuild.number")?),
        log_id: wire.log_id,
        applied: range(wire.applied_from, wire.applied_to, "rebuild.applied_to")?,
        target: Offset(wire.target),
        segments: wire.segments.into_iter().map(segment_from_wire).collect::<Result<_, _>>()?,
        committed_at_ms: wire.committed_at_ms,
        complete_at_ms: wire.complete_at_ms,
        began_at_ms: wire.began_at_ms,
        reason: wire.reason,
    })
}

fn segment_from_wire(wire: wire::SegmentEntry) -> Result<SegmentEntry, Malformed> {
    if !layout::is_segment_id(&wire.id) {
        return Err(Malformed::Field("segments.id")); // it becomes part of a path
    }
    let stored = match wire.codec.try_into() {
        Ok(wire::Codec::Raw) => Stored::Raw,
        Ok(wire::Codec::Zstd) => Stored::Zstd { num_bytes: wire.stored_bytes },
        Err(_) => return Err(Malformed::Field("segments.codec")),
    };
    Ok(SegmentEntry {
        id: SegmentId(wire.id),
        num_bytes: wire.num_bytes,
        checksum: hash(&wire.checksum, "segments.checksum")?,
        stored,
        num_docs: wire.num_docs,
        text_bytes: wire.text_bytes,
        num_tombstones: wire.num_tombstones,
        num_unparsed: wire.num_unparsed,
        unparsed_bytes: wire.unparsed_bytes,
        range: range(wire.range_from, wire.range_to, "segments.range_to")?,
        weeded_to: Offset(wire.weeded_to.max(wire.range_to)),
    })
}

fn at_least_one(value: u64, field: &'static str) -> Result<u64, Malformed> {
    if value == 0 { Err(Malformed::Field(field)) } else { Ok(value) }
}

fn hash(bytes: &[u8], field: &'static str) -> Result<ContentHash, Malformed> {
    bytes.try_into().map(ContentHash).map_err(|_| Malformed::Field(field))
}

fn range(from: u64, to: u64, field: &'static str) -> Result<OffsetRange, Malformed> {
    OffsetRange::new(Offset(from), Offset(to)).ok_or(Malformed::Field(field))
}
