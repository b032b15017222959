use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn members(count: usize) -> Vec<Candidate> {
    (0..count).map(|i| Candidate { id: format!("node-{i}"), weight: 1 }).collect()
}

fn loads(placement: &Placement, members: usize) -> Vec<usize> {
    (0..members).map(|member| placement.shards_of(member).len()).collect()
}

/// Replicas by id, so that placements over different members compare.
fn by_id(shards: u32, members: &[Candidate]) -> Vec<Vec<String>> {
    let placement = place(shards, members, PlacementRules::default());
    (0..shards)
        .map(|shard| {
            placement
                .replicas_of(ShardId(shard))
                .iter()
                .map(|member| members[*member].id.clone())
                .collect()
        })
        .collect()
}

/// How many (shard, replica) pairs of `after` were not in `before`, leaving out those on `except`.
fn moved(before: &[Vec<String>], after: &[Vec<String>], except: &str) -> usize {
    before
        .iter()
        .zip(after)
        .map(|(old, new)| {
            let old: BTreeSet<_> = old.iter().collect();
            new.iter().filter(|id| !old.contains(id) && *id != except).count()
        })
        .sum()
}

#[test]
fn nobody_and_one_member() {
    let rules = PlacementRules::default();
    assert_eq!(place(4, &[], rules).replicas_of(ShardId(0)), &[] as &[usize]);
    let alone = place(4, &members(1), rules);
    assert_eq!(alone.replicas_of(ShardId(3)), &[0]);
    assert_eq!(alone.replicas_of(ShardId(4)), &[] as &[usize]);
    assert_eq!(alone.shards_of(0).len(), 4);
}

#[test]
fn a_member_of_twice_the_weight_holds_about_twice_as_much() {
    let mut members = members(4);
    members[0].weight = 2;
    let rules = PlacementRules { replicas: 1, ..Default::default() };
    let loads = loads(&place(500, &members, rules), 4);
    assert!((180..=210).contains(&loads[0]), "{loads:?}");
    assert!(loads[1..].iter().all(|load| (85..=106).contains(load)), "{loads:?}");
}

#[test]
fn first_replicas_are_balanced_among_themselves() {
    let placement = place(64, &members(5), PlacementRules::default());
    let mut firsts = [0; 5];
    for shard in 0..64 {
        firsts[placement.replicas_of(ShardId(shard))[0]] += 1;
    }
    assert!(firsts.iter().all(|count| *count <= 14), "{firsts:?}"); // ceil(64 / 5 * 1.05)
}

#[test]
fn a_join_moves_little_but_what_the_new_member_takes() {
    let nodes = members(9);
    for count in 3..9 {
        let before = by_id(128, &nodes[..count]);
        let after = by_id(128, &nodes[..=count]);
        let others = moved(&before, &after, &nodes[count].id);
        assert!(others <= 128 * 2 / 5, "{count}: {others} replicas moved between old members");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_shard_has_distinct_replicas_within_bounds(
        count in 1usize..12, shards in 1u32..64, replicas in 1usize..4,
    ) {
        let rules = PlacementRules { replicas, load_factor: 1.05 };
        let placement = place(shards, &members(count), rules);
        let per_shard = replicas.min(count);
        for shard in 0..shards {
            let chosen = placement.replicas_of(ShardId(shard));
            let distinct: BTreeSet<_> = chosen.iter().collect();
            prop_assert_eq!(chosen.len(), per_shard);
            prop_assert_eq!(distinct.len(), per_shard);
        }
        let fair = f64::from(shards) * per_shard as f64 / count as f64;
        let most = (fair * 1.05).ceil() as usize;
        // The last shards may find only members that hold them already: a slack of one per rank.
        for load in loads(&placement, count) {
            prop_assert!(load <= most + per_shard, "{} > {}", load, most);
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter(count in 1usize..9, shards in 1u32..40) {
        let forward = members(count);
        let mut backward = forward.clone();
        backward.reverse();
        prop_assert_eq!(by_id(shards, &forward), by_id(shards, &backward));
    }

    #[test]
    fn a_leave_keeps_a_replica_of_nearly_every_shard(gone in 0usize..6) {
        let nodes = members(6);
        let before = by_id(96, &nodes);
        let mut rest = nodes.clone();
        rest.remove(gone);
        let after = by_id(96, &rest);
        let cold = before.iter().zip(&after)
            .filter(|(old, new)| !new.iter().any(|id| old.contains(id)))
            .count();
        prop_assert!(cold <= 8, "{} shards have no warm replica", cold);
    }
}
