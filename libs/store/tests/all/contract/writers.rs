use crate::{
    contract::places::Place,
    support::{SHARD, Writer, after, check_chain, shard},
};
use ax_model::{Epoch, Generation, ManifestVersion, ShardId};
use ax_store::{Link, Store, StoreError};
use futures::future::join_all;
use std::sync::Arc;

pub async fn nobody_has_written_yet(place: Place) {
    let shard = shard(&place.store);
    assert_eq!(shard.head().await.unwrap(), None);
    assert_eq!(shard.boundary().await.unwrap(), ManifestVersion(0));
    assert_eq!(shard.history().await.unwrap(), []);
    let missing = shard.link(ManifestVersion(1)).await.unwrap_err();
    assert!(matches!(missing, StoreError::NotFound { .. }), "{missing}");
}

/// Eight writers, each in a process of its own as far as the store can tell, publish after the same
/// head. Even rounds: one epoch for all of them. Odd rounds: an epoch each.
pub async fn one_of_eight_wins_each_version(place: Place) {
    let mut head = Writer::take_over(&place.store, 1, "first").await.unwrap().head;
    for round in 0..place.rounds {
        let racers = (0..8).map(|racer| {
            let share = if round % 2 == 0 { 1 } else { 1 + racer };
            let epoch = Epoch(head.manifest.epoch.0 + share);
            let (store, head) = (place.store.clone(), head.clone());
            tokio::spawn(async move { publish_as(&store, &head, epoch, racer).await })
        });
        let outcomes: Vec<_> =
            join_all(racers).await.into_iter().map(|outcome| outcome.unwrap()).collect();
        head = judge_race(&outcomes);
    }
    assert_eq!(head.version().0, place.rounds + 1);
    assert_eq!(check_chain(&place.store).await.len() as u64, place.rounds + 1);
}

type Outcome = (Epoch, Result<Arc<Link>, StoreError>);

async fn publish_as(store: &Store, head: &Link, epoch: Epoch, racer: u64) -> Outcome {
    let mut next = after(head, racer, vec![]);
    (next.epoch, next.writer) = (epoch, format!("racer-{racer}"));
    (epoch, shard(store).publish(head, next).await)
}

/// Exactly one wins; a loser is fenced unless its epoch is the greater one.
fn judge_race(outcomes: &[Outcome]) -> Arc<Link> {
    let winners: Vec<_> = outcomes.iter().filter_map(|(_, o)| o.as_ref().ok()).collect();
    let [winner] = winners.as_slice() else { panic!("{} winners", winners.len()) };
    for (epoch, outcome) in outcomes {
        match outcome {
            Ok(_) => {}
            Err(StoreError::Fenced { epoch: by, .. }) => {
                assert_eq!(*by, winner.manifest.epoch);
                assert!(*epoch <= winner.manifest.epoch);
            }
            Err(StoreError::Conflict { .. }) => assert!(*epoch > winner.manifest.epoch),
            Err(error) => panic!("{error}"),
        }
    }
    Arc::clone(winner)
}

pub async fn the_greatest_epoch_wins_the_take_over(place: Place) {
    for round in 0..place.rounds / 20 {
        let racers = (1..=8).map(|racer| {
            let (store, epoch) = (place.store.clone(), round * 8 + racer);
            let name = format!("racer-{racer}");
            tokio::spawn(async move { (epoch, Writer::take_over(&store, epoch, &name).await) })
        });
        let outcomes = join_all(racers).await;
        for outcome in outcomes {
            match outcome.unwrap() {
                (_, Ok(_)) => {}
                (epoch, Err(error)) => {
                    assert!(error.is_fenced() && epoch != round * 8 + 8, "{epoch}: {error}");
                }
            }
        }
        let head = shard(&place.store).head().await.unwrap().unwrap();
        assert_eq!(head.manifest.epoch.0, round * 8 + 8);
        assert_eq!(head.manifest.writer, "racer-8");
    }
    check_chain(&place.store).await;
}

pub async fn a_life_with_two_owners(place: Place) {
    let mut first = Writer::take_over(&place.store, 1, "first").await.unwrap();
    first.step(10, 1_000).await.unwrap();
    first.step(5, 2_000).await.unwrap();

    let mut second = Writer::take_over(&place.store, 2, "second").await.unwrap();
    assert_eq!(second.head.manifest.segments, first.head.manifest.segments);
    assert_eq!(second.head.manifest.position().0, 15);

    // The first one goes on as if nothing had happened, twice: it is told each time.
    for _ in 0..2 {
        match first.step(7, 500).await.unwrap_err() {
            StoreError::Fenced { epoch, writer, version, shard } => {
                assert_eq!((epoch, writer.as_str(), version.0), (Epoch(2), "second", 4));
                assert_eq!(shard, SHARD);
            }
            error => panic!("{error}"),
        }
    }
    let error = Writer::take_over(&place.store, 1, "first").await.unwrap_err();
    assert!(error.is_fenced(), "{error}");

    second.step(1, 100).await.unwrap();
    let links = check_chain(&place.store).await;
    assert_eq!(links.len(), 5);
    assert_eq!(links[4].manifest.position().0, 16);
    assert_eq!(links[4].manifest.segments.len(), 3);
    assert_eq!(shard(&place.store).link(ManifestVersion(3)).await.unwrap(), links[2]);
}

pub async fn taking_over_twice_is_once(place: Place) {
    let once = Writer::take_over(&place.store, 3, "a").await.unwrap().head;
    let twice = Writer::take_over(&place.store, 3, "a").await.unwrap().head;
    assert_eq!(once, twice);
    let error = Writer::take_over(&place.store, 3, "b").await.unwrap_err();
    assert!(error.is_fenced(), "one epoch has one writer: {error}");
    let error = Writer::take_over(&place.store, 0, "b").await.unwrap_err();
    assert!(!error.is_retryable(), "epoch zero means nobody: {error}");
}

pub async fn shards_do_not_see_each_other(place: Place) {
    let handle = |generation, shard| place.store.shard(Generation(generation), ShardId(shard));
    let places = [(1, 1), (1, 11), (2, 1)];
    for (epoch, (generation, shard)) in (1..).zip(places) {
        handle(generation, shard).take_over(Epoch(epoch), "w", 0).await.unwrap();
    }
    for (epoch, (generation, shard)) in (1..).zip(places) {
        let head = handle(generation, shard).head().await.unwrap().unwrap();
        assert_eq!((head.version().0, head.manifest.epoch), (1, Epoch(epoch)));
        assert_eq!(head.manifest.shard, ShardId(shard));
    }
    let foreign = handle(1, 1).head().await.unwrap().unwrap();
    let error = handle(2, 1).publish(&foreign, foreign.next(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::Chain(_)), "{error}");
}
