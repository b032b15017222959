//! Definitions that are copied instead of parsed: the same bytes in the index, and never wrong ones.

use crate::common::{doc, finish, footer, key, options, search, section_bytes};
use ax_engine::{BuiltSegment, KnownSegment, Segment, SegmentBuilder, Snapshot, merge};
use ax_proto::manifest::SegmentFooter;
use prost::Message;
use std::{collections::BTreeMap, path::Path, sync::Arc};

const FILES: [(&str, &str); 5] = [
    ("a.rs", "// lock\nstruct Lock;\nimpl Lock {\n    fn take(&self) { say(\"lock\") }\n}\n"),
    ("b.c", "struct page { int flags; };\nstatic int get_page(struct page *p) { return 1; }\n"),
    ("c.py", "class Queue:\n    def put(self):\n        pass\n"),
    ("d.go", "package d\n\nfunc Take() int { return 0 }\n"),
    ("e.md", "no definitions here\n"),
];

/// Builds `files` as `id`, with what is known.
fn build(
    folder: &Path,
    id: &str,
    files: &[(&str, &str)],
    known: &[Arc<KnownSegment>],
) -> BuiltSegment {
    let mut builder = SegmentBuilder::new(options(folder, id)).unwrap();
    builder.reuse(known.to_vec());
    for (path, text) in files {
        builder.put(&key("r", path), vec![doc(*text, &["main"])]).unwrap();
    }
    finish(builder, folder, id)
}

fn known(built: &BuiltSegment) -> Arc<KnownSegment> {
    KnownSegment::open(&built.path).unwrap().unwrap()
}

/// How many texts were parsed, and how many reused.
fn counts(built: &BuiltSegment) -> (u64, u64) {
    (built.extraction.parsed.num, built.extraction.reused.num)
}

/// What syntax gave, section by section.
fn sections(built: &BuiltSegment) -> BTreeMap<String, Vec<u8>> {
    let of_syntax = |name: &str| {
        ["symbols/", "marks/", "grams/symbol/", "strings"].iter().any(|one| name.starts_with(one))
    };
    let mut sections = section_bytes(&built.path);
    sections.retain(|name, _| of_syntax(name));
    sections
}

/// Writes the segment again with another footer.
fn change_footer(built: &BuiltSegment, change: impl FnOnce(&mut SegmentFooter)) {
    let mut file = std::fs::read(&built.path).unwrap();
    let (mut footer, start) = footer(&file);
    let rest = file[file.len() - 12..].to_vec();
    change(&mut footer);
    file.truncate(start);
    let bytes = footer.encode_to_vec();
    file.extend_from_slice(&bytes);
    file.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    file.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
    file.extend_from_slice(&rest);
    std::fs::write(&built.path, file).unwrap();
}

/// Flips a bit in the middle of a section.
fn damage(built: &BuiltSegment, section: &str) {
    let mut file = std::fs::read(&built.path).unwrap();
    let (footer, _) = footer(&file);
    let section = footer.sections.iter().find(|one| one.name == section).unwrap();
    file[(section.start + section.num_bytes / 2) as usize] ^= 4;
    std::fs::write(&built.path, file).unwrap();
}

#[test]
fn what_is_copied_is_what_would_have_been_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let old = build(folder.path(), "old", &FILES, &[]);
    assert_eq!(counts(&old), (4, 0));
    let moved: Vec<_> = FILES.iter().map(|(path, text)| (format!("moved/{path}"), *text)).collect();
    let moved: Vec<_> = moved.iter().map(|(path, text)| (path.as_str(), *text)).rev().collect();
    let parsed = build(folder.path(), "parsed", &moved, &[]);
    let copied = build(folder.path(), "copied", &moved, &[known(&old)]);
    assert_eq!((counts(&parsed), counts(&copied)), ((4, 0), (0, 4)));
    let (parsed, copied) = (sections(&parsed), sections(&copied));
    assert!(parsed.len() >= 8 && parsed.values().all(|bytes| !bytes.is_empty()), "{parsed:?}");
    assert_eq!(parsed, copied);
}

#[test]
fn equal_texts_of_one_build_are_parsed_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = FILES[0].1;
    let files = [("a.rs", text), ("copy/a.rs", text), ("a.txt", text), ("a.go", text)];
    let built = build(folder.path(), "s", &files, &[]);
    assert_eq!(counts(&built), (2, 1), "Rust and Go; the same in Rust; none in plain text");
    let snapshot = Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    let mut found: Vec<_> =
        search(&snapshot, "sym:take lang:rust").files.into_iter().map(|hit| hit.key.path).collect();
    found.sort();
    assert_eq!(found, ["a.rs", "copy/a.rs"]);
}

