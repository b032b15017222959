//! Documents that are searchable before anybody has looked for their definitions: flagged, and completed by
//! a merge.

use crate::common::{doc, finish, key, options, search, section_bytes};
use ax_engine::{
    BuildOptions, BuiltSegment, KnownSegment, Segment, SegmentBuilder, Snapshot, merge,
    merge_knowing,
};
use std::{ops::Range, path::Path, sync::Arc, time::Duration};

const FILES: [(&str, &str); 3] = [
    ("a.rs", "struct Lock;\nimpl Lock { fn take(&self) {} }\n"),
    ("b.c", "int get_page(void) { return 1; }\n"),
    ("c.txt", "get a lock\n"),
];

fn build(folder: &Path, id: &str, files: &[(&str, &str)], within: Duration) -> BuiltSegment {
    let mut builder = SegmentBuilder::new(options(folder, id)).unwrap();
    builder.parse_within(within);
    for (path, text) in files {
        builder.put(&key("r", path), vec![doc(*text, &["main"])]).unwrap();
    }
    finish(builder, folder, id)
}

fn snapshot(segments: &[&BuiltSegment]) -> Snapshot {
    let open = |built: &&BuiltSegment| Segment::open(&built.path).unwrap();
    Snapshot::new(segments.iter().map(open).collect()).unwrap()
}

fn without_symbols(folder: &Path, id: &str) -> BuildOptions {
    BuildOptions { symbols: false, ..options(folder, id) }
}

fn merged(snapshot: &Snapshot, range: Range<usize>, options: BuildOptions) -> BuiltSegment {
    let dest = options.scratch_dir.join(format!("{}.seg", options.id));
    merge(snapshot, range, options, &dest).unwrap()
}

/// How many documents wait, and the bytes of their text.
fn waiting(built: &BuiltSegment) -> (u64, u64) {
    (built.entry.num_unparsed, built.entry.unparsed_bytes)
}

fn num_files(snapshot: &Snapshot, query: &str) -> u64 {
    search(snapshot, query).num_files
}

#[test]
fn what_takes_too_long_is_left_and_its_text_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let left = build(folder.path(), "left", &FILES, Duration::ZERO);
    let num_bytes = (FILES[0].1.len() + FILES[1].1.len()) as u64;
    assert_eq!(waiting(&left), (2, num_bytes), "the text file has no grammar");
    assert_eq!((left.extraction.left.num, left.extraction.parsed.num), (2, 0));
    let found = snapshot(&[&left]);
    assert_eq!((num_files(&found, "take"), num_files(&found, "sym:take")), (1, 0));
    assert_eq!(found.segments().next().unwrap().entry(), left.entry, "the file alone says so too");
    let patient = build(folder.path(), "patient", &FILES, Duration::from_secs(1));
    assert_eq!(waiting(&patient), (0, 0));
    assert_eq!(num_files(&snapshot(&[&patient]), "sym:take"), 1);
}

#[test]
fn what_was_left_is_what_would_have_been_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let direct = build(folder.path(), "direct", &FILES, Duration::MAX);
    let left = build(folder.path(), "left", &FILES, Duration::ZERO);
    let filled = merged(&snapshot(&[&left]), 0..1, options(folder.path(), "filled"));
    assert_eq!((waiting(&filled), filled.extraction.parsed.num), ((0, 0), 2));
    let (direct, filled) = (section_bytes(&direct.path), section_bytes(&filled.path));
    // tantivy names its files anew each time, and footers say who built
    let names = direct.keys().filter(|name| !name.starts_with("index/"));
    let mut num = 0;
    for name in names {
        assert_eq!(direct.get(name), filled.get(name), "{name}");
        num += 1;
    }
    assert!(num > 15, "{num} sections");
}

#[test]
fn a_merge_that_does_not_parse_keeps_the_flags() {
    let folder = tempfile::tempdir().unwrap();
    let left = build(folder.path(), "left", &FILES[..1], Duration::ZERO);
    let parsed = build(folder.path(), "parsed", &FILES[1..], Duration::MAX);
    let both = snapshot(&[&left, &parsed]);
    let kept = merged(&both, 0..2, without_symbols(folder.path(), "kept"));
    assert_eq!(waiting(&kept), waiting(&left));
    assert_eq!(num_files(&snapshot(&[&kept]), "sym:get_page"), 1);
    let filled = merged(&snapshot(&[&kept]), 0..1, options(folder.path(), "filled"));
    assert_eq!((waiting(&filled), filled.extraction.parsed.num), ((0, 0), 1));
    let filled = snapshot(&[&filled]);
    assert_eq!((num_files(&filled, "sym:get_page"), num_files(&filled, "sym:take")), (1, 1));
}

#[test]
fn what_nobody_looked_at_is_not_copied_and_what_somebody_did_is() {
    let folder = tempfile::tempdir().unwrap();
    let left = build(folder.path(), "left", &FILES, Duration::ZERO);
    let parsed = build(folder.path(), "parsed", &FILES, Duration::MAX);
    let open = |built: &BuiltSegment| KnownSegment::open(&built.path).unwrap().unwrap();
    let fill = |id: &str, known: Vec<Arc<KnownSegment>>| {
        let dest = folder.path().join(format!("{id}.seg"));
        let options = options(folder.path(), id);
        merge_knowing(&snapshot(&[&left]), 0..1, options, known, &dest).unwrap().extraction
    };
    let (alone, beside) = (fill("alone", vec![open(&left)]), fill("beside", vec![open(&parsed)]));
    assert_eq!((alone.parsed.num, alone.reused.num), (2, 0));
    assert_eq!((beside.parsed.num, beside.reused.num), (0, 2));
    // A build that may not take long takes what is known all the same.
    let mut builder = SegmentBuilder::new(options(folder.path(), "quick")).unwrap();
    builder.parse_within(Duration::ZERO);
    builder.reuse(vec![open(&parsed)]);
    builder.put(&key("r", "moved.rs"), vec![doc(FILES[0].1, &["main"])]).unwrap();
    let quick = finish(builder, folder.path(), "quick");
    assert_eq!((waiting(&quick), quick.extraction.reused.num), ((0, 0), 1));
}

#[test]
fn what_is_deleted_beside_a_merge_of_one_segment_stays_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let old = build(folder.path(), "old", &[("a.rs", "fn old() {}\n")], Duration::MAX);
    let mut builder = SegmentBuilder::new(options(folder.path(), "left")).unwrap();
    builder.parse_within(Duration::ZERO);
    builder.delete(&key("r", "a.rs")).unwrap();
    for (path, text) in &FILES[1..] {
        builder.put(&key("r", path), vec![doc(*text, &["main"])]).unwrap();
    }
    let left = finish(builder, folder.path(), "left");
    let mut builder = SegmentBuilder::new(options(folder.path(), "new")).unwrap();
    builder.delete(&key("r", "b.c")).unwrap();
    let newer = finish(builder, folder.path(), "new");
    // The merge knows the older segment, as its worker does, and not the newer one.
    let filled = merged(&snapshot(&[&old, &left]), 1..2, options(folder.path(), "filled"));
    let after = snapshot(&[&old, &filled, &newer]);
    let paths: Vec<_> = after.documents().map(|doc| doc.unwrap().key.path).collect();
    assert_eq!(paths, ["c.txt"]);
    assert_eq!(num_files(&after, "sym:get_page or sym:old"), 0);
}
