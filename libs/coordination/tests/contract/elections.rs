//! Elections.

use crate::backend::{Backend, LONG, TTL, done};
use ax_coordination::{
    Coordination, CoordinationError, Expect, LeaseKeeper,
    election::{Election, Leader, Leadership},
};
use bytes::Bytes;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{error::Elapsed, timeout},
};

const KEY: &str = "leader";

/// Much longer than any test: nobody loses a lease by being slow.
const LEASE: Duration = Duration::from_secs(60);

async fn keeper(store: &Arc<dyn Coordination>, ttl: Duration) -> Arc<LeaseKeeper> {
    Arc::new(LeaseKeeper::start(store.clone(), ttl).await.unwrap())
}

async fn lead(store: &Arc<dyn Coordination>, name: &'static str) -> Leadership {
    let lease = keeper(store, LEASE).await;
    timeout(LONG, Election::campaign(store.clone(), KEY, name, lease)).await.unwrap().unwrap()
}

pub async fn one_leads_at_a_time_and_terms_grow(backend: &Backend) {
    let leading = Arc::new(AtomicU32::new(0));
    let mut candidates = JoinSet::new();
    for _ in 0..4 {
        let (store, leading) = (backend.store.clone(), leading.clone());
        candidates.spawn(async move {
            let lease = keeper(&store, LEASE).await;
            let mut terms = Vec::new();
            for _ in 0..5 {
                let campaign = Election::campaign(store.clone(), KEY, "c", lease.clone());
                let leadership = campaign.await.unwrap();
                assert_eq!(leading.fetch_add(1, Ordering::SeqCst), 0, "somebody else leads");
                terms.push(leadership.term());
                leadership.put("work", Bytes::new(), Expect::Any, None).await.unwrap();
                assert_eq!(leading.fetch_sub(1, Ordering::SeqCst), 1);
                leadership.resign().await.unwrap();
            }
            terms
        });
    }
    let mut all = Vec::new();
    while let Some(terms) = timeout(LONG, candidates.join_next()).await.unwrap() {
        let terms = terms.unwrap();
        assert!(terms.is_sorted(), "{terms:?}");
        all.extend(terms);
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 20, "each term is one leader's");
}

pub async fn a_dropped_lease_hands_over(backend: &Backend) {
    let first = lead(&backend.store, "first").await;
    let term = first.term();
    let store = backend.store.clone();
    let second = tokio::spawn(async move { lead(&store, "second").await });
    drop(first);
    let second = second.await.unwrap();
    assert!(second.term() > term);
    assert_eq!(backend.value(KEY).await.as_deref(), Some("second"));
    assert!(!second.is_lost());
}

pub async fn a_stale_leader_is_refused(backend: &Backend) {
    let stale = lead(&backend.store, "stale").await;
    done(stale.put("work", "1".into(), Expect::Absent, None).await.unwrap());
    // As when its lease had ended while it was stopped: it does not know yet.
    done(backend.store.delete(KEY, Expect::Any).await.unwrap());
    let leader = lead(&backend.store, "leader").await;
    assert!(!stale.is_lost());
    let refused = stale.put("work", "2".into(), Expect::Any, None).await;
    assert!(matches!(refused, Err(CoordinationError::GuardLost { .. })), "{refused:?}");
    let refused = stale.delete("work", Expect::Any).await;
    assert!(matches!(refused, Err(CoordinationError::GuardLost { .. })), "{refused:?}");
    timeout(LONG, stale.lost()).await.unwrap();
    let still_leads: Result<(), Elapsed> = timeout(Duration::from_millis(50), leader.lost()).await;
    assert!(still_leads.is_err());
    stale.resign().await.unwrap();
    done(leader.put("work", "3".into(), Expect::Any, None).await.unwrap());
    assert_eq!(backend.value("work").await.as_deref(), Some("3"));
    assert_eq!(backend.value(KEY).await.as_deref(), Some("leader"));
}

pub async fn an_observer_sees_each_leader(backend: &Backend) {
    backend.put("leader-of-others", "x").await;
    let mut observer = Election::observe(backend.store.clone(), KEY);
    assert_eq!(observer.next().await.unwrap(), None);
    let mut last = 0;
    for name in ["a", "b"] {
        let leadership = lead(&backend.store, name).await;
        let leader =
            Leader { candidate: Bytes::from_static(name.as_bytes()), term: leadership.term() };
        assert!(leader.term > last);
        last = leader.term;
        assert_eq!(timeout(LONG, observer.next()).await.unwrap().unwrap(), Some(leader));
        backend.put("leader-of-others", "y").await;
        leadership.resign().await.unwrap();
        assert_eq!(timeout(LONG, observer.next()).await.unwrap().unwrap(), None);
    }
}

pub async fn a_campaign_ends_with_its_lease(backend: &Backend) {
    let _leader = lead(&backend.store, "leader").await;
    let lease = keeper(&backend.store, TTL).await;
    let id = lease.id();
    let campaign = Election::campaign(backend.store.clone(), KEY, "other", lease);
    let revoke = backend.store.revoke(id);
    let (outcome, _) = timeout(LONG, async { tokio::join!(campaign, revoke) }).await.unwrap();
    assert!(matches!(outcome.err(), Some(CoordinationError::LeaseGone(lost)) if lost == id));
    assert_eq!(backend.value(KEY).await.as_deref(), Some("leader"));
}