#[test]
fn another_text_under_the_same_blob_id_is_parsed() {
    let folder = tempfile::tempdir().unwrap();
    let old = build(folder.path(), "old", &FILES[..1], &[]);
    let mut builder = SegmentBuilder::new(options(folder.path(), "new")).unwrap();
    builder.reuse(vec![known(&old)]);
    let mut other = doc("fn other() {}\n", &["main"]);
    other.version.blob = doc(FILES[0].1, &[]).version.blob;
    builder.put(&key("r", "a.rs"), vec![other]).unwrap();
    let built = finish(builder, folder.path(), "new");
    assert_eq!(counts(&built), (1, 0));
    let snapshot = Snapshot::new(vec![Segment::open(&built.path).unwrap()]).unwrap();
    assert_eq!(search(&snapshot, "sym:other").num_files, 1);
    assert_eq!(search(&snapshot, "sym:take").num_files, 0);
}

#[test]
fn a_few_bytes_are_not_sought_among_many_names() {
    let folder = tempfile::tempdir().unwrap();
    let many: String = (0..2000).map(|i| format!("fn name_{i}() {{}}\n")).collect();
    let files = [("many.rs", many.as_str()), ("few.rs", "fn few() {}\n")];
    let old = build(folder.path(), "old", &files, &[]);
    let few = build(folder.path(), "few", &files[1..], &[known(&old)]);
    assert_eq!(counts(&few), (1, 0));
    let both = build(folder.path(), "both", &files, &[known(&old)]);
    assert_eq!(counts(&both), (0, 2));
}

#[test]
fn definitions_by_other_rules_are_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let old = build(folder.path(), "old", &FILES[..2], &[]);
    let new = build(folder.path(), "new", &FILES[2..], &[]);
    change_footer(&old, |footer| footer.rules += 1);
    assert!(KnownSegment::open(&old.path).unwrap().is_none());
    let open = |built: &BuiltSegment| Segment::open(&built.path).unwrap();
    let merged = |id: &str, parts: Vec<Arc<Segment>>| {
        let (snapshot, range) = (Snapshot::new(parts.clone()).unwrap(), 0..parts.len());
        let dest = folder.path().join(format!("{id}.seg"));
        merge(&snapshot, range, options(folder.path(), id), &dest).unwrap()
    };
    let mixed = merged("mixed", vec![open(&old), open(&new)]);
    assert!(KnownSegment::open(&mixed.path).unwrap().is_none(), "by two sets of rules");
    let alone = merged("alone", vec![open(&new)]);
    assert_eq!(counts(&alone), (0, 0), "a merge neither parses nor looks");
    let again = build(folder.path(), "again", &FILES[2..], &[known(&alone)]);
    assert_eq!(counts(&again), (0, 2));
}

#[test]
fn a_segment_without_definitions_is_not_taken_for_texts_that_define_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut without = options(folder.path(), "without");
    without.symbols = false;
    let mut builder = SegmentBuilder::new(without).unwrap();
    builder.put(&key("r", "a.rs"), vec![doc(FILES[0].1, &["main"])]).unwrap();
    let built = finish(builder, folder.path(), "without");
    assert_eq!(counts(&built), (0, 0));
    assert!(KnownSegment::open(&built.path).unwrap().is_none());
    let text = build(folder.path(), "text", &FILES[4..], &[]);
    assert!(KnownSegment::open(&text.path).unwrap().is_some(), "it lacks nothing");
}

#[test]
fn damage_is_never_copied() {
    let folder = tempfile::tempdir().unwrap();
    for section in ["docs", "strings", "symbols/text", "symbols/places", "marks/data"] {
        let old = build(folder.path(), "old", &FILES, &[]);
        damage(&old, section);
        assert!(KnownSegment::open(&old.path).is_err(), "{section}");
    }
    let old = build(folder.path(), "old", &FILES[..1], &[]);
    damage(&old, "content");
    let built = build(folder.path(), "new", &FILES[..1], &[known(&old)]);
    assert_eq!(counts(&built), (1, 0), "the damaged text is equal to none");
}
