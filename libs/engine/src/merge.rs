//! Compaction: adjacent segments become one, without what is dead.

mod policy;
mod weeding;

pub use policy::{MergePolicy, plan_merges};
pub use weeding::plan_weeding;

use crate::{
    BuildOptions, BuiltSegment, Doc, EngineError, KnownSegment, Result, SegmentBuilder, Snapshot,
    builder::Definitions,
    docs::flag,
    keys::KeyKind,
    snapshot::Part,
    symbols::{Kinded, Place},
};
use ax_model::{Content, FileVersion, Offset, OffsetRange};
use bytes::Bytes;
use std::{ops::Range, path::Path, sync::Arc};

/// Merges the segments at `range` of `snapshot` (their places in it, oldest first) into one that can
/// take their place in any manifest that holds all segments of the snapshot, or newer ones too.
///
/// Deletions are kept for the segments older than the range, and dropped if there are none.
/// Definitions are copied, not parsed again; postings are built anew from the text, in the bounded
/// memory of a [`SegmentBuilder`].
///
/// With [`BuildOptions::symbols`] documents that nobody has looked at yet are parsed, in the background;
/// without, they stay flagged. So a merge of one segment adds what was left when it was built.
///
/// # Errors
/// [`EngineError::Unindexable`] when the range is empty or not in the snapshot.
pub fn merge(
    snapshot: &Snapshot,
    range: Range<usize>,
    options: BuildOptions,
    dest: &Path,
) -> Result<BuiltSegment> {
    merge_knowing(snapshot, range, options, Vec::new(), dest)
}

/// As [`merge`], with segments from which definitions are copied where that is cheaper than to parse.
pub fn merge_knowing(
    snapshot: &Snapshot,
    range: Range<usize>,
    options: BuildOptions,
    known: Vec<Arc<KnownSegment>>,
    dest: &Path,
) -> Result<BuiltSegment> {
    let outside = || EngineError::Unindexable(format!("merge of segments {range:?}"));
    let parts = snapshot.parts.get(range.clone()).filter(|parts| !parts.is_empty());
    let parts = parts.ok_or_else(outside)?;
    let parse = options.symbols;
    let mut builder = SegmentBuilder::new(options)?;
    builder.reuse(known);
    if parse {
        builder.in_background();
    }
    for part in parts {
        copy(part, parse, &mut builder)?;
    }
    if range.start == 0 {
        builder.forget_tombstones();
    }
    builder.finish(hull(parts), dest)
}

fn hull(parts: &[Part]) -> OffsetRange {
    let ranges = parts.iter().map(|part| part.segment.offsets());
    let from = ranges.clone().map(|range| range.from).min();
    let to = ranges.map(|range| range.to).max();
    OffsetRange { from: from.unwrap_or(Offset(0)), to: to.unwrap_or(Offset(0)) }
}

/// Says again what a segment says. Its deletions of repositories come before its other keys, as they
/// apply to older segments only; order among the other keys does not matter, since each stands once.
fn copy(part: &Part, parse: bool, builder: &mut SegmentBuilder) -> Result<()> {
    let keys = &part.segment.keys;
    for key in &part.segment.deletions {
        builder.delete_repository(&keys.decode(*key)?.repo);
    }
    for info in &part.segment.repositories {
        builder.repository(info);
    }
    let symbols = part.segment.symbols.by_doc()?;
    if !part.live.is_empty() {
        builder.copies_by(part.segment.rules());
    }
    for key in 0..keys.num() {
        match keys.kind(key) {
            KeyKind::RepositoryDeleted => {}
            KeyKind::Deleted => builder.delete(&keys.decode(key)?)?,
            KeyKind::Put => {
                let live = keys.docs(key).filter(|doc| part.live.has(*doc));
                let versions = live.map(|doc| read(part, doc, parse, &symbols));
                let versions = versions.collect::<Result<Vec<_>>>()?;
                // a key whose documents are dead is said by whichever newer segment killed them
                if !versions.is_empty() {
                    builder.put_known(&keys.decode(key)?, versions)?;
                }
            }
        }
    }
    Ok(())
}

fn read(
    part: &Part,
    doc: u32,
    parse: bool,
    symbols: &[(u32, Place)],
) -> Result<(Doc, Option<Definitions>)> {
    let segment = &part.segment;
    let record = segment.docs.record(doc)?;
    let encoding = segment.docs.strings.encodings.get(record.encoding as usize);
    let text = Bytes::from_owner(segment.content.slice(segment.docs.text(doc)));
    let named = segment.docs.strings.branches(record.branches);
    let version = FileVersion {
        blob: record.blob,
        branches: named.map(str::to_owned).collect(),
        as_of: record.as_of,
        content: Content::Inline(Bytes::new()), // not read: the text is given beside it
        kind: record.kind,
        num_bytes: record.num_bytes,
        encoding: encoding.cloned().unwrap_or_default(),
        generated: record.flags & flag::GENERATED != 0,
        vendored: record.flags & flag::VENDORED != 0,
    };
    let text = record.skip.map_or(Ok(text), Err);
    let unparsed = record.flags & flag::UNPARSED != 0;
    let known = Definitions {
        symbols: symbols_of(part, doc, symbols)?,
        marks: segment.marks.bytes(doc)?.to_vec(),
        given_up: record.flags & flag::NO_SYMBOLS != 0,
        unparsed,
    };
    let known = (!unparsed || !parse).then_some(known);
    Ok((Doc { version, text, committed_at_ms: record.committed_at_ms }, known))
}

fn symbols_of(part: &Part, doc: u32, symbols: &[(u32, Place)]) -> Result<Vec<Kinded>> {
    let start = symbols.partition_point(|(_, place)| place.doc < doc);
    let of_doc = symbols[start..].iter().take_while(|(_, place)| place.doc == doc);
    let segment = &part.segment;
    let kinds = &segment.docs.strings.symbol_kinds;
    of_doc
        .map(|(name, place)| segment.symbols.restore(segment.symbols.name(*name)?, *place, kinds))
        .collect()
}
