//! A shard without its bytes: which key is in which segment, and what the policy makes of it. Segments
//! are merged and weeded as the indexer does, one job at a time, while changes go on arriving.

use ax_engine::{MergePolicy, plan_merges, plan_weeding};
use ax_model::{ContentHash, Offset, OffsetRange, SegmentEntry, SegmentId, Stored};
use std::ops::Range;

/// Bytes of index per document, and per deletion.
pub const DOC_BYTES: u64 = 20_000;
const TOMBSTONE_BYTES: u64 = 60;
/// No segment names the key.
const NOBODY: u32 = u32::MAX;

/// A segment: its keys, and what the manifest says of it.
#[derive(Debug, Clone)]
struct Segment {
    number: u32,
    docs: Vec<u32>,
    tombstones: Vec<u32>,
    num_dead: u64,
    range: OffsetRange,
    weeded_to: Offset,
}

impl Segment {
    fn num_bytes(&self) -> u64 {
        self.docs.len() as u64 * DOC_BYTES + self.tombstones.len() as u64 * TOMBSTONE_BYTES
    }

    fn entry(&self) -> SegmentEntry {
        SegmentEntry {
            id: SegmentId(self.number.to_string()),
            num_bytes: self.num_bytes(),
            checksum: ContentHash::default(),
            stored: Stored::Raw,
            num_docs: self.docs.len() as u64,
            text_bytes: 0,
            num_tombstones: self.tombstones.len() as u64,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: self.range,
            weeded_to: self.weeded_to,
        }
    }
}

/// What one job does once it is through.
#[derive(Debug, Clone)]
enum Job {
    Merge(Range<usize>),
    Weed { due: Vec<usize>, position: Offset },
}

/// What it has cost so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Costs {
    /// Bytes of the segments that changes arrived in.
    pub arrived: u64,
    /// Bytes of the segments that merges made.
    pub merged: u64,
    /// Bytes of the segments that weeding made.
    pub weeded: u64,
    /// Bytes of the segments that weeding opened to look.
    pub looked_at: u64,
}

impl Costs {
    /// Bytes written for each that arrived.
    pub fn write_amplification(&self) -> f64 {
        (self.arrived + self.merged + self.weeded) as f64 / self.arrived.max(1) as f64
    }
}

/// The shard.
#[derive(Debug)]
pub struct World {
    policy: MergePolicy,
    /// Bytes that the merger writes between two batches.
    speed: u64,
    segments: Vec<Segment>,
    /// The segment that named each key last, and whether with a document.
    newest: Vec<(u32, bool)>,
    next_number: u32,
    position: u64,
    job: Option<(Job, u64)>,
    pub costs: Costs,
}

impl World {
    /// An empty shard whose merger writes `speed` bytes between two batches.
    pub fn new(policy: MergePolicy, num_keys: u32, speed: u64) -> Self {
        Self {
            policy,
            speed,
            segments: Vec::new(),
            newest: vec![(NOBODY, false); num_keys as usize],
            next_number: 0,
            position: 0,
            job: None,
            costs: Costs::default(),
        }
    }

    /// Number of segments, as a query sees them.
    pub fn num_segments(&self) -> usize {
        self.segments.len()
    }

    /// Bytes of all segments.
    pub fn num_bytes(&self) -> u64 {
        self.segments.iter().map(Segment::num_bytes).sum()
    }

    /// Documents, and how many of them are dead.
    pub fn docs(&self) -> (u64, u64) {
        let docs = self.segments.iter().map(|segment| segment.docs.len() as u64).sum();
        (docs, self.segments.iter().map(|segment| segment.num_dead).sum())
    }

    /// Bytes of what is dead.
    pub fn dead_bytes(&self) -> u64 {
        self.docs().1 * DOC_BYTES
    }

    /// The share of documents that are dead.
    pub fn dead_share(&self) -> f64 {
        let (docs, dead) = self.docs();
        dead as f64 / docs.max(1) as f64
    }

    /// Keys that are shown: what the segments say, added up.
    pub fn num_live(&self) -> u64 {
        let (docs, dead) = self.docs();
        docs - dead
    }

    /// Keys that were put last: what the segments must say.
    pub fn num_put(&self) -> u64 {
        self.newest.iter().filter(|(_, is_doc)| *is_doc).count() as u64
    }

    /// One batch arrives as a segment, and the merger goes on. The last change of a key counts.
    pub fn arrive(&mut self, changes: &[(u32, bool)]) {
        let number = self.take_number();
        let (mut docs, mut tombstones) = (Vec::new(), Vec::new());
        for (key, is_put) in changes.iter().rev() {
            let (before, was_doc) = self.newest[*key as usize];
            if before == number {
                continue;
            }
            if was_doc {
                self.segment(before).num_dead += 1;
            }
            self.newest[*key as usize] = (number, *is_put);
            if *is_put { docs.push(*key) } else { tombstones.push(*key) }
        }
        let from = Offset(self.position);
        self.position += changes.len() as u64;
        let range = OffsetRange { from, to: Offset(self.position) };
        let segment = Segment { number, docs, tombstones, num_dead: 0, range, weeded_to: range.to };
        self.costs.arrived += segment.num_bytes();
        self.segments.push(segment);
        self.go_on();
    }

