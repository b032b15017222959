use super::*;
use ax_model::{
    ContentHash, Epoch, Generation, Manifest, ManifestVersion, Offset, OffsetRange, Rebuild,
    RebuildNumber, SegmentEntry, SegmentId, ShardId, Stored,
};
use bytes::Bytes;
use proptest::prelude::*;

/// Written by version 1 of the format; never to be changed, only joined by later ones.
const GOLDEN: &[u8] = include_bytes!("../../testdata/manifest-v1.pb");
/// The same with a rebuild under way; as fixed as the other.
const REBUILDING: &[u8] = include_bytes!("../../testdata/manifest-v1-rebuilding.pb");
/// Written by version 2 of the format, which names packed segments; as fixed as the others.
const PACKED: &[u8] = include_bytes!("../../testdata/manifest-v2.pb");

fn segment(id: &str, from: u64, to: u64) -> SegmentEntry {
    SegmentEntry {
        id: SegmentId(id.into()),
        num_bytes: 1 << 40,
        checksum: ContentHash::of(id.as_bytes()),
        stored: Stored::Raw,
        num_docs: 3,
        text_bytes: 4,
        num_tombstones: 5,
        num_unparsed: 0,
        unparsed_bytes: 0,
        range: OffsetRange { from: Offset(from), to: Offset(to) },
        weeded_to: Offset(to),
    }
}

fn golden_manifest() -> Manifest {
    Manifest {
        shard: ShardId(3),
        generation: Generation(1),
        version: ManifestVersion(42),
        epoch: Epoch(7),
        writer: "indexer-1".into(),
        previous: ContentHash::of(b"previous"),
        log_id: "log".into(),
        applied: OffsetRange { from: Offset(100), to: Offset(120) },
        segments: vec![segment("0000000000000006-a", 0, 100), segment("b", 100, 120)],
        committed_at_ms: 1_700_000_000_000,
        created_at_ms: -1,
        rebuilt: RebuildNumber(0),
        complete_at_ms: 0,
        rebuild: None,
    }
}

fn rebuilding_manifest() -> Manifest {
    let rebuild = Rebuild {
        number: RebuildNumber(4),
        log_id: "another log".into(),
        applied: OffsetRange { from: Offset(7), to: Offset(9) },
        target: Offset(30),
        segments: vec![segment("0000000000000007-c", 0, 9)],
        committed_at_ms: 1_700_000_000_001,
        complete_at_ms: 1_700_000_000_002,
        began_at_ms: 1_700_000_000_003,
        reason: "AX-C002: the position is too old".into(),
    };
    Manifest {
        rebuilt: RebuildNumber(3),
        complete_at_ms: 1_700_000_000_004,
        rebuild: Some(rebuild),
        ..golden_manifest()
    }
}

/// One segment raw and one packed in what is served, and one packed in what is rebuilt.
fn packed_manifest() -> Manifest {
    let mut manifest = rebuilding_manifest();
    manifest.segments[1].stored = Stored::Zstd { num_bytes: 1 << 39 };
    manifest.segments[0].weeded_to = Offset(119);
    manifest.rebuild.as_mut().unwrap().segments[0].stored = Stored::Zstd { num_bytes: 0 };
    manifest
}

#[test]
fn reads_every_format_ever_written() {
    assert_eq!(decode(&Bytes::from_static(GOLDEN)), Ok(golden_manifest()));
    assert_eq!(decode(&Bytes::from_static(REBUILDING)), Ok(rebuilding_manifest()));
    assert_eq!(decode(&Bytes::from_static(PACKED)), Ok(packed_manifest()));
}

#[test]
fn writes_the_bytes_that_it_always_wrote() {
    let written = encode(&golden_manifest());
    assert_eq!(&written[..], GOLDEN, "links are known by their bytes");
    assert_eq!(&encode(&rebuilding_manifest())[..], REBUILDING);
    assert_eq!(&encode(&packed_manifest())[..], PACKED);
}

/// A node of before would take a packed object for a raw one: it must not get so far.
#[test]
fn the_version_is_the_oldest_that_says_all() {
    let version = |manifest: &Manifest| encode(manifest)[4];
    assert_eq!(version(&rebuilding_manifest()), 1);
    for place in 0..2 {
        let mut manifest = packed_manifest();
        let raw = rebuilding_manifest();
        match place {
            0 => manifest.segments = raw.segments,
            _ => manifest.rebuild = raw.rebuild,
        }
        assert_eq!(version(&manifest), 2, "one packed segment is enough");
    }
}

