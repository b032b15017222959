//! Where the store is, and how to reach it.

use crate::{Compression, Patience, Store, StoreError, local::LocalDir, objects::Objects};
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, RetryConfig,
    aws::{AmazonS3Builder, S3ConditionalPut},
    local::LocalFileSystem,
    path::Path,
    prefix::PrefixStore,
};
use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// A store's place and the bounds on reaching it. The bounds do not concern a directory.
///
/// `connect_timeout < request_timeout`; a request that the server refuses for now is repeated until
/// `retry_timeout`, so that one call takes at most their sum. What outlasts that is tried again by
/// [`Patience`].
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// `file:///directory`, the rest being the path as it stands, or `s3://bucket[/prefix]`.
    pub url: String,
    /// The S3 server, as in `http://127.0.0.1:9000`; `None` for Amazon's of the region.
    pub endpoint: Option<String>,
    /// The S3 region; `None` is `us-east-1`.
    pub region: Option<String>,
    /// The S3 access key; `None` asks the machine's own identity service.
    pub access_key: Option<String>,
    /// The S3 secret key.
    pub secret_key: Option<Secret>,
    /// Allows an endpoint without TLS.
    pub allow_http: bool,
    /// Longest time to connect.
    pub connect_timeout: Duration,
    /// Longest time for one request, body included. Large objects go both ways in parts of 8 MiB,
    /// three at a time, so that the default asks for 2.5 MB/s at the least.
    pub request_timeout: Duration,
    /// How long requests that fail for now are repeated.
    pub retry_timeout: Duration,
    /// How often requests that fail for now are repeated.
    pub max_retries: usize,
    /// How calls that fail as a whole are repeated.
    pub patience: Patience,
    /// Whether segments and blobs are packed.
    pub compression: Compression,
}

impl StoreConfig {
    /// The store at `url`, with the defaults of everything else.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            endpoint: None,
            region: None,
            access_key: None,
            secret_key: None,
            allow_http: false,
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(10),
            retry_timeout: Duration::from_secs(10),
            max_retries: 5,
            patience: Patience::default(),
            compression: Compression::default(),
        }
    }

    /// Opens the store: makes a missing directory, but reaches over no network.
    pub(crate) fn open(&self) -> Result<Store, StoreError> {
        if let Some(path) = self.url.strip_prefix("file://") {
            return self.open_directory(path);
        }
        if let Some(place) = self.url.strip_prefix("s3://") {
            return self.open_s3(place);
        }
        Err(bad("url", format!("`{}` is neither file:///directory nor s3://bucket", self.url)))
    }

    fn open_directory(&self, path: &str) -> Result<Store, StoreError> {
        let path = PathBuf::from(path);
        if !path.is_absolute() {
            return Err(bad("url", "a directory needs three slashes, as in file:///var/lib/ax"));
        }
        let local = LocalDir::open(path)?;
        let files = LocalFileSystem::new_with_prefix(local.root())
            .map_err(|e| StoreError::of(&Path::default(), e))?
            .with_fsync(true); // a published manifest survives a power cut
        Ok(self.store(Arc::new(files), Some(local)))
    }

    fn open_s3(&self, place: &str) -> Result<Store, StoreError> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        if bucket.is_empty() {
            return Err(bad("url", "the bucket is missing, as in s3://bucket/prefix"));
        }
        let prefix =
            Path::parse(prefix.trim_matches('/')).map_err(|e| bad("url", e.to_string()))?;
        let s3 = self.s3(bucket).build().map_err(|e| bad("url", e.to_string()))?;
        let inner: Arc<dyn ObjectStore> = match prefix.as_ref().is_empty() {
            true => Arc::new(s3),
            false => Arc::new(PrefixStore::new(s3, prefix)),
        };
        Ok(self.store(inner, None))
    }

    fn s3(&self, bucket: &str) -> AmazonS3Builder {
        let client = ClientOptions::new()
            .with_connect_timeout(self.connect_timeout)
            .with_timeout(self.request_timeout)
            .with_allow_http(self.allow_http);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(self.region.as_deref().unwrap_or("us-east-1"))
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            // Single deletions are part of every S3-like server; the bulk call is not.
            .with_disable_bulk_delete(true)
            .with_client_options(client)
            .with_allow_http(self.allow_http)
            .with_retry(self.retry());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some(key) = &self.access_key {
            builder = builder.with_access_key_id(key);
        }
        if let Some(secret) = &self.secret_key {
            builder = builder.with_secret_access_key(&secret.0);
        }
        builder
    }

    fn retry(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(50),
                max_backoff: Duration::from_secs(2),
                base: 2.0,
            },
            max_retries: self.max_retries,
            retry_timeout: self.retry_timeout,
        }
    }

    fn store(&self, inner: Arc<dyn ObjectStore>, local: Option<LocalDir>) -> Store {
        let (patience, compression) = (self.patience, self.compression);
        Store::from(Objects { inner, patience, local, compression })
    }
}

fn bad(field: &'static str, message: impl Into<String>) -> StoreError {
    StoreError::Config { field, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_places_that_it_does_not_know() {
        for url in ["", "data", "gs://bucket", "file://relative", "s3://", "s3:///x", "s3://b/../x"]
        {
            let error = Store::open(&StoreConfig::new(url)).unwrap_err();
            assert_eq!(error.code(), ax_model::Code::ConfigBadValue, "{url}: {error}");
        }
    }

    #[test]
    fn makes_a_missing_directory() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        Store::open(&StoreConfig::new(format!("file://{}", path.display()))).unwrap();
        assert!(path.is_dir());
    }

    #[test]
    fn says_when_the_directory_cannot_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let url = format!("file://{}/below", file.display());
        assert!(matches!(Store::open(&StoreConfig::new(url)), Err(StoreError::Local { .. })));
    }

    #[test]
    fn shows_no_secret() {
        let mut config = StoreConfig::new("s3://bucket");
        config.secret_key = Some(Secret("hush".into()));
        assert!(!format!("{config:?}").contains("hush"));
    }
}