    /// Lets the merger finish, with nothing arriving; panics when it never does.
    pub fn settle(&mut self) {
        for _ in 0..1_000_000 {
            self.go_on();
            if self.job.is_none() {
                return;
            }
        }
        panic!("the merger has no end");
    }

    fn go_on(&mut self) {
        if let Some((job, left)) = self.job.take() {
            if left > self.speed {
                self.job = Some((job, left - self.speed));
                return;
            }
            self.finish(job);
        }
        self.job = self.plan();
    }

    /// The next job, and the bytes that it writes.
    fn plan(&self) -> Option<(Job, u64)> {
        let entries: Vec<SegmentEntry> = self.segments.iter().map(Segment::entry).collect();
        if let Some(range) = plan_merges(&entries, &self.policy).into_iter().next() {
            let num_bytes = entries[range.clone()].iter().map(|entry| entry.num_bytes).sum();
            return Some((Job::Merge(range), num_bytes));
        }
        let due = plan_weeding(&entries, &self.policy);
        let num_bytes = due.iter().map(|place| entries[*place].num_bytes).max()?;
        Some((Job::Weed { due, position: Offset(self.position) }, num_bytes))
    }

    fn finish(&mut self, job: Job) {
        match job {
            Job::Merge(range) => self.merge(range),
            Job::Weed { due, position } => self.weed(&due, position),
        }
    }

    fn merge(&mut self, range: Range<usize>) {
        let parts: Vec<Segment> = self.segments[range.clone()].to_vec();
        let weeded_to = parts.iter().map(|part| part.weeded_to).min().unwrap_or(Offset(0));
        let merged = self.rewrite(&parts, range.start == 0, weeded_to);
        self.costs.merged += merged.num_bytes();
        self.segments.splice(range, [merged]);
    }

    /// As `services/indexer/src/weeding.rs`: the worst is written anew, the clean are noted.
    fn weed(&mut self, due: &[usize], position: Offset) {
        let start = due[0].saturating_sub(1);
        self.costs.looked_at += self.segments[start..].iter().map(Segment::num_bytes).sum::<u64>();
        let share = |segment: &Segment| segment.num_dead * 1_000 / segment.docs.len().max(1) as u64;
        let is_worth = |segment: &Segment| share(segment) >= self.policy.dead_percent * 10;
        let (worth, clean): (Vec<usize>, Vec<usize>) =
            due.iter().copied().partition(|place| is_worth(&self.segments[*place]));
        let worst = worth.into_iter().max_by_key(|place| share(&self.segments[*place]));
        for place in clean {
            self.segments[place].weeded_to = position;
        }
        if let Some(place) = worst {
            let mut part = self.segments[place].clone();
            let newest = &self.newest;
            part.docs.retain(|key| newest[*key as usize] == (part.number, true));
            part.num_dead = 0;
            let weeded = self.rewrite(&[part], place == 0, position);
            self.costs.weeded += weeded.num_bytes();
            self.segments[place] = weeded;
        }
    }

    /// One segment of neighbours: of each key what the newest of them says.
    fn rewrite(&mut self, parts: &[Segment], is_oldest: bool, weeded_to: Offset) -> Segment {
        let number = self.take_number();
        let numbers: Vec<u32> = parts.iter().map(|part| part.number).collect();
        let (mut docs, mut tombstones) = (Vec::new(), Vec::new());
        let mut num_dead = 0;
        let mut seen = std::collections::HashSet::new();
        for part in parts.iter().rev() {
            let puts = part.docs.iter().map(|key| (*key, true));
            for (key, is_doc) in puts.chain(part.tombstones.iter().map(|key| (*key, false))) {
                if !seen.insert(key) {
                    continue;
                }
                let is_newest = numbers.contains(&self.newest[key as usize].0);
                num_dead += u64::from(is_doc && !is_newest);
                if is_doc {
                    docs.push(key);
                } else if !is_oldest {
                    tombstones.push(key);
                }
                if is_newest {
                    let forgotten = !is_doc && is_oldest;
                    let owner = if forgotten { NOBODY } else { number };
                    self.newest[key as usize] = (owner, is_doc);
                }
            }
        }
        let from = parts[0].range.from;
        let range = OffsetRange { from, to: parts[parts.len() - 1].range.to };
        let weeded_to = weeded_to.max(range.to);
        Segment { number, docs, tombstones, num_dead, range, weeded_to }
    }

    fn segment(&mut self, number: u32) -> &mut Segment {
        let found = self.segments.iter_mut().find(|segment| segment.number == number);
        found.expect("a key's newest segment is there")
    }

    fn take_number(&mut self) -> u32 {
        self.next_number += 1;
        self.next_number
    }
}
