//! A connection to the cluster, for everything but reading.

use super::config::{KafkaConfig, partition_number};
use super::topic_id::{self, Description};
use super::{blocking, drop_elsewhere, errors};
use crate::LogError;
use ax_model::ShardId;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Passes the library's log lines and errors on. They are reports of what it retries by itself; what
/// it gives up is returned to the caller, who decides how bad that is.
pub(super) struct Context;

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => tracing::debug!(facility, line),
            _ => tracing::info!(facility, line),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::info!(%error, reason, "the Kafka client reports a problem");
    }
}

impl ConsumerContext for Context {}

/// A record on its way: whom to tell, and its share of the budget, given back on delivery.
pub(super) struct Waiting {
    pub done: oneshot::Sender<Result<i64, KafkaError>>,
    pub _budget: OwnedSemaphorePermit,
}

impl ProducerContext for Context {
    type DeliveryOpaque = Box<Waiting>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Box<Waiting>) {
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        // A caller that went away does not want to know.
        let _ = waiting.done.send(result);
    }
}

/// A connection that appends or asks. Both are producers to the library, which gives those a thread
/// that serves them.
pub(super) struct Client {
    producer: Option<ThreadedProducer<Context>>,
}

impl Client {
    /// One to append with; it connects in the background.
    pub fn producing(config: &KafkaConfig) -> Result<Self, LogError> {
        Self::new(config, &config.producing())
    }

    /// One to ask with.
    pub fn asking(config: &KafkaConfig) -> Result<Self, LogError> {
        Self::new(config, &config.asking())
    }

    fn new(config: &KafkaConfig, properties: &ClientConfig) -> Result<Self, LogError> {
        let producer = ThreadedProducer::from_config_and_context(properties, Context);
        let producer = producer.map_err(|error| errors::of_request(config, &error))?;
        Ok(Self { producer: Some(producer) })
    }

    /// Puts a record into the queue, after those put there before.
    pub fn send(&self, record: BaseRecord<'_, [u8], [u8], Box<Waiting>>) -> KafkaResult<()> {
        self.producer().send(record).map_err(|(error, _)| error)
    }

    /// True when the library says that this producer is of no more use.
    pub fn is_broken(&self) -> bool {
        self.producer().client().fatal_error().is_some()
    }

    /// First position and the one after the last.
    pub async fn watermarks(
        self: &Arc<Self>,
        config: &KafkaConfig,
        partition: ShardId,
    ) -> KafkaResult<(i64, i64)> {
        let client = self.clone();
        let number = partition_number(partition);
        let (topic, timeout) = (config.topic.clone(), config.request_timeout);
        blocking(move || client.producer().client().fetch_watermarks(&topic, number, timeout)).await
    }

    /// Id and size of the topic; `None` when there is no such topic.
    pub async fn describe(
        self: &Arc<Self>,
        config: &KafkaConfig,
    ) -> Result<Option<Description>, LogError> {
        let client = self.clone();
        let (topic, timeout) = (config.topic.clone(), config.request_timeout);
        let ask = move || topic_id::describe(client.producer().client(), &topic, timeout);
        match blocking(ask).await {
            Ok(description) => Ok(Some(description)),
            Err(error) if errors::is_absent(&error) => Ok(None),
            Err(error) => Err(errors::of_request(config, &error)),
        }
    }

    fn producer(&self) -> &ThreadedProducer<Context> {
        self.producer.as_ref().expect("it is taken only when the client is dropped")
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop_elsewhere(self.producer.take());
    }
}
