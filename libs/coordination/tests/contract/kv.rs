//! Keys, expectations, revisions, listings.

use crate::backend::{Backend, LONG, done};
use ax_coordination::{
    CasOutcome, CoordinationError, Expect, Guard, MAX_KEY_BYTES, MAX_VALUE_BYTES, Revision, Write,
    WriteOp,
};
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};
use tokio::{task::JoinSet, time::timeout};

pub async fn a_key_is_put_read_and_deleted(backend: &Backend) {
    let store = &backend.store;
    assert_eq!(store.get("a").await.unwrap(), None);
    let first = backend.put("a", "1").await;
    let entry = store.get("a").await.unwrap().unwrap();
    assert_eq!((entry.key.as_str(), &entry.value[..]), ("a", &b"1"[..]));
    assert_eq!((entry.created, entry.modified, entry.lease), (first, first, None));
    let second = backend.put("a", "").await;
    let entry = store.get("a").await.unwrap().unwrap();
    assert_eq!((entry.created, entry.modified, &entry.value[..]), (first, second, &b""[..]));
    let third = done(store.delete("a", Expect::Any).await.unwrap());
    assert!(first < second && second < third);
    assert_eq!(store.get("a").await.unwrap(), None);
    done(store.delete("a", Expect::Any).await.unwrap());
}

/// What to expect of a key that was modified at the one revision, and before that at the other.
type MakeExpect = fn(Revision, Revision) -> Expect;

pub async fn every_expectation(backend: &Backend) {
    let store = &backend.store;
    // Whether it is done on an absent key, and on one at `now` that was at `old` before.
    let cases: [(&str, MakeExpect, [bool; 2]); 5] = [
        ("any", |_, _| Expect::Any, [true, true]),
        ("absent", |_, _| Expect::Absent, [true, false]),
        ("now", |now, _| Expect::At(now), [false, true]),
        ("old", |_, old| Expect::At(old), [false, false]),
        ("zero", |_, _| Expect::At(Revision(0)), [true, false]),
    ];
    for (name, expect, [if_absent, if_present]) in cases {
        for deletes in [false, true] {
            let key = format!("{name}-{deletes}");
            let old = backend.put(&key, "old").await;
            let now = backend.put(&key, "now").await;
            let standing = store.get(&key).await.unwrap();
            let outcome = attempt(backend, &key, expect(now, old), deletes).await;
            check(&outcome, if_present, standing, &format!("{key}, present"));

            done(store.delete(&key, Expect::Any).await.unwrap());
            let outcome = attempt(backend, &key, expect(now, old), deletes).await;
            check(&outcome, if_absent, None, &format!("{key}, absent"));
            let there = store.get(&key).await.unwrap().is_some();
            assert_eq!(there, if_absent && !deletes, "{key}");
        }
    }
}

async fn attempt(backend: &Backend, key: &str, expect: Expect, deletes: bool) -> CasOutcome {
    let outcome = match deletes {
        true => backend.store.delete(key, expect).await,
        false => backend.store.put(key, Bytes::from_static(b"new"), expect, None).await,
    };
    outcome.unwrap()
}

fn check(
    outcome: &CasOutcome,
    is_done: bool,
    standing: Option<ax_coordination::Entry>,
    case: &str,
) {
    match outcome {
        CasOutcome::Done(_) => assert!(is_done, "{case}: done"),
        CasOutcome::Conflict(found) => {
            assert!(!is_done, "{case}: conflict");
            assert_eq!(found, &standing, "{case}");
        }
    }
}

pub async fn every_write_has_a_later_revision(backend: &Backend) {
    let mut last = Revision(0);
    for n in 0..40 {
        let key = format!("k{}", n % 3);
        let at = match n % 5 {
            4 => done(backend.store.delete(&key, Expect::Any).await.unwrap()),
            _ => backend.put(&key, "v").await,
        };
        assert!(at > last, "{at:?} after {last:?}");
        last = at;
    }
    assert!(backend.store.list("").await.unwrap().revision >= last);
}

pub async fn a_key_created_again_is_created_later(backend: &Backend) {
    let mut last = Revision(0);
    for _ in 0..5 {
        backend.put("k", "a").await;
        backend.put("k", "b").await;
        let created = backend.store.get("k").await.unwrap().unwrap().created;
        assert!(created > last);
        last = created;
        done(backend.store.delete("k", Expect::Any).await.unwrap());
    }
}

pub async fn one_of_sixteen_wins_each_round(backend: &Backend) {
    let mut at = backend.put("k", "start").await;
    for round in 0..10 {
        let mut racers = JoinSet::new();
        for racer in 0..16 {
            let store = backend.store.clone();
            let value = Bytes::from(format!("{round}-{racer}"));
            racers.spawn(async move {
                let outcome = store.put("k", value.clone(), Expect::At(at), None).await.unwrap();
                (value, outcome)
            });
        }
        let mut winners = Vec::new();
        let mut losers_saw = Vec::new();
        while let Some(outcome) = racers.join_next().await {
            match outcome.unwrap() {
                (value, CasOutcome::Done(revision)) => winners.push((value, revision)),
                (_, CasOutcome::Conflict(entry)) => losers_saw.push(entry.unwrap()),
            }
        }
        assert_eq!(winners.len(), 1, "round {round}");
        let (value, revision) = winners.remove(0);
        assert!(losers_saw.iter().all(|seen| seen.value == value && seen.modified == revision));
        at = revision;
    }
}

