//! The back ends under test.

use anyhow::Context as _;
use ax_coordination::{
    CasOutcome, Coordination, Expect, LeaseId, Revision,
    embedded::{EmbeddedConfig, EmbeddedStore, ManualClock},
    etcd::{EtcdConfig, EtcdStore},
};
use ax_harness::Etcd;
use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::Mutex;

/// Long beside anything waited for.
pub const LONG: Duration = Duration::from_secs(30);

/// The shortest lease that both back ends keep as it is.
pub const TTL: Duration = Duration::from_secs(2);

/// Revisions that the embedded store under test keeps for watches.
const HISTORY: usize = 2_000;

/// A store to test, empty.
pub struct Backend {
    pub store: Arc<dyn Coordination>,
    kind: Kind,
}

enum Kind {
    Embedded { clock: Arc<ManualClock>, _dir: TempDir },
    Etcd { server: Arc<Etcd> },
}

impl Backend {
    pub async fn embedded() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let config = EmbeddedConfig {
            clock: clock.clone(),
            tick: Duration::from_millis(10),
            snapshot_every: 100,
            history_revisions: HISTORY,
            ..EmbeddedConfig::new(dir.path())
        };
        let store = Arc::new(EmbeddedStore::open(config).await.unwrap());
        Self { store, kind: Kind::Embedded { clock, _dir: dir } }
    }

    pub async fn etcd() -> Self {
        Self::on(shared_etcd().await).await
    }

    /// A server that no other test uses.
    pub async fn etcd_alone() -> Self {
        Self::on(Arc::new(Etcd::start().await.unwrap())).await
    }

    async fn on(server: Arc<Etcd>) -> Self {
        let store = Arc::new(connect(&server).await);
        Self { store, kind: Kind::Etcd { server } }
    }

    /// Lets time pass for leases, where time can be held; on etcd it passes by itself.
    pub fn pass(&self, time: Duration) {
        if let Kind::Embedded { clock, .. } = &self.kind {
            clock.advance(time);
        }
    }

    /// Whether leases end without [`pass`](Self::pass).
    pub fn has_real_time(&self) -> bool {
        matches!(self.kind, Kind::Etcd { .. })
    }

    /// Makes the store forget all revisions before `revision`, the last one. Not on a shared server.
    pub async fn compact(&self, revision: Revision) {
        match &self.kind {
            Kind::Embedded { .. } => {
                for _ in 0..HISTORY {
                    self.put("filler", "x").await;
                }
            }
            Kind::Etcd { server } => {
                let client = etcd_client::Client::connect([server.endpoint()], None).await;
                let revision = i64::try_from(revision.0).unwrap();
                client.unwrap().compact(revision, None).await.unwrap();
            }
        }
    }

    pub async fn put(&self, key: &str, value: &str) -> Revision {
        put(&*self.store, key, value, None).await
    }

    pub async fn value(&self, key: &str) -> Option<String> {
        let entry = self.store.get(key).await.unwrap();
        entry.map(|entry| String::from_utf8(entry.value.to_vec()).unwrap())
    }
}

/// Writes whatever stands there.
pub async fn put(
    store: &dyn Coordination,
    key: &str,
    value: &str,
    lease: Option<LeaseId>,
) -> Revision {
    let value = value.to_owned().into();
    done(store.put(key, value, Expect::Any, lease).await.unwrap())
}

pub fn done(outcome: CasOutcome) -> Revision {
    match outcome {
        CasOutcome::Done(revision) => revision,
        CasOutcome::Conflict(entry) => panic!("not done: {entry:?} stands there"),
    }
}

/// A store in a namespace that nobody else uses.
pub async fn connect(server: &Etcd) -> EtcdStore {
    EtcdStore::connect(config(server)).await.unwrap()
}

pub fn config(server: &Etcd) -> EtcdConfig {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    EtcdConfig {
        endpoints: vec![server.endpoint().to_owned()],
        namespace: format!("test-{}/", NEXT.fetch_add(1, Ordering::Relaxed)),
        ..EtcdConfig::default()
    }
}

/// One server for all tests that do not harm it; it ends with the last of them.
async fn shared_etcd() -> Arc<Etcd> {
    static SHARED: Mutex<Weak<Etcd>> = Mutex::const_new(Weak::new());
    let mut shared = SHARED.lock().await;
    if let Some(server) = shared.upgrade() {
        return server;
    }
    let server = Arc::new(Etcd::start().await.context("start etcd").unwrap());
    *shared = Arc::downgrade(&server);
    server
}
