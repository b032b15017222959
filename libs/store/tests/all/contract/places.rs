//! The back ends under test.

use ax_harness::S3;
use ax_store::{Patience, Secret, Store, StoreConfig};
use object_store::{ObjectStoreExt, memory::InMemory};
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;

/// A store, with what keeps it alive.
pub struct Place {
    pub store: Store,
    /// How many rounds a race is worth here.
    pub rounds: u64,
    pub server: Option<S3>,
    _dir: Option<TempDir>,
}

impl Place {
    /// Puts an object there behind the store's back, whatever was there.
    pub async fn write(&self, path: &str, bytes: Vec<u8>) {
        let mut inner = None;
        self.store.decorated(|store| inner.insert(store).clone(), Patience::default());
        let path = object_store::path::Path::from(path);
        inner.unwrap().put(&path, bytes.into()).await.unwrap();
    }

    /// Removes an object behind the store's back.
    pub async fn remove(&self, path: &str) {
        let mut inner = None;
        self.store.decorated(|store| inner.insert(store).clone(), Patience::default());
        let path = object_store::path::Path::from(path);
        inner.unwrap().delete(&path).await.unwrap();
    }
}

pub fn memory() -> Place {
    let store = Store::over(Arc::new(InMemory::new()), Patience::without_waits(4));
    Place { store, rounds: 200, server: None, _dir: None }
}

pub fn directory() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}/store", dir.path().display());
    let store = Store::open(&StoreConfig::new(url)).unwrap();
    Place { store, rounds: 60, server: None, _dir: Some(dir) }
}

pub async fn s3() -> Place {
    let server = S3::start().await.unwrap();
    server.create_bucket("bucket").unwrap();
    let config = StoreConfig {
        endpoint: Some(server.endpoint().to_owned()),
        region: Some(server.region().to_owned()),
        access_key: Some(server.access_key().to_owned()),
        secret_key: Some(Secret(server.secret_key().to_owned())),
        allow_http: true,
        request_timeout: Duration::from_secs(5),
        retry_timeout: Duration::from_secs(2),
        ..StoreConfig::new("s3://bucket/some/prefix")
    };
    let store = Store::open(&config).unwrap();
    Place { store, rounds: 60, server: Some(server), _dir: None }
}
