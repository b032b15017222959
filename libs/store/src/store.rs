//! The place where everything is.

use crate::{
    Compression, Patience, ShardStore, StoreConfig, StoreError, layout::ShardLayout,
    objects::Objects, probe,
};
use ax_model::{Generation, ShardId};
use object_store::ObjectStore;
use std::{sync::Arc, time::Duration};

/// An object store as this project uses it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) objects: Objects,
}

impl From<Objects> for Store {
    fn from(objects: Objects) -> Self {
        Self { objects }
    }
}

impl Store {
    /// Opens the store that `config` names; a missing directory is made, no network is used. Call
    /// [`Store::probe`] before anything is written.
    pub fn open(config: &StoreConfig) -> Result<Self, StoreError> {
        config.open()
    }

    /// A store over any back end: one in memory, or a decorator.
    pub fn over(inner: Arc<dyn ObjectStore>, patience: Patience) -> Self {
        Self::from(Objects { inner, patience, local: None, compression: Compression::default() })
    }

    /// The same store, for a process that packs what it writes as `compression` says.
    pub fn packing(&self, compression: Compression) -> Self {
        Self::from(Objects { compression, ..self.objects.clone() })
    }

    /// The same store behind a decorator, for fault injection.
    pub fn decorated(
        &self,
        decorate: impl FnOnce(Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>,
        patience: Patience,
    ) -> Self {
        let inner = decorate(self.objects.inner.clone());
        Self::from(Objects { inner, patience, ..self.objects.clone() })
    }

    /// Races writers for names that do not exist, and reads back what they wrote. Fails with
    /// [`StoreError::Unsafe`] when the store let two of them win, or does not show what was written.
    pub async fn probe(&self) -> Result<(), StoreError> {
        probe::run(&self.objects).await
    }

    /// One shard of one generation.
    pub fn shard(&self, generation: Generation, shard: ShardId) -> ShardStore {
        ShardStore::new(self.objects.clone(), ShardLayout { generation, shard })
    }

    /// Removes what killed processes left half-written for longer than `age`; returns how many
    /// files. Only a directory needs it. In S3, let the bucket's lifecycle end unfinished uploads.
    pub async fn sweep(&self, age: Duration) -> Result<u64, StoreError> {
        match &self.objects.local {
            Some(dir) => dir.sweep(age).await,
            None => Ok(0),
        }
    }
}