pub async fn a_guard_must_stand_as_it_was_created(backend: &Backend) {
    let store = &backend.store;
    let created = backend.put("guard", "a").await;
    backend.put("guard", "b").await; // changing it is not creating it
    let write = |expect| Write {
        key: "k".to_owned(),
        op: WriteOp::Put { value: Bytes::from_static(b"v"), lease: None },
        expect,
        guard: Some(Guard { key: "guard".to_owned(), created }),
    };
    let at = done(store.write(write(Expect::Any)).await.unwrap());
    let conflict = store.write(write(Expect::Absent)).await.unwrap();
    assert!(matches!(conflict, CasOutcome::Conflict(Some(entry)) if entry.modified == at));
    done(store.delete("guard", Expect::Any).await.unwrap());
    for expect in [Expect::Any, Expect::Absent] {
        let refused = store.write(write(expect)).await;
        assert!(matches!(refused, Err(CoordinationError::GuardLost { key }) if key == "guard"));
    }
    backend.put("guard", "c").await;
    let delete = Write { op: WriteOp::Delete, ..write(Expect::Any) };
    assert!(matches!(store.write(delete).await, Err(CoordinationError::GuardLost { .. })));
    assert_eq!(store.get("k").await.unwrap().unwrap().modified, at);
}

pub async fn a_listing_has_the_prefix_only_in_order(backend: &Backend) {
    for key in ["b/2", "a", "b/1", "b", "b0", "b/1/x", "ü/1"] {
        backend.put(key, key).await;
    }
    let cases: [(&str, &[&str]); 5] = [
        ("", &["a", "b", "b/1", "b/1/x", "b/2", "b0", "ü/1"]),
        ("b/", &["b/1", "b/1/x", "b/2"]),
        ("b/1", &["b/1", "b/1/x"]),
        ("ü", &["ü/1"]),
        ("c", &[]),
    ];
    for (prefix, expected) in cases {
        let listing = backend.store.list(prefix).await.unwrap();
        let keys: Vec<_> = listing.entries.iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(keys, expected, "under {prefix:?}");
    }
}

/// A writer raises all keys by one, in order, again and again: at any one revision the keys before its
/// place stand one higher than those behind it. There are more keys than fit into one page.
pub async fn a_listing_is_of_one_revision(backend: &Backend) {
    const KEYS: u32 = 1_100;
    let mut writes = JoinSet::new();
    for n in 0..KEYS {
        let store = backend.store.clone();
        writes.spawn(async move {
            store.put(&format!("k{n:04}"), Bytes::from_static(b"0"), Expect::Any, None).await
        });
    }
    while let Some(outcome) = writes.join_next().await {
        outcome.unwrap().unwrap();
    }
    let stop = AtomicBool::new(false);
    let writer = async {
        for round in 1..1_000 {
            for n in 0..KEYS {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                backend.put(&format!("k{n:04}"), &round.to_string()).await;
            }
        }
    };
    let reader = async {
        let mut rounds = BTreeMap::new();
        while rounds.len() < 8 {
            let listing = backend.store.list("k").await.unwrap();
            let value = |entry: &ax_coordination::Entry| {
                str::from_utf8(&entry.value).unwrap().parse::<u32>().unwrap()
            };
            let values: Vec<_> = listing.entries.iter().map(value).collect();
            assert_eq!(values.len(), KEYS as usize);
            let falls = values.windows(2).filter(|pair| pair[0] != pair[1]).count();
            assert!(falls <= 1 && values[0] - values[KEYS as usize - 1] <= 1, "{values:?}");
            let newest = listing.entries.iter().map(|entry| entry.modified).max().unwrap();
            assert!(newest <= listing.revision);
            rounds.insert(listing.revision, ());
        }
        stop.store(true, Ordering::Relaxed);
    };
    timeout(LONG, async { tokio::join!(writer, reader) }).await.unwrap();
}

pub async fn what_is_too_large_is_refused(backend: &Backend) {
    let store = &backend.store;
    let put = |key: String, num_bytes: usize| async move {
        store.put(&key, vec![7; num_bytes].into(), Expect::Any, None).await
    };
    done(put("k".repeat(MAX_KEY_BYTES), MAX_VALUE_BYTES).await.unwrap());
    for (key_bytes, value_bytes, limit) in [
        (1, MAX_VALUE_BYTES + 1, MAX_VALUE_BYTES),
        (1, 4 * MAX_VALUE_BYTES, MAX_VALUE_BYTES),
        (MAX_KEY_BYTES + 1, 1, MAX_KEY_BYTES),
    ] {
        let refused = put("x".repeat(key_bytes), value_bytes).await;
        let Err(CoordinationError::TooLarge { num_bytes, max_bytes }) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!((num_bytes, max_bytes), (key_bytes.max(value_bytes), limit));
    }
    assert_eq!(store.list("x").await.unwrap().entries, []);
}
