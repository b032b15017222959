//! The model of `docs/compaction.md`, held against the real policy: shards of gigabytes without their
//! bytes, thousands of batches from a seed, bounds after each of them.

mod workloads;
mod world;

use ax_engine::MergePolicy;
use workloads::{ALL, Dice, Size, Workload, run};
use world::{DOC_BYTES, World};

/// 1 GB of index, then 30,000 batches of 200 KB: 5 to 6 times as much again.
const SIZE: Size = Size { imported: 50_000, batch: 10, steps: 30_000 };
/// The model's bounds for batches of `batch_bytes`.
struct Bounds {
    policy: MergePolicy,
    batch_bytes: u64,
    speed: u64,
}

impl Bounds {
    /// How often a segment can double from a batch to the largest.
    fn doublings(&self) -> f64 {
        (self.policy.max_bytes as f64 / self.batch_bytes as f64).log2()
    }

    /// Two neighbours that do not fit together fill more than `max_bytes`; what is left is less than
    /// `fan_in`, or halves from one to the next. As many again arrive while a merge runs.
    fn num_segments(&self, num_bytes: u64) -> f64 {
        let large = 2.0 * num_bytes as f64 / self.policy.max_bytes as f64;
        let arriving = self.policy.max_bytes as f64 / self.speed as f64;
        large + self.policy.fan_in as f64 + self.doublings() + arriving
    }

    /// A byte is written when it arrives, and when its segment doubles at the most. What is dead is
    /// worth `(1 - d) / d` bytes that are not.
    fn write_amplification(&self) -> f64 {
        let dead = self.policy.dead_percent as f64 / 100.0;
        1.0 + self.doublings() + (1.0 - dead) / dead
    }

    /// Known to be dead and not worth it, and not looked at yet, with a tenth for what arrives while a
    /// job runs; and what is in segments that are too small to be looked at.
    fn dead_bytes(&self, num_bytes: u64) -> f64 {
        let percent = self.policy.dead_percent + self.policy.weed_percent + 10;
        let num_small = self.policy.fan_in as f64 + self.doublings();
        num_bytes as f64 * percent as f64 / 100.0 + self.policy.floor_bytes as f64 * num_small
    }
}

fn check(workload: Workload, policy: &MergePolicy, seed: u64) {
    let (batch_bytes, speed) = (u64::from(SIZE.batch) * DOC_BYTES, workload.speed(SIZE));
    let bounds = Bounds { policy: policy.clone(), batch_bytes, speed };
    let mut world = World::new(policy.clone(), SIZE.num_keys(), speed);
    run(&mut world, workload, SIZE, seed, |step, world| {
        let (segments, most) = (world.num_segments(), bounds.num_segments(world.num_bytes()));
        assert!(segments as f64 <= most, "{workload:?} {step}: {segments} segments, not {most}");
        let (dead, most) = (world.dead_bytes() as f64, bounds.dead_bytes(world.num_bytes()));
        assert!(dead <= most, "{workload:?} at {step}: {dead} bytes are dead, not {most}");
    });
    let (written, most) = (world.costs.write_amplification(), bounds.write_amplification());
    assert!(written <= most, "{workload:?}: written {written} times, not {most}");
    assert_eq!(world.num_live(), world.num_put(), "{workload:?}: the shard shows what was put");
    world.settle();
    assert_eq!(world.num_live(), world.num_put(), "{workload:?}: and so it does in the end");
}

#[test]
fn every_workload_stays_within_the_bounds_of_the_model() {
    for (seed, workload) in (1..).zip(ALL) {
        check(workload, &MergePolicy::default(), seed);
    }
}

#[test]
fn so_it_does_with_other_parameters() {
    let mut dice = Dice(7);
    for seed in 0..6 {
        let policy = MergePolicy {
            fan_in: 4 + dice.below(12) as usize,
            floor_bytes: 1 << (20 + dice.below(4)),
            max_bytes: 1 << (27 + dice.below(3)),
            weed_percent: 10 + u64::from(dice.below(30)),
            dead_percent: 10 + u64::from(dice.below(30)),
        };
        for workload in [Workload::Uniform, Workload::Imports] {
            check(workload, &policy, seed);
        }
    }
}

/// What broke: segments near the largest size merged no more, and their dead stayed for ever. A corpus
/// that was replaced five times took five times its room.
#[test]
fn without_looks_the_dead_pile_up() {
    let never = MergePolicy { weed_percent: u64::MAX, ..MergePolicy::default() };
    let mut world = World::new(never, SIZE.num_keys(), Workload::Replace.speed(SIZE));
    run(&mut world, Workload::Replace, SIZE, 1, |_, _| {});
    assert!(world.dead_share() > 0.7, "{}", world.dead_share());
}

/// Looks cost writing only where something died.
#[test]
fn a_shard_that_only_grows_is_not_written_anew() {
    let mut world = World::new(MergePolicy::default(), SIZE.num_keys(), Workload::Grow.speed(SIZE));
    run(&mut world, Workload::Grow, SIZE, 1, |_, _| {});
    assert_eq!(world.costs.weeded, 0);
    assert!(world.costs.looked_at > 0, "it was looked at all the same");
}
