//! Faults of the network between the etcd back end and etcd.

use crate::{
    backend::{LONG, config, done, put},
    watches::{Fold, after, write_concurrently},
};
use ax_coordination::{
    CasOutcome, Coordination, CoordinationError, Expect, LeaseKeeper, Revision,
    election::Election,
    etcd::{EtcdConfig, EtcdStore},
};
use ax_harness::{Etcd, Fault, Proxy, eventually};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// An etcd, a way to it through a proxy, and one without.
struct Net {
    _server: Etcd,
    proxy: Proxy,
    through: Arc<dyn Coordination>,
    direct: Arc<dyn Coordination>,
}

async fn net(request_timeout: Duration) -> Net {
    let server = Etcd::start().await.unwrap();
    let proxy = start_proxy(&server).await;
    let direct = EtcdConfig { request_timeout, ..config(&server) };
    let through = EtcdConfig { endpoints: vec![endpoint(&proxy)], ..direct.clone() };
    Net {
        _server: server,
        proxy,
        through: Arc::new(EtcdStore::connect(through).await.unwrap()),
        direct: Arc::new(EtcdStore::connect(direct).await.unwrap()),
    }
}

async fn start_proxy(server: &Etcd) -> Proxy {
    Proxy::start(server.endpoint().trim_start_matches("http://")).await.unwrap()
}

fn endpoint(proxy: &Proxy) -> String {
    format!("http://{}", proxy.address())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_fault_of_the_network_opens_a_gap() {
    let net = net(Duration::from_secs(3)).await;
    let start = put(&*net.direct, "start", "x", None).await;
    let mut watch = net.through.watch("w/", after(start)).await.unwrap();
    let (mut fold, mut written) = (Fold::default(), Vec::new());
    let slow = Fault::Delay(Duration::from_millis(30));
    for fault in [Fault::Reset, Fault::Close, Fault::Blackhole, slow, Fault::Reset] {
        net.proxy.set(fault);
        written.extend(write_concurrently(&net.direct, "w/", 4, 25).await);
        net.proxy.set(Fault::None);
        written.extend(write_concurrently(&net.direct, "w/", 4, 25).await);
        while fold.revisions.last() < written.last() {
            fold.add(timeout(LONG, watch.next()).await.expect("events in time").unwrap());
        }
    }
    assert_eq!(fold.revisions, written);
    fold.check(&*net.through, "w/").await.unwrap();
}

/// The request lies in the network while its caller gives up, and arrives after all: sometimes before
/// the word that the caller gave up, sometimes behind it. The caller compares, and sees which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_timed_out_may_happen_yet() {
    const ROUNDS: usize = 60;
    let net = net(Duration::from_millis(400)).await;
    for _ in 0..ROUNDS {
        let at = put(&*net.direct, "k", "before", None).await;
        net.proxy.set(Fault::Blackhole);
        let write = net.through.put("k", "after".into(), Expect::At(at), None).await;
        assert!(matches!(write, Err(CoordinationError::Unavailable(_))), "{write:?}");
        net.proxy.set(Fault::None);
        let again = eventually(LONG, "an answer", async || {
            Ok(net.through.put("k", "after".into(), Expect::At(at), None).await?)
        });
        match again.await.unwrap() {
            CasOutcome::Done(_) => {} // the first one did not happen, or came second
            CasOutcome::Conflict(Some(entry)) => {
                assert_eq!(&entry.value[..], b"after");
                return;
            }
            CasOutcome::Conflict(None) => panic!("the key is gone"),
        }
    }
    panic!("no write in {ROUNDS} happened after its caller gave up");
}

/// A candidate does not know that it won, asks again, and finds its own key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_recognises_its_own_win() {
    let net = net(Duration::from_millis(300)).await;
    let lease = Arc::new(LeaseKeeper::start(net.through.clone(), LONG).await.unwrap());
    net.proxy.set(Fault::Blackhole);
    let campaign = Election::campaign(net.through.clone(), "leader", "c", lease);
    let campaign = tokio::spawn(campaign);
    // Long enough for the first attempt to time out; nothing reaches etcd meanwhile.
    let mut watch = net.direct.watch("leader", Revision(1)).await.unwrap();
    assert!(timeout(Duration::from_millis(700), watch.next()).await.is_err());
    net.proxy.set(Fault::None);
    let leadership = timeout(LONG, campaign).await.unwrap().unwrap().unwrap();
    let entry = net.direct.get("leader").await.unwrap().unwrap();
    assert_eq!(Revision(leadership.term()), entry.created);
    done(leadership.put("work", "x".into(), Expect::Any, None).await.unwrap());
}

/// A connection falls silent without an end: pings find out, and another endpoint serves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_left_for_another() {
    let server = Etcd::start().await.unwrap();
    let proxies = [start_proxy(&server).await, start_proxy(&server).await];
    let config = EtcdConfig {
        endpoints: proxies.iter().map(endpoint).collect(),
        request_timeout: Duration::from_secs(1),
        keep_alive: Duration::from_secs(1),
        keep_alive_timeout: Duration::from_millis(500),
        ..config(&server)
    };
    let direct = EtcdConfig { endpoints: vec![server.endpoint().to_owned()], ..config.clone() };
    let direct = EtcdStore::connect(direct).await.unwrap();
    let store = EtcdStore::connect(config).await.unwrap();
    let mut watch = store.watch("k", Revision(1)).await.unwrap();
    // The watch runs over one of them: silencing each in turn is sure to hit it.
    for proxy in &proxies {
        proxy.set(Fault::Blackhole);
        let at = put(&direct, "k", "v", None).await;
        let events = timeout(LONG, watch.next()).await.expect("events in time").unwrap();
        assert_eq!(events[0].revision(), at);
        proxy.set(Fault::None);
    }
}