#[test]
fn what_is_newer_is_refused_by_its_version() {
    for (kind, known) in [(Kind::Manifest, 2), (Kind::Quarantined, 1)] {
        for found in [0, known + 1, u32::MAX] {
            let error = Frame(kind).unwrap(&Frame(kind).wrap(found, b""));
            assert_eq!(error, Err(Malformed::Version { found, known }));
        }
    }
}

/// A reader of before leaves it out, and what comes back is right, if older than need be.
#[test]
fn how_far_a_segment_was_weeded_stays_in_the_first_version() {
    let mut manifest = golden_manifest();
    manifest.segments[0].weeded_to = Offset(119);
    let bytes = encode(&manifest);
    assert_eq!((bytes[4], decode(&bytes)), (1, Ok(manifest.clone())));
    manifest.segments[0].weeded_to = Offset(3); // before its own end: it means nothing
    assert_eq!(decode(&encode(&manifest)), Ok(golden_manifest()));
}

#[test]
fn a_codec_of_later_is_refused() {
    use prost::Message as _;
    let wire = ax_proto::manifest::Manifest {
        version: 1,
        epoch: 1,
        previous: vec![0; 32].into(),
        segments: vec![ax_proto::manifest::SegmentEntry {
            id: "a".into(),
            checksum: vec![0; 32].into(),
            codec: 7,
            ..Default::default()
        }],
        ..Default::default()
    };
    let bytes = Frame(Kind::Manifest).wrap(2, &wire.encode_to_vec());
    assert_eq!(decode(&bytes), Err(Malformed::Field("segments.codec")));
}

/// The bytes stay as they were where every file is parsed.
#[test]
fn what_is_not_parsed_yet_survives() {
    let mut manifest = rebuilding_manifest();
    let building = manifest.rebuild.iter_mut().flat_map(|rebuild| &mut rebuild.segments);
    for (place, entry) in (1..).zip(manifest.segments.iter_mut().chain(building)) {
        (entry.num_unparsed, entry.unparsed_bytes) = (place, 100 * place);
    }
    assert_eq!(manifest.unparsed(), (3, 300), "what is served counts");
    assert_eq!(decode(&encode(&manifest)), Ok(manifest));
}

#[test]
fn finds_any_flipped_bit() {
    for golden in [GOLDEN, PACKED] {
        for bit in 0..golden.len() * 8 {
            let mut bytes = golden.to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes.into()).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn finds_any_truncation_and_anything_behind() {
    for end in 0..GOLDEN.len() {
        assert!(decode(&Bytes::from_static(&GOLDEN[..end])).is_err(), "{end} bytes");
    }
    let longer = [GOLDEN, b"x"].concat();
    assert!(matches!(decode(&longer.into()), Err(Malformed::Length { .. })));
}

#[test]
fn refuses_fields_out_of_range() {
    fn rebuild(manifest: &mut Manifest) -> &mut Rebuild {
        manifest.rebuild.as_mut().expect("one is under way")
    }
    let check = |change: fn(&mut Manifest), field| {
        let mut manifest = rebuilding_manifest();
        change(&mut manifest);
        assert_eq!(decode(&encode(&manifest)), Err(Malformed::Field(field)));
    };
    check(|m| m.version = ManifestVersion(0), "version");
    check(|m| m.epoch = Epoch(0), "epoch");
    check(|m| m.applied = OffsetRange { from: Offset(2), to: Offset(1) }, "applied_to");
    check(|m| m.segments[0].id = SegmentId("../../etc".into()), "segments.id");
    check(|m| rebuild(m).number = RebuildNumber(0), "rebuild.number");
    check(
        |m| rebuild(m).applied = OffsetRange { from: Offset(2), to: Offset(1) },
        "rebuild.applied_to",
    );
    check(|m| rebuild(m).segments[0].id = SegmentId("/".into()), "segments.id");
}

#[test]
fn one_kind_is_not_taken_for_another() {
    let other = Frame(Kind::Quarantined).wrap(1, b"");
    assert_eq!(decode(&other), Err(Malformed::Magic(*b"AXQU")));
}

proptest! {
    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes.clone().into());
        let _ = decode(&Frame(Kind::Manifest).wrap(2, &bytes));
    }
}
