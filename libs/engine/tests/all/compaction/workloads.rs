//! What arrives, from a seed.

use super::world::{DOC_BYTES, World};

/// A generator of numbers, the same in every version: SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u32) -> u32 {
        (self.next() % u64::from(bound.max(1))) as u32
    }
}

/// A way for changes to arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Workload {
    /// New files only.
    Grow,
    /// Every file is as likely to change as any other.
    Uniform,
    /// Nine of ten changes are of a twentieth of the files.
    Hot,
    /// Files come and go: half of the changes are deletions.
    ComeAndGo,
    /// Everything is replaced in its order, again and again, as by reformatting it all.
    Replace,
    /// One in fifty batches is an import of 2,000 files that change at random, the others are small.
    Imports,
    /// Everything is deleted in a random order, and then comes anew.
    Empty,
}

pub const ALL: [Workload; 7] = [
    Workload::Grow,
    Workload::Uniform,
    Workload::Hot,
    Workload::ComeAndGo,
    Workload::Replace,
    Workload::Imports,
    Workload::Empty,
];

/// How much faster the merger writes than changes arrive in the mean. Slower than it has to write, and
/// no policy holds.
const SPEED: u64 = 25;

impl Workload {
    /// Bytes that the merger writes between two batches.
    pub fn speed(self, size: Size) -> u64 {
        let batch = match self {
            Self::Imports => size.batch + 2_000 / 50,
            _ => size.batch,
        };
        SPEED * u64::from(batch) * DOC_BYTES
    }
}

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Keys imported first, in large batches.
    pub imported: u32,
    /// Changes in a batch.
    pub batch: u32,
    /// Batches.
    pub steps: u32,
}

impl Size {
    /// Keys that there may be.
    pub fn num_keys(&self) -> u32 {
        self.imported.max(2 * self.steps * self.batch)
    }
}

/// Imports, then lets `workload` arrive; `look` sees the shard after every batch.
pub fn run(
    world: &mut World,
    workload: Workload,
    size: Size,
    seed: u64,
    mut look: impl FnMut(u32, &World),
) {
    let mut dice = Dice(seed);
    let first: Vec<u32> = (0..if workload == Workload::Grow { 0 } else { size.imported }).collect();
    for keys in first.chunks(3_000) {
        world.arrive(&keys.iter().map(|key| (*key, true)).collect::<Vec<_>>());
    }
    world.settle();
    for step in 0..size.steps {
        world.arrive(&batch(workload, size, step, &mut dice));
        look(step, world);
    }
}

fn batch(workload: Workload, size: Size, step: u32, dice: &mut Dice) -> Vec<(u32, bool)> {
    let num = match workload {
        Workload::Imports if step % 50 == 49 => 2_000,
        _ => 1 + dice.below(2 * size.batch - 1), // `batch` in the mean
    };
    let change = |i: u32| change(workload, size, (step, i), dice);
    (0..num).map(change).collect()
}

/// Change `i` of a batch.
fn change(workload: Workload, size: Size, (step, i): (u32, u32), dice: &mut Dice) -> (u32, bool) {
    let any = dice.below(size.imported);
    let count = step * size.batch + i;
    match workload {
        Workload::Grow => (2 * step * size.batch + i, true),
        Workload::Uniform | Workload::Imports => (any, true),
        Workload::Hot if dice.below(10) > 0 => (dice.below(size.imported / 20), true),
        Workload::Hot => (any, true),
        Workload::ComeAndGo => (any, dice.below(2) == 0),
        Workload::Replace => (count % size.imported, true),
        Workload::Empty => (any, (count / (3 * size.imported)) % 2 == 1),
    }
}
