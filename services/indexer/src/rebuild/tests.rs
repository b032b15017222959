use super::*;
use ax_model::{
    ContentHash, Epoch, Generation, ManifestVersion, Offset, OffsetRange, Rebuild, ShardId,
};

fn at(position: u64) -> OffsetRange {
    OffsetRange::empty_at(Offset(position))
}

fn manifest(rebuilt: u64, rebuild: Option<Rebuild>) -> Manifest {
    Manifest {
        shard: ShardId(0),
        generation: Generation(1),
        version: ManifestVersion(7),
        epoch: Epoch(2),
        writer: "w".into(),
        previous: ContentHash::default(),
        log_id: "log".into(),
        applied: at(100),
        segments: Vec::new(),
        committed_at_ms: 5,
        created_at_ms: 1_000,
        rebuilt: RebuildNumber(rebuilt),
        complete_at_ms: 50,
        rebuild,
    }
}

fn under_way(number: u64, position: u64, target: u64) -> Option<Rebuild> {
    Some(Rebuild {
        number: RebuildNumber(number),
        log_id: "log".into(),
        applied: at(position),
        target: Offset(target),
        segments: Vec::new(),
        committed_at_ms: 0,
        complete_at_ms: 60,
        began_at_ms: 60,
        reason: String::new(),
    })
}

fn forgotten() -> LogError {
    LogError::Forgotten { partition: ShardId(0), position: Offset(100), upto: Offset(110) }
}

fn recreated() -> LogError {
    let (expected, found) = ("log".into(), "new".into());
    LogError::Recreated { expected, found, position: Offset(100) }
}

#[track_caller]
fn check(manifest: &Manifest, wanted: u64, resumed: Result<(), LogError>, expected: &str) {
    let resumed = resumed.as_ref().copied();
    let decision = match decide(manifest, RebuildNumber(wanted), resumed) {
        Decision::Begin { number, .. } => format!("begin {number}"),
        Decision::Flip => "flip".into(),
        Decision::Read => "read".into(),
    };
    assert_eq!(decision, expected);
}

#[test]
fn a_shard_that_can_go_on_does() {
    check(&manifest(0, None), 0, Ok(()), "read");
    check(&manifest(3, None), 3, Ok(()), "read"); // the wish is fulfilled
    check(&manifest(3, None), 2, Ok(()), "read");
    check(&manifest(0, under_way(1, 5, 20)), 1, Ok(()), "read"); // the wish is under way
}

#[test]
fn a_wish_begins_a_rebuild_once_whatever_the_stream_says() {
    check(&manifest(0, None), 1, Ok(()), "begin 1");
    check(&manifest(0, None), 1, Err(recreated()), "begin 1");
    check(&manifest(4, None), 9, Err(forgotten()), "begin 9");
    check(&manifest(4, under_way(5, 1, 2)), 6, Ok(()), "begin 6");
    check(&manifest(4, under_way(5, 2, 2)), 6, Ok(()), "begin 6");
}

#[test]
fn what_reached_its_target_is_served() {
    check(&manifest(0, under_way(1, 20, 20)), 0, Ok(()), "flip");
    check(&manifest(0, under_way(1, 21, 20)), 1, Err(forgotten()), "flip");
    check(&manifest(0, under_way(1, 0, 0)), 1, Ok(()), "flip");
}

#[test]
fn forgotten_deletions_begin_a_rebuild_and_drop_one_that_missed_them() {
    check(&manifest(0, None), 0, Err(forgotten()), "begin 1");
    check(&manifest(4, None), 2, Err(forgotten()), "begin 5");
    check(&manifest(4, under_way(7, 5, 20)), 7, Err(forgotten()), "begin 8");
}

#[test]
fn nothing_else_begins_by_itself() {
    let gone = LogError::OutOfRange {
        partition: ShardId(0),
        position: Offset(100),
        start: Offset(200),
        end: Offset(300),
    };
    for error in [recreated(), gone, LogError::Unavailable("away".into())] {
        check(&manifest(0, None), 0, Err(error.clone()), "read"); // and opening it fails
        check(&manifest(0, under_way(1, 5, 20)), 1, Err(error), "read");
    }
}

fn folded(from: u64, to: u64, appended_at_ms: i64) -> Folded {
    Folded {
        ops: Vec::new(),
        poison: Vec::new(),
        range: OffsetRange { from: Offset(from), to: Offset(to) },
        committed_at_ms: 9,
        emitted_at_ms: 0,
        appended_at_ms,
        num_records: 0,
        causes: Default::default(),
    }
}

#[test]
fn while_rebuilding_only_the_rebuild_grows() {
    let opened = Opened { log_id: "log".into(), at_ms: 70 };
    let before = manifest(0, under_way(1, 5, 20));
    let mut next = before.clone();
    add(&mut next, &opened, &folded(5, 8, 80), std::iter::empty());
    let rebuild = next.rebuild.take().unwrap();
    assert_eq!((rebuild.position(), rebuild.committed_at_ms), (Offset(8), 9));
    assert_eq!(rebuild.complete_at_ms, 80);
    assert_eq!(Manifest { rebuild: before.rebuild.clone(), ..next }, before);
}

#[test]
fn the_moment_of_completeness_grows_and_is_never_ahead() {
    let opened = Opened { log_id: "log".into(), at_ms: 70 };
    let check = |log_id: &str, appended_at_ms, expected| {
        let mut next = Manifest { log_id: log_id.into(), ..manifest(0, None) };
        add(&mut next, &opened, &folded(100, 101, appended_at_ms), std::iter::empty());
        assert_eq!((next.complete_at_ms, next.log_id.as_str()), (expected, "log"));
    };
    check("log", 40, 50); // a record older than what is known
    check("log", 90, 90);
    check("log", 2_000, 1_000); // a clock ahead of ours
    check("", 40, 70); // the first reading was complete when it began
}
