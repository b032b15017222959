//! Two writers and a collector in every order that chance finds, over a store that fails by chance:
//! invariants I3, I4 and I10 hold throughout, and nothing acknowledged is lost.

use crate::support::{SHARD, after, shard};
use ax_model::{ContentHash, Epoch, ManifestVersion, Offset, OffsetRange, SegmentEntry, Stored};
use ax_store::{
    CollectPolicy, Link, Patience, Pins, Store, StoreError,
    faults::{Chaos, Fault, FaultStore},
    segment_id,
};
use bytes::Bytes;
use futures::{FutureExt, future::LocalBoxFuture};
use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
use proptest::prelude::*;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};
use uuid::Uuid;

const FAULTS: [Fault; 9] = [
    Fault::TimeoutBefore,
    Fault::TimeoutAfter,
    Fault::Late(1),
    Fault::Late(8),
    Fault::Late(60),
    Fault::RefusedBefore,
    Fault::RefusedAfter,
    Fault::Unavailable,
    Fault::FlippedBit,
];

/// What the actors share: the leases, the store, and what was acknowledged.
struct World {
    faults: FaultStore,
    store: Store,
    epochs: Cell<u64>,
    names: Cell<u128>,
    acked: RefCell<BTreeMap<ManifestVersion, Arc<Link>>>,
}

impl World {
    fn new(seed: u64, per_mille: u32) -> (Self, Arc<InMemory>) {
        let inner = Arc::new(InMemory::new());
        let faults = FaultStore::new(inner.clone());
        faults.chaos(Some(Chaos::new(seed, per_mille, &FAULTS)));
        let store = Store::over(Arc::new(faults.clone()), Patience::without_waits(3));
        let (epochs, names, acked) = Default::default();
        (Self { faults, store, epochs, names, acked }, inner)
    }

    /// Two acknowledgements of one version are of one link.
    fn acknowledge(&self, link: &Arc<Link>) {
        let before = self.acked.borrow_mut().insert(link.version(), link.clone());
        assert!(before.is_none_or(|before| before == *link), "version {}", link.version());
    }

    /// A lease: its epoch is nobody else's, and greater than all before.
    fn lease(&self) -> Epoch {
        self.epochs.set(self.epochs.get() + 1);
        Epoch(self.epochs.get())
    }

    async fn upload(&self, epoch: Epoch) -> Option<SegmentEntry> {
        self.names.set(self.names.get() + 1);
        let id = segment_id(epoch, Uuid::from_u128(self.names.get()));
        let body = Bytes::from(id.0.clone());
        let entry = SegmentEntry {
            num_bytes: body.len() as u64,
            checksum: ContentHash::of(&body),
            stored: Stored::Raw,
            num_docs: 1,
            text_bytes: 1,
            num_tombstones: 0,
            num_unparsed: 0,
            unparsed_bytes: 0,
            range: OffsetRange::default(),
            weeded_to: Offset(0),
            id,
        };
        self.faults.put(&segment_path(&entry), body.into()).await.ok().map(|_| entry)
    }
}

fn segment_path(entry: &SegmentEntry) -> Path {
    Path::from(format!("g1/s{:05}/segments/{}.seg", SHARD.0, entry.id))
}

/// Leases the shard again and again, and owns it until it is fenced.
async fn writer(world: &World, name: &str) {
    loop {
        let epoch = world.lease();
        let handle = shard(&world.store);
        let head = loop {
            match handle.take_over(epoch, name, 0).await {
                Ok(head) => break Some(head),
                Err(error) if error.is_fenced() => break None,
                Err(_) => {} // the lease is still ours: once more
            }
        };
        if let Some(head) = head {
            world.acknowledge(&head);
            own(world, &handle, epoch, head).await;
        }
    }
}

async fn own(world: &World, handle: &ax_store::ShardStore, epoch: Epoch, mut head: Arc<Link>) {
    for count in 1.. {
        let Some(entry) = world.upload(epoch).await else { continue };
        let mut next = after(&head, count % 3, vec![entry]);
        let surplus = next.segments.len().saturating_sub(4); // as a merge does
        next.segments.drain(..surplus);
        match handle.publish(&head, next).await {
            Ok(link) => {
                world.acknowledge(&link);
                head = link;
            }
            Err(StoreError::Fenced { .. }) => return,
            Err(StoreError::Conflict { .. } | StoreError::Unavailable { .. }) => {
                match reload(handle).await {
                    reloaded if reloaded.manifest.epoch == epoch => head = reloaded,
                    _ => return,
                }
            }
            Err(StoreError::ManifestCorrupt { .. }) => {} // three bad reads in a row
            Err(error) => panic!("{error}"),
        }
    }
}

async fn reload(handle: &ax_store::ShardStore) -> Arc<Link> {
    loop {
        match handle.head().await {
            Ok(head) => return head.expect("it was taken over"),
            Err(StoreError::Unavailable { .. } | StoreError::ManifestCorrupt { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn collector(world: &World) {
    let policy =
        CollectPolicy { keep_last: 2, keep_for: Duration::ZERO, orphan_grace: Duration::ZERO };
    loop {
        // It fails and begins again, as often as the store makes it.
        let _ = shard(&world.store).collect(&policy, &Pins::default(), i64::MAX).await;
    }
}

/// Gives turns as the schedule says; whoever stands in the middle of something stays there.
fn run(world: &World, schedule: &[(usize, u8)]) {
    let mut actors: Vec<LocalBoxFuture<'_, ()>> = vec![
        writer(world, "a").boxed_local(),
        writer(world, "b").boxed_local(),
        collector(world).boxed_local(),
    ];
    let mut cx = Context::from_waker(Waker::noop());
    for (actor, turns) in schedule {
        for _ in 0..*turns {
            assert!(actors[*actor].poll_unpin(&mut cx).is_pending(), "actors never end");
        }
    }
}

/// Every process died; late writes arrive; what is there must be one sound chain.
async fn check(world: &World, sound: &Store, inner: &InMemory) {
    world.faults.heal();
    world.faults.deliver().await;
    let links = shard(sound).history().await.unwrap(); // each link against the one before
    let acked = world.acked.take();
    let Some((newest, last)) = acked.last_key_value() else { return };
    let head = links.last().unwrap();
    assert!(head.version() >= *newest);
    assert!(head.manifest.position() >= last.manifest.position());
    for link in acked.range(links[0].version()..).map(|(_, link)| link) {
        assert!(links.contains(link), "version {} was acknowledged", link.version());
    }
    let all: Vec<_> = acked.values().collect();
    for pair in all.windows(2) {
        assert!(pair[0].manifest.epoch <= pair[1].manifest.epoch, "I4");
        assert!(pair[0].manifest.position() <= pair[1].manifest.applied.from, "I3");
    }
    for link in &links {
        for entry in &link.manifest.segments {
            assert!(inner.head(&segment_path(entry)).await.is_ok(), "I10: {}", entry.id);
        }
    }
}

proptest! {
    #[test]
    fn two_writers_and_a_collector(
        schedule in prop::collection::vec((0usize..3, 1u8..60), 10..80),
        seed in any::<u64>(),
        per_mille in prop_oneof![Just(0u32), 1u32..100, 100u32..400],
    ) {
        let (world, inner) = World::new(seed, per_mille);
        run(&world, &schedule);
        let sound = Store::over(inner.clone(), Patience::without_waits(3));
        check(&world, &sound, &inner).now_or_never().expect("memory never waits");
    }
}
