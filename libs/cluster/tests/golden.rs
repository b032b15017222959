//! Records that outlive the process that wrote them, as the first release wrote them: each is read as
//! it was meant, and written the same way.

use ax_cluster::{
    Assignment, BranchPosition, IngestCheckpoint, Member, PendingEmission, RebuildRequest,
    Registration, Role, Shape,
};
use prost::Message;
use std::fmt::Debug;

fn check<M: Message + Default + PartialEq + Debug>(golden: &[u8], meant: M) {
    assert_eq!(meant.encode_to_vec(), golden);
    assert_eq!(M::decode(golden), Ok(meant));
}

fn branch(commit: &str, tree: &str) -> BranchPosition {
    BranchPosition { name: "main".into(), commit: commit.into(), tree: tree.into() }
}

#[test]
fn the_shape_of_the_cluster() {
    check(
        include_bytes!("../testdata/shape-v1.pb"),
        Shape { id: "c1".into(), generation: 1, shards: 16 },
    );
}

#[test]
fn a_member() {
    check(
        include_bytes!("../testdata/member-v1.pb"),
        Member {
            id: "indexer-1".into(),
            role: Role::Indexer.into(),
            grpc: "10.0.0.1:7081".into(),
            http: "10.0.0.1:7080".into(),
            version: "0.1.0".into(),
            started_at_ms: 1_700_000_000_000,
            weight: 4,
            draining: true,
        },
    );
}

#[test]
fn an_assignment() {
    check(
        include_bytes!("../testdata/assignment-v1.pb"),
        Assignment { shard: 7, indexer: "indexer-1".into(), epoch: 3, term: 9 },
    );
}

#[test]
fn a_registration() {
    check(
        include_bytes!("../testdata/registration-v1.pb"),
        Registration {
            name: "acme/api".into(),
            source: "https://github.com/acme/api.git".into(),
            branches: vec!["main".into(), "release/*".into()],
            removed: false,
            spread: 2,
            poll_seconds: 30,
            facts: None, // not yet known then
            heard: None,
        },
    );
}

#[test]
fn a_request_for_a_rebuild() {
    check(
        include_bytes!("../testdata/rebuild-request-v1.pb"),
        RebuildRequest { shard: 7, number: 2, at_ms: 1_700_000_000_000 },
    );
}

#[test]
fn how_far_a_repository_was_read() {
    let mut meant = IngestCheckpoint {
        name: "acme/api".into(),
        branches: vec![branch("c1", "t1")],
        spread: 2,
        num_files: 3,
        num_bytes: 4,
        num_skipped: 1,
        version: "0.1.0".into(),
        at_ms: 5,
        pending: vec![PendingEmission {
            branches: vec![branch("c0", "t0")],
            spread: 1,
            limits: Some(Default::default()),
            as_of: 0, // not yet known then
            facts: None,
        }],
        log_id: "log".into(),
        limits: Some(Default::default()),
        unreadable: vec![Default::default()],
        unreadable_more: true,
        num_additions: 0, // not yet known then, either
        additions: Vec::new(),
        facts: None,
    };
    for (limits, max_file_bytes, rules) in
        [(&mut meant.pending[0].limits, 10, 1), (&mut meant.limits, 64, 2)]
    {
        let limits = limits.as_mut().expect("made above");
        (limits.max_file_bytes, limits.rules) = (max_file_bytes, rules);
    }
    meant.unreadable[0].path = b"a".to_vec().into();
    meant.unreadable[0].blob = vec![1, 2].into();
    check(include_bytes!("../testdata/ingest-checkpoint-v1.pb"), meant);
}
