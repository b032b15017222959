use super::*;
use crate::embedded::wire::{GrantCommand, PutCommand, WriteCommand};
use crate::{CasOutcome, LeaseId};
use std::path::Path;
use tokio::sync::oneshot::Receiver;

const START: Duration = Duration::from_secs(100);

fn open(dir: &Path, now: Duration) -> Node {
    let config = EmbeddedConfig { snapshot_every: 20, seed: 3, ..EmbeddedConfig::new(dir) };
    Node::open(config, &mut LogFile::new(dir), now).unwrap()
}

fn propose(node: &mut Node, op: Op) -> Receiver<Applied> {
    let (reply, answer) = oneshot::channel();
    node.propose(Command { op: Some(op) }.encode_to_vec(), reply);
    answer
}

fn put(node: &mut Node, key: &str, lease: i64) -> Receiver<Applied> {
    let put = Some(PutCommand { value: key.as_bytes().to_vec().into(), lease });
    let write = WriteCommand { key: key.to_owned(), put, ..WriteCommand::default() };
    propose(node, Op::Write(write))
}

fn keys(node: &Node) -> Vec<String> {
    node.state.list("").entries.into_iter().map(|entry| entry.key).collect()
}

fn done(revision: u64) -> Applied {
    Applied::Written(CasOutcome::Done(Revision(revision)))
}

#[test]
fn one_batch_is_answered_together_and_only_once_it_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    let mut answers: Vec<_> = (0..5).map(|n| put(&mut node, &format!("k{n}"), 0)).collect();
    assert!(answers.iter_mut().all(|answer| answer.try_recv().is_err()));
    node.drive(START).unwrap();
    for (n, answer) in answers.iter_mut().enumerate() {
        assert_eq!(answer.try_recv().unwrap(), done(n as u64 + 1));
    }
}

#[test]
fn a_restart_replays_snapshot_and_tail() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    for n in 0..50 {
        put(&mut node, &format!("k{n:02}"), 0);
        node.drive(START).unwrap();
    }
    let (snapshot, _) = node.raw.store().snapshot_data();
    assert!(snapshot > 20 && snapshot < node.applied, "{snapshot} of {}", node.applied);
    let (image, term) = (node.state.encode(), node.raw.raft.term);
    drop(node);
    let node = open(dir.path(), START);
    assert_eq!(node.state.encode(), image);
    assert_eq!(keys(&node).len(), 50);
    assert!(node.raw.raft.term > term, "each start is a term of its own");
}

#[test]
fn a_log_that_is_long_in_bytes_is_snapshotted_too() {
    let dir = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig { snapshot_every_bytes: 1_000, ..EmbeddedConfig::new(dir.path()) };
    let mut node = Node::open(config, &mut LogFile::new(dir.path()), START).unwrap();
    let first = node.raw.store().snapshot_data().0;
    put(&mut node, &"k".repeat(300), 0);
    node.drive(START).unwrap();
    assert_eq!(node.raw.store().snapshot_data().0, first);
    put(&mut node, &"l".repeat(300), 0);
    node.drive(START).unwrap();
    assert_eq!(node.raw.store().snapshot_data().0, node.applied);
}

#[test]
fn a_write_that_was_not_driven_is_not_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    put(&mut node, "kept", 0);
    node.drive(START).unwrap();
    let mut lost = put(&mut node, "lost", 0);
    drop(node);
    assert!(lost.try_recv().is_err());
    assert_eq!(keys(&open(dir.path(), START)), ["kept"]);
}

#[test]
fn a_lease_ends_by_the_clock_and_has_its_whole_ttl_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    let ttl = Duration::from_secs(5);
    let mut granted = propose(&mut node, Op::Grant(GrantCommand { ttl_ms: 5_000 }));
    node.drive(START).unwrap();
    assert_eq!(granted.try_recv().unwrap(), Applied::Granted(LeaseId(1), ttl));
    put(&mut node, "tied", 1);
    node.drive(START).unwrap();
    drop(node);

    // A clock of another run: deadlines of the last one would mean nothing on it.
    let mut node = open(dir.path(), Duration::ZERO);
    node.tick(ttl - Duration::from_millis(1));
    node.drive(ttl).unwrap();
    assert_eq!(keys(&node), ["tied"]);
    node.tick(ttl);
    node.drive(ttl).unwrap();
    assert!(keys(&node).is_empty());
}

#[test]
fn reads_see_what_was_proposed_before_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    put(&mut node, "a", 0);
    let (reply, mut answer) = oneshot::channel();
    let query = move |view: &mut View<'_>| {
        let _ = reply.send(view.state.revision());
    };
    node.read(vec![Box::new(query)]);
    node.drive(START).unwrap();
    put(&mut node, "b", 0);
    node.drive(START).unwrap();
    assert!(answer.try_recv().unwrap() <= Revision(1), "it began before b");
    assert!(node.unconfirmed.is_empty() && node.confirmed.is_empty());
}

#[test]
fn the_election_timeout_stays_as_the_seed_chose_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    for _ in 0..3 * ELECTION_TICKS {
        assert_eq!(node.raw.raft.randomized_election_timeout(), ELECTION_TICKS + 3);
        node.tick(START);
        node.drive(START).unwrap();
    }
    assert!(node.leads());
}

#[test]
fn a_command_that_cannot_be_decoded_stops_the_node() {
    let dir = tempfile::tempdir().unwrap();
    let mut node = open(dir.path(), START);
    let (reply, _answer) = oneshot::channel();
    node.propose(vec![0xff; 3], reply);
    assert!(matches!(node.drive(START), Err(LogError::Decode(_))));
}
