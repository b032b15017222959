//! etcd. The main type is [`EtcdStore`]. Every call ends within a bounded time; every key lives under
//! a namespace of its own. Speaks plain HTTP/2: where the network is not trusted, a TLS proxy stands
//! in front of etcd.

mod call;
mod read;
mod watch;
mod write;

use crate::{
    CasOutcome, Coordination, CoordinationError, Entry, LeaseId, Listing, Revision, Watch, Write,
};
use async_trait::async_trait;
use etcd_client::{Client, ConnectOptions, Error, LeaseClient};
use std::time::Duration;

/// Longest message taken from etcd, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// etcd refuses to keep a lease for less, at its default heartbeat and election times.
const MIN_LEASE_SECONDS: u64 = 2;

/// Where etcd is, and how long to wait for it.
///
/// `connect_timeout < request_timeout`, so that a request outlives one failed connection attempt and
/// tries the next endpoint. A connection that went silent can fool a watch for as long as
/// `keep_alive + keep_alive_timeout`.
#[derive(Debug, Clone)]
pub struct EtcdConfig {
    /// `http://host:port` of each member.
    pub endpoints: Vec<String>,
    /// Put before every key; usually ends with `/`.
    pub namespace: String,
    /// User and password, when etcd asks for them.
    pub user: Option<(String, String)>,
    /// A call that takes longer is [`CoordinationError::Unavailable`].
    pub request_timeout: Duration,
    /// How long one connection attempt may take.
    pub connect_timeout: Duration,
    /// Pause between pings of a connection in use. etcd hangs up on a client that pings more often
    /// than every 5 s.
    pub keep_alive: Duration,
    /// How long a ping may stay unanswered.
    pub keep_alive_timeout: Duration,
}

impl Default for EtcdConfig {
    fn default() -> Self {
        Self {
            endpoints: vec!["http://127.0.0.1:2379".to_owned()],
            namespace: "ax/".to_owned(),
            user: None,
            request_timeout: Duration::from_secs(3),
            connect_timeout: Duration::from_secs(1),
            keep_alive: Duration::from_secs(6),
            keep_alive_timeout: Duration::from_secs(2),
        }
    }
}

impl EtcdConfig {
    fn options(&self) -> ConnectOptions {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.connect_timeout)
            .with_keep_alive(self.keep_alive, self.keep_alive_timeout)
            // etcd counts pings of an idle connection as abuse.
            .with_keep_alive_while_idle(false)
            // A member cut off from its leader ends our streams, rather than keep them silent.
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some((user, password)) = &self.user {
            options = options.with_user(user, password);
        }
        options
    }
}

/// A namespace of an etcd cluster. Connections are made again by themselves when they break.
#[derive(Clone)]
pub struct EtcdStore {
    client: Client,
    namespace: String,
    request_timeout: Duration,
}

impl EtcdStore {
    /// Connects, and makes sure that etcd answers. [`CoordinationError::Unavailable`] when it does
    /// not within `request_timeout`; trying again later is the caller's to decide.
    pub async fn connect(config: EtcdConfig) -> Result<Self, CoordinationError> {
        let connect = Client::connect(&config.endpoints, Some(config.options()));
        let client = call::bounded(config.request_timeout, async {
            connect.await.map_err(call::into_error)
        });
        let store = Self {
            client: client.await?,
            namespace: config.namespace,
            request_timeout: config.request_timeout,
        };
        store.get("connected").await?; // any key will do
        Ok(store)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.namespace)
    }
}

#[async_trait]
impl Coordination for EtcdStore {
    async fn get(&self, key: &str) -> Result<Option<Entry>, CoordinationError> {
        read::get(self, key).await
    }

    async fn list(&self, prefix: &str) -> Result<Listing, CoordinationError> {
        read::list(self, prefix).await
    }

    async fn write(&self, write: Write) -> Result<CasOutcome, CoordinationError> {
        write::write(self, write).await
    }

    async fn grant(&self, ttl: Duration) -> Result<LeaseId, CoordinationError> {
        let seconds = ttl.as_secs() + u64::from(ttl.subsec_nanos() > 0);
        let seconds = i64::try_from(seconds.max(MIN_LEASE_SECONDS)).unwrap_or(i64::MAX);
        let granted = call::once(self.request_timeout, || {
            let mut client = self.client.lease_client();
            async move { client.grant(seconds, None).await }
        });
        Ok(LeaseId(granted.await?.id()))
    }

    /// The stream is opened for this one renewal. One that stays open would save a round trip each
    /// third of a ttl, and would have to be watched over for it.
    async fn renew(&self, lease: LeaseId) -> Result<Duration, CoordinationError> {
        let renewed = call::idempotent(self.request_timeout, || {
            renew_once(self.client.lease_client(), lease)
        });
        match renewed.await {
            Ok(seconds @ 1..) => Ok(Duration::from_secs(seconds.unsigned_abs())),
            Ok(_) => Err(CoordinationError::LeaseGone(lease)),
            Err(Error::LeaseKeepAliveError(_)) => Err(CoordinationError::LeaseGone(lease)),
            Err(error) => Err(call::into_error(error)),
        }
    }

    async fn revoke(&self, lease: LeaseId) -> Result<(), CoordinationError> {
        let revoked = call::idempotent(self.request_timeout, || {
            let mut client = self.client.lease_client();
            async move { client.revoke(lease.0).await }
        });
        match revoked.await {
            Err(error) if !call::is_lease_not_found(&error) => Err(call::into_error(error)),
            _ => Ok(()),
        }
    }

    async fn watch(
        &self,
        prefix: &str,
        from: Revision,
    ) -> Result<Box<dyn Watch>, CoordinationError> {
        Ok(Box::new(watch::EtcdWatch::new(self, prefix, from)))
    }
}

/// One renewal, and the seconds left after it.
async fn renew_once(mut client: LeaseClient, lease: LeaseId) -> Result<i64, Error> {
    let (mut keeper, mut answers) = client.keep_alive(lease.0).await?;
    // The client swallows the first answer, and the time left with it.
    keeper.keep_alive().await?;
    let answer = answers.message().await?;
    let ended = || Error::WatchError("the stream ended".to_owned());
    Ok(answer.ok_or_else(ended)?.ttl())
}
