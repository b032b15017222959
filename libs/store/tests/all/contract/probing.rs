use crate::contract::places::Place;
use ax_model::Code;
use ax_store::{
    Patience, Store,
    faults::{Fault, FaultStore, Op, Rule},
};
use futures::TryStreamExt;
use object_store::{ObjectStore, memory::InMemory};
use std::sync::Arc;

pub async fn passes_and_leaves_nothing_behind(place: Place) {
    place.store.probe().await.unwrap();
    let mut left = Vec::new();
    place.store.decorated(
        |inner| {
            left.push(inner.clone());
            inner
        },
        Patience::default(),
    );
    let left: Vec<_> = left[0].list(None).try_collect().await.unwrap();
    assert_eq!(left, []);
}

fn faulty(rule: Rule) -> (FaultStore, Store) {
    let faults = FaultStore::new(Arc::new(InMemory::new()));
    faults.inject(rule);
    let store = Store::over(Arc::new(faults.clone()), Patience::without_waits(3));
    (faults, store)
}

#[tokio::test]
async fn refuses_a_store_that_ignores_the_condition() {
    let (_, store) = faulty(Rule::always(Op::Create, "", Fault::ConditionIgnored));
    assert_eq!(store.probe().await.unwrap_err().code(), Code::StoreUnsafe);
}

#[tokio::test]
async fn refuses_a_store_that_checks_and_then_writes() {
    let (_, store) = faulty(Rule::always(Op::Create, "", Fault::ConditionRaces));
    assert_eq!(store.probe().await.unwrap_err().code(), Code::StoreUnsafe);
}

#[tokio::test]
async fn refuses_a_store_that_shows_other_bytes() {
    let (_, store) = faulty(Rule::always(Op::Get, "", Fault::FlippedBit));
    assert_eq!(store.probe().await.unwrap_err().code(), Code::StoreUnsafe);
}

#[tokio::test]
async fn a_store_that_is_away_is_not_unsafe() {
    for (op, fault) in [
        (Op::Create, Fault::Unavailable),
        (Op::Create, Fault::RefusedBefore),
        (Op::Get, Fault::TimeoutBefore),
        (Op::List, Fault::Unavailable),
    ] {
        let (faults, store) = faulty(Rule::always(op, "", fault));
        let error = store.probe().await.unwrap_err();
        assert!(error.is_retryable(), "{op:?} {fault:?}: {error}");
        faults.heal();
        store.probe().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_that_tried_twice_is_no_proof_of_an_unsafe_store() {
    let (_, store) = faulty(Rule::always(Op::Create, "", Fault::RefusedAfter));
    store.probe().await.unwrap();
}
