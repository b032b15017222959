use super::*;
use proptest::prelude::*;

fn members(ids: &[(&str, u32, bool)]) -> BTreeMap<String, Member> {
    let member = |(id, weight, draining): &(&str, u32, bool)| {
        let id = (*id).to_owned();
        (id.clone(), Member { id, weight: *weight, draining: *draining, ..Default::default() })
    };
    ids.iter().map(member).collect()
}

fn step(
    current: &mut BTreeMap<u32, Assignment>,
    shards: u32,
    live: &BTreeMap<String, Member>,
    term: u64,
) {
    let changes = plan(shards, live, current, &BTreeMap::new(), term);
    current.extend(changes.into_iter().map(|change| (change.shard, change)));
}

/// Assigns from scratch, then with each set of members in turn, and returns owners by shard.
fn check(shards: u32, steps: &[&[(&str, u32, bool)]]) -> Vec<String> {
    let mut current = BTreeMap::new();
    for (term, live) in steps.iter().enumerate() {
        step(&mut current, shards, &members(live), term as u64 + 1);
    }
    current.values().map(|assignment| assignment.indexer.clone()).collect()
}

#[test]
fn one_indexer_takes_all() {
    assert_eq!(check(3, &[&[("a", 1, false)]]), ["a", "a", "a"]);
}

#[test]
fn a_second_one_takes_half_and_the_rest_stays() {
    let owners = check(4, &[&[("a", 1, false)], &[("a", 1, false), ("b", 1, false)]]);
    assert_eq!(owners, ["a", "a", "b", "b"]);
}

#[test]
fn the_shards_of_a_dead_one_are_shared() {
    let both = [("a", 1, false), ("b", 1, false)];
    assert_eq!(check(4, &[&both, &[("b", 1, false)]]), ["b", "b", "b", "b"]);
}

#[test]
fn a_draining_one_keeps_nothing_while_another_is_there() {
    let drained = [("a", 1, true), ("b", 1, false)];
    assert_eq!(check(2, &[&[("a", 1, false)], &drained]), ["b", "b"]);
    assert_eq!(check(2, &[&[("a", 1, true)]]), ["a", "a"]);
}

#[test]
fn weight_is_respected() {
    let owners = check(6, &[&[("a", 2, false), ("b", 1, false)]]);
    assert_eq!(owners.iter().filter(|id| *id == "a").count(), 4);
}

#[test]
fn with_nobody_there_only_the_term_changes() {
    let mut current = BTreeMap::new();
    step(&mut current, 1, &members(&[("a", 1, false)]), 1);
    let changes = plan(1, &BTreeMap::new(), &current, &BTreeMap::new(), 2);
    assert_eq!(changes, [Assignment { shard: 0, indexer: "a".to_owned(), epoch: 1, term: 2 }]);
}

#[test]
fn an_epoch_grows_with_each_owner_and_only_then() {
    let mut current = BTreeMap::new();
    step(&mut current, 1, &members(&[("a", 1, false)]), 1);
    step(&mut current, 1, &members(&[("b", 1, false)]), 1);
    assert_eq!(current[&0].epoch, 2);
    step(&mut current, 1, &members(&[("b", 1, false)]), 5);
    assert_eq!((current[&0].epoch, current[&0].term), (2, 5));
}

#[test]
fn a_chain_that_is_ahead_gets_a_larger_epoch_once() {
    let (live, seen) = (members(&[("a", 1, false)]), BTreeMap::from([(0, 7)]));
    let mut current = BTreeMap::new();
    step(&mut current, 1, &live, 1);
    let changes = plan(1, &live, &current, &seen, 1);
    assert_eq!(changes[0].epoch, 8);
    current.extend(changes.into_iter().map(|change| (change.shard, change)));
    assert!(plan(1, &live, &current, &BTreeMap::from([(0, 8)]), 1).is_empty());
}

proptest! {
    #[test]
    fn goals_a_to_d(
        shards in 1u32..40,
        steps in prop::collection::vec(
            prop::collection::btree_map("[a-e]", (1u32..4, any::<bool>()), 0..5), 1..6),
    ) {
        let mut current: BTreeMap<u32, Assignment> = BTreeMap::new();
        for (i, listed) in steps.iter().enumerate() {
            let listed: Vec<_> = listed.iter().map(|(id, (w, d))| (id.as_str(), *w, *d)).collect();
            let live = members(&listed);
            let term = i as u64 + 1;
            let before = current.clone();
            step(&mut current, shards, &live, term);
            // D: idempotent.
            prop_assert!(plan(shards, &live, &current, &BTreeMap::new(), term).is_empty());
            if live.is_empty() { continue; }
            // A: every shard has a live owner.
            for shard in 0..shards {
                prop_assert!(live.contains_key(&current[&shard].indexer));
            }
            // B: nobody draining holds anything while another could.
            if live.values().any(|m| !m.draining) {
                prop_assert!(current.values().all(|a| !live[&a.indexer].draining));
            }
            // C: nobody could hand a shard to another to the good of both.
            let all_drain = live.values().all(|m| m.draining);
            let takers: Vec<_> = live.values().filter(|m| all_drain || !m.draining).collect();
            let held = |id: &str| current.values().filter(|a| a.indexer == id).count() as u64;
            for from in &takers {
                for to in &takers {
                    let (a, b) = (held(&from.id), held(&to.id));
                    let helps = (b + 1) * u64::from(from.weight) < a * u64::from(to.weight);
                    prop_assert!(from.id == to.id || !helps, "{} {a} {} {b}", from.id, to.id);
                }
            }
            // I4: an epoch grows exactly when the owner changes.
            for (shard, assignment) in &current {
                let Some(before) = before.get(shard) else { continue };
                let grew = u64::from(before.indexer != assignment.indexer);
                prop_assert_eq!(assignment.epoch, before.epoch + grew);
            }
        }
    }
}
