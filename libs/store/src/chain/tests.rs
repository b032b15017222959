use super::*;
use ax_model::{Offset, SegmentEntry, Stored};
use uuid::Uuid;

fn range(from: u64, to: u64) -> OffsetRange {
    OffsetRange { from: Offset(from), to: Offset(to) }
}

fn segment(id: impl Into<String>, range: OffsetRange) -> SegmentEntry {
    SegmentEntry {
        id: SegmentId(id.into()),
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

fn head() -> Link {
    let mut manifest = first(ShardId(1), Generation(1), Epoch(5), "a", 10);
    manifest.log_id = "log".into();
    manifest.applied = range(0, 100);
    manifest.segments = vec![segment("old", range(0, 100))];
    Link::seal(manifest).0
}

/// A rule's name, and what breaks it.
type Case<'a> = (&'a str, &'a dyn Fn(&mut Manifest));

#[test]
fn each_rule_refuses_what_breaks_it() {
    let head = head();
    let check = |change: &dyn Fn(&mut Manifest)| {
        let mut next = head.next(11);
        change(&mut next);
        super::check(&head, &next)
    };
    let own = crate::segment_id(Epoch(5), Uuid::from_u128(1));
    let foreign = crate::segment_id(Epoch(4), Uuid::from_u128(1));
    assert_eq!(check(&|_| ()), Ok(()));
    assert_eq!(check(&|m| m.applied = range(100, 120)), Ok(()));
    assert_eq!(check(&|m| m.segments.push(segment(&own.0, range(100, 100)))), Ok(()));
    assert_eq!(check(&|m| (m.epoch, m.writer) = (Epoch(6), "b".into())), Ok(()));

    let broken: &[Case<'_>] = &[
        ("a: shard", &|m| m.shard = ShardId(2)),
        ("a: generation", &|m| m.generation = Generation(2)),
        ("a: version", &|m| m.version = ManifestVersion(3)),
        ("b: previous", &|m| m.previous = ContentHash::of(b"x")),
        ("c: epoch", &|m| m.epoch = Epoch(4)),
        ("c: writer", &|m| m.writer = "b".into()),
        ("d: gap", &|m| m.applied = range(101, 120)),
        ("d: overlap", &|m| m.applied = range(99, 120)),
        ("d: log", &|m| m.log_id = "other".into()),
        ("e: twice", &|m| m.segments.push(segment("old", range(0, 100)))),
        ("e: too far", &|m| m.segments.push(segment("new", range(100, 101)))),
        ("e: foreign", &|m| m.segments.push(segment(&foreign.0, range(0, 0)))),
        ("e: name", &|m| m.segments.push(segment("a/b", range(0, 0)))),
    ];
    for (name, change) in broken {
        assert!(check(change).is_err(), "{name}");
    }
}

#[test]
fn the_first_link_starts_the_chain() {
    let good = first(ShardId(1), Generation(1), Epoch(1), "a", 0);
    assert_eq!(check_first(&good), Ok(()));
    let broken = [
        Manifest { version: ManifestVersion(2), ..good.clone() },
        Manifest { epoch: Epoch(0), ..good.clone() },
        Manifest { previous: ContentHash::of(b"x"), ..good },
    ];
    for manifest in broken {
        assert!(check_first(&manifest).is_err());
    }
}

#[test]
fn a_fence_keeps_the_content_and_moves_nothing() {
    let head = head();
    let fence = fence(&head, Epoch(9), "b", 77);
    assert_eq!(check(&head, &fence), Ok(()));
    assert_eq!(fence.segments, head.manifest.segments);
    assert_eq!(fence.position(), head.manifest.position());
    assert_eq!(fence.committed_at_ms, head.manifest.committed_at_ms);
    assert!(fence.applied.is_empty());
}

#[test]
fn the_decision_table_of_an_unclear_creation() {
    let ours = Link::seal(fence(&head(), Epoch(7), "me", 1)).0;
    let found = |epoch, writer: &str| Some(Link::seal(fence(&head(), Epoch(epoch), writer, 2)).0);
    let check = |found: Option<Link>, verdict| {
        assert_eq!(judge(&ours, found.as_ref()), verdict, "{found:?}");
    };
    check(None, Verdict::Again);
    check(Some(ours.clone()), Verdict::Ours);
    check(found(8, "me"), Verdict::Fenced);
    check(found(8, "you"), Verdict::Fenced);
    check(found(7, "you"), Verdict::Fenced);
    check(found(7, "me"), Verdict::Moved);
    check(found(6, "you"), Verdict::Moved);
}

#[test]
fn a_chain_is_checked_pair_by_pair() {
    let one = head();
    let two = Link::seal(one.next(1)).0;
    let three = Link::seal(two.next(2)).0;
    assert_eq!(check_all(&[one.clone(), two.clone(), three.clone()]), Ok(()));
    assert!(check_all(&[one, three]).is_err());
    assert_eq!(check_all(&[two]), Ok(()));
}
