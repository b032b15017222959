//! Damaged segments: found, named, and never a panic. And the golden segment of format 1.

use crate::common::{build, doc, key, lines, search, skipped};
use ax_engine::{EngineError, Segment, Snapshot};
use ax_model::{Code, ContentHash};
use proptest::prelude::*;
use std::{path::Path, sync::OnceLock};

/// The bytes of a small segment that has everything in it.
fn segment_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::read(build(folder.path(), "golden", fill).path).unwrap()
    })
}

fn fill(builder: &mut ax_engine::SegmentBuilder) {
    let text = "pub fn parse_http() {}\n".repeat(30);
    builder.put(&key("r", "src/lib.rs"), vec![doc(text, &["main", "dev"])]).unwrap();
    builder.put(&key("r", "again.txt"), vec![doc("first\n", &["main"])]).unwrap();
    builder.put(&key("r", "again.txt"), vec![doc("second\n", &["main"])]).unwrap();
    builder.put(&key("r", "a.png"), vec![skipped(ax_model::SkipReason::Binary)]).unwrap();
    builder.delete(&key("r", "gone.txt")).unwrap();
    builder.delete_repository(&key("old", "x").repo);
}

fn open(bytes: &[u8]) -> Result<std::sync::Arc<Segment>, EngineError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.seg");
    std::fs::write(&path, bytes).unwrap();
    Segment::open(&path)
}

fn is_found(bytes: &[u8]) -> bool {
    match open(bytes).and_then(|segment| segment.verify()) {
        Ok(()) => false,
        Err(error) => error.code() == Code::SegmentCorrupt && !error.is_retryable(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_bit_is_found(at: prop::sample::Index, bit in 0u8..8) {
        let mut bytes = segment_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(is_found(&bytes), "bit {} of byte {}", bit, at);
    }

    #[test]
    fn a_cut_is_found(at: prop::sample::Index) {
        let bytes = segment_bytes();
        prop_assert!(is_found(&bytes[..at.index(bytes.len())]));
    }

    #[test]
    fn garbage_is_no_segment(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(is_found(&bytes));
    }

    /// Bytes whose checksums are right and whose structure is not, as a hostile writer could make.
    #[test]
    fn wrong_structure_under_right_checksums_is_no_panic(
        section in 0usize..40, at: prop::sample::Index, byte: u8,
    ) {
        let bytes = forged(segment_bytes(), section, at, byte);
        if let Ok(segment) = open(&bytes) {
            let all = Snapshot::new(vec![segment]).unwrap();
            for query in ["parse", "/p.*e/", "file:a", "sym:parse", "/(?s)p.*p/", "branch:main second"] {
                let query = ax_query::parse(query, &ax_query::Limits::default()).unwrap();
                let _ = all.search(&query, &Default::default(), &ax_engine::Stop::never());
            }
            let _ = all.documents().count();
            let _ = all.skipped(&key("r", "x").repo, "", 10);
        }
    }
}

/// Changes a byte of one of our own sections, and mends the checksums.
fn forged(bytes: &[u8], section: usize, at: prop::sample::Index, byte: u8) -> Vec<u8> {
    use prost::Message;
    let mut bytes = bytes.to_vec();
    let trailer = bytes.split_off(bytes.len() - 20);
    let len = u32::from_le_bytes(trailer[..4].try_into().unwrap()) as usize;
    let footer = bytes.split_off(bytes.len() - len);
    let mut footer = ax_proto::manifest::SegmentFooter::decode(footer.as_slice()).unwrap();
    let ours: Vec<_> = footer
        .sections
        .iter_mut()
        .filter(|section| !section.name.starts_with("index/") && section.num_bytes > 0)
        .collect();
    let num = ours.len();
    let section = ours.into_iter().nth(section % num).unwrap();
    let range = section.start as usize..(section.start + section.num_bytes) as usize;
    bytes[range.start + at.index(range.len())] = byte;
    section.crc32 = crc32fast::hash(&bytes[range]);
    let footer = footer.encode_to_vec();
    bytes.extend_from_slice(&footer);
    bytes.extend_from_slice(&(footer.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&crc32fast::hash(&footer).to_le_bytes());
    bytes.extend_from_slice(&trailer[8..]);
    bytes
}

#[test]
fn damage_to_the_text_is_found_by_verify() {
    let mut bytes = segment_bytes().to_vec();
    bytes[3] ^= 1;
    let segment = open(&bytes).unwrap();
    assert_eq!(segment.verify().unwrap_err().code(), Code::SegmentCorrupt);
}

#[test]
fn a_missing_file_is_an_error_of_io() {
    let error = Segment::open(Path::new("no/such/file.seg")).unwrap_err();
    assert!(matches!(error, EngineError::Io { .. }), "{error}");
}

#[test]
fn the_entry_is_rebuilt_from_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let built = build(folder.path(), "s", fill);
    let segment = Segment::open(&built.path).unwrap();
    assert_eq!(segment.entry(), built.entry);
    assert_eq!(built.entry.num_docs, 4);
    assert_eq!(built.entry.num_tombstones, 2);
    let bytes = std::fs::read(&built.path).unwrap();
    assert_eq!(built.entry.checksum, ContentHash::of(&bytes));
    assert_eq!(built.entry.num_bytes, bytes.len() as u64);
}

#[test]
fn the_golden_segment_of_format_1_opens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/format1.seg");
    let segment = Segment::open(&path).unwrap();
    segment.verify().unwrap();
    let all = Snapshot::new(vec![segment]).unwrap();
    assert_eq!(lines(&search(&all, "second")), ["again.txt:1:second"]);
    assert_eq!(search(&all, "sym:parse_http").num_lines, 30);
    assert_eq!(search(&all, "first").num_files, 0);
    assert_eq!(search(&all, "parse lang:rust branch:dev").num_files, 1);
    assert_eq!(all.stats().dead_docs, 1);
}
