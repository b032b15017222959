use super::super::{check, fence, first};
use super::*;
use ax_model::{ContentHash, Epoch, Generation, SegmentEntry, ShardId, Stored};
use uuid::Uuid;

fn range(from: u64, to: u64) -> OffsetRange {
    OffsetRange { from: Offset(from), to: Offset(to) }
}

fn segment(n: u128, range: OffsetRange) -> SegmentEntry {
    SegmentEntry {
        id: crate::segment_id(Epoch(5), Uuid::from_u128(n)),
        num_bytes: 1,
        checksum: ContentHash::default(),
        stored: Stored::Raw,
        num_docs: 1,
        text_bytes: 1,
        num_tombstones: 0,
        num_unparsed: 0,
        unparsed_bytes: 0,
        range,
        weeded_to: range.to,
    }
}

/// A shard that serves one segment at position 100 of the stream `old`.
fn serving() -> Link {
    let mut manifest = first(ShardId(1), Generation(1), Epoch(5), "a", 10);
    manifest.log_id = "old".into();
    manifest.applied = range(0, 100);
    manifest.segments = vec![segment(1, range(0, 100))];
    Link::seal(manifest).0
}

fn start(number: u64) -> RebuildStart {
    RebuildStart {
        number: RebuildNumber(number),
        log_id: "new".into(),
        from: Offset(3),
        target: Offset(20),
        reason: "AX-C001: why".into(),
    }
}

fn begun() -> Link {
    Link::seal(serving().begin_rebuild(start(1), 20)).0
}

fn advanced(to: u64) -> Link {
    let link = begun();
    let mut next = link.next(30);
    let rebuild = next.rebuild.as_mut().unwrap();
    rebuild.applied = range(3, to);
    rebuild.segments.push(segment(2, range(3, to)));
    assert_eq!(check(&link, &next), Ok(()));
    Link::seal(next).0
}

#[test]
fn a_rebuild_ends_in_one_link_that_serves_it() {
    let link = advanced(20);
    let flipped = link.flip(40).unwrap();
    assert_eq!(check(&link, &flipped), Ok(()));
    assert_eq!(flipped.segments, [segment(2, range(3, 20))]);
    assert_eq!((flipped.position(), flipped.log_id.as_str()), (Offset(20), "new"));
    assert_eq!((flipped.rebuilt, &flipped.rebuild), (RebuildNumber(1), &None));
    // From there on as ever.
    let flipped = Link::seal(flipped).0;
    let mut next = flipped.next(50);
    next.applied = range(20, 25);
    assert_eq!(check(&flipped, &next), Ok(()));
}

#[test]
fn nothing_is_flipped_before_the_target() {
    assert_eq!(advanced(19).flip(40), None);
    assert_eq!(serving().flip(40), None);
    let empty = RebuildStart { target: Offset(3), ..start(1) };
    let empty = Link::seal(serving().begin_rebuild(empty, 20)).0;
    let flipped = empty.flip(40).expect("an empty stream has nothing to read");
    assert_eq!(check(&empty, &flipped), Ok(()));
}

#[test]
fn a_take_over_keeps_what_was_rebuilt_so_far() {
    let link = advanced(10);
    let fence = fence(&link, Epoch(9), "b", 77);
    assert_eq!(check(&link, &fence), Ok(()));
    let (was, is) = (link.manifest.rebuild.unwrap(), fence.rebuild.unwrap());
    assert_eq!(is, Rebuild { applied: range(10, 10), ..was });
}

#[test]
fn a_later_rebuild_replaces_one_under_way() {
    let link = advanced(10);
    assert_eq!(check(&link, &link.begin_rebuild(start(2), 40)), Ok(()));
    assert!(check(&link, &link.begin_rebuild(start(1), 40)).is_err(), "its number is not new");
}

/// What breaks a rule, after a link.
type Case<'a> = (&'a str, Link, &'a dyn Fn(&Link) -> Manifest);

#[test]
fn each_rule_refuses_what_breaks_it() {
    fn with(link: &Link, change: impl FnOnce(&mut Rebuild)) -> Manifest {
        let mut next = link.next(50);
        change(next.rebuild.as_mut().expect("under way"));
        next
    }
    let cases: &[Case<'_>] = &[
        ("dropped", advanced(10), &|link| Manifest { rebuild: None, ..link.next(50) }),
        ("gap", advanced(10), &|link| with(link, |r| r.applied = range(11, 12))),
        ("overlap", advanced(10), &|link| with(link, |r| r.applied = range(9, 12))),
        ("other stream", advanced(10), &|link| with(link, |r| r.log_id = "x".into())),
        ("target moved", advanced(10), &|link| with(link, |r| r.target = Offset(10))),
        ("too far", advanced(10), &|link| {
            with(link, |r| r.segments.push(segment(3, range(3, 11))))
        }),
        ("named twice", advanced(10), &|link| {
            with(link, |r| r.segments.push(segment(1, range(0, 9))))
        }),
        ("served moves", advanced(10), &|link| Manifest {
            applied: range(100, 101),
            ..link.next(50)
        }),
        ("old number", serving(), &|link| link.begin_rebuild(start(0), 50)),
        ("begins with something", serving(), &|link| {
            let mut next = link.begin_rebuild(start(1), 50);
            next.rebuild.as_mut().expect("just begun").applied = range(0, 1);
            next
        }),
        ("never built", serving(), &|link| Manifest { rebuilt: RebuildNumber(1), ..link.next(50) }),
        ("not complete", advanced(10), &|link| {
            let mut early = advanced(20).flip(50).expect("complete");
            early.previous = link.hash;
            early.segments.clone_from(&link.manifest.rebuild.as_ref().expect("there").segments);
            early.applied = range(10, 10);
            early
        }),
        ("other segments", advanced(20), &|link| Manifest {
            segments: Vec::new(),
            ..link.flip(50).expect("complete")
        }),
        ("other position", advanced(20), &|link| Manifest {
            applied: range(100, 100),
            ..link.flip(50).expect("complete")
        }),
        ("keeps the old stream", advanced(20), &|link| Manifest {
            log_id: "old".into(),
            ..link.flip(50).expect("complete")
        }),
    ];
    for (name, link, next) in cases {
        assert!(check(link, &next(link)).is_err(), "{name}");
    }
}
