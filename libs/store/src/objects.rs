//! Small objects, whole: read, list, create, replace, delete, each with bounded patience. The rest
//! of the crate talks to the back end through this, but for the bodies of segments.

use crate::{Compression, StoreError, local::LocalDir};
use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, path::Path};
use std::{sync::Arc, time::Duration};

/// How often and how long to try again what failed in a way that may pass.
///
/// This stands on top of the S3 client's own retries of single requests: one pass through it lasts
/// at most `attempts * (request_timeout + retry_timeout) + attempts * longest_wait`.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Tries in all, at least one.
    pub attempts: u32,
    /// Wait before the second try; doubles with each.
    pub first_wait: Duration,
    /// Longest single wait.
    pub longest_wait: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 4,
            first_wait: Duration::from_millis(50),
            longest_wait: Duration::from_secs(1),
        }
    }
}

impl Patience {
    /// Tries that follow one another without a wait, for tests on stores in memory.
    pub fn without_waits(attempts: u32) -> Self {
        Self { attempts, first_wait: Duration::ZERO, longest_wait: Duration::ZERO }
    }

    /// The numbers of the tries.
    pub(crate) fn tries(&self) -> std::ops::Range<u32> {
        0..self.attempts.max(1)
    }

    fn wait_after(&self, attempt: u32) -> Duration {
        self.first_wait.saturating_mul(1 << attempt.min(16)).min(self.longest_wait)
    }

    /// Waits before the try after `attempt`; not at all after the last.
    pub(crate) async fn wait(&self, attempt: u32) {
        if attempt + 1 >= self.attempts {
            return;
        }
        match self.wait_after(attempt) {
            Duration::ZERO => {}
            wait => tokio::time::sleep(wait).await,
        }
    }
}

/// The outcome of one conditional creation.
#[derive(Debug)]
pub(crate) enum Created {
    /// It is there, made by this call.
    Yes,
    /// The store says that the name is taken. It may be taken by this very call, when the client
    /// below tried twice.
    Exists,
    /// Nobody knows: it may be there, or come to be there later.
    Unknown(StoreError),
    /// It was refused for good and is not there.
    No(StoreError),
}

/// A back end with patience.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    pub(crate) inner: Arc<dyn ObjectStore>,
    pub(crate) patience: Patience,
    pub(crate) local: Option<LocalDir>,
    /// For what is large: segments and blobs.
    pub(crate) compression: Compression,
}

impl Objects {
    /// The whole object; `None` when there is none. An object over `max_bytes` is refused unread.
    pub(crate) async fn read(&self, path: &Path, max: u64) -> Result<Option<Bytes>, StoreError> {
        self.patiently(|| self.read_once(path, max)).await
    }

    async fn read_once(&self, path: &Path, max: u64) -> Result<Option<Bytes>, StoreError> {
        let result = match self.inner.get(path).await {
            Err(Error::NotFound { .. }) => return Ok(None),
            result => result.map_err(|e| StoreError::of(path, e))?,
        };
        if result.meta.size > max {
            let reason = format!("{} bytes are over the limit of {max}", result.meta.size);
            return Err(StoreError::ManifestCorrupt { path: path.to_string(), reason });
        }
        let bytes = result.bytes().await.map_err(|e| StoreError::of(path, e))?;
        Ok(Some(bytes))
    }

    /// What is known of an object without reading it; `None` when there is none.
    pub(crate) async fn stat(&self, path: &Path) -> Result<Option<ObjectMeta>, StoreError> {
        let once = || async {
            match self.inner.head(path).await {
                Err(Error::NotFound { .. }) => Ok(None),
                result => result.map(Some).map_err(|e| StoreError::of(path, e)),
            }
        };
        self.patiently(once).await
    }

    /// The objects below `prefix` whose names are greater than `after`, in no order.
    pub(crate) async fn list(
        &self,
        prefix: &Path,
        after: Option<&Path>,
    ) -> Result<Vec<ObjectMeta>, StoreError> {
        let once = || async {
            let found = match after {
                Some(after) => self.inner.list_with_offset(Some(prefix), after),
                None => self.inner.list(Some(prefix)),
            };
            found.try_collect().await.map_err(|e| StoreError::of(prefix, e))
        };
        self.patiently(once).await
    }

    /// One conditional creation, not repeated: what an unknown outcome means is the caller's to say.
    pub(crate) async fn create(&self, path: &Path, bytes: Bytes) -> Created {
        match self.inner.put_opts(path, bytes.into(), PutMode::Create.into()).await {
            Ok(_) => Created::Yes,
            // A stale 412 and a 409 (S3: two requests at once) say the same, and as little.
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Created::Exists,
            Err(error) => match StoreError::of(path, error) {
                error if error.is_retryable() => Created::Unknown(error),
                error => Created::No(error),
            },
        }
    }

    /// Makes sure that an object is there whose name says all of its content. True when this call
    /// made it. "It exists" is not believed but looked at: a store may say so of a name that two
    /// requests were after, neither of which came through.
    pub(crate) async fn ensure(&self, path: &Path, bytes: Bytes) -> Result<bool, StoreError> {
        self.patiently(|| async {
            match self.create(path, bytes.clone()).await {
                Created::Yes => Ok(true),
                Created::Exists if self.stat(path).await?.is_some() => Ok(false),
                Created::Exists => Err(shows_nothing(path)),
                Created::Unknown(error) | Created::No(error) => Err(error),
            }
        })
        .await
    }

    /// Writes an object whatever was there.
    pub(crate) async fn replace(&self, path: &Path, bytes: Bytes) -> Result<(), StoreError> {
        self.patiently(|| async {
            let put = self.inner.put(path, bytes.clone().into()).await;
            put.map(|_| ()).map_err(|e| StoreError::of(path, e))
        })
        .await
    }

    /// Removes an object, or finds that it is gone.
    pub(crate) async fn delete(&self, path: &Path) -> Result<(), StoreError> {
        self.patiently(|| async {
            match self.inner.delete(path).await {
                Err(Error::NotFound { .. }) => Ok(()),
                result => result.map_err(|e| StoreError::of(path, e)),
            }
        })
        .await
    }

    /// Makes durable what was found in place after a write that failed half-way: in a directory the
    /// name may be there while the directory itself is not yet on the disk.
    pub(crate) async fn settle(&self, path: &Path) -> Result<(), StoreError> {
        match &self.local {
            Some(dir) => dir.settle(path).await,
            None => Ok(()),
        }
    }

    /// Calls `once` until it succeeds, fails for good, or patience ends.
    pub(crate) async fn patiently<T, F>(&self, once: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut attempt = 0;
        loop {
            match once().await {
                Err(error) if error.is_retryable() && attempt + 1 < self.patience.attempts => {
                    tracing::debug!(%error, attempt, "trying again");
                    self.patience.wait(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }
}

/// The store says that a name exists, and shows nothing under it.
pub(crate) fn shows_nothing(path: &Path) -> StoreError {
    let source = "it says that the name exists, and shows nothing under it".into();
    StoreError::Unavailable { path: path.to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let patience = Patience::default();
        let waits: Vec<_> = (0..7).map(|n| patience.wait_after(n).as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(patience.wait_after(u32::MAX).as_millis(), 1000);
    }
}
