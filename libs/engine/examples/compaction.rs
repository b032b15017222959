//! Prints what compaction costs, workload by workload and parameter by parameter: the tables of
//! `docs/compaction.md`. The shards are simulated, the policy is the real one.
//!
//! `cargo run --release --example compaction`

#![allow(clippy::print_stdout)] // it is for reading
#![allow(dead_code)] // the test of the bounds uses the rest of the simulation

#[path = "../tests/all/compaction/workloads.rs"]
mod workloads;
#[path = "../tests/all/compaction/world.rs"]
mod world;

use ax_engine::MergePolicy;
use workloads::{ALL, Size, Workload, run};
use world::{Costs, World};

const SIZE: Size = Size { imported: 50_000, batch: 10, steps: 30_000 };

/// What one run came to, the import left out.
#[derive(Default)]
struct Outcome {
    costs: Costs,
    segments: (f64, usize),
    dead: (f64, f64),
}

fn simulate(policy: &MergePolicy, workload: Workload, size: Size) -> Outcome {
    let mut world = World::new(policy.clone(), size.num_keys(), workload.speed(size));
    let mut outcome = Outcome::default();
    let mut before = None;
    run(&mut world, workload, size, 1, |_, world| {
        before.get_or_insert(world.costs);
        outcome.segments.0 += world.num_segments() as f64 / f64::from(size.steps);
        outcome.segments.1 = outcome.segments.1.max(world.num_segments());
        outcome.dead.0 += world.dead_share() / f64::from(size.steps);
        outcome.dead.1 = outcome.dead.1.max(world.dead_share());
    });
    let before = before.unwrap_or_default();
    outcome.costs = Costs {
        arrived: world.costs.arrived - before.arrived,
        merged: world.costs.merged - before.merged,
        weeded: world.costs.weeded - before.weeded,
        looked_at: world.costs.looked_at - before.looked_at,
    };
    outcome
}

fn print(name: &str, outcome: &Outcome) {
    let Outcome { costs, segments, dead } = outcome;
    let per_byte = |bytes: u64| bytes as f64 / costs.arrived.max(1) as f64;
    println!(
        "| {name} | {:.1} | {:.1} | {:.1} | {:.0} / {} | {:.0} / {:.0} % |",
        costs.write_amplification(),
        per_byte(costs.weeded),
        per_byte(costs.looked_at),
        segments.0,
        segments.1,
        dead.0 * 100.0,
        dead.1 * 100.0,
    );
}

fn head(first: &str) {
    println!("\n| {first} | written | of it weeding | looked at | segments, mean / most | dead |");
    println!("|---|---|---|---|---|---|");
}

fn main() {
    let policy = MergePolicy::default();
    head("workload");
    for workload in ALL {
        print(&format!("{workload:?}"), &simulate(&policy, workload, SIZE));
    }
    head("`Uniform` with");
    let variants = [
        ("the defaults", policy.clone()),
        ("`fan_in` 4", MergePolicy { fan_in: 4, ..policy.clone() }),
        ("`fan_in` 16", MergePolicy { fan_in: 16, ..policy.clone() }),
        ("`floor_bytes` 1 MiB", MergePolicy { floor_bytes: 1 << 20, ..policy.clone() }),
        ("`floor_bytes` 16 MiB", MergePolicy { floor_bytes: 16 << 20, ..policy.clone() }),
        ("`max_bytes` 128 MiB", MergePolicy { max_bytes: 128 << 20, ..policy.clone() }),
        ("`max_bytes` 2 GiB", MergePolicy { max_bytes: 2 << 30, ..policy.clone() }),
        ("10 % before a look", MergePolicy { weed_percent: 10, ..policy.clone() }),
        ("50 % before a look", MergePolicy { weed_percent: 50, ..policy.clone() }),
        ("10 % dead are enough", MergePolicy { dead_percent: 10, ..policy.clone() }),
        ("50 % dead are enough", MergePolicy { dead_percent: 50, ..policy.clone() }),
        ("no looks", MergePolicy { weed_percent: u64::MAX, ..policy.clone() }),
    ];
    for (name, policy) in variants {
        print(name, &simulate(&policy, Workload::Uniform, SIZE));
    }
    head("`Uniform` in batches of");
    for batch in [1, 10, 100, 1_000] {
        let size = Size { batch, steps: 300_000 / batch, ..SIZE };
        print(&format!("{batch} files"), &simulate(&policy, Workload::Uniform, size));
    }
}
