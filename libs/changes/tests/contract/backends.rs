//! A fresh stream on each back end, and what can be done to it from outside.

use anyhow::Context as _;
use ax_changes::embedded::{EmbeddedConfig, EmbeddedLog};
use ax_changes::kafka::{KafkaConfig, KafkaLog};
use ax_changes::{ChangeLog, LogError};
use ax_harness::Kafka;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::OnceCell;

/// Partitions of every stream under test.
pub const PARTITIONS: u32 = 3;
/// The largest record they accept.
pub const MAX_RECORD_BYTES: usize = 2 << 20;

/// A stream under test.
#[async_trait::async_trait]
pub trait Backend: Send + Sync {
    /// The stream, opened.
    fn log(&self) -> Arc<dyn ChangeLog>;

    /// Lets the stream go and opens it again, as a process does that was restarted.
    async fn reopen(&mut self) -> anyhow::Result<()>;

    /// Opens the stream as if it had `partitions` of them.
    async fn open_with(&mut self, partitions: u32) -> Result<(), LogError>;
}

/// The embedded log in a folder of its own.
pub struct Embedded {
    log: Option<Arc<EmbeddedLog>>,
    folder: TempDir,
}

impl Embedded {
    pub async fn fresh() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut embedded = Self { log: None, folder };
        embedded.reopen().await?;
        Ok(embedded)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("changes.log")
    }

    pub async fn close(&mut self) -> anyhow::Result<()> {
        if let Some(log) = self.log.take() {
            Arc::try_unwrap(log).ok().context("a test keeps the log open")?.close().await;
        }
        Ok(())
    }

    fn config(&self, partitions: u32) -> EmbeddedConfig {
        let max_record_bytes = MAX_RECORD_BYTES;
        EmbeddedConfig { max_record_bytes, ..EmbeddedConfig::new(self.path(), partitions) }
    }
}

#[async_trait::async_trait]
impl Backend for Embedded {
    fn log(&self) -> Arc<dyn ChangeLog> {
        self.log.clone().expect("open but for the moment of reopening")
    }

    async fn reopen(&mut self) -> anyhow::Result<()> {
        self.close().await?;
        self.log = Some(Arc::new(EmbeddedLog::open(self.config(PARTITIONS)).await?));
        Ok(())
    }

    async fn open_with(&mut self, partitions: u32) -> Result<(), LogError> {
        self.close().await.map_err(|error| LogError::Storage(error.to_string()))?;
        EmbeddedLog::open(self.config(partitions)).await.map(drop)
    }
}

/// A topic of its own on a broker.
pub struct OnKafka {
    log: Arc<KafkaLog>,
    pub config: KafkaConfig,
}

impl OnKafka {
    /// On the broker that all tests of this program share.
    pub async fn fresh() -> anyhow::Result<Self> {
        Self::fresh_on(shared_broker().await?).await
    }

    /// On a broker that the test may kill.
    pub async fn fresh_on(broker: &Kafka) -> anyhow::Result<Self> {
        let topic = format!("ax.changes.{}", uuid::Uuid::new_v4());
        let config = KafkaConfig {
            max_record_bytes: MAX_RECORD_BYTES,
            request_timeout: Duration::from_secs(10),
            delivery_timeout: Duration::from_secs(60),
            ..KafkaConfig::new(broker.bootstrap(), topic, PARTITIONS)
        };
        Ok(Self { log: Arc::new(KafkaLog::connect(config.clone()).await?), config })
    }
}

#[async_trait::async_trait]
impl Backend for OnKafka {
    fn log(&self) -> Arc<dyn ChangeLog> {
        self.log.clone()
    }

    async fn reopen(&mut self) -> anyhow::Result<()> {
        self.log = Arc::new(KafkaLog::connect(self.config.clone()).await?);
        Ok(())
    }

    async fn open_with(&mut self, partitions: u32) -> Result<(), LogError> {
        let config = KafkaConfig { partitions, ..self.config.clone() };
        KafkaLog::connect(config).await.map(drop)
    }
}

/// Started by the first test that needs it; dies with this program.
pub async fn shared_broker() -> anyhow::Result<&'static Kafka> {
    static BROKER: OnceCell<Kafka> = OnceCell::const_new();
    BROKER.get_or_try_init(Kafka::start).await
}
