//! The stream's identity, asked for as seldom as correctness allows.

use super::client::Client;
use super::config::KafkaConfig;
use super::errors;
use crate::LogError;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// The topic's id, shared by all readers: one question answers all who came before it was asked.
pub(super) struct Identity {
    config: KafkaConfig,
    client: Arc<Client>,
    last: Mutex<Option<Seen>>,
}

struct Seen {
    asked_at: Instant,
    id: String,
}

impl Identity {
    /// Asks through `client`, which outlives a broken producer.
    pub fn new(config: KafkaConfig, client: Arc<Client>) -> Self {
        Self { config, client, last: Mutex::new(None) }
    }

    /// The id as it was at `earliest` or later.
    pub async fn as_of(&self, earliest: Instant) -> Result<String, LogError> {
        let mut last = self.last.lock().await;
        if let Some(seen) = last.as_ref().filter(|seen| seen.asked_at >= earliest) {
            return Ok(seen.id.clone());
        }
        let asked_at = Instant::now();
        let found = self.client.describe(&self.config).await?;
        let found = found.ok_or_else(|| errors::absent(&self.config))?;
        let id = found.id.ok_or_else(|| {
            LogError::Misconfigured("topics have no ids: Kafka 2.8 or later is needed".into())
        })?;
        *last = Some(Seen { asked_at, id: id.clone() });
        Ok(id)
    }
}
