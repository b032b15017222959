//! The stream's identity, asked for as seldom as correctness allows.

use super::client::Client;
use super::config::KafkaConfig;
use super::errors;
use crate::LogError;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// The topic's id, shared by all readers: one question answers all who came before it was asked. That
/// goes for failures too, so that many readers do not wait one after another for a broker that is down.
pub(super) struct Identity {
    config: KafkaConfig,
    client: Arc<Client>,
    last: Mutex<Option<Seen>>,
}

struct Seen {
    asked_at: Instant,
    answer: Result<String, LogError>,
}

impl Identity {
    /// Asks through `client`.
    pub fn new(config: KafkaConfig, client: Arc<Client>) -> Self {
        Self { config, client, last: Mutex::new(None) }
    }

    /// The id as it was at `earliest` or later.
    pub async fn as_of(&self, earliest: Instant) -> Result<String, LogError> {
        let mut last = self.last.lock().await;
        if let Some(seen) = last.as_ref().filter(|seen| seen.asked_at >= earliest) {
            return seen.answer.clone();
        }
        let asked_at = Instant::now();
        let answer = self.ask().await;
        *last = Some(Seen { asked_at, answer: answer.clone() });
        answer
    }

    async fn ask(&self) -> Result<String, LogError> {
        let found = self.client.describe(&self.config).await?;
        let found = found.ok_or_else(|| errors::absent(&self.config))?;
        found.id.ok_or_else(|| {
            LogError::Misconfigured("topics have no ids: Kafka 2.8 or later is needed".into())
        })
    }
}
